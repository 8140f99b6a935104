use kerbstone_xdr::{Opaque, Xdr};

use super::{CallContext, MechAttribute, MechInfo, RpcOption, Status};

/// Which mechanisms does the server have?
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct IndicateMechsArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
}

/// The server's mechanisms and everything known of them.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct IndicateMechsResult {
    /// How it went.
    pub status: Status,
    /// The mechanisms. Upstream's client up to 0.9.1 fails on empty sets in them.
    pub mechs: Vec<MechInfo>,
    /// The attributes that they mention.
    pub attributes: Vec<MechAttribute>,
    /// The extensions and options that the server takes.
    pub supported_extensions: Vec<Opaque>,
    /// Extensions.
    pub extensions: Vec<RpcOption>,
}

/// What should the client say of itself from now on?
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct GetCallContextArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// What the client is to send back with its calls.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct GetCallContextResult {
    /// How it went.
    pub status: Status,
    /// The server_context of its next calls.
    pub server_call_context: Opaque,
    /// Extensions.
    pub options: Vec<RpcOption>,
}
