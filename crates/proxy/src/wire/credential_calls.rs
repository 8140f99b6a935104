use kerbstone_xdr::{Opaque, Xdr};

use super::{CallContext, Credential, Name, Oid, RpcOption, Status, Usage};

/// Make a credential portable.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ExportCredArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The credential.
    pub credential: Credential,
    /// What it is to be good for.
    pub usage: Usage,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// A portable credential.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ExportCredResult {
    /// How it went.
    pub status: Status,
    /// What it is good for.
    pub usage: Usage,
    /// The portable form.
    pub handle: Option<Opaque>,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// Take a portable credential.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ImportCredArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The portable form.
    pub handle: Opaque,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// The credential that was taken.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ImportCredResult {
    /// How it went.
    pub status: Status,
    /// The credential.
    pub credential: Option<Credential>,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// Acquire a credential, or add to one, or ask what one is.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct AcquireCredArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// A credential to begin with; with acquire_type impersonate_name, the impersonator's.
    pub input: Option<Credential>,
    /// Whether new elements are added to it.
    pub add_to_input: bool,
    /// Whose credential; absent: the default.
    pub desired_name: Option<Name>,
    /// For how many seconds it should hold.
    pub time: u64,
    /// For which mechanisms; none: all.
    pub mechs: Vec<Oid>,
    /// What it is to be good for.
    pub usage: Usage,
    /// For how many seconds it should begin contexts.
    pub initiator_time: u64,
    /// For how many seconds it should accept contexts.
    pub acceptor_time: u64,
    /// Extensions, such as acquire_type.
    pub options: Vec<RpcOption>,
}

/// The credential acquired.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct AcquireCredResult {
    /// How it went.
    pub status: Status,
    /// The credential.
    pub credential: Option<Credential>,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// Store a credential where others find it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct StoreCredArgs {
    /// What the client says of itself.
    pub call_context: CallContext,
    /// The credential.
    pub credential: Credential,
    /// Which part of it.
    pub usage: Usage,
    /// Which mechanism's part; empty: all.
    pub mech: Oid,
    /// Whether it replaces one that is there.
    pub overwrite: bool,
    /// Whether it becomes the default.
    pub default_credential: bool,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// What was stored.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct StoreCredResult {
    /// How it went.
    pub status: Status,
    /// The mechanisms whose elements were stored.
    pub elements_stored: Vec<Oid>,
    /// What the stored credential is good for.
    pub usage: Usage,
    /// Extensions.
    pub options: Vec<RpcOption>,
}
