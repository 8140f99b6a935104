//! The types of program 400112, version 1: what clients and daemons of the gssproxy protocol say
//! to each other, each declared once.
//!
//! A [`Call`] and its [`Reply`] are one of fifteen procedures ([`Procedure`]). A server reads a
//! message with [`read_call`] and answers with [`write_reply`] or [`refuse`]; a client uses
//! [`write_call`] and [`read_reply`]. [`interface`] prints the declarations for implementers in
//! other languages.
//!
//! Three conventions of the protocol hold everywhere: an empty mechanism or name type is an absent
//! one, an optional field may always be absent whatever the procedure makes of that, and the names
//! of options end with a NUL that counts ([`options`]).

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

mod about_mechs;
mod about_names;
mod context;
mod context_calls;
mod credential;
mod credential_calls;
mod interface;
mod mechanism;
mod message;
mod message_calls;
mod name;
pub mod options;
mod program;
mod status;
#[cfg(test)]
mod tests;

pub use about_mechs::{
    GetCallContextArgs, GetCallContextResult, IndicateMechsArgs, IndicateMechsResult,
};
pub use about_names::{ImportAndCanonNameArgs, ImportAndCanonNameResult};
pub use context::{ChannelBindings, Context, Handle};
pub use context_calls::{
    AcceptSecContextArgs, AcceptSecContextResult, InitSecContextArgs, InitSecContextResult,
    ReleaseHandleArgs, ReleaseHandleResult,
};
pub use credential::{Credential, CredentialElement, Usage};
pub use credential_calls::{
    AcquireCredArgs, AcquireCredResult, ExportCredArgs, ExportCredResult, ImportCredArgs,
    ImportCredResult, StoreCredArgs, StoreCredResult,
};
pub use interface::interface;
pub use kerbstone_xdr::Opaque;
pub use mechanism::{MechAttribute, MechInfo};
pub use message::{read_call, read_reply, refuse, write_call, write_reply};
pub use message_calls::{
    GetMicArgs, GetMicResult, UnwrapArgs, UnwrapResult, VerifyArgs, VerifyResult, WrapArgs,
    WrapResult, WrapSizeLimitArgs, WrapSizeLimitResult,
};
pub use name::{Name, NameAttribute};
pub use program::{Call, PROGRAM, Procedure, Reply, VERSION};
pub use status::{CallContext, RpcOption, Status};

/// An object identifier as GSS-API has it in memory: its DER without tag and length. Empty where
/// there is none.
pub type Oid = Opaque;
