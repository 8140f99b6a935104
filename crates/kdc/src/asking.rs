//! One request in one realm: what both exchanges need to decide.

use std::time::Duration;

use kerbstone_crypto::CryptoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{
    Attributes, Directory, LockoutCounters, LockoutPolicy, OpenEntry, RealmSettings,
};

use crate::host_realm::Referrals;
use crate::lifetimes::Longest;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::ticket_flags::Allowed;

/// The circumstances of a request.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) lockouts: &'a LockoutCounters,
    pub(crate) settings: &'a RealmSettings,
    pub(crate) referrals: &'a Referrals,
    pub(crate) skew: Duration,
    pub(crate) now: Timestamp,
    pub(crate) peer: &'a Peer,
}

impl Asking<'_> {
    /// The least of what the principals and the realm allow.
    pub(crate) fn longest(&self, principals: &[&OpenEntry]) -> Longest {
        let mut longest = Longest {
            life: self.settings.max_life,
            renewable: self.settings.max_renewable_life,
        };
        for entry in principals {
            longest.life = longest.life.min(entry.max_life.unwrap_or(Duration::MAX));
            let renewable = if entry.attributes.contains(Attributes::DISALLOW_RENEWABLE) {
                Duration::ZERO
            } else {
                entry.max_renewable_life.unwrap_or(Duration::MAX)
            };
            longest.renewable = longest.renewable.min(renewable);
        }
        longest
    }

    /// Which flags a principal allows.
    pub(crate) fn allowed(&self, entry: &OpenEntry) -> Allowed {
        Allowed {
            forwardable: !entry.attributes.contains(Attributes::DISALLOW_FORWARDABLE),
            proxiable: !entry.attributes.contains(Attributes::DISALLOW_PROXIABLE),
        }
    }

    /// Whether wrong passwords or an administrator keep the client out.
    pub(crate) fn is_locked(&self, client: &OpenEntry) -> bool {
        let now = self.now.time;
        client.is_locked(now) || self.lockouts.is_locked_out(client, now)
    }

    /// Notes a right password, in memory.
    pub(crate) fn note_success(&self, client: &OpenEntry) {
        self.lockouts.succeeded(client, self.now.time);
    }

    /// Notes a wrong password, which may have been one too many. If the store does not take the
    /// lockout, the counters keep it in memory, where it holds as well.
    pub(crate) fn note_failure(&self, client: &OpenEntry) {
        let policy = self.lockout_policy(client);
        let _ = self.lockouts.failed(client, &policy, self.now.time);
    }

    fn lockout_policy(&self, client: &OpenEntry) -> LockoutPolicy {
        let named = client.policy.as_deref().and_then(|name| {
            let found = self.directory.policy(&client.principal.realm, name);
            found.ok().flatten()
        });
        named.map_or_else(LockoutPolicy::default, |policy| policy.lockout)
    }

    /// A key that exists cannot be used; only a build without its enctype gets here.
    pub(crate) fn no_crypto(error: CryptoError) -> Refusal {
        Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, error.to_string())
    }
}
