//! What a back end may be told about whoever sends a request: one variable each, under CGI's names or others.

use std::collections::BTreeMap;

use crate::certificate::ClientCertificate;
use crate::identity::Identity;

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The user, as the entry point names them.
    User,
    /// By what they have shown who they are.
    AuthType,
    /// The domain that the user's name belongs to (Keystone's).
    Domain,
    /// The principal with its realm.
    Principal,
    /// The realm.
    Realm,
    /// The mechanism.
    Mechanism,
    /// Their groups, with commas between them.
    Groups,
    /// The certificate's subject as RFC 2253 writes it.
    SubjectDn,
    /// The same with slashes.
    SubjectDnSlash,
    /// The subject's common name.
    CommonName,
    /// The subject's alternative names, with commas between them.
    SubjectAltNames,
    /// The certificate's issuer as RFC 2253 writes it.
    IssuerDn,
    /// The same with slashes.
    IssuerDnSlash,
    /// The certificate's serial number, in hexadecimal digits.
    Serial,
    /// The certificate's SHA-256 fingerprint, in hexadecimal digits.
    Fingerprint,
    /// The credential cache with the ticket that the person has sent along.
    DelegatedCache,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::User,
        Self::AuthType,
        Self::Domain,
        Self::Principal,
        Self::Realm,
        Self::Mechanism,
        Self::Groups,
        Self::SubjectDn,
        Self::SubjectDnSlash,
        Self::CommonName,
        Self::SubjectAltNames,
        Self::IssuerDn,
        Self::IssuerDnSlash,
        Self::Serial,
        Self::Fingerprint,
        Self::DelegatedCache,
    ];

    /// Those that are told where nothing else is said.
    pub const USUAL: [Self; 3] = [Self::User, Self::AuthType, Self::Principal];

    /// As the settings call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::AuthType => "auth-type",
            Self::Domain => "domain",
            Self::Principal => "principal",
            Self::Realm => "realm",
            Self::Mechanism => "mechanism",
            Self::Groups => "groups",
            Self::SubjectDn => "subject-dn",
            Self::SubjectDnSlash => "subject-dn-slash",
            Self::CommonName => "common-name",
            Self::SubjectAltNames => "subject-alt-names",
            Self::IssuerDn => "issuer-dn",
            Self::IssuerDnSlash => "issuer-dn-slash",
            Self::Serial => "serial",
            Self::Fingerprint => "fingerprint",
            Self::DelegatedCache => "delegated-cache",
        }
    }

    /// The variable of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|variable| variable.name() == name)
    }

    /// Its name in an environment: that of CGI, of mod_ssl or of mod_auth_gssapi where one of them has it.
    pub const fn environment(self) -> &'static str {
        match self {
            Self::User => "REMOTE_USER",
            Self::AuthType => "AUTH_TYPE",
            Self::Domain => "REMOTE_DOMAIN",
            Self::Principal => "GSS_NAME",
            Self::Realm => "REMOTE_REALM",
            Self::Mechanism => "GSS_MECH",
            Self::Groups => "REMOTE_GROUPS",
            Self::SubjectDn => "SSL_CLIENT_S_DN",
            Self::SubjectDnSlash => "SSL_CLIENT_S_DN_LEGACY",
            Self::CommonName => "SSL_CLIENT_S_DN_CN",
            Self::SubjectAltNames => "SSL_CLIENT_SAN",
            Self::IssuerDn => "SSL_CLIENT_I_DN",
            Self::IssuerDnSlash => "SSL_CLIENT_I_DN_LEGACY",
            Self::Serial => "SSL_CLIENT_M_SERIAL",
            Self::Fingerprint => "SSL_CLIENT_FINGERPRINT",
            Self::DelegatedCache => "KRB5CCNAME",
        }
    }

    /// Whether only a certificate has it.
    pub const fn is_of_a_certificate(self) -> bool {
        matches!(
            self,
            Self::SubjectDn
                | Self::SubjectDnSlash
                | Self::CommonName
                | Self::SubjectAltNames
                | Self::IssuerDn
                | Self::IssuerDnSlash
                | Self::Serial
                | Self::Fingerprint
        )
    }
}

/// How the domain of a user is found out, for [`Variable::Domain`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    /// By the realm, in a table; whoever comes from another realm has none.
    #[default]
    OfRealm,
    /// The same for everybody.
    Fixed(String),
}

/// What the site knows that variables are made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who it is.
    pub identity: &'a Identity,
    /// How they are called behind this entry point.
    pub user: Option<&'a str>,
    /// The entry point's domain.
    pub domain: &'a Domain,
    /// Realms and the domains of their people.
    pub domains: &'a BTreeMap<String, String>,
    /// The cache with the ticket that came along.
    pub delegated_cache: Option<&'a str>,
}

impl Facts<'_> {
    /// The variable's value, if it has one.
    pub fn value(&self, variable: Variable) -> Option<String> {
        let Identity {
            principal, proof, ..
        } = self.identity;
        let certificate = self.identity.certificate();
        match variable {
            Variable::User => self.user.map(str::to_owned),
            Variable::AuthType => Some(proof.method().auth_type().to_owned()),
            Variable::Domain => self.domain(),
            Variable::Principal => Some(principal.to_string()),
            Variable::Realm => Some(principal.realm.to_string_lossy().into_owned()),
            Variable::Mechanism => Some(proof.mechanism().to_owned()),
            Variable::Groups => Some(self.identity.groups.join(",")),
            Variable::SubjectDn => certificate.map(|one| one.subject_dn.clone()),
            Variable::SubjectDnSlash => certificate.map(|one| one.subject_dn_slash.clone()),
            Variable::CommonName => certificate.and_then(|one| one.common_name.clone()),
            Variable::SubjectAltNames => certificate.map(ClientCertificate::alt_names_joined),
            Variable::IssuerDn => certificate.map(|one| one.issuer_dn.clone()),
            Variable::IssuerDnSlash => certificate.map(|one| one.issuer_dn_slash.clone()),
            Variable::Serial => certificate.map(|one| one.serial.clone()),
            Variable::Fingerprint => certificate.map(|one| one.fingerprint.clone()),
            Variable::DelegatedCache => self.delegated_cache.map(str::to_owned),
        }
    }

    /// The domain that the user's name belongs to.
    pub fn domain(&self) -> Option<String> {
        match self.domain {
            Domain::Fixed(domain) => Some(domain.clone()),
            Domain::OfRealm => {
                let realm = self.identity.principal.realm.to_string_lossy();
                self.domains.get(realm.as_ref()).cloned()
            }
        }
    }
}
