//! Proof that somebody is who they say, for services: their ticket is accepted with a key of ours or of a proxy's
//! ([`AcceptorSource`]), or their password is checked at the KDC ([`Passwords`]).
//!
//! Who may then do what is the service's affair.

pub mod acceptor;
pub mod delegated;
mod errand;
pub mod login_name;
pub mod password_fault;
pub mod passwords;
mod proxied;
mod recent;
mod turnstile;

pub use acceptor::{AcceptorSource, Negotiation};
pub use delegated::Delegated;
pub use login_name::Realms;
pub use password_fault::{Blame, PasswordFault};
pub use passwords::{KdcProof, PasswordLimits, Passwords, Verified};
pub use proxied::ProxyDoor;
