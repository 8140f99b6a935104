//! What MIT's `krb5_ser_unpack_*` read.

use std::time::Duration;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use super::magic;
use crate::krb5::sequence_window::SequenceWindow;
use crate::{GssError, Oid};

/// The longest object identifier that is taken for one.
const MAX_OID: usize = 64;
/// The most files of a configuration that are passed over.
const MAX_FILES: usize = 1 << 10;

#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

const CUT_OFF: GssError = GssError::Import("it is cut off");
const OUT_OF_STEP: GssError = GssError::Import("its parts are not where MIT's library puts them");

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn finish(&self) -> Result<(), GssError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(GssError::Import("bytes follow its end"))
        }
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], GssError> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(chunk)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], GssError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, GssError> {
        self.chunk().copied().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, GssError> {
        self.chunk().copied().map(u64::from_be_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, GssError> {
        Ok(self.u32()? != 0)
    }

    pub(crate) fn time(&mut self) -> Result<KerberosTime, GssError> {
        Ok(KerberosTime::from_unix(i64::from(self.u32()?)))
    }

    pub(crate) fn length(&mut self) -> Result<usize, GssError> {
        usize::try_from(self.u32()?).map_err(|_| CUT_OFF)
    }

    pub(crate) fn counted(&mut self) -> Result<&'a [u8], GssError> {
        let length = self.length()?;
        self.take(length)
    }

    /// Passes over so many numbers.
    pub(crate) fn skip(&mut self, numbers: usize) -> Result<(), GssError> {
        self.take(numbers.saturating_mul(4)).map(|_| ())
    }

    pub(crate) fn expect(&mut self, magic: u32) -> Result<(), GssError> {
        if self.u32()? == magic {
            Ok(())
        } else {
            Err(OUT_OF_STEP)
        }
    }

    fn is_next(&self, magic: u32) -> bool {
        self.0.first_chunk() == Some(&magic.to_be_bytes())
    }

    /// Passes over a number if it is next.
    fn enter(&mut self, magic: u32) -> Result<bool, GssError> {
        let is_next = self.is_next(magic);
        if is_next {
            self.expect(magic)?;
        }
        Ok(is_next)
    }

    pub(crate) fn oid_contents(&mut self) -> Result<Oid, GssError> {
        let contents = self.counted()?;
        if contents.is_empty() || contents.len() > MAX_OID {
            return Err(GssError::Import("it names no mechanism"));
        }
        Ok(Oid::from_contents(contents))
    }

    pub(crate) fn oid(&mut self) -> Result<Oid, GssError> {
        self.expect(magic::OID)?;
        let oid = self.oid_contents()?;
        self.expect(magic::OID)?;
        Ok(oid)
    }

    pub(crate) fn principal(&mut self, absent: &'static str) -> Result<Principal, GssError> {
        if !self.enter(magic::PRINCIPAL)? {
            return Err(GssError::Import(absent));
        }
        let principal = Principal::parse_bytes(self.counted()?, None)?;
        self.expect(magic::PRINCIPAL)?;
        Ok(principal)
    }

    pub(crate) fn key(&mut self) -> Result<Option<Key>, GssError> {
        if !self.enter(magic::KEYBLOCK)? {
            return Ok(None);
        }
        let enctype = Enctype::from_number(self.u32()?.cast_signed())
            .ok_or(GssError::Import("its key is of an unknown type"))?;
        let key = Key::new(enctype, self.counted()?)?;
        self.expect(magic::KEYBLOCK)?;
        Ok(Some(key))
    }

    pub(crate) fn window(&mut self) -> Result<Option<SequenceWindow>, GssError> {
        if !self.enter(magic::WINDOW)? {
            return Ok(None);
        }
        let window = SequenceWindow::from_memory(self.chunk()?);
        self.expect(magic::WINDOW)?;
        Ok(Some(window))
    }

    /// Passes over the configuration, and takes the clock skew out of it.
    pub(crate) fn skip_library_context(&mut self) -> Result<Option<Duration>, GssError> {
        self.expect(magic::LIBRARY_CONTEXT)?;
        self.counted()?;
        let enctypes = self.length()?;
        self.skip(enctypes)?;
        let skew = self.u32()?;
        self.skip(4)?;
        if self.enter(magic::OS_CONTEXT)? {
            self.skip(3)?;
            self.expect(magic::OS_CONTEXT)?;
        }
        if self.enter(magic::PROFILE)? {
            let files = self.length()?;
            if files > MAX_FILES {
                return Err(OUT_OF_STEP);
            }
            for _ in 0..files {
                self.counted()?;
            }
            self.expect(magic::PROFILE)?;
        }
        self.expect(magic::LIBRARY_CONTEXT)?;
        Ok((skew != 0).then(|| Duration::from_secs(u64::from(skew))))
    }

    pub(crate) fn skip_auth_context(&mut self) -> Result<(), GssError> {
        self.expect(magic::AUTH_CONTEXT)?;
        self.skip(5)?;
        self.counted()?;
        for mark in magic::AUTH_ADDRESSES {
            if self.enter(mark)? {
                self.skip_typed(magic::ADDRESS)?;
            }
        }
        for mark in magic::AUTH_KEYS {
            if self.enter(mark)? {
                self.skip_typed(magic::KEYBLOCK)?;
            }
        }
        if self.enter(magic::AUTHENTICATOR)? {
            self.skip_authenticator()?;
        }
        self.expect(magic::AUTH_CONTEXT)
    }

    fn skip_authenticator(&mut self) -> Result<(), GssError> {
        self.skip(3)?;
        if self.enter(magic::PRINCIPAL)? {
            self.counted()?;
            self.expect(magic::PRINCIPAL)?;
        }
        for typed in [magic::CHECKSUM, magic::KEYBLOCK] {
            if self.is_next(typed) {
                self.skip_typed(typed)?;
            }
        }
        let elements = self.length()?;
        for _ in 0..elements {
            self.skip_typed(magic::AUTHDATA)?;
        }
        self.expect(magic::AUTHENTICATOR)
    }

    /// Passes over a number and bytes between two magic numbers.
    fn skip_typed(&mut self, magic: u32) -> Result<(), GssError> {
        self.expect(magic)?;
        self.u32()?;
        self.counted()?;
        self.expect(magic)
    }

    /// The PAC that is proved among the attributes of a name, if there are any. Modules do not say
    /// how long their attributes are, so that what follows an unknown one is passed over, up to
    /// what must be the end.
    pub(crate) fn authdata_context(&mut self) -> Result<Option<Vec<u8>>, GssError> {
        if !self.enter(magic::AUTHDATA_CONTEXT)? {
            return Ok(None);
        }
        let before = self.0.len().checked_sub(8).ok_or(CUT_OFF)?;
        let pac = Reader(self.take(before)?).proved_pac().ok().flatten();
        self.expect(magic::AUTHDATA_CONTEXT)?;
        Ok(pac)
    }

    fn proved_pac(&mut self) -> Result<Option<Vec<u8>>, GssError> {
        if self.u32()? == 0 || self.counted()? != magic::MSPAC {
            return Ok(None);
        }
        let pac = self.counted()?;
        let is_proved = self.bool()?;
        Ok((is_proved && !pac.is_empty()).then(|| pac.to_vec()))
    }
}
