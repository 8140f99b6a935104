//! XDR (RFC 4506), and ONC RPC's records and headers (RFC 5531), as values.
//!
//! A wire type is declared once, as a Rust type with `#[derive(Xdr)]`; its encoder, its decoder
//! and its text in an interface file come of that ([`Xdr`], [`Schema`]). What is read is strict:
//! padding is zero, a boolean 0 or 1, an enumerated value a declared one, and a count is believed
//! only as far as the bytes that remain can hold so many elements. No I/O, no clock.
//!
//! - [`Xdr`], [`Reader`], [`Writer`]: values and bytes; [`from_bytes`] and [`to_bytes`] for a whole.
//! - [`Opaque`]: bytes whose meaning XDR does not know, wiped when dropped.
//! - [`rpc`]: record marks, call and reply headers, and every refusal.
//! - [`Schema`]: what was declared, printed as an interface file that `rpcgen` takes.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

extern crate self as kerbstone_xdr;

mod error;
mod opaque;
mod reader;
pub mod rpc;
mod schema;
mod value;
mod writer;

pub use error::XdrError;
pub use kerbstone_xdr_derive::Xdr;
pub use opaque::Opaque;
pub use reader::Reader;
pub use schema::{Arm, Definition, Field, Schema, Shape, TypeRef, Value};
pub use value::{Xdr, from_bytes, to_bytes};
pub use writer::Writer;
