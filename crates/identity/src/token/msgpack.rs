//! The little of msgpack that payloads are made of.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use rmp::{Marker, decode, encode};

use super::TokenError;

/// Octets, or text: msgpack before 1.0 had one form for both, and Keystone still takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Octets<'a> {
    Binary(&'a [u8]),
    Text(&'a [u8]),
}

#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

#[derive(Debug, Default)]
pub(super) struct Writer {
    octets: Vec<u8>,
}

impl<'a> Octets<'a> {
    pub(super) fn as_slice(self) -> &'a [u8] {
        match self {
            Self::Binary(octets) | Self::Text(octets) => octets,
        }
    }

    pub(super) fn text(self) -> Result<String, TokenError> {
        str::from_utf8(self.as_slice())
            .map(str::to_owned)
            .map_err(|_| TokenError::Malformed)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// Every element takes an octet at least.
    pub(super) fn array(&mut self) -> Result<usize, TokenError> {
        let length = decode::read_array_len(&mut self.rest).map_err(|_| TokenError::Malformed)?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.rest.len())
            .ok_or(TokenError::Malformed)
    }

    pub(super) fn array_of(&mut self, length: usize) -> Result<(), TokenError> {
        match self.array()? == length {
            true => Ok(()),
            false => Err(TokenError::Malformed),
        }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, TokenError> {
        decode::read_int(&mut self.rest).map_err(|_| TokenError::Malformed)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, TokenError> {
        decode::read_bool(&mut self.rest).map_err(|_| TokenError::Malformed)
    }

    /// A number of seconds, with its fraction or without.
    pub(super) fn seconds(&mut self) -> Result<f64, TokenError> {
        match self.peek()? {
            Marker::F64 => decode::read_f64(&mut self.rest).map_err(|_| TokenError::Malformed),
            Marker::F32 => decode::read_f32(&mut self.rest)
                .map(f64::from)
                .map_err(|_| TokenError::Malformed),
            _ => {
                let whole: u32 =
                    decode::read_int(&mut self.rest).map_err(|_| TokenError::Malformed)?;
                Ok(f64::from(whole))
            }
        }
    }

    /// `None` for nil.
    pub(super) fn optional_octets(&mut self) -> Result<Option<Octets<'a>>, TokenError> {
        if self.peek()? == Marker::Null {
            self.marker()?;
            return Ok(None);
        }
        self.octets().map(Some)
    }

    pub(super) fn octets(&mut self) -> Result<Octets<'a>, TokenError> {
        let marker = self.marker()?;
        let length = match marker {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 | Marker::Bin8 => self.length::<1>()?,
            Marker::Str16 | Marker::Bin16 => self.length::<2>()?,
            Marker::Str32 | Marker::Bin32 => self.length::<4>()?,
            _ => return Err(TokenError::Malformed),
        };
        let (octets, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(TokenError::Malformed)?;
        self.rest = rest;
        Ok(match marker {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => Octets::Binary(octets),
            _ => Octets::Text(octets),
        })
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Result<(), TokenError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(TokenError::Malformed),
        }
    }

    fn peek(&self) -> Result<Marker, TokenError> {
        self.rest
            .first()
            .map(|octet| Marker::from_u8(*octet))
            .ok_or(TokenError::Malformed)
    }

    fn marker(&mut self) -> Result<Marker, TokenError> {
        let marker = self.peek()?;
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(marker)
    }

    fn length<const N: usize>(&mut self) -> Result<usize, TokenError> {
        let (octets, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(TokenError::Malformed)?;
        self.rest = rest;
        Ok(octets
            .iter()
            .fold(0, |length, octet| (length << 8) | usize::from(*octet)))
    }
}

impl Writer {
    pub(super) fn array(&mut self, length: usize) -> Result<(), TokenError> {
        let length = u32::try_from(length).map_err(|_| TokenError::Malformed)?;
        written(encode::write_array_len(&mut self.octets, length))
    }

    pub(super) fn unsigned(&mut self, number: u64) -> Result<(), TokenError> {
        written(encode::write_uint(&mut self.octets, number))
    }

    pub(super) fn boolean(&mut self, yes: bool) -> Result<(), TokenError> {
        written(encode::write_bool(&mut self.octets, yes))
    }

    pub(super) fn seconds(&mut self, seconds: f64) -> Result<(), TokenError> {
        written(encode::write_f64(&mut self.octets, seconds))
    }

    pub(super) fn binary(&mut self, octets: &[u8]) -> Result<(), TokenError> {
        written(encode::write_bin(&mut self.octets, octets))
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), TokenError> {
        written(encode::write_str(&mut self.octets, text))
    }

    pub(super) fn nil(&mut self) -> Result<(), TokenError> {
        written(encode::write_nil(&mut self.octets))
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

/// A vector always takes what is written.
fn written<T, E>(result: Result<T, E>) -> Result<(), TokenError> {
    result.map(drop).map_err(|_| TokenError::Malformed)
}
