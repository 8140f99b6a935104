//! An established context, whoever negotiated it.

use std::time::Duration;

use kerbstone_crypto::Key;
use kerbstone_proto::message::AuthorizationData;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{GssError, GssFlags, Oid};

/// Two sides that know each other, and keys between them.
#[derive(Debug)]
pub struct Context {
    pub(crate) is_initiator: bool,
    pub(crate) flags: GssFlags,
    pub(crate) mech: Oid,
    pub(crate) initiator: Principal,
    pub(crate) acceptor: Principal,
    pub(crate) endtime: KerberosTime,
    pub(crate) session_key: Key,
    pub(crate) delegated: Vec<ServiceTicket>,
    pub(crate) authorization_data: AuthorizationData,
}

/// Where a message stands among those that came before (RFC 2743 1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// It is the next one, or the context does not look.
    InOrder,
    /// Earlier ones have not come.
    Gap,
    /// It came before.
    Duplicate,
    /// Too old to say whether it came before.
    Old,
    /// Later ones have come already.
    Unsequenced,
}

/// A message out of a wrap token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// What was said.
    pub message: Vec<u8>,
    /// Whether it was encrypted.
    pub confidential: bool,
    /// Where it stands among the others.
    pub order: Order,
}

/// A piece of a message that is protected where it lies, as in `gss_wrap_iov`.
#[derive(Debug)]
pub enum Part<'a> {
    /// Room for the token's header; exactly as long as [`Context::part_lengths`] says.
    Header(&'a mut [u8]),
    /// To be encrypted where it lies.
    Data(&'a mut [u8]),
    /// To be protected against changes only, and not part of the token.
    SignOnly(&'a [u8]),
    /// Room for padding; of length 0 with the encryption types of today.
    Padding(&'a mut [u8]),
    /// Room for the token's trailer.
    Trailer(&'a mut [u8]),
}

/// How much room the parts of a token take beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLengths {
    /// The header.
    pub header: usize,
    /// The padding.
    pub padding: usize,
    /// The trailer.
    pub trailer: usize,
}

impl Context {
    /// Whether this side began.
    pub const fn is_initiator(&self) -> bool {
        self.is_initiator
    }

    /// The mechanism.
    pub const fn mech(&self) -> &Oid {
        &self.mech
    }

    /// What the context does.
    pub const fn flags(&self) -> GssFlags {
        self.flags
    }

    /// Who began.
    pub const fn initiator_name(&self) -> &Principal {
        &self.initiator
    }

    /// Who accepted.
    pub const fn acceptor_name(&self) -> &Principal {
        &self.acceptor
    }

    /// How long the context lasts; zero when it is over.
    pub fn lifetime(&self, now: Timestamp) -> Duration {
        self.endtime.duration_since(now.time)
    }

    /// The key between the two sides.
    pub const fn session_key(&self) -> &Key {
        &self.session_key
    }

    /// The initiator's ticket-granting ticket, if it delegated one.
    pub fn delegated(&self) -> &[ServiceTicket] {
        &self.delegated
    }

    /// What the KDC says about the initiator, at the acceptor.
    pub const fn authorization_data(&self) -> &AuthorizationData {
        &self.authorization_data
    }
}

impl Context {
    /// A wrap token with `message` in it (RFC 4121 4.2.6.2), encrypted if `confidential`.
    pub fn wrap(
        &mut self,
        confidential: bool,
        message: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, GssError> {
        let _ = (confidential, message, rng);
        Err(GssError::Unavailable("not yet"))
    }

    /// The message in a wrap token.
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Unwrapped, GssError> {
        let _ = token;
        Err(GssError::Unavailable("not yet"))
    }

    /// A token that proves `message`, which travels beside it.
    pub fn get_mic(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        let _ = message;
        Err(GssError::Unavailable("not yet"))
    }

    /// Checks a token that came beside `message`.
    pub fn verify_mic(&mut self, message: &[u8], token: &[u8]) -> Result<Order, GssError> {
        let _ = (message, token);
        Err(GssError::Unavailable("not yet"))
    }

    /// The longest message whose wrap token is no longer than `limit`.
    pub fn wrap_size_limit(&self, confidential: bool, limit: usize) -> usize {
        let _ = confidential;
        limit
    }

    /// The context as MIT's `gss_export_sec_context` writes it. Ends its use here.
    pub fn export(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        Err(GssError::Unavailable("not yet"))
    }
}
