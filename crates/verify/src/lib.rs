//! Proof that somebody is who they say, for services: their ticket is accepted with a key of ours or of a proxy's
//! ([`AcceptorSource`]), or their password is checked at the KDC.
//!
//! Who may then do what is the service's affair.

pub mod acceptor;
mod proxied;

pub use acceptor::{AcceptorSource, Negotiation};
pub use proxied::ProxyDoor;
