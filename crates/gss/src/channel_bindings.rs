//! What the context is bound to beside the two names: addresses, or the TLS channel below.

use md5::{Digest, Md5};

/// An address of either end; type 0 means that none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoundAddress {
    /// `GSS_C_AF_*`: 0 unspecified, 2 internet, 24 internet of version 6, 255 none.
    pub kind: u32,
    /// The address.
    pub address: Vec<u8>,
}

/// Data that both sides must see alike for the context to come about (RFC 2743 1.1.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// Where the initiator is.
    pub initiator_address: BoundAddress,
    /// Where the acceptor is.
    pub acceptor_address: BoundAddress,
    /// What the application binds to, as `tls-server-end-point:` and a hash (RFC 5929).
    pub application_data: Vec<u8>,
}

impl ChannelBindings {
    /// Bindings to the application's data alone, as everybody uses them.
    pub fn application_data(data: impl Into<Vec<u8>>) -> Self {
        Self {
            application_data: data.into(),
            ..Self::default()
        }
    }

    /// The MD5 that stands in the authenticator (RFC 4121 4.1.1.2).
    pub fn digest(&self) -> [u8; 16] {
        let mut hash = Md5::new();
        for end in [&self.initiator_address, &self.acceptor_address] {
            hash.update(end.kind.to_le_bytes());
            update_counted(&mut hash, &end.address);
        }
        update_counted(&mut hash, &self.application_data);
        hash.finalize().into()
    }
}

fn update_counted(hash: &mut Md5, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash.update(length.to_le_bytes());
    hash.update(bytes);
}
