use kerbstone_xdr::{Opaque, Xdr};

use super::{Oid, RpcOption};

/// A mechanism, as the inquiries of RFC 2744, 5587 and 5801 describe it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct MechInfo {
    /// The mechanism.
    pub mech: Oid,
    /// The types of names it takes.
    pub name_types: Vec<Oid>,
    /// The attributes it has.
    pub attributes: Vec<Oid>,
    /// The attributes it knows of.
    pub known_attributes: Vec<Oid>,
    /// The credential options it takes.
    pub credential_options: Vec<Oid>,
    /// The context options it takes.
    pub context_options: Vec<Oid>,
    /// Its name in SASL.
    pub sasl_mech: Opaque,
    /// Its short name.
    pub sasl_name: Opaque,
    /// What it is, in words.
    pub sasl_description: Opaque,
    /// Extensions.
    pub extensions: Vec<RpcOption>,
}

/// An attribute of mechanisms (RFC 5587), in words.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct MechAttribute {
    /// The attribute.
    pub attribute: Oid,
    /// Its name.
    pub name: Opaque,
    /// What it is, in few words.
    pub short_description: Opaque,
    /// What it is, in more.
    pub long_description: Opaque,
    /// Extensions.
    pub extensions: Vec<RpcOption>,
}
