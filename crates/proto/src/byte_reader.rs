//! A bounded cursor over bytes of a file, in either byte order.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::time::KerberosTime;

/// The bytes ended before the value did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// How a file stores its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    /// Network order: every format since 1994.
    Big,
    /// That of the machine which wrote the file: keytab 0x0501, caches 1 and 2.
    Native,
}

impl ByteOrder {
    pub(crate) fn put_u16(self, out: &mut Vec<u8>, value: u16) {
        match self {
            Self::Big => out.extend_from_slice(&value.to_be_bytes()),
            Self::Native => out.extend_from_slice(&value.to_ne_bytes()),
        }
    }

    pub(crate) fn put_u32(self, out: &mut Vec<u8>, value: u32) {
        match self {
            Self::Big => out.extend_from_slice(&value.to_be_bytes()),
            Self::Native => out.extend_from_slice(&value.to_ne_bytes()),
        }
    }

    /// Files count seconds in an unsigned 32-bit number; what does not fit becomes its nearest end.
    pub(crate) fn put_time(self, out: &mut Vec<u8>, time: KerberosTime) {
        let seconds = time.unix().clamp(0, u32::MAX.into());
        self.put_u32(out, u32::try_from(seconds).unwrap_or(u32::MAX));
    }
}

/// Reads forward through `bytes`; never past their end.
#[derive(Clone, Debug)]
pub(crate) struct ByteReader<'a> {
    rest: &'a [u8],
    order: ByteOrder,
}

impl<'a> ByteReader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { rest: bytes, order }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Ended> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Ended)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Ended> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Ended)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Ended> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Ended> {
        let bytes = self.array()?;
        Ok(match self.order {
            ByteOrder::Big => u16::from_be_bytes(bytes),
            ByteOrder::Native => u16::from_ne_bytes(bytes),
        })
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Ended> {
        let bytes = self.array()?;
        Ok(match self.order {
            ByteOrder::Big => u32::from_be_bytes(bytes),
            ByteOrder::Native => u32::from_ne_bytes(bytes),
        })
    }

    pub(crate) fn time(&mut self) -> Result<KerberosTime, Ended> {
        Ok(KerberosTime::from_unix(self.u32()?.into()))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Ended> {
        self.u16().map(u16::cast_signed)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Ended> {
        self.u32().map(u32::cast_signed)
    }
}
