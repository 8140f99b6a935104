use crate::error::XdrError;

/// Bytes per unit: everything in XDR fills whole ones.
pub(crate) const UNIT: usize = 4;

/// Reads values from the front of a message, and knows what remains of it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first of these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            length: bytes.len(),
        }
    }

    /// How many bytes were read.
    pub const fn position(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// How many bytes remain.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What remains.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// That nothing remains.
    ///
    /// # Errors
    /// [`XdrError::Trailing`].
    pub fn finish(&self) -> Result<(), XdrError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(XdrError::Trailing {
            at: self.position(),
            left: self.remaining(),
        })
    }

    /// An `unsigned int`.
    ///
    /// # Errors
    /// [`XdrError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, XdrError> {
        self.array().map(u32::from_be_bytes)
    }

    /// An `int`.
    ///
    /// # Errors
    /// [`XdrError::Truncated`].
    pub fn i32(&mut self) -> Result<i32, XdrError> {
        self.array().map(i32::from_be_bytes)
    }

    /// An `unsigned hyper`.
    ///
    /// # Errors
    /// [`XdrError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, XdrError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A `hyper`.
    ///
    /// # Errors
    /// [`XdrError::Truncated`].
    pub fn i64(&mut self) -> Result<i64, XdrError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A `bool`: 0 or 1 and nothing else.
    ///
    /// # Errors
    /// [`XdrError::Truncated`], [`XdrError::Boolean`].
    pub fn bool(&mut self) -> Result<bool, XdrError> {
        let at = self.position();
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(XdrError::Boolean { at, value }),
        }
    }

    /// An `opaque<most>`, without a copy.
    ///
    /// # Errors
    /// [`XdrError::Truncated`], [`XdrError::TooLong`], [`XdrError::Padding`].
    pub fn opaque(&mut self, most: usize) -> Result<&'a [u8], XdrError> {
        let at = self.position();
        let claimed = self.u32()?;
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        if length > most {
            return Err(XdrError::TooLong {
                at,
                length: claimed,
                most,
            });
        }
        let bytes = self.take(length)?;
        self.padding(length)?;
        Ok(bytes)
    }

    /// The count before an array whose elements have at least `least` bytes each: no more than the
    /// bytes that remain can hold, so that room for all of them may be made at once.
    ///
    /// # Errors
    /// [`XdrError::Truncated`], [`XdrError::TooMany`].
    pub fn count(&mut self, least: usize) -> Result<usize, XdrError> {
        let at = self.position();
        let claimed = self.u32()?;
        let left = self.remaining();
        let count = usize::try_from(claimed).unwrap_or(usize::MAX);
        match count.checked_mul(least.max(1)) {
            Some(bytes) if bytes <= left => Ok(count),
            _ => Err(XdrError::TooMany {
                at,
                count: claimed,
                left,
            }),
        }
    }

    fn padding(&mut self, length: usize) -> Result<(), XdrError> {
        let at = self.position();
        let padding = self.take(length.next_multiple_of(UNIT).saturating_sub(length))?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(XdrError::Padding { at });
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], XdrError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.truncated(length))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], XdrError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.truncated(N))?;
        self.rest = rest;
        Ok(*taken)
    }

    const fn truncated(&self, wanted: usize) -> XdrError {
        XdrError::Truncated {
            at: self.position(),
            wanted,
            left: self.remaining(),
        }
    }
}
