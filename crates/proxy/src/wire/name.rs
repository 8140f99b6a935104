use kerbstone_xdr::{Opaque, Xdr};

use super::{Oid, RpcOption};

/// A name, in as many forms as are known. A display form counts for more than an exported one.
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct Name {
    /// The name as people read it.
    pub display: Opaque,
    /// What kind of name the display form is.
    pub name_type: Oid,
    /// The exported name token of RFC 2743, section 3.2; names of a mechanism have one.
    pub exported: Opaque,
    /// The exported composite name token of RFC 6680.
    pub exported_composite: Opaque,
    /// Attributes that are not part of the composite token.
    pub attributes: Vec<NameAttribute>,
    /// Extensions.
    pub extensions: Vec<RpcOption>,
}

/// An attribute of a name (RFC 6680).
#[derive(Clone, Default, PartialEq, Eq, Debug, Xdr)]
pub struct NameAttribute {
    /// What it is called.
    pub attribute: Opaque,
    /// What it says.
    pub value: Opaque,
    /// Extensions.
    pub extensions: Vec<RpcOption>,
}
