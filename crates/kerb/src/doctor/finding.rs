//! What the doctor saw, and what it means.

use std::fmt;

use kerbstone_client::ClientError;
use serde::Serialize;

use crate::failure;

/// How bad it is; worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Good to know; nothing fails because of it.
    Note,
    /// Something will fail for somebody, or soon.
    Warning,
    /// Kerberos does not work because of it.
    Problem,
}

impl Verdict {
    /// As wide as the widest.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok     ",
            Self::Note => "note   ",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// Where the doctor looked, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Area {
    /// krb5.conf.
    Configuration,
    /// Which KDCs answer.
    Kdc,
    /// Our clock against theirs.
    Clock,
    /// Names of hosts, and of services on them.
    Names,
    /// Services in the KDC's database.
    Service,
    /// Keytabs against the KDC.
    Keytab,
    /// Credential caches.
    Cache,
    /// People's accounts.
    Account,
    /// Who may read and write what.
    Permissions,
    /// What browsers were told.
    Browser,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "Configuration",
            Self::Kdc => "KDCs",
            Self::Clock => "Clock",
            Self::Names => "Names",
            Self::Service => "Services",
            Self::Keytab => "Keytab",
            Self::Cache => "Credential cache",
            Self::Account => "Accounts",
            Self::Permissions => "Permissions",
            Self::Browser => "Browsers",
        })
    }
}

/// What is wrong, in one word for scripts. A cause that stands earlier explains those after it, so that of two equally bad
/// findings the earlier one is named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    ConfigurationUnreadable,
    ConfigurationSyntax,
    NoDefaultRealm,
    NoKdc,
    KdcDown,
    ClockSkew,
    NoCommonEnctype,
    RealmMapping,
    ReverseDns,
    CanonicalName,
    MissingService,
    KeytabUnreadable,
    KeytabMissing,
    WrongKvno,
    WrongEnctype,
    WrongKey,
    NoKeyForService,
    KeyExpired,
    AccountExpired,
    AccountRevoked,
    UnknownPrincipal,
    CacheExpired,
    CacheUnreadable,
    NoTrust,
    Refused,
    HostUnknown,
    ConfigurationValue,
    Permissions,
    NotSignedIn,
    BrowserPolicy,
    NotFinished,
}

impl Cause {
    /// Its name in `--json`.
    pub(crate) fn code(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) area: Area,
    pub(crate) looked_at: String,
    pub(crate) verdict: Verdict,
    pub(crate) cause: Option<Cause>,
    pub(crate) says: String,
    pub(crate) help: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(crate) fn ok(area: Area, looked_at: impl fmt::Display, says: impl Into<String>) -> Self {
        Self::plain(area, looked_at, Verdict::Ok, says)
    }

    /// Good to know.
    pub(crate) fn note(area: Area, looked_at: impl fmt::Display, says: impl Into<String>) -> Self {
        Self::plain(area, looked_at, Verdict::Note, says)
    }

    /// Something will fail for somebody, or soon.
    pub(crate) fn warning(
        area: Area,
        looked_at: impl fmt::Display,
        cause: Cause,
        says: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::bad(area, looked_at, Verdict::Warning, cause, says, help)
    }

    /// Kerberos does not work because of it.
    pub(crate) fn problem(
        area: Area,
        looked_at: impl fmt::Display,
        cause: Cause,
        says: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::bad(area, looked_at, Verdict::Problem, cause, says, help)
    }

    /// The same with a line that says what to do.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn plain(
        area: Area,
        looked_at: impl fmt::Display,
        verdict: Verdict,
        says: impl Into<String>,
    ) -> Self {
        Self {
            area,
            looked_at: looked_at.to_string(),
            verdict,
            cause: None,
            says: says.into(),
            help: None,
        }
    }

    fn bad(
        area: Area,
        looked_at: impl fmt::Display,
        verdict: Verdict,
        cause: Cause,
        says: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            cause: Some(cause),
            help: Some(help.into()),
            ..Self::plain(area, looked_at, verdict, says)
        }
    }
}

/// What helps against an error; `otherwise` where the library has nothing to say.
pub(crate) fn advice(error: &ClientError, otherwise: &str) -> String {
    match failure::advice(error) {
        advice if advice.is_empty() => otherwise.to_owned(),
        advice => advice,
    }
}
