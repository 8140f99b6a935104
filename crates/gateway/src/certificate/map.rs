//! Whose certificate it is: rules, of which the first that fits decides.

use std::path::Path;

use kerbstone_proto::name::Principal;
use regex::Regex;

use super::table::{BadTable, Table};
use super::template::Template;
use super::{AltName, ClientCertificate};

/// Which principal a certificate stands for.
#[derive(Debug, Default)]
pub struct CertificateMap {
    rules: Vec<MapRule>,
}

/// One rule of a [`CertificateMap`].
#[derive(Debug)]
pub struct MapRule {
    way: Way,
    issuer: Option<String>,
}

#[derive(Debug)]
enum Way {
    Text {
        field: Field,
        pattern: Option<Regex>,
        template: Template,
    },
    Kerberos(Option<Regex>),
    Table(Table),
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The common name.
    CommonName,
    /// The subject, in the form of RFC 2253.
    Subject,
    /// A mail address among the alternative names.
    Email,
    /// A host's name among them.
    Dns,
    /// A URI among them.
    Uri,
    /// A user principal name among them.
    Upn,
    /// A Kerberos principal among them, which is taken as it is.
    Kerberos,
}

/// A rule that cannot be meant so.
#[derive(Debug, thiserror::Error)]
pub enum BadRule {
    /// The pattern is no regular expression.
    #[error("the pattern cannot be read: {0}")]
    Pattern(#[from] regex::Error),
    /// A brace has no partner.
    #[error("`{0}` has a brace without its partner")]
    Brace(String),
    /// The rule finds nothing of that name.
    #[error("nothing is found that `{{{0}}}` could stand for")]
    Placeholder(String),
    /// The rule does not say what the principal is.
    #[error("it does not say which principal it leads to")]
    NoPrincipal,
    /// A Kerberos principal is taken as it is.
    #[error("a Kerberos principal in a certificate is taken as it is; leave `principal` out")]
    Rewritten,
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] BadTable),
}

/// Why a certificate stands for nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// There is no rule for it.
    #[error("no rule says whose this certificate is")]
    NoRule,
    /// The first rule that fits found something that cannot be part of a principal: NUL, other control
    /// characters, `@`, `/`, a backslash, or nothing at all.
    #[error("`{}` cannot be part of a principal", .0.escape_debug())]
    Unusable(String),
    /// What the rule made is no principal with a realm.
    #[error("`{}` is no principal with its realm", .0.escape_debug())]
    NoPrincipal(String),
}

impl CertificateMap {
    /// The rules in their order.
    pub const fn new(rules: Vec<MapRule>) -> Self {
        Self { rules }
    }

    /// Whose certificate it is, by the first rule that fits.
    ///
    /// # Errors
    /// [`Unmapped`] says why it is nobody's.
    pub fn principal(&self, certificate: &ClientCertificate) -> Result<Principal, Unmapped> {
        let mut decided = self.rules.iter().filter_map(|rule| rule.apply(certificate));
        decided.next().unwrap_or(Err(Unmapped::NoRule))
    }

    /// The files that rules look into.
    pub fn tables(&self) -> impl Iterator<Item = &Path> {
        let tables = self.rules.iter().filter_map(MapRule::as_table);
        tables.map(Table::path)
    }

    /// Reads tables anew whose files have changed; says whether there were any. One that cannot be used stays as it was.
    ///
    /// # Errors
    /// The first table's that could not be used, once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, BadTable> {
        let tables = self.rules.iter().filter_map(MapRule::as_table);
        let read: Vec<_> = tables
            .filter(|table| table.has_changed())
            .map(Table::reload)
            .collect();
        let has_changed = !read.is_empty();
        read.into_iter()
            .collect::<Result<(), _>>()
            .map(|()| has_changed)
    }
}

impl MapRule {
    /// A rule that looks at a field, whose whole text `pattern` must match if there is one, and puts a principal
    /// together: `{user}@EXAMPLE.COM`.
    ///
    /// In braces may stand the field's name ([`Field::name`]), `0` and the numbers and names of the pattern's groups;
    /// of mail addresses and user principal names also `user` and `domain`. With `:upper` behind, it comes in capital letters.
    ///
    /// # Errors
    /// [`BadRule`]
    pub fn new(
        field: Field,
        pattern: Option<&str>,
        principal: Option<&str>,
    ) -> Result<Self, BadRule> {
        let pattern = pattern
            .map(|pattern| Regex::new(&format!("^(?:{pattern})$")))
            .transpose()?;
        if field == Field::Kerberos {
            return match principal {
                None | Some("{krb5}") => Ok(Self::by(Way::Kerberos(pattern))),
                Some(_) => Err(BadRule::Rewritten),
            };
        }
        let is_known = |name: &str| {
            let is_group = pattern.as_ref().is_some_and(|pattern| {
                let mut names = pattern.capture_names().enumerate();
                names.any(|(index, known)| known == Some(name) || index.to_string() == name)
            });
            let is_part = field.has_domain() && matches!(name, "user" | "domain");
            is_group || is_part || name == "0" || name == field.name()
        };
        let template = Template::parse(principal.ok_or(BadRule::NoPrincipal)?, is_known)?;
        Ok(Self::by(Way::Text {
            field,
            pattern,
            template,
        }))
    }

    /// A rule that looks into a table.
    ///
    /// # Errors
    /// [`BadRule::Table`]
    pub fn table(path: &Path) -> Result<Self, BadRule> {
        Ok(Self::by(Way::Table(Table::open(path)?)))
    }

    /// Holds for certificates of that issuer only (in the form of RFC 2253).
    #[must_use]
    pub fn of_issuer(mut self, issuer: Option<String>) -> Self {
        self.issuer = issuer;
        self
    }

    const fn by(way: Way) -> Self {
        Self { way, issuer: None }
    }

    const fn as_table(&self) -> Option<&Table> {
        match &self.way {
            Way::Table(table) => Some(table),
            _ => None,
        }
    }

    /// `None` when the rule does not fit.
    fn apply(&self, certificate: &ClientCertificate) -> Option<Result<Principal, Unmapped>> {
        if self
            .issuer
            .as_ref()
            .is_some_and(|issuer| *issuer != certificate.issuer_dn)
        {
            return None;
        }
        match &self.way {
            Way::Table(table) => table.find(certificate).map(Ok),
            Way::Kerberos(pattern) => kerberos(certificate, pattern.as_ref()),
            Way::Text {
                field,
                pattern,
                template,
            } => field
                .texts(certificate)
                .find_map(|text| apply_text(*field, text, pattern.as_ref(), template)),
        }
    }
}

fn apply_text(
    field: Field,
    text: &str,
    pattern: Option<&Regex>,
    template: &Template,
) -> Option<Result<Principal, Unmapped>> {
    let groups = match pattern {
        Some(pattern) => Some(pattern.captures(text)?),
        None => None,
    };
    // A pattern that leaves a NUL out would still be led astray by what stands behind it.
    if text.chars().any(char::is_control) {
        return Some(Err(Unmapped::Unusable(text.to_owned())));
    }
    let parts = text.rsplit_once('@');
    let found = |name: &str| {
        let group = groups
            .as_ref()
            .and_then(|groups| groups.name(name).or_else(|| groups.get(name.parse().ok()?)));
        match name {
            _ if group.is_some() => group.map(|group| group.as_str()),
            "user" if field.has_domain() => parts.map(|(user, _)| user),
            "domain" if field.has_domain() => parts.map(|(_, domain)| domain),
            _ if name == "0" || name == field.name() => Some(text),
            _ => None,
        }
    };
    Some(template.fill(found).and_then(|text| {
        let principal = Principal::parse(&text, None);
        principal.map_err(|_| Unmapped::NoPrincipal(text))
    }))
}

fn kerberos(
    certificate: &ClientCertificate,
    pattern: Option<&Regex>,
) -> Option<Result<Principal, Unmapped>> {
    certificate.alt_names.iter().find_map(|name| {
        let AltName::Principal(text) = name else {
            return None;
        };
        let is_meant = pattern.is_none_or(|pattern| pattern.is_match(text));
        is_meant.then(|| taken_as_it_is(text))
    })
}

fn taken_as_it_is(text: &str) -> Result<Principal, Unmapped> {
    let principal =
        Principal::parse(text, None).map_err(|_| Unmapped::NoPrincipal(text.to_owned()))?;
    let has_control = |part: &[u8]| part.iter().any(u8::is_ascii_control);
    let mut components = principal.name.components.iter();
    match has_control(principal.realm.as_bytes())
        || components.any(|component| has_control(component.as_bytes()))
    {
        true => Err(Unmapped::Unusable(text.to_owned())),
        false => Ok(principal),
    }
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CommonName,
        Self::Subject,
        Self::Email,
        Self::Dns,
        Self::Uri,
        Self::Upn,
        Self::Kerberos,
    ];

    /// As settings write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommonName => "cn",
            Self::Subject => "subject",
            Self::Email => "email",
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Upn => "upn",
            Self::Kerberos => "krb5",
        }
    }

    const fn has_domain(self) -> bool {
        matches!(self, Self::Email | Self::Upn)
    }

    /// What a certificate has of it.
    fn texts(self, certificate: &ClientCertificate) -> impl Iterator<Item = &str> {
        let of_subject = match self {
            Self::CommonName => certificate.common_name.as_deref(),
            Self::Subject => Some(certificate.subject_dn.as_str()),
            _ => None,
        };
        let alternative = certificate
            .alt_names
            .iter()
            .filter_map(move |name| match (self, name) {
                (Self::Email, AltName::Mail(text))
                | (Self::Dns, AltName::Dns(text))
                | (Self::Uri, AltName::Uri(text))
                | (Self::Upn, AltName::Upn(text)) => Some(text.as_str()),
                _ => None,
            });
        of_subject.into_iter().chain(alternative)
    }
}
