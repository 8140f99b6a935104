use kerbstone_xdr::{Opaque, Xdr};

use super::Oid;

/// A room for extensions: a name and what it says.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct RpcOption {
    /// The option's name, with a NUL at its end that counts.
    pub option: Opaque,
    /// Its value, in the form that the name says.
    pub value: Opaque,
}

/// How a call went, in GSS-API's terms. A GSS failure is a successful RPC.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct Status {
    /// The major status of RFC 2744, error and supplementary bits alike.
    pub major: u64,
    /// The mechanism that the minor status belongs to.
    pub mech: Oid,
    /// The mechanism's own status.
    pub minor: u64,
    /// The major status in words; empty when it is 0.
    pub major_text: Opaque,
    /// The minor status in words; empty when it is 0.
    pub minor_text: Opaque,
    /// What the client is to send back as the server_context of its next calls, if not empty.
    pub server_context: Opaque,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// What a client says of itself with every call.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct CallContext {
    /// The language for texts, as LC_MESSAGES names it; may be empty.
    pub locale: Opaque,
    /// What the server gave the client to send back.
    pub server_context: Opaque,
    /// Extensions, such as exported_context_type.
    pub options: Vec<RpcOption>,
}
