//! Receipts: what is given to somebody who has shown one factor of several and is to come back with the next.
//!
//! Keystone seals them in the form of tokens, with keys of their own and a payload without a version.

use jiff::Timestamp;

use super::msgpack::{Reader, Writer};
use super::payload::{from_seconds, pack_id, required, to_seconds, unpack_id};
use super::{MethodCodes, TokenError};

/// What has been shown so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who showed it.
    pub user_id: String,
    /// The methods that succeeded.
    pub methods: Vec<String>,
    /// Until when the rest can be brought.
    pub expires_at: Timestamp,
}

impl Receipt {
    pub(super) fn pack(&self, codes: &MethodCodes) -> Result<Vec<u8>, TokenError> {
        let mut out = Writer::default();
        out.array(3)?;
        pack_id(&mut out, Some(&self.user_id))?;
        out.unsigned(codes.encode(&self.methods))?;
        out.seconds(to_seconds(self.expires_at))?;
        Ok(out.into_octets())
    }

    pub(super) fn unpack(octets: &[u8], codes: &MethodCodes) -> Result<Self, TokenError> {
        let mut input = Reader::new(octets);
        input.array_of(3)?;
        let receipt = Self {
            user_id: required(unpack_id(&mut input)?)?,
            methods: codes.decode(input.unsigned()?),
            expires_at: from_seconds(input.seconds()?)?,
        };
        input.end()?;
        Ok(receipt)
    }
}
