//! What a KDC tells about a client's keys (RFC 4120 5.2.7.4, 5.2.7.5).

use der::Sequence;

use crate::name::KerberosString;
use crate::wire::{lists, messages};

/// An encryption type and how its key comes from the password.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EtypeInfo2Entry {
    /// The number of the encryption type.
    #[asn1(context_specific = "0")]
    pub etype: i32,
    /// The salt; absent means the principal's default salt.
    #[asn1(context_specific = "1", optional = "true")]
    pub salt: Option<KerberosString>,
    /// The parameters of string-to-key, for example the count of iterations in four bytes.
    #[asn1(context_specific = "2", type = "OCTET STRING", optional = "true")]
    pub s2kparams: Option<Vec<u8>>,
}

/// The older form: without parameters, and the salt in octets.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EtypeInfoEntry {
    /// The number of the encryption type.
    #[asn1(context_specific = "0")]
    pub etype: i32,
    /// The salt; absent means the principal's default salt.
    #[asn1(context_specific = "1", type = "OCTET STRING", optional = "true")]
    pub salt: Option<Vec<u8>>,
}

lists! {
    /// ETYPE-INFO2, the KDC's preferred encryption type first.
    EtypeInfo2 of EtypeInfo2Entry;
    /// ETYPE-INFO, for clients that know no newer encryption type.
    EtypeInfo of EtypeInfoEntry;
}

messages! {
    EtypeInfo2Entry = "ETYPE-INFO2-ENTRY";
    EtypeInfoEntry = "ETYPE-INFO-ENTRY";
    EtypeInfo2 = "ETYPE-INFO2";
    EtypeInfo = "ETYPE-INFO";
}
