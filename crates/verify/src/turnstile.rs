//! How many passwords are checked at a time, and what becomes of those who wait for a KDC that is silent.
//!
//! A realm whose KDC does not answer holds threads until their time is over. So no realm gets all of them, and one that
//! was silent a moment ago is asked by one check at a time; the others are told at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kerbstone_client::login::KeyInfo;
use kerbstone_proto::name::Realm;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::password_fault::PasswordFault;

/// How often a realm that is silent is asked again.
const PROBE: Duration = Duration::from_secs(3);

/// Lets checks through.
#[derive(Debug)]
pub(crate) struct Turnstile {
    threads: Arc<Semaphore>,
    of_a_realm: usize,
    /// How long one may wait to be let through.
    patience: Duration,
    realms: Mutex<HashMap<Realm, Arc<Gate>>>,
}

/// The place of one check; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) gate: Arc<Gate>,
    _of_the_realm: OwnedSemaphorePermit,
    _thread: OwnedSemaphorePermit,
}

/// What is known of one realm.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    silent_since: Mutex<Option<Instant>>,
    key_info: Mutex<Option<KeyInfo>>,
}

impl Turnstile {
    pub(crate) fn new(threads: usize, realms: usize, patience: Duration) -> Self {
        let threads = threads.max(1);
        let of_a_realm = match realms {
            0 | 1 => threads,
            _ => threads.div_ceil(2),
        };
        Self {
            threads: Arc::new(Semaphore::new(threads)),
            of_a_realm,
            patience,
            realms: Mutex::default(),
        }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, realm: &Realm) -> Result<Place, PasswordFault> {
        let gate = self.gate(realm);
        if gate.is_shut() {
            return Err(silent(realm));
        }
        let waiting = async {
            let of_the_realm = Arc::clone(&gate.permits).acquire_owned().await;
            let thread = Arc::clone(&self.threads).acquire_owned().await;
            of_the_realm.and_then(|first| Ok((first, thread?)))
        };
        let Ok(Ok((of_the_realm, thread))) = timeout(self.patience, waiting).await else {
            return Err(PasswordFault::Busy);
        };
        // It may have fallen silent for those in front.
        if !gate.may_ask() {
            return Err(silent(realm));
        }
        Ok(Place {
            gate,
            _of_the_realm: of_the_realm,
            _thread: thread,
        })
    }

    fn gate(&self, realm: &Realm) -> Arc<Gate> {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = realms.get(realm) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate {
            permits: Arc::new(Semaphore::new(self.of_a_realm)),
            silent_since: Mutex::default(),
            key_info: Mutex::default(),
        });
        realms.insert(realm.clone(), Arc::clone(&gate));
        gate
    }
}

impl Gate {
    /// Tells how the KDC behaved.
    pub(crate) fn answered(&self, answered: bool) {
        *self.silent_since() = (!answered).then(Instant::now);
    }

    /// How the last good password of this realm became a key: what one that nobody has would have cost.
    pub(crate) fn key_info(&self) -> Option<KeyInfo> {
        self.key_info
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn learn(&self, info: &KeyInfo) {
        let mut known = self.key_info.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(info) {
            *known = Some(info.clone());
        }
    }

    fn is_shut(&self) -> bool {
        self.silent_since()
            .is_some_and(|since| since.elapsed() < PROBE)
    }

    /// Who asks a silent realm holds up those who come later.
    fn may_ask(&self) -> bool {
        let mut silent_since = self.silent_since();
        match *silent_since {
            Some(since) if since.elapsed() < PROBE => false,
            Some(_) => {
                *silent_since = Some(Instant::now());
                true
            }
            None => true,
        }
    }

    fn silent_since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.silent_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn silent(realm: &Realm) -> PasswordFault {
    PasswordFault::KdcSilent(format!("that of {realm} was silent a moment ago"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn realm(name: &str) -> Realm {
        Realm::from(name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_realm_holds_up_nobody_else() {
        let turnstile = Turnstile::new(4, 2, PATIENCE);
        let dead = realm("DEAD");
        let _held = [
            turnstile.enter(&dead).await.unwrap(),
            turnstile.enter(&dead).await.unwrap(),
        ];
        assert!(matches!(
            turnstile.enter(&dead).await,
            Err(PasswordFault::Busy)
        ));
        turnstile.enter(&realm("ALIVE")).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_realm_is_asked_by_one_at_a_time() {
        let turnstile = Turnstile::new(4, 1, PATIENCE);
        let place = turnstile.enter(&realm("A")).await.unwrap();
        place.gate.answered(false);
        assert!(matches!(
            turnstile.enter(&realm("A")).await,
            Err(PasswordFault::KdcSilent(_))
        ));
        tokio::time::advance(PROBE).await;
        let probe = turnstile.enter(&realm("A")).await.unwrap();
        assert!(matches!(
            turnstile.enter(&realm("A")).await,
            Err(PasswordFault::KdcSilent(_))
        ));
        probe.gate.answered(true);
        turnstile.enter(&realm("A")).await.unwrap();
    }
}
