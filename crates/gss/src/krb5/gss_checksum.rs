//! What stands where other protocols have a checksum over their data in the authenticator:
//! the bindings' hash, the flags, and delegated credentials (RFC 4121 4.1.1).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_proto::message::Checksum;

use crate::{ChannelBindings, GssError, GssFlags};

/// The checksum type of GSS.
pub(crate) const CHECKSUM_TYPE: i32 = 0x8003;
const DIGEST: usize = 16;
const FOR_CREDS: u16 = 1;
/// The length of delegated credentials is written in two bytes; MIT takes it as signed.
const MAX_CREDENTIALS: usize = 0x7fff - 28;

const DEFECTIVE: fn(&'static str) -> GssError = |why| GssError::DefectiveToken {
    what: "checksum of GSS in the authenticator",
    why,
};

/// The fields of the checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GssChecksum {
    /// The hash of the channel bindings; zeros for none.
    pub(crate) bindings: [u8; DIGEST],
    pub(crate) flags: GssFlags,
    /// A KRB-CRED.
    pub(crate) credentials: Option<Vec<u8>>,
}

impl GssChecksum {
    /// Without credentials.
    pub(crate) fn new(bindings: Option<&ChannelBindings>, flags: GssFlags) -> Self {
        Self {
            bindings: bindings.map(ChannelBindings::digest).unwrap_or_default(),
            flags,
            credentials: None,
        }
    }

    /// Adds a KRB-CRED, if its length can be written.
    pub(crate) fn set_credentials(&mut self, credentials: Vec<u8>) -> bool {
        let fits = credentials.len() <= MAX_CREDENTIALS;
        if fits {
            self.credentials = Some(credentials);
        }
        fits
    }

    pub(crate) fn to_checksum(&self) -> Checksum {
        let mut value = Vec::with_capacity(28);
        value.extend_from_slice(&16_u32.to_le_bytes());
        value.extend_from_slice(&self.bindings);
        value.extend_from_slice(&self.flags.0.to_le_bytes());
        if let Some(credentials) = &self.credentials {
            let length = u16::try_from(credentials.len()).unwrap_or(u16::MAX);
            value.extend_from_slice(&FOR_CREDS.to_le_bytes());
            value.extend_from_slice(&length.to_le_bytes());
            value.extend_from_slice(credentials);
        }
        Checksum {
            cksumtype: CHECKSUM_TYPE,
            checksum: value,
        }
    }

    /// Reads the value of such a checksum. Extensions after the credentials are passed over.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, GssError> {
        let too_short = || DEFECTIVE("it is shorter than 24 bytes");
        let (length, rest) = value.split_first_chunk().ok_or_else(too_short)?;
        if u32::from_le_bytes(*length) != 16 {
            return Err(DEFECTIVE("its hash of the bindings is not 16 bytes long"));
        }
        let (bindings, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
        let (flags, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
        let flags = GssFlags(u32::from_le_bytes(*flags));
        let credentials = if flags.contains(GssFlags::DELEG) && rest.len() >= 4 {
            Some(read_credentials(rest)?.to_vec())
        } else {
            None
        };
        Ok(Self {
            bindings: *bindings,
            flags,
            credentials,
        })
    }

    pub(crate) fn has_bindings(&self) -> bool {
        self.bindings != [0; DIGEST]
    }
}

fn read_credentials(rest: &[u8]) -> Result<&[u8], GssError> {
    let cut_off = || DEFECTIVE("its credentials are cut off");
    let (option, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
    if u16::from_le_bytes(*option) != FOR_CREDS {
        return Err(DEFECTIVE("its option is not that of credentials"));
    }
    let length = usize::from(u16::from_le_bytes(*length));
    rest.get(..length).ok_or_else(cut_off)
}
