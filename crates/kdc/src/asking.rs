//! One request in one realm: what both exchanges need to decide.

use std::time::Duration;

use kerbstone_crypto::CryptoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{Attributes, Directory, OpenEntry, RealmSettings};

use crate::host_realm::Referrals;
use crate::lifetimes::Longest;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::ticket_flags::Allowed;

/// The circumstances of a request.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) directory: &'a Directory,
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

    /// A key that exists cannot be used; only a build without its enctype gets here.
    pub(crate) fn no_crypto(error: CryptoError) -> Refusal {
        Refusal::new(ErrorCode::KDC_ERR_ETYPE_NOSUPP, error.to_string())
    }
}
