//! What all messages are made of: the numbers of RFC 4120 5.2.4, octet strings with keys in
//! them, values that remember their DER, and the way from bytes to a message and back.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod codec;
mod encoded;
mod numbers;
mod secret;
mod tables;

pub use codec::MAX_MESSAGE_LENGTH;
pub(crate) use codec::{
    decode, decode_application, decode_choice, encode_application_into, encode_choice_into,
    encode_into,
};
pub use encoded::Encoded;
pub use numbers::{Fixed, Microseconds, Pvno, UInt32};
pub use secret::Secret;
pub(crate) use tables::{lists, messages};
