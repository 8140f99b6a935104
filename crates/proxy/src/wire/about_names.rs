use kerbstone_xdr::Xdr;

use super::{CallContext, Name, NameAttribute, Oid, RpcOption, Status};

/// Import a name, make it one of a mechanism, give it attributes, or map it to a local user.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ImportAndCanonNameArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The name.
    pub input: Name,
    /// The mechanism whose name it is to become; empty: none.
    pub mech: Oid,
    /// Attributes to give it.
    pub attributes: Vec<NameAttribute>,
    /// Extensions: localname asks for the local user instead.
    pub options: Vec<RpcOption>,
}

/// The name as it is now.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ImportAndCanonNameResult {
    /// How it went.
    pub status: Status,
    /// The name.
    pub output: Option<Name>,
    /// Extensions: localname with the local user.
    pub options: Vec<RpcOption>,
}
