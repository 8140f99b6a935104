use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Id, Indexes, Model, Table};

/// What is kept, each kind in a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Projects and domains.
    Project,
    /// Users.
    User,
    /// Groups.
    Group,
    /// Who is in which group.
    Membership,
    /// Roles.
    Role,
    /// Which role implies which.
    Implication,
    /// Who has which role where.
    Assignment,
    /// Regions.
    Region,
    /// Services.
    Service,
    /// Endpoints.
    Endpoint,
    /// Trusts.
    Trust,
    /// Application credentials.
    ApplicationCredential,
    /// What application credentials may call.
    AccessRule,
    /// Credentials.
    Credential,
    /// Limits.
    Limit,
    /// Revocation events.
    Revocation,
}

impl Kind {
    /// The name of its table in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "projects",
            Self::User => "users",
            Self::Group => "groups",
            Self::Membership => "memberships",
            Self::Role => "roles",
            Self::Implication => "implications",
            Self::Assignment => "assignments",
            Self::Region => "regions",
            Self::Service => "services",
            Self::Endpoint => "endpoints",
            Self::Trust => "trusts",
            Self::ApplicationCredential => "application_credentials",
            Self::AccessRule => "access_rules",
            Self::Credential => "credentials",
            Self::Limit => "limits",
            Self::Revocation => "revocations",
        }
    }
}

/// Something that is kept: one line of a table.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Its table.
    const KIND: Kind;

    /// The key under which it stands.
    fn key(&self) -> Id;

    /// Its table in memory.
    fn table(model: &Model) -> &Table<Id, Arc<Self>>;

    /// Its table in memory, to change.
    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>>;

    /// Tells the indexes that it is there.
    fn enter(&self, _indexes: &mut Indexes) {}

    /// Tells the indexes that it is gone.
    fn leave(&self, _indexes: &mut Indexes) {}
}
