//! Where acceptors come from: here with the keys of a keytab, later also from a proxy that keeps the keys.

use std::sync::{Arc, PoisonError, RwLock};

use kerbstone_gss::spnego;
use kerbstone_gss::{AcceptorCredential, ChannelBindings, Refused, Step};
use kerbstone_proto::time::Timestamp;

/// Accepts contexts for the gateway's service names.
#[derive(Debug)]
pub enum AcceptorSource {
    /// With keys of our own.
    Keytab(RwLock<Arc<AcceptorCredential>>),
}

/// One negotiation; most are over with the first token.
#[derive(Debug)]
pub struct Negotiation(spnego::Acceptor);

impl AcceptorSource {
    /// With the keys of that credential.
    pub fn keytab(credential: AcceptorCredential) -> Self {
        Self::Keytab(RwLock::new(Arc::new(credential)))
    }

    /// Goes on with other keys. Negotiations under way end with those that they began with.
    pub fn replace(&self, credential: AcceptorCredential) {
        let Self::Keytab(current) = self;
        *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credential);
    }

    /// Waits for a client's first token.
    pub fn begin(&self, bindings: Option<ChannelBindings>) -> Negotiation {
        let Self::Keytab(current) = self;
        let credential = Arc::clone(&current.read().unwrap_or_else(PoisonError::into_inner));
        Negotiation(spnego::Acceptor::new(credential, bindings))
    }
}

impl Negotiation {
    /// Takes the client's token.
    ///
    /// # Errors
    /// The token is not accepted; the negotiation is over.
    pub async fn step(&mut self, token: &[u8], now: Timestamp) -> Result<Step, Refused> {
        self.0.step(token, now, &mut rand::rng())
    }
}
