//! The section `[gateway.sessions]`: the cookie that stands for a proof, and its keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kerbstone_gateway::session::SessionLives;
use kerbstone_gateway::session::cookie::{BadCookie, CookieStyle, SameSite};
use serde::Deserialize;

use crate::settings_file::duration;

/// The section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TypedSessions {
    /// The file of keys, in a folder of its own.
    keys: PathBuf,
    /// The cookie's name.
    cookie: Option<String>,
    domain: Option<String>,
    path: String,
    secure: bool,
    same_site: TypedSameSite,
    #[serde(deserialize_with = "duration")]
    idle: Duration,
    #[serde(deserialize_with = "duration")]
    maximum: Duration,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TypedSameSite {
    Strict,
    #[default]
    Lax,
    None,
}

/// Sessions that cannot be meant so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSessions {
    /// The cookie would be dropped by browsers.
    #[error("the section [gateway.sessions]: {0}")]
    Cookie(#[from] BadCookie),
    /// A session that is over when it begins.
    #[error("the section [gateway.sessions]: `idle` and `maximum` are at least a minute")]
    TooShort,
    /// A gateway without keys of its own shuts itself off from the settings' folder.
    #[error(
        "the section [gateway.sessions]: beside `proxy`, `keys` is a file in a folder of its own"
    )]
    SharedFolder,
}

const SHORTEST: Duration = Duration::from_secs(60);

impl Default for TypedSessions {
    fn default() -> Self {
        let SessionLives { idle, maximum } = SessionLives::default();
        Self {
            keys: PathBuf::from("gateway.sessions/keys"),
            cookie: None,
            domain: None,
            path: "/".to_owned(),
            secure: true,
            same_site: TypedSameSite::default(),
            idle,
            maximum,
        }
    }
}

impl TypedSessions {
    pub(crate) fn style(&self) -> Result<CookieStyle, BadSessions> {
        let same_site = match self.same_site {
            TypedSameSite::Strict => SameSite::Strict,
            TypedSameSite::Lax => SameSite::Lax,
            TypedSameSite::None => SameSite::None,
        };
        let (name, domain) = (self.cookie.clone(), self.domain.clone());
        Ok(CookieStyle::new(
            name,
            domain,
            self.path.clone(),
            self.secure,
            same_site,
        )?)
    }

    pub(crate) fn lives(&self) -> Result<SessionLives, BadSessions> {
        if self.idle < SHORTEST || self.maximum < SHORTEST {
            return Err(BadSessions::TooShort);
        }
        Ok(SessionLives {
            idle: self.idle,
            maximum: self.maximum,
        })
    }

    /// The file of keys, by the settings' folder.
    pub(crate) fn keys(&self, folder: &Path) -> PathBuf {
        folder.join(&self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> TypedSessions {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_cookie_is_as_strict_as_its_reach_allows() {
        assert_eq!(parsed("").style().unwrap(), CookieStyle::default());
        let wide = parsed("domain = \"example.test\"").style().unwrap();
        assert_eq!(wide.name(), "__Secure-kerbstone");
        let bad = parsed("cookie = \"__Host-a\"\npath = \"/app\"")
            .style()
            .unwrap_err();
        assert!(bad.to_string().contains("__Host-"), "{bad}");
    }

    #[test]
    fn a_session_lasts_at_least_a_minute() {
        assert_eq!(parsed("").lives().unwrap(), SessionLives::default());
        assert!(parsed("idle = \"1s\"").lives().is_err());
        assert_eq!(
            parsed("").keys(Path::new("/srv")),
            Path::new("/srv/gateway.sessions/keys")
        );
    }
}
