//! Fernet tokens in the form that Keystone gives them, over Keystone's own key repository: a token made there opens
//! here, and the reverse.
//!
//! [`KeyRepository`] keeps the keys, [`TokenSeal`] makes and opens tokens of a [`Payload`] with them. Whether what a
//! token says still holds (who it is for, whether it was revoked) is not decided here.

mod blob_seal;
mod error;
pub mod fernet;
mod key_repository;
mod methods;
mod msgpack;
mod payload;
mod receipt;
mod seal;

pub use blob_seal::BlobSeal;
pub use error::TokenError;
pub use fernet::FernetKey;
pub use key_repository::{KeyRepository, Keys};
pub use methods::MethodCodes;
pub use payload::{AuditIds, Federation, Grant, Payload};
pub use receipt::Receipt;
pub use seal::{TokenSeal, Unsealed};
