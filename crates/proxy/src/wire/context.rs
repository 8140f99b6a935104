use kerbstone_xdr::{Opaque, Xdr};

use super::{Credential, Name, Oid, RpcOption};

/// A security context: the exported context, and what GSS_Inquire_context says of it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct Context {
    /// The exported context, or a form that exported_context_type asked for. An unfinished context
    /// is the server's to understand.
    pub exported_token: Opaque,
    /// The server's own, to be sent back with the context.
    pub state: Opaque,
    /// Whether the client is to release the state with RELEASE_HANDLE.
    pub needs_release: bool,
    /// The mechanism.
    pub mech: Oid,
    /// Who began the context.
    pub source: Name,
    /// Who accepts it.
    pub target: Name,
    /// For how many more seconds it holds.
    pub lifetime: u64,
    /// The flags of RFC 2744.
    pub flags: u64,
    /// Whether the client is the one who began it.
    pub locally_initiated: bool,
    /// Whether it is established.
    pub open: bool,
    /// Extensions.
    pub options: Vec<RpcOption>,
}

/// What a context is bound to (RFC 2744, section 3.11).
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct ChannelBindings {
    /// The kind of the initiator's address; nobody should use addresses any more.
    pub initiator_address_type: u64,
    /// The initiator's address.
    pub initiator_address: Opaque,
    /// The kind of the acceptor's address.
    pub acceptor_address_type: u64,
    /// The acceptor's address.
    pub acceptor_address: Opaque,
    /// What the channel says of itself, as RFC 5056 has it.
    pub application_data: Opaque,
}

/// Something that may need a release.
#[derive(Clone, PartialEq, Eq, Debug, Xdr)]
#[xdr(union)]
#[allow(
    clippy::large_enum_variant,
    reason = "nobody keeps one: it is read, judged and dropped"
)]
pub enum Handle {
    /// A context.
    #[xdr(case = 0)]
    Context(Context),
    /// A credential.
    #[xdr(case = 1)]
    Credential(Credential),
    /// What only later versions know; its number is neither 0 nor 1.
    #[xdr(default)]
    Other(i32, Opaque),
}
