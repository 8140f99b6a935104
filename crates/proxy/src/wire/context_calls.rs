use kerbstone_xdr::{Opaque, Xdr};

use super::{
    CallContext, ChannelBindings, Context, Credential, Handle, Name, Oid, RpcOption, Status,
};

/// Begin a context, or go on with one.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct InitSecContextArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context to go on with; absent: a new one.
    pub context: Option<Context>,
    /// By whom; absent: the default.
    pub credential: Option<Credential>,
    /// With whom.
    pub target: Option<Name>,
    /// By which mechanism.
    pub mech: Oid,
    /// The flags of RFC 2744 that are asked for.
    pub flags: u64,
    /// For how many seconds it should hold.
    pub time: u64,
    /// What the context is bound to.
    pub channel_bindings: Option<ChannelBindings>,
    /// The acceptor's token; absent or empty in the first call.
    pub token: Option<Opaque>,
    /// Extensions, such as sync_modified_creds.
    pub options: Vec<RpcOption>,
}

/// The context so far.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct InitSecContextResult {
    /// How it went; GSS_S_CONTINUE_NEEDED asks for the acceptor's next token.
    pub status: Status,
    /// The context.
    pub context: Option<Context>,
    /// The token for the acceptor.
    pub token: Option<Opaque>,
    /// Extensions, such as sync_creds.
    pub options: Vec<RpcOption>,
}

/// Accept a context, or go on accepting one.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct AcceptSecContextArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The context to go on with; absent: a new one.
    pub context: Option<Context>,
    /// By whom; absent: the default.
    pub credential: Option<Credential>,
    /// The initiator's token.
    pub token: Opaque,
    /// What the context must be bound to.
    pub channel_bindings: Option<ChannelBindings>,
    /// Whether a delegated credential is wanted.
    pub return_delegated: bool,
    /// Extensions, such as sync_modified_creds.
    pub options: Vec<RpcOption>,
}

/// The context so far.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct AcceptSecContextResult {
    /// How it went; GSS_S_CONTINUE_NEEDED asks for the initiator's next token.
    pub status: Status,
    /// The context.
    pub context: Option<Context>,
    /// The token for the initiator.
    pub token: Option<Opaque>,
    /// The credential that the initiator delegated.
    pub delegated: Option<Credential>,
    /// Extensions, such as linux_creds_v1.
    pub options: Vec<RpcOption>,
}

/// Release what the server keeps of a context or a credential.
#[derive(Clone, PartialEq, Eq, Debug, Xdr)]
pub struct ReleaseHandleArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// What to release.
    pub handle: Handle,
}

/// Whether it was released.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ReleaseHandleResult {
    /// How it went.
    pub status: Status,
}
