//! Where acceptors come from: keys of our own, or a proxy that keeps the keys.

use std::sync::{Arc, PoisonError, RwLock};

use kerbstone_gss::spnego;
use kerbstone_gss::{AcceptorCredential, ChannelBindings, Context, Refused, Step};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;

use crate::delegated::Delegated;
use crate::proxied::{Proxied, ProxyDoor};

/// Accepts contexts for the gateway's service names.
#[derive(Debug)]
pub enum AcceptorSource {
    /// With keys of our own.
    Keytab(RwLock<Arc<AcceptorCredential>>),
    /// With keys that only a proxy can read.
    Proxy(Arc<ProxyDoor>),
}

/// One negotiation; most are over with the first token.
#[derive(Debug)]
pub struct Negotiation(Machine);

#[derive(Debug)]
enum Machine {
    Own(Box<spnego::Acceptor>),
    Proxied(Box<Proxied>),
}

impl AcceptorSource {
    /// With the keys of that credential.
    pub fn keytab(credential: AcceptorCredential) -> Self {
        Self::Keytab(RwLock::new(Arc::new(credential)))
    }

    /// With the keys behind that door.
    pub fn proxy(door: ProxyDoor) -> Self {
        Self::Proxy(Arc::new(door))
    }

    /// Goes on with other keys. Negotiations under way end with those that they began with; a proxy's keys are its own
    /// affair.
    pub fn replace(&self, credential: AcceptorCredential) {
        if let Self::Keytab(current) = self {
            *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credential);
        }
    }

    /// The service that the first of our own keys is for; a proxy does not say.
    pub fn service(&self) -> Option<Principal> {
        match self {
            Self::Keytab(current) => {
                let current = current.read().unwrap_or_else(PoisonError::into_inner);
                current.keys().first().map(|key| key.principal.clone())
            }
            Self::Proxy(_) => None,
        }
    }

    /// Waits for a client's first token, which may be bound to any of these names of the channel. A proxy other than
    /// Kerbstone's knows of the first alone.
    pub fn begin(&self, bindings: Vec<ChannelBindings>) -> Negotiation {
        Negotiation(match self {
            Self::Keytab(current) => {
                let credential =
                    Arc::clone(&current.read().unwrap_or_else(PoisonError::into_inner));
                let acceptor = spnego::Acceptor::new(credential, None);
                Machine::Own(Box::new(acceptor.or_bound_to(bindings)))
            }
            Self::Proxy(door) => Machine::Proxied(Box::new(door.begin(bindings))),
        })
    }
}

impl Negotiation {
    /// Takes the client's token.
    ///
    /// # Errors
    /// The token is not accepted; the negotiation is over.
    pub async fn step(&mut self, token: &[u8], now: Timestamp) -> Result<Step, Refused> {
        match &mut self.0 {
            Machine::Own(acceptor) => acceptor.step(token, now, &mut rand::rng()),
            Machine::Proxied(proxied) => proxied.step(token).await,
        }
    }

    /// What the client has delegated with the context that stands now; with a proxy only where its door
    /// [asks for it](ProxyDoor::with_delegation).
    pub fn delegated(&self, context: &Context, now: Timestamp) -> Option<Delegated> {
        match &self.0 {
            Machine::Own(_) => Delegated::of_tickets(context.delegated()),
            Machine::Proxied(proxied) => Delegated::of_sealed(proxied.delegated()?, now.time),
        }
    }
}
