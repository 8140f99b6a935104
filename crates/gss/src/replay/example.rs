//! Requests for the tests of replay caches.

use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::{Freshness, ReplayCache, ReplayCacheError, ReplayEntry};

pub(super) struct Example {
    client: Principal,
    server: Principal,
    ciphertext: Vec<u8>,
    time: Timestamp,
    keep_until: KerberosTime,
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(KerberosTime::from_unix(seconds), 0)
}

impl Example {
    pub(super) fn new(ciphertext: &[u8], time: Timestamp, life: Duration) -> Self {
        let name = |text| Principal::parse(text, None).unwrap();
        Self {
            client: name("alice@EXAMPLE.TEST"),
            server: name("HTTP/www.example.test@EXAMPLE.TEST"),
            ciphertext: ciphertext.to_vec(),
            time,
            keep_until: time.time.saturating_add(life),
        }
    }

    pub(super) fn check(
        &self,
        cache: &dyn ReplayCache,
        now: Timestamp,
    ) -> Result<Freshness, ReplayCacheError> {
        let entry = ReplayEntry {
            client: &self.client,
            server: &self.server,
            time: self.time,
            ciphertext: &self.ciphertext,
            enctype: Enctype::Aes256CtsHmacSha1_96,
            keep_until: self.keep_until,
        };
        cache.check_and_store(&entry, now)
    }
}
