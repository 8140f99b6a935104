//! The section `[gateway.certificates]`: who issued clients' certificates, and whom they stand for.

use std::path::{Path, PathBuf};

use kerbstone_gateway::certificate::{BadRule, CertificateMap, Field, MapRule};
use serde::{Deserialize, Deserializer};

/// The section `[gateway.certificates]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CertificateSettings {
    /// Authorities that clients' certificates come from, in PEM.
    #[serde(deserialize_with = "paths")]
    pub(super) ca: Vec<PathBuf>,
    /// Lists of what they have revoked, in PEM.
    #[serde(deserialize_with = "paths")]
    pub(super) crls: Vec<PathBuf>,
    /// Whom a certificate stands for; the first that fits decides.
    map: Vec<MapSettings>,
}

/// A section `[[gateway.certificates.map]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapSettings {
    /// What is looked at.
    from: Option<TypedField>,
    /// A regular expression that the whole of it must match.
    pattern: Option<String>,
    /// The principal, with what was found in braces.
    principal: Option<String>,
    /// A file that says whom certificates stand for, in the place of all these.
    table: Option<PathBuf>,
    /// Only certificates of this issuer.
    issuer: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TypedField {
    Cn,
    Subject,
    Email,
    Dns,
    Uri,
    Upn,
    Krb5,
}

/// A rule that cannot be meant so.
#[derive(Debug, thiserror::Error)]
#[error("[[gateway.certificates.map]], the {number}. of them: {why}")]
pub(crate) struct BadMap {
    number: usize,
    why: String,
}

impl CertificateSettings {
    /// Whom certificates stand for; tables are read.
    ///
    /// # Errors
    /// [`BadMap`] for the first rule that cannot be meant so.
    pub(crate) fn map(&self, folder: &Path) -> Result<CertificateMap, BadMap> {
        let rules = self.map.iter().enumerate().map(|(index, rule)| {
            rule.rule(folder).map_err(|why| BadMap {
                number: index.saturating_add(1),
                why,
            })
        });
        rules.collect::<Result<_, _>>().map(CertificateMap::new)
    }

    /// Every file that is named.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let tables = self.map.iter().filter_map(|rule| rule.table.as_ref());
        self.ca.iter().chain(&self.crls).chain(tables)
    }
}

impl MapSettings {
    fn rule(&self, folder: &Path) -> Result<MapRule, String> {
        let words = |error: BadRule| error.to_string();
        let rule = match (self.from, &self.table) {
            (Some(field), None) => MapRule::new(
                field.into(),
                self.pattern.as_deref(),
                self.principal.as_deref(),
            )
            .map_err(words)?,
            (None, Some(table)) if self.pattern.is_none() && self.principal.is_none() => {
                MapRule::table(&folder.join(table)).map_err(words)?
            }
            (None, Some(_)) => {
                return Err("a `table` has principals of its own: `pattern` and `principal` do not go with it".to_owned());
            }
            _ => {
                return Err(
                    "it looks at a field (`from`) or into a `table`, at one of them".to_owned(),
                );
            }
        };
        Ok(rule.of_issuer(self.issuer.clone()))
    }
}

impl From<TypedField> for Field {
    fn from(typed: TypedField) -> Self {
        match typed {
            TypedField::Cn => Self::CommonName,
            TypedField::Subject => Self::Subject,
            TypedField::Email => Self::Email,
            TypedField::Dns => Self::Dns,
            TypedField::Uri => Self::Uri,
            TypedField::Upn => Self::Upn,
            TypedField::Krb5 => Self::Kerberos,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a file or a list of files")]
enum OneOrSeveral {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

/// A file, or a list of files.
pub(super) fn paths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    OneOrSeveral::deserialize(deserializer).map(|paths| match paths {
        OneOrSeveral::One(path) => vec![path],
        OneOrSeveral::Several(paths) => paths,
    })
}
