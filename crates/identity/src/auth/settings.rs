use jiff::SignedDuration;

use crate::model::DEFAULT_DOMAIN;

/// How people sign in, and what the tokens that they get are like.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// The methods that are allowed, in the order of Keystone's `[auth] methods`: whoever shares the keys must have the
    /// same list in the same order, since tokens name methods by their place in it.
    pub methods: Vec<String>,
    /// How long a token lives.
    pub expiration: SignedDuration,
    /// How long after its end a service may still ask about a token with `?allow_expired=1`.
    pub allow_expired_window: SignedDuration,
    /// Whether a token for a project or domain can be exchanged for one for another.
    pub allow_rescope_scoped_token: bool,
    /// How long the receipt of a first factor lives.
    pub receipt_expiration: SignedDuration,
    /// The domain of users for whom nothing names one: its id.
    pub default_domain: String,
    /// Which domain's users the principals of a realm are. The first realm of a domain is the one in which passwords
    /// of its users are checked.
    pub realms: Vec<RealmOfDomain>,
    /// Whether somebody who is proved to be a principal is made a user when there is none for it.
    pub first_sight: Option<FirstSight>,
    /// Issuers of certificates whose holders need no token, in the form of the front's `SSL_CLIENT_I_DN`.
    pub trusted_issuers: Vec<String>,
    /// Which endpoints clients of an entry are not told of.
    pub catalog_views: Vec<CatalogView>,
    /// The project, and its domain, in which being an administrator counts everywhere: both names.
    pub admin_project: Option<(String, String)>,
}

/// That the principals of a realm are the users of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmOfDomain {
    /// The realm.
    pub realm: String,
    /// The domain's id or name.
    pub domain: String,
}

/// What somebody gets at their first sight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSight {
    /// Domains of which users are made: ids or names. Empty: all that belong to a realm.
    pub domains: Vec<String>,
    /// Their default project (an id, or a name in their domain), on which they get the roles.
    pub project: Option<String>,
    /// The names of roles that they get on that project.
    pub roles: Vec<String>,
}

/// That clients who come by one entry are not told of some endpoints: those of the API's other version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogView {
    /// How the path under which the client sees us begins (`X-Forwarded-Prefix`): `/main`, `/krb`.
    pub entry: String,
    /// Endpoints whose URL contains one of these texts are left out: `/v2.0`.
    pub leave_out: Vec<String>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        let methods = [
            "password",
            "token",
            "kerberos",
            "x509",
            "application_credential",
        ];
        Self {
            methods: methods.map(str::to_owned).to_vec(),
            expiration: SignedDuration::from_hours(1),
            allow_expired_window: SignedDuration::from_hours(48),
            allow_rescope_scoped_token: true,
            receipt_expiration: SignedDuration::from_mins(5),
            default_domain: DEFAULT_DOMAIN.to_owned(),
            realms: Vec::new(),
            first_sight: None,
            trusted_issuers: Vec::new(),
            catalog_views: Vec::new(),
            admin_project: None,
        }
    }
}

impl AuthSettings {
    pub(super) fn allows(&self, method: &str) -> bool {
        self.methods.iter().any(|allowed| allowed == method)
    }
}
