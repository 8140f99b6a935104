//! The krb5 mechanism (RFC 4121).

pub mod acceptor;
pub mod initiator;

pub use acceptor::Acceptor;
pub use initiator::{Initiator, InitiatorOptions, UserToUser};
