use kerbstone_xdr::{Opaque, Xdr};

use super::{Name, Oid, RpcOption};

/// What a credential is good for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Xdr)]
pub enum Usage {
    /// To begin contexts.
    Initiate = 1,
    /// To accept them.
    Accept = 2,
    /// To do either.
    #[default]
    Both = 3,
}

/// A credential of one mechanism, as GSS_Inquire_cred_by_mech describes it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct CredentialElement {
    /// Whose it is, as a name of the mechanism.
    pub name: Name,
    /// The mechanism.
    pub mech: Oid,
    /// What it is good for.
    pub usage: Usage,
    /// For how many more seconds it begins contexts; 4294967295 is no end.
    pub initiator_life: u64,
    /// For how many more seconds it accepts contexts.
    pub acceptor_life: u64,
    /// Settings that a client made, for the server to heed.
    pub options: Vec<RpcOption>,
}

/// A credential: what it is, and how the server finds it again.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct Credential {
    /// The name that was asked for.
    pub desired_name: Name,
    /// One description for each mechanism.
    pub elements: Vec<CredentialElement>,
    /// The server's own: a sealed credential, which the client keeps and cannot read.
    pub handle: Opaque,
    /// Whether the client is to release the handle with RELEASE_HANDLE.
    pub needs_release: bool,
}
