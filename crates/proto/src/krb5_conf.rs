//! krb5.conf: MIT's grammar (`profile.5`, `krb5.conf.5`) and what the relations in it mean.
//!
//! A [`Profile`] is the tree of sections and relations of one or several files; [`Krb5Conf`] asks
//! it typed questions. Values are judged when they are asked for, as MIT does, so that a mistake in
//! one of them stops only those who need it; [`Krb5Conf::problems`] finds them all. Files are read
//! through a [`FileSource`] of the caller's.

mod appdefaults;
mod capaths;
mod domain_realm;
mod error;
mod libdefaults;
mod parser;
mod profile;
mod realm_settings;
mod scalar;
mod server_address;
mod source;
mod tokens;

use std::path::PathBuf;

pub use self::capaths::hierarchical_path;
pub use self::error::{ConfError, Location, Syntax};
pub use self::libdefaults::{CanonicalizeHostname, Libdefaults, LoginDefaults};
pub use self::profile::{Profile, Relation};
pub use self::realm_settings::RealmSettings;
pub use self::server_address::{ServerAddress, Transport};
pub use self::source::{FileSource, NoFiles, search_path};
pub use self::tokens::{TokenError, Tokens, expand_tokens};

/// A configuration as client, service and KDC ask it.
#[derive(Clone, Debug, Default)]
pub struct Krb5Conf {
    profile: Profile,
}

impl Krb5Conf {
    /// Puts typed questions to `profile`.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self { profile }
    }

    /// Reads the files of a search path; see [`search_path`] and [`Profile::load`].
    ///
    /// # Errors
    /// A file is not of the grammar, includes one that cannot be read, or none may be read.
    pub fn load(paths: &[PathBuf], source: &dyn FileSource) -> Result<Self, ConfError> {
        Profile::load(paths, source).map(Self::new)
    }

    /// Reads one text that includes no files.
    ///
    /// # Errors
    /// It is not of the grammar.
    pub fn parse(text: &str) -> Result<Self, ConfError> {
        Profile::parse(text).map(Self::new)
    }

    /// The sections and relations themselves.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// `[libdefaults]`.
    #[must_use]
    pub const fn libdefaults(&self) -> Libdefaults<'_> {
        Libdefaults::new(&self.profile)
    }

    /// `[libdefaults]` for a client of `realm`: a subsection named after the realm comes first.
    #[must_use]
    pub const fn login_defaults<'a>(&'a self, realm: &'a str) -> LoginDefaults<'a> {
        LoginDefaults::new(&self.profile, realm)
    }

    /// What `[realms]` says about `realm`.
    #[must_use]
    pub const fn realm<'a>(&'a self, realm: &'a str) -> RealmSettings<'a> {
        RealmSettings::new(&self.profile, realm)
    }

    /// The realms that have a subsection in `[realms]`.
    #[must_use]
    pub fn realm_names(&self) -> Vec<&str> {
        self.profile.subsections(&["realms"])
    }

    /// Every value that cannot be understood, with its file and line.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfError> {
        let realms = self.realm_names();
        realms
            .iter()
            .flat_map(|realm| self.realm(realm).problems())
            .chain(self.libdefaults().problems())
            .collect()
    }
}
