//! What a user hands on: secrets for their programs, and the calls that those may make.

mod access;
mod secret;

pub use access::permits;
pub use secret::{SecretHash, generated};
