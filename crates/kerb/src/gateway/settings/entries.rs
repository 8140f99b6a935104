//! The sections `[[gateway.entry]]`: the ways in.

use http::StatusCode;
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::identity::Naming;
use kerbstone_gateway::pattern::Pattern;
use kerbstone_gateway::place::{HostPattern, Place};
use kerbstone_gateway::request_path::PathPrefix;
use kerbstone_gateway::rule::{CertificateRule, Rule};
use kerbstone_gateway::transport::MemberAddress;
use kerbstone_gateway::variables::{Domain, Variable};
use kerbstone_gateway::way::Way;
use serde::{Deserialize, Deserializer};

use super::rates::TypedBucket;

/// A section `[[gateway.entry]]`: one way in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntrySettings {
    /// Where it begins.
    pub(crate) path: String,
    /// Hosts that clients name; any without it.
    #[serde(default, deserialize_with = "one_or_several")]
    hosts: Vec<String>,
    /// Listeners that they come by; any without it.
    #[serde(default, deserialize_with = "one_or_several")]
    pub(crate) listeners: Vec<String>,
    /// Methods; any without it.
    #[serde(default, deserialize_with = "one_or_several")]
    methods: Vec<String>,
    /// How people show who they are, in the order in which it is looked for.
    ways: Option<Vec<TypedWay>>,
    /// The same with one way, as it was written first.
    authentication: Option<TypedWay>,
    back_end: Option<String>,
    /// The name of a pool.
    pub(crate) pool: Option<String>,
    page: Option<Page>,
    /// What stands behind it in place of the path.
    rewrite: Option<String>,
    #[serde(default)]
    name: Name,
    /// What of people is told behind it.
    tell: Option<Vec<TypedVariable>>,
    /// The domain of people's names, whatever their realm.
    domain: Option<String>,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    realms: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    certificate: CertificateRuleSettings,
    #[serde(default)]
    forward_authorization: bool,
    unknown_user: Option<u16>,
    /// How often people may come, all together.
    rate: Option<TypedBucket>,
}

/// What a client's certificate must have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CertificateRuleSettings {
    #[serde(deserialize_with = "one_or_several")]
    subject: Vec<String>,
    #[serde(deserialize_with = "one_or_several")]
    common_name: Vec<String>,
    #[serde(deserialize_with = "one_or_several")]
    alt_names: Vec<String>,
    #[serde(deserialize_with = "one_or_several")]
    issuer: Vec<String>,
    #[serde(deserialize_with = "one_or_several")]
    fingerprint: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TypedWay {
    Negotiate,
    Certificate,
    Basic,
    Form,
    Token,
    Session,
    None,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TypedVariable {
    User,
    AuthType,
    Domain,
    Principal,
    Realm,
    Mechanism,
    Groups,
    SubjectDn,
    SubjectDnSlash,
    CommonName,
    SubjectAltNames,
    IssuerDn,
    IssuerDnSlash,
    Serial,
    Fingerprint,
    DelegatedCache,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Page {
    Whoami,
    SignOut,
    WaysIn,
    Status,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    #[default]
    Local,
    Principal,
}

/// An entry point that cannot be meant so.
#[derive(Debug, thiserror::Error)]
#[error("the entry {path}: {why}")]
pub(crate) struct BadEntry {
    pub(super) path: String,
    pub(super) why: String,
}

impl BadEntry {
    /// Of an entry point that is fine by itself.
    pub(crate) fn new(point: &EntryPoint, why: String) -> Self {
        Self {
            path: point.to_string(),
            why,
        }
    }
}

impl EntrySettings {
    /// The entry point, or everything that is wrong with it.
    pub(super) fn point(&self) -> Result<EntryPoint, Vec<BadEntry>> {
        let mut faults = Faults::of(&self.path);
        let place = self.place(&mut faults);
        let destination = faults.take(self.destination());
        let rewrite = self.rewrite.as_deref();
        let rewrite = rewrite.and_then(|path| faults.take(PathPrefix::parse(path)));
        let ways = faults.take(self.ways());
        let unknown_user = self.unknown_user.and_then(|status| {
            let status = StatusCode::from_u16(status).ok();
            let refusal = status.filter(StatusCode::is_client_error);
            faults.take(refusal.ok_or("`unknown_user` is a status from 400 to 499"))
        });
        match (place, destination, ways, faults.found) {
            (Some(place), Some(destination), Some(ways), found) if found.is_empty() => {
                let mut point = EntryPoint::new(place, destination);
                point.ways = ways;
                point.rule = self.rule();
                point.naming = match self.name {
                    Name::Local => Naming::LocalName,
                    Name::Principal => Naming::Principal,
                };
                if let Some(tell) = &self.tell {
                    point.tell = tell.iter().map(|variable| (*variable).into()).collect();
                }
                if let Some(domain) = &self.domain {
                    point.domain = Domain::Fixed(domain.clone());
                }
                point.rewrite = rewrite;
                point.is_authorization_forwarded = self.forward_authorization;
                point.unknown_user = unknown_user;
                point.rate = self.rate.map(TypedBucket::bucket);
                Ok(point)
            }
            (_, _, _, found) => Err(found),
        }
    }

    /// The one server that it leads to without a pool's having been written for it.
    pub(crate) fn lone_member(&self) -> Option<MemberAddress> {
        self.back_end.as_ref()?.parse().ok()
    }

    fn place(&self, faults: &mut Faults) -> Option<Place> {
        let mut place = Place::below(faults.take(PathPrefix::parse(&self.path))?);
        for host in &self.hosts {
            place.hosts.extend(faults.take(HostPattern::parse(host)));
        }
        place.listeners.clone_from(&self.listeners);
        for method in &self.methods {
            let parsed = http::Method::from_bytes(method.as_bytes()).map_err(|_| method);
            let parsed = parsed.map_err(|method| format!("`{method}` is no method"));
            place.methods.extend(faults.take(parsed));
        }
        Some(place)
    }

    fn destination(&self) -> Result<Destination, String> {
        match (&self.back_end, &self.pool, self.page) {
            (Some(back_end), None, None) => match back_end.parse::<MemberAddress>() {
                Ok(address) => Ok(Destination::Pool(address.to_string().into())),
                Err(error) => Err(error.to_string()),
            },
            (None, Some(pool), None) => Ok(Destination::Pool(pool.as_str().into())),
            (None, None, Some(Page::Whoami)) => Ok(Destination::Whoami),
            (None, None, Some(Page::SignOut)) => Ok(Destination::SignOut),
            (None, None, Some(Page::Status)) => Ok(Destination::Status),
            (None, None, Some(Page::WaysIn)) => Ok(Destination::WaysIn),
            _ => Err(
                "it leads to a `pool`, to a `back_end` or to a `page`, to one of them".to_owned(),
            ),
        }
    }

    fn ways(&self) -> Result<Vec<Way>, &'static str> {
        match (&self.ways, self.authentication) {
            (Some(_), Some(_)) => Err("`ways` says what `authentication` does, and more: use one"),
            (Some(ways), None) => Ok(ways.iter().map(|way| (*way).into()).collect()),
            (None, Some(way)) => Ok(vec![way.into()]),
            (None, None) if matches!(self.page, Some(Page::SignOut)) => {
                Ok(vec![Way::Session, Way::Nobody])
            }
            (None, None) => Ok(vec![Way::Negotiate]),
        }
    }

    fn rule(&self) -> Rule {
        let patterns = |texts: &[String]| texts.iter().map(Pattern::new).collect();
        let CertificateRuleSettings {
            subject,
            common_name,
            alt_names,
            issuer,
            fingerprint,
        } = &self.certificate;
        Rule {
            users: patterns(&self.users),
            realms: patterns(&self.realms),
            groups: self.groups.clone(),
            certificate: CertificateRule {
                subject: patterns(subject),
                common_name: patterns(common_name),
                alt_names: patterns(alt_names),
                issuer: patterns(issuer),
                fingerprint: fingerprint.clone(),
            },
        }
    }
}

/// What is wrong with one entry.
struct Faults {
    path: String,
    found: Vec<BadEntry>,
}

impl Faults {
    fn of(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            found: Vec::new(),
        }
    }

    /// The value; or none, and why is kept.
    fn take<T>(&mut self, result: Result<T, impl ToString>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(why) => {
                self.found.push(BadEntry {
                    path: self.path.clone(),
                    why: why.to_string(),
                });
                None
            }
        }
    }
}

impl From<TypedWay> for Way {
    fn from(way: TypedWay) -> Self {
        match way {
            TypedWay::Negotiate => Self::Negotiate,
            TypedWay::Certificate => Self::Certificate,
            TypedWay::Basic => Self::Basic,
            TypedWay::Form => Self::Form,
            TypedWay::Token => Self::Token,
            TypedWay::Session => Self::Session,
            TypedWay::None => Self::Nobody,
        }
    }
}

impl From<TypedVariable> for Variable {
    fn from(variable: TypedVariable) -> Self {
        match variable {
            TypedVariable::User => Self::User,
            TypedVariable::AuthType => Self::AuthType,
            TypedVariable::Domain => Self::Domain,
            TypedVariable::Principal => Self::Principal,
            TypedVariable::Realm => Self::Realm,
            TypedVariable::Mechanism => Self::Mechanism,
            TypedVariable::Groups => Self::Groups,
            TypedVariable::SubjectDn => Self::SubjectDn,
            TypedVariable::SubjectDnSlash => Self::SubjectDnSlash,
            TypedVariable::CommonName => Self::CommonName,
            TypedVariable::SubjectAltNames => Self::SubjectAltNames,
            TypedVariable::IssuerDn => Self::IssuerDn,
            TypedVariable::IssuerDnSlash => Self::IssuerDnSlash,
            TypedVariable::Serial => Self::Serial,
            TypedVariable::Fingerprint => Self::Fingerprint,
            TypedVariable::DelegatedCache => Self::DelegatedCache,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    OneOrSeveral::deserialize(deserializer).map(|texts| match texts {
        OneOrSeveral::One(text) => vec![text],
        OneOrSeveral::Several(texts) => texts,
    })
}
