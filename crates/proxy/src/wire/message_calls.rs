use kerbstone_xdr::{Opaque, Xdr};

use super::{CallContext, Context, Status};

/// Sign a message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct GetMicArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context.
    pub context: Context,
    /// The quality of protection; 0 is the default.
    pub qop: u64,
    /// The message.
    pub message: Opaque,
}

/// The signature.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct GetMicResult {
    /// How it went.
    pub status: Status,
    /// The context as it is now, its sequence number counted on.
    pub context: Option<Context>,
    /// The signature; empty when there is none.
    pub token: Opaque,
    /// The quality of protection given.
    pub qop: Option<u64>,
}

/// Verify a signature.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct VerifyArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context.
    pub context: Context,
    /// The message.
    pub message: Opaque,
    /// The signature.
    pub token: Opaque,
}

/// Whether the signature is good.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct VerifyResult {
    /// How it went.
    pub status: Status,
    /// The context as it is now, its window of sequence numbers moved on.
    pub context: Option<Context>,
    /// The quality of protection found.
    pub qop: Option<u64>,
}

/// Seal a message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct WrapArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context.
    pub context: Context,
    /// Whether the message is to be confidential.
    pub confidential: bool,
    /// The message, in pieces.
    pub message: Vec<Opaque>,
    /// The quality of protection; 0 is the default.
    pub qop: u64,
}

/// The sealed message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct WrapResult {
    /// How it went.
    pub status: Status,
    /// The context as it is now, its sequence number counted on.
    pub context: Option<Context>,
    /// The sealed message, in pieces.
    pub token: Vec<Opaque>,
    /// Whether it is confidential.
    pub confidential: Option<bool>,
    /// The quality of protection given.
    pub qop: Option<u64>,
}

/// Open a sealed message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct UnwrapArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context.
    pub context: Context,
    /// The sealed message, in pieces.
    pub token: Vec<Opaque>,
    /// The quality of protection; servers pass over it.
    pub qop: u64,
}

/// The opened message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct UnwrapResult {
    /// How it went.
    pub status: Status,
    /// The context as it is now, its window of sequence numbers moved on.
    pub context: Option<Context>,
    /// The message, in pieces.
    pub message: Vec<Opaque>,
    /// Whether it was confidential.
    pub confidential: Option<bool>,
    /// The quality of protection found.
    pub qop: Option<u64>,
}

/// How long may a message be, for its sealed form to fit?
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct WrapSizeLimitArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context.
    pub context: Context,
    /// Whether the message is to be confidential.
    pub confidential: bool,
    /// The quality of protection; 0 is the default.
    pub qop: u64,
    /// The longest sealed message.
    pub output_size: u64,
}

/// The longest message.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct WrapSizeLimitResult {
    /// How it went.
    pub status: Status,
    /// Its length in bytes.
    pub max_input_size: u64,
}
