//! Values that remember their DER.

use std::ops::Deref;

use der::{
    Decode, DecodeValue, Encode, EncodeValue, Error, FixedTag, Header, Length, Reader, SliceReader,
    Tag, Writer,
};

use super::encode_into;
use crate::forward::ForwardReader;

/// A value and the very bytes it was read from, for what is checksummed as it was sent.
///
/// Writing it writes those bytes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<T> {
    value: T,
    der: Vec<u8>,
}

impl<T: Encode> Encoded<T> {
    /// Encodes the value once and for all.
    pub fn new(value: T) -> Self {
        let mut der = Vec::new();
        encode_into(&value, &mut der);
        Self { value, der }
    }
}

impl<T> Encoded<T> {
    /// Reads with `read`, and keeps the bytes.
    pub(crate) fn read_forward(
        reader: &mut ForwardReader<'_>,
        read: impl FnOnce(&mut ForwardReader<'_>) -> Option<T>,
    ) -> Option<Self> {
        let (value, der) = reader.with_der(read)?;
        let der = der.to_vec();
        Some(Self { value, der })
    }

    /// The DER, tag and length included.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The value without its bytes.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T: Encode> From<T> for Encoded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> Deref for Encoded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: FixedTag> FixedTag for Encoded<T> {
    const TAG: Tag = T::TAG;
}

impl<'a, T> DecodeValue<'a> for Encoded<T>
where
    T: for<'b> DecodeValue<'b, Error = Error> + FixedTag,
{
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let contents = reader.read_slice(header.length())?;
        let mut inside = SliceReader::new(contents)?;
        let value = T::decode_value(&mut inside, header)?;
        inside.finish()?;
        let mut der = Vec::new();
        header.encode_to_vec(&mut der)?;
        der.extend_from_slice(contents);
        Ok(Self { value, der })
    }
}

impl<T: FixedTag> Encoded<T> {
    fn contents(&self) -> der::Result<&[u8]> {
        let mut reader = SliceReader::new(&self.der)?;
        let header = Header::decode(&mut reader)?;
        reader.read_slice(header.length())
    }
}

impl<T: FixedTag> EncodeValue for Encoded<T> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.contents()?.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.contents()?)
    }
}
