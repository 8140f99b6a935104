//! Sessions: a cookie that stands for a proof shown before, sealed so that only we can make or read it.
//!
//! The server keeps nothing about a session but its keys ([`KeyRing`]) and which sessions were ended before their time.
//! A session lives until its ticket ends, until nobody has come with it for a while, or until it is old, whichever is
//! first.

mod contents;
pub mod cookie;
mod ended;
pub mod key_ring;
mod revoked;
mod seal;

use std::io;
use std::path::Path;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use rand::Rng;
use sha2::{Digest, Sha256};

use self::contents::{Contents, ScopeMark, SessionId};
use self::cookie::CookieStyle;
use self::ended::Ended;
use self::key_ring::{KeyLives, KeyRing, RingFault};
pub(crate) use self::seal::{Purpose, Unsealed};
use crate::identity::{Identity, Method};
use crate::way::Way;

/// How long sessions live, whatever their tickets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLives {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub maximum: Duration,
}

impl Default for SessionLives {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(3600),
            maximum: Duration::from_secs(10 * 3600),
        }
    }
}

/// Where a request came to, as far as it matters to sessions.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The host that the client asked for, with or without a port.
    pub host: &'a str,
    /// The ways of the route. A session that began by another way than these counts for nothing there.
    pub ways: &'a [Way],
}

/// A session that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whose it is.
    pub principal: Principal,
    /// By what they showed who they are.
    pub method: Method,
    /// When they showed a password or its like.
    pub authenticated_at: KerberosTime,
    /// When their ticket, or whatever they showed, ends.
    pub ends_at: KerberosTime,
    /// When the session began.
    pub began: KerberosTime,
    /// The cache with the ticket that they delegated.
    pub delegated_cache: Option<String>,
    id: SessionId,
    touched: KerberosTime,
}

/// Why a cookie counts for nothing. It is as good as absent then, and goes with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SessionFault {
    /// It is no cookie of ours at all, or a part of one.
    #[error("the cookie is damaged")]
    Damaged,
    /// Its key is gone, or was never ours.
    #[error("the cookie's key is not in the ring")]
    UnknownKey,
    /// Its key does not open it.
    #[error("the cookie was altered")]
    Altered,
    /// It was made for another host or path.
    #[error("the cookie is of another host or path")]
    Elsewhere,
    /// The ticket or certificate behind it has ended.
    #[error("the proof behind the session has ended")]
    ProofEnded,
    /// Nobody came with it for too long.
    #[error("the session was idle for too long")]
    Idle,
    /// It is older than any session may be.
    #[error("the session is too old")]
    TooOld,
    /// The person has signed out.
    #[error("the session was ended")]
    Ended,
}

impl SessionFault {
    /// In one word, for counting.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::UnknownKey => "unknown_key",
            Self::Altered => "altered",
            Self::Elsewhere => "elsewhere",
            Self::ProofEnded => "proof_ended",
            Self::Idle => "idle",
            Self::TooOld => "too_old",
            Self::Ended => "ended",
        }
    }

    /// Whether somebody has tried something, rather than come late.
    pub const fn is_suspicious(self) -> bool {
        matches!(self, Self::Altered | Self::Elsewhere | Self::Ended)
    }
}

/// Makes, reads and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    style: CookieStyle,
    form_style: CookieStyle,
    lives: SessionLives,
    ring: KeyRing,
    ended: Ended,
}

/// Keys change a few times in the life of a session.
const KEYS_PER_LIFE: u32 = 4;
const SHORTEST_KEY_LIFE: Duration = Duration::from_secs(60);

impl Sessions {
    /// Sessions that end with the process.
    pub fn in_memory(style: CookieStyle, lives: SessionLives, now: KerberosTime) -> Self {
        let ring = KeyRing::in_memory(key_lives(lives), now);
        Self::with(style, lives, ring, Ended::in_memory())
    }

    /// Sessions whose keys are in a file, which is made when it is missing. The file `<path>.ended` remembers which were
    /// ended.
    ///
    /// # Errors
    /// [`RingFault`] when the files cannot be used.
    pub fn open(
        style: CookieStyle,
        lives: SessionLives,
        path: &Path,
        now: KerberosTime,
    ) -> Result<Self, RingFault> {
        let ring = KeyRing::open(path, key_lives(lives), now)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".ended");
        let ended = Ended::open(Path::new(&beside), now).map_err(|source| RingFault::Io {
            path: beside.into(),
            source,
        })?;
        Ok(Self::with(style, lives, ring, ended))
    }

    fn with(style: CookieStyle, lives: SessionLives, ring: KeyRing, ended: Ended) -> Self {
        Self {
            form_style: style.sibling("form"),
            style,
            lives,
            ring,
            ended,
        }
    }

    /// The session that a request goes on with, if it has one that counts here.
    ///
    /// # Errors
    /// [`SessionFault`] when there is a cookie and none that opens: it counts as absent, and the answer should make the
    /// browser [forget](Self::forget) it.
    pub fn read(
        &self,
        headers: &HeaderMap,
        scope: &Scope<'_>,
        now: KerberosTime,
    ) -> Result<Option<SessionFacts>, SessionFault> {
        let mut fault = None;
        for cookie in self.style.find(headers) {
            match self.open_cookie(cookie, scope, now) {
                Ok(facts) => {
                    return Ok(Some(facts).filter(|facts| counts(facts.method, scope.ways)));
                }
                Err(why) => {
                    fault.get_or_insert(why);
                }
            }
        }
        fault.map_or(Ok(None), Err)
    }

    /// `Set-Cookie` for a session that begins with this proof; nothing where none can: the host is outside the cookie's
    /// domain, the proof is over, or the name is too long for a cookie.
    pub fn begin(
        &self,
        identity: &Identity,
        method: Method,
        delegated_cache: Option<String>,
        scope: &Scope<'_>,
        now: KerberosTime,
    ) -> Option<HeaderValue> {
        let mut id = SessionId::default();
        rand::rng().fill_bytes(&mut id);
        let facts = SessionFacts {
            principal: identity.principal.clone(),
            method,
            authenticated_at: identity.authenticated_at,
            ends_at: identity.ends_at,
            began: now,
            delegated_cache,
            id,
            touched: now,
        };
        self.set_cookie(facts, scope, now)
    }

    /// `Set-Cookie` for a session that goes on, when the last one was some time ago.
    pub fn renew(
        &self,
        facts: &SessionFacts,
        scope: &Scope<'_>,
        now: KerberosTime,
    ) -> Option<HeaderValue> {
        if now.duration_since(facts.touched) < self.lives.idle / 10 {
            return None;
        }
        let facts = SessionFacts {
            touched: now,
            ..facts.clone()
        };
        self.set_cookie(facts, scope, now)
    }

    /// Ends a session for good: no cookie of it counts from now on.
    pub fn end(&self, facts: &SessionFacts) {
        self.ended.add(facts.id, self.latest_end(facts));
    }

    /// Makes void every session of somebody that has begun: of a principal, or of everybody of that name in any realm.
    pub fn revoke(&self, whose: &str, now: KerberosTime) {
        revoked::revoke(&self.ended, whose, now);
    }

    /// `Set-Cookie` that makes the browser forget its session.
    pub fn forget(&self) -> Option<HeaderValue> {
        self.style.forget()
    }

    /// Takes our cookies out of a request that goes to a back end.
    pub fn take_away(&self, headers: &mut HeaderMap) {
        cookie::take_away(&[&self.style, &self.form_style], headers);
    }

    /// Takes out of a back end's answer what would set our cookies.
    pub fn shield(&self, headers: &mut HeaderMap) {
        let is_ours =
            |value: &HeaderValue| self.style.is_set_by(value) || self.form_style.is_set_by(value);
        if !headers.get_all(header::SET_COOKIE).iter().any(is_ours) {
            return;
        }
        let others = headers.get_all(header::SET_COOKIE).iter();
        let kept: Vec<HeaderValue> = others.filter(|value| !is_ours(value)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        for value in kept {
            headers.append(header::SET_COOKIE, value);
        }
    }

    /// What is to be done every minute or so, on a thread that may wait for files: new keys come, old ones go, and what
    /// other processes have ended is heard of.
    ///
    /// # Errors
    /// [`RingFault`]; everything goes on as it was.
    pub fn tidy(&self, now: KerberosTime) -> Result<(), RingFault> {
        self.ring.rotate(now)?;
        self.ended
            .catch_up(now)
            .map_err(|source: io::Error| RingFault::Io {
                path: "the list of ended sessions".into(),
                source,
            })
    }

    /// Whether sessions of the one are sessions of the other, so that the one may go on in the other's place.
    pub fn are_those_of(&self, other: &Self) -> bool {
        self.style == other.style && self.lives == other.lives && self.ring.is_at(&other.ring)
    }

    /// The lives of sessions.
    pub const fn lives(&self) -> SessionLives {
        self.lives
    }

    /// The style of the cookie.
    pub const fn style(&self) -> &CookieStyle {
        &self.style
    }

    pub(crate) const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) const fn form_style(&self) -> &CookieStyle {
        &self.form_style
    }

    fn open_cookie(
        &self,
        cookie: &str,
        scope: &Scope<'_>,
        now: KerberosTime,
    ) -> Result<SessionFacts, SessionFault> {
        let opened = self.ring.unseal(Purpose::Session, cookie, now);
        let octets = opened.map_err(|why| match why {
            Unsealed::Malformed => SessionFault::Damaged,
            Unsealed::Unknown(_) => SessionFault::UnknownKey,
            Unsealed::Altered => SessionFault::Altered,
        })?;
        let contents = Contents::decode(&octets).ok_or(SessionFault::Damaged)?;
        if self.mark(scope) != Some(contents.scope) {
            return Err(SessionFault::Elsewhere);
        }
        let facts = SessionFacts {
            principal: contents.principal,
            method: contents.method,
            authenticated_at: contents.authenticated_at,
            ends_at: contents.ends_at,
            began: contents.began,
            delegated_cache: contents.cache,
            id: contents.id,
            touched: contents.touched,
        };
        if now >= facts.ends_at {
            Err(SessionFault::ProofEnded)
        } else if now >= facts.began.saturating_add(self.lives.maximum) {
            Err(SessionFault::TooOld)
        } else if now >= facts.touched.saturating_add(self.lives.idle) {
            Err(SessionFault::Idle)
        } else if self.ended.has(&facts.id)
            || revoked::is_revoked(&self.ended, &facts.principal, facts.began)
        {
            Err(SessionFault::Ended)
        } else {
            Ok(facts)
        }
    }

    fn set_cookie(
        &self,
        facts: SessionFacts,
        scope: &Scope<'_>,
        now: KerberosTime,
    ) -> Option<HeaderValue> {
        let end = self
            .latest_end(&facts)
            .min(now.saturating_add(self.lives.idle));
        let life = end.duration_since(now);
        if life.is_zero() {
            return None;
        }
        let contents = Contents {
            id: facts.id,
            scope: self.mark(scope)?,
            method: facts.method,
            began: facts.began,
            touched: facts.touched,
            authenticated_at: facts.authenticated_at,
            ends_at: facts.ends_at,
            principal: facts.principal,
            cache: facts.delegated_cache,
        };
        let sealed = self.ring.seal(Purpose::Session, &contents.encode()?);
        self.style.set(&sealed, life)
    }

    fn latest_end(&self, facts: &SessionFacts) -> KerberosTime {
        facts
            .began
            .saturating_add(self.lives.maximum)
            .min(facts.ends_at)
    }

    /// For which hosts and from which path on a cookie is good that is set there.
    pub(crate) fn mark(&self, scope: &Scope<'_>) -> Option<ScopeMark> {
        let host = plain_host(scope.host);
        let reach = self.style.reach(&host)?;
        let digest = Sha256::new()
            .chain_update(reach)
            .chain_update([0])
            .chain_update(self.style.path())
            .chain_update([0])
            .chain_update(self.style.name())
            .finalize();
        digest.first_chunk().copied()
    }
}

const fn key_lives(lives: SessionLives) -> KeyLives {
    let seals = match lives.maximum.checked_div(KEYS_PER_LIFE) {
        Some(life) if life.as_secs() > SHORTEST_KEY_LIFE.as_secs() => life,
        _ => SHORTEST_KEY_LIFE,
    };
    KeyLives {
        seals,
        opens: lives.maximum,
    }
}

/// A session counts where people may come in by the way that it began with, and where sessions alone are asked for.
fn counts(method: Method, ways: &[Way]) -> bool {
    let began = match method {
        Method::Negotiate => Way::Negotiate,
        Method::Basic => Way::Basic,
        Method::Form => Way::Form,
        Method::Certificate => Way::Certificate,
    };
    let mut others = ways
        .iter()
        .filter(|way| way.names_people() && **way != Way::Session)
        .peekable();
    others.peek().is_none() || others.any(|way| *way == began)
}

/// The host without its port and its last dot, in small letters.
pub(crate) fn plain_host(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        // An address of IPv6 has no port unless it stands in brackets.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
