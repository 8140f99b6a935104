//! What a user hands on: secrets for their programs, and the calls that those may make.

mod access;
mod secret;

pub use access::{may_call, permits};
pub use secret::{SecretHash, generated};
