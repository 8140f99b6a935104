//! Object identifiers: of mechanisms and of kinds of names.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;
use std::fmt;

/// An object identifier, kept as the contents of its DER.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Cow<'static, [u8]>);

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $bytes:expr, $text:literal;)+) => {
        impl Oid {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($bytes));)+

            /// The name that people know it by.
            pub fn known_name(&self) -> Option<&'static str> {
                $(if *self == Self::$name {
                    return Some($text);
                })+
                None
            }
        }
    };
}

oids! {
    /// Kerberos 5 (RFC 4121): 1.2.840.113554.1.2.2.
    KRB5 = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", "krb5";
    /// Kerberos 5 before it had its number: 1.3.5.1.5.2.
    KRB5_OLD = b"\x2b\x05\x01\x05\x02", "krb5 (old)";
    /// Kerberos 5 as Windows 2000 wrote it, one bit short: 1.2.840.48018.1.2.2.
    KRB5_MS = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", "krb5 (Microsoft)";
    /// Kerberos 5 in user-to-user mode: 1.2.840.113554.1.2.2.3.
    KRB5_USER_TO_USER = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03", "krb5 user-to-user";
    /// Kerberos through the acceptor: 1.3.6.1.5.2.5.
    IAKERB = b"\x2b\x06\x01\x05\x02\x05", "iakerb";
    /// SPNEGO (RFC 4178): 1.3.6.1.5.5.2.
    SPNEGO = b"\x2b\x06\x01\x05\x05\x02", "spnego";
    /// NTLM: 1.3.6.1.4.1.311.2.2.10.
    NTLMSSP = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a", "ntlmssp";
    /// SPNEGO extended negotiation (MS-NEGOEX): 1.3.6.1.4.1.311.2.2.30.
    NEGOEX = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e", "negoex";
    /// A user's name: 1.2.840.113554.1.2.1.1.
    NT_USER_NAME = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01", "user name";
    /// A user's number as four or so bytes: 1.2.840.113554.1.2.1.2.
    NT_MACHINE_UID_NAME = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x02", "machine uid name";
    /// A user's number as digits: 1.2.840.113554.1.2.1.3.
    NT_STRING_UID_NAME = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x03", "string uid name";
    /// `service@host`: 1.2.840.113554.1.2.1.4.
    NT_HOSTBASED_SERVICE = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04", "host-based service";
    /// `service@host` by the number that RFC 2744 deprecates: 1.3.6.1.5.6.2.
    NT_HOSTBASED_SERVICE_X = b"\x2b\x06\x01\x05\x06\x02", "host-based service (old)";
    /// Nobody: 1.3.6.1.5.6.3.
    NT_ANONYMOUS = b"\x2b\x06\x01\x05\x06\x03", "anonymous";
    /// An exported name: 1.3.6.1.5.6.4.
    NT_EXPORT_NAME = b"\x2b\x06\x01\x05\x06\x04", "exported name";
    /// An exported name with attributes (RFC 6680): 1.3.6.1.5.6.6.
    NT_COMPOSITE_EXPORT = b"\x2b\x06\x01\x05\x06\x06", "composite exported name";
    /// A principal's name: 1.2.840.113554.1.2.2.1.
    NT_KRB5_PRINCIPAL = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01", "principal name";
    /// A principal's name of the enterprise kind: 1.2.840.113554.1.2.2.6.
    NT_KRB5_ENTERPRISE = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x06", "enterprise name";
}

impl Oid {
    /// From the contents of its DER, without tag and length.
    pub fn from_contents(contents: &[u8]) -> Self {
        Self(Cow::Owned(contents.to_vec()))
    }

    /// The contents of its DER, without tag and length.
    pub fn contents(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is one of the numbers under which Kerberos 5 tokens travel.
    pub fn is_krb5(&self) -> bool {
        [Self::KRB5, Self::KRB5_OLD, Self::KRB5_MS].contains(self)
    }

    /// The numbers between the dots; nothing when the bytes are no object identifier.
    fn arcs(&self) -> Option<Vec<u64>> {
        let mut arcs = Vec::new();
        let mut arc: u64 = 0;
        let mut is_inside = false;
        for byte in self.0.iter() {
            arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
            is_inside = byte & 0x80 != 0;
            if !is_inside {
                if arcs.is_empty() {
                    let first = (arc / 40).min(2);
                    arcs.push(first);
                    arc = arc.checked_sub(first.checked_mul(40)?)?;
                }
                arcs.push(arc);
                arc = 0;
            }
        }
        (!is_inside && !arcs.is_empty()).then_some(arcs)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(arcs) = self.arcs() else {
            return f.write_str("an object identifier that is none");
        };
        let dotted: Vec<String> = arcs.iter().map(u64::to_string).collect();
        f.write_str(&dotted.join("."))?;
        match self.known_name() {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_is_shown_with_dots_and_the_name_people_know() {
        assert_eq!(Oid::KRB5.to_string(), "1.2.840.113554.1.2.2 (krb5)");
        assert_eq!(Oid::SPNEGO.to_string(), "1.3.6.1.5.5.2 (spnego)");
        assert_eq!(Oid::NTLMSSP.to_string(), "1.3.6.1.4.1.311.2.2.10 (ntlmssp)");
        assert_eq!(Oid::from_contents(b"\x88\x37\x03").to_string(), "2.999.3");
    }

    #[test]
    fn bytes_that_are_no_oid_are_said_to_be_none() {
        for bytes in [&b""[..], b"\x2a\x86", &[0xff; 12]] {
            assert!(Oid::from_contents(bytes).to_string().ends_with("none"));
        }
    }
}
