//! Names as GSS has them: of people, of services on hosts, of principals, and exported.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;

use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::localname::local_name;
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};

use crate::krb5::Writer;
use crate::{GssError, Oid};

/// The mark of an exported name (RFC 2743 3.2).
const EXPORTED: [u8; 2] = [4, 1];
/// The mark of an exported name with attributes (RFC 6680 7.8).
const COMPOSITE: [u8; 2] = [4, 2];
const OID_TAG: u8 = 6;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A service, on a host or on the host where the acceptor is.
    HostBased {
        /// `HTTP`, `host`, `imap`.
        service: String,
        /// The host.
        host: Option<String>,
    },
    /// A principal.
    Principal(Principal),
    /// Nobody.
    Anonymous,
}

impl Name {
    /// `service@host`, or `service` alone for an acceptor on any host.
    pub fn host_based(text: &str) -> Self {
        let (service, host) = match text.split_once('@') {
            Some((service, host)) => (service, Some(host).filter(|host| !host.is_empty())),
            None => (text, None),
        };
        Self::HostBased {
            service: service.to_owned(),
            host: host.map(str::to_owned),
        }
    }

    /// The name of a user or of a principal, as MIT's programs read it.
    ///
    /// # Errors
    /// [`GssError::Name`] when it cannot be read, or has no realm and none is the default.
    pub fn user(text: &str, default_realm: Option<&Realm>) -> Result<Self, GssError> {
        Ok(Self::Principal(Principal::parse(text, default_realm)?))
    }

    /// Reads a name of that type.
    ///
    /// # Errors
    /// [`GssError::BadNameType`] for types that are not known, [`GssError::Name`] and
    /// [`GssError::BadName`] for names that cannot be read.
    pub fn import(
        name: &[u8],
        name_type: &Oid,
        default_realm: Option<&Realm>,
    ) -> Result<Self, GssError> {
        if *name_type == Oid::NT_EXPORT_NAME || *name_type == Oid::NT_COMPOSITE_EXPORT {
            return Self::import_exported(name);
        }
        if *name_type == Oid::NT_ANONYMOUS {
            return Ok(Self::Anonymous);
        }
        let text = str::from_utf8(name).map_err(|_| bad("it is not UTF-8"))?;
        if *name_type == Oid::NT_HOSTBASED_SERVICE || *name_type == Oid::NT_HOSTBASED_SERVICE_X {
            return Ok(Self::host_based(text));
        }
        if *name_type == Oid::NT_USER_NAME || *name_type == Oid::NT_KRB5_PRINCIPAL {
            return Self::user(text, default_realm);
        }
        if *name_type == Oid::NT_KRB5_ENTERPRISE {
            let principal = Principal::parse_enterprise(text, default_realm)?;
            return Ok(Self::Principal(principal));
        }
        Err(GssError::BadNameType(name_type.clone()))
    }

    fn import_exported(bytes: &[u8]) -> Result<Self, GssError> {
        let cut_off = || bad("the exported name is cut off");
        let (mark, rest) = bytes.split_first_chunk::<2>().ok_or_else(cut_off)?;
        let (length, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let (oid, rest) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or_else(cut_off)?;
        let mech = match oid {
            [OID_TAG, length, mech @ ..] if usize::from(*length) == mech.len() => {
                Oid::from_contents(mech)
            }
            _ => return Err(bad("the exported name names no mechanism")),
        };
        if !mech.is_krb5() {
            return Err(GssError::Mechanism(mech));
        }
        let (length, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut_off())?;
        let (name, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        // Attributes are the KDC's to vouch for; what a name brings along is not believed.
        match *mark {
            EXPORTED if rest.is_empty() => {}
            EXPORTED => return Err(bad("bytes follow the exported name")),
            COMPOSITE => {}
            _ => return Err(bad("it is not an exported name")),
        }
        Ok(Self::Principal(Principal::parse_bytes(name, None)?))
    }

    /// The principal. The realm of a host's service is left open, for
    /// [`TicketSource`](kerbstone_proto::ticket_source::TicketSource) or the KDC to say.
    ///
    /// # Errors
    /// [`GssError::BadName`] for a service without a host.
    pub fn to_principal(&self) -> Result<Principal, GssError> {
        match self {
            Self::Principal(principal) => Ok(principal.clone()),
            Self::Anonymous => Ok(Principal::new(
                PrincipalName::new(NameType::WELLKNOWN, ["WELLKNOWN", "ANONYMOUS"]),
                Realm::from("WELLKNOWN:ANONYMOUS"),
            )),
            Self::HostBased { service, host } => {
                let host = host.as_ref().ok_or_else(|| {
                    GssError::BadName(format!(
                        "the name {service} names no host: write {service}@host"
                    ))
                })?;
                Ok(Principal::new(
                    PrincipalName::service(service, host),
                    Realm::from(""),
                ))
            }
        }
    }

    /// The type of the name.
    pub const fn name_type(&self) -> Oid {
        match self {
            Self::HostBased { .. } => Oid::NT_HOSTBASED_SERVICE,
            Self::Principal(_) => Oid::NT_KRB5_PRINCIPAL,
            Self::Anonymous => Oid::NT_ANONYMOUS,
        }
    }

    /// The name in the form that can be compared byte by byte (RFC 2743 3.2).
    ///
    /// # Errors
    /// [`GssError::BadName`] for a service without a host.
    pub fn export(&self) -> Result<Vec<u8>, GssError> {
        self.export_with(EXPORTED, [&[], &[]])
    }

    /// The name with its attributes, of which there are none (RFC 6680 7.8).
    ///
    /// # Errors
    /// As [`Name::export`].
    pub fn export_composite(&self) -> Result<Vec<u8>, GssError> {
        self.export_with(COMPOSITE, [&[0; 4], &[]])
    }

    /// The name with the PAC of whoever has it ([`Context::pac`](crate::Context::pac)), as MIT's
    /// `gss_export_name_composite` writes it.
    ///
    /// # Errors
    /// As [`Name::export`].
    pub fn export_composite_with_pac(&self, pac: &[u8]) -> Result<Vec<u8>, GssError> {
        let mut attributes = Writer::with_room(pac.len().saturating_add(64));
        attributes.put_attributes(pac);
        let attributes = attributes.into_bytes();
        let length = u32::try_from(attributes.len()).map_err(|_| bad("it is too long"))?;
        self.export_with(COMPOSITE, [&length.to_be_bytes(), &attributes])
    }

    fn export_with(&self, mark: [u8; 2], attributes: [&[u8]; 2]) -> Result<Vec<u8>, GssError> {
        let name = match self {
            Self::Principal(principal) => principal.unparse(),
            Self::HostBased { .. } | Self::Anonymous => self.to_principal()?.unparse(),
        };
        let length = u32::try_from(name.len()).map_err(|_| bad("it is too long"))?;
        let mech = Oid::KRB5;
        let oid_length = u8::try_from(mech.contents().len()).unwrap_or(u8::MAX);
        let frame = attributes
            .iter()
            .fold(24_usize, |length, part| length.saturating_add(part.len()));
        let mut exported = Vec::with_capacity(name.len().saturating_add(frame));
        exported.extend_from_slice(&mark);
        exported.extend_from_slice(&u16::from(oid_length).saturating_add(2).to_be_bytes());
        exported.extend_from_slice(&[OID_TAG, oid_length]);
        exported.extend_from_slice(mech.contents());
        exported.extend_from_slice(&length.to_be_bytes());
        exported.extend_from_slice(&name);
        for part in attributes {
            exported.extend_from_slice(part);
        }
        Ok(exported)
    }

    /// The local user that `auth_to_local` makes of the name.
    ///
    /// # Errors
    /// [`GssError::BadName`] when it is nobody here.
    pub fn localname(&self, conf: &Krb5Conf) -> Result<String, GssError> {
        local_name(conf, &self.to_principal()?)
            .map_err(|error| GssError::BadName(error.to_string()))
    }
}

fn bad(why: &str) -> GssError {
    GssError::BadName(format!("malformed name: {why}"))
}

impl From<Principal> for Name {
    fn from(principal: Principal) -> Self {
        Self::Principal(principal)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostBased { service, host } => match host {
                Some(host) => write!(f, "{service}@{host}"),
                None => f.write_str(service),
            },
            Self::Principal(principal) => write!(f, "{principal}"),
            Self::Anonymous => f.write_str("WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exported_and_imported_again() {
        let alice = Name::user("al\\@ice/admin@EXAMPLE.TEST", None).unwrap();
        for exported in [alice.export().unwrap(), alice.export_composite().unwrap()] {
            let imported = Name::import(&exported, &Oid::NT_EXPORT_NAME, None).unwrap();
            assert_eq!(imported, alice);
            for end in 0..exported.len() - 4 {
                let cut = &exported[..end];
                assert!(Name::import(cut, &Oid::NT_EXPORT_NAME, None).is_err());
            }
        }
    }

    #[test]
    fn a_name_exported_by_another_mechanism_is_told_from_ours() {
        let mut exported = Name::user("a@R", None).unwrap().export().unwrap();
        exported[14] ^= 1;
        let refused = Name::import(&exported, &Oid::NT_EXPORT_NAME, None).unwrap_err();
        assert!(matches!(refused, GssError::Mechanism(_)), "{refused}");
    }

    #[test]
    fn a_service_without_host_or_realm_is_taken_as_far_as_it_goes() {
        let name = Name::host_based("HTTP@www.example.test");
        let principal = name.to_principal().unwrap();
        assert_eq!(principal.to_string(), "HTTP/www.example.test@");
        let refused = Name::host_based("HTTP").to_principal().unwrap_err();
        assert!(refused.to_string().contains("names no host"), "{refused}");
        let realm = Realm::from("EXAMPLE.TEST");
        let alice = Name::import(b"alice", &Oid::NT_USER_NAME, Some(&realm)).unwrap();
        assert_eq!(alice.to_string(), "alice@EXAMPLE.TEST");
        let number = Name::import(b"1000", &Oid::NT_STRING_UID_NAME, None).unwrap_err();
        assert!(matches!(number, GssError::BadNameType(_)));
    }
}
