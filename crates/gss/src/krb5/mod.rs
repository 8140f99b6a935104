//! The krb5 mechanism (RFC 4121).

pub mod acceptor;
mod ap_rep_leg;
mod delegation;
mod error_token;
mod etype_negotiation;
mod exported_context;
mod gss_checksum;
pub mod initiator;
mod lucid;
mod mic;
mod pac;
mod parts;
mod prf;
pub(crate) mod sequence_window;
mod service_key;
mod suspended;
mod token;
mod token_header;
mod user_to_user;
mod wrap;

pub use acceptor::Acceptor;
pub(crate) use exported_context::{Reader, Writer};
pub use initiator::{Initiator, InitiatorOptions, UserToUser};
pub use prf::PrfKey;
pub(crate) use token::AP_REQ_TAG;

use kerbstone_crypto::Key;

use crate::GssError;

/// Refuses keys of RC4 and DES3: their messages have another form (RFC 1964, RFC 4757).
fn require_modern(key: &Key) -> Result<(), GssError> {
    if key.enctype().is_legacy() {
        return Err(GssError::LegacyKey(key.enctype()));
    }
    Ok(())
}
