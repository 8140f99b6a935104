//! Whose sessions were made void all at once, and when.
//!
//! It is remembered among the sessions that were ended: under a mark in place of a session's id, which says whose they
//! are, until long after the last of them would be over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use sha2::{Digest, Sha256};

use super::contents::SessionId;
use super::ended::Ended;

/// No session lives longer.
const REMEMBERED: Duration = Duration::from_secs(366 * 86_400);
/// How marks begin; the ids of sessions are random.
const PREFIX: &[u8; 4] = b"\0who";

/// Makes sessions void by whose they are: a principal's, or those of everybody of a name in any realm.
pub(super) fn revoke(ended: &Ended, whose: &str, now: KerberosTime) {
    ended.add(mark(whose), now.saturating_add(REMEMBERED));
}

/// Whether a session of theirs that began then is void.
pub(super) fn is_revoked(ended: &Ended, principal: &Principal, began: KerberosTime) -> bool {
    if !ended.knows_people() {
        return false;
    }
    let whole = principal.to_string();
    let name = String::from_utf8_lossy(&principal.name.unparse()).into_owned();
    [whole, name].iter().any(|whose| {
        let until = ended.when(&mark(whose));
        until.is_some_and(|until| began.saturating_add(REMEMBERED) <= until)
    })
}

/// Remembers whether there is any mark at all, so that nobody looks for one in vain.
#[derive(Debug, Default)]
pub(super) struct AnyMark(AtomicBool);

impl AnyMark {
    pub(super) fn saw(&self, id: &SessionId) {
        if id.starts_with(PREFIX) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn mark(whose: &str) -> SessionId {
    let digest = Sha256::digest(whose.as_bytes());
    let mut mark = SessionId::default();
    for (octet, from) in mark.iter_mut().zip(PREFIX.iter().chain(digest.iter())) {
        *octet = *from;
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(text: &str) -> Principal {
        Principal::parse(text, None).unwrap()
    }

    #[test]
    fn sessions_from_before_are_void_and_those_from_after_are_not() {
        let ended = Ended::in_memory();
        let time = KerberosTime::from_unix;
        let alice = principal("alice@EXAMPLE.TEST");
        assert!(!is_revoked(&ended, &alice, time(900)));
        revoke(&ended, "alice@EXAMPLE.TEST", time(1000));
        assert!(is_revoked(&ended, &alice, time(900)));
        assert!(is_revoked(&ended, &alice, time(1000)));
        assert!(!is_revoked(&ended, &alice, time(1001)));
        assert!(!is_revoked(
            &ended,
            &principal("alice@OTHER.TEST"),
            time(900)
        ));
        assert!(!is_revoked(
            &ended,
            &principal("bob@EXAMPLE.TEST"),
            time(900)
        ));
    }

    #[test]
    fn a_name_without_a_realm_means_every_realm() {
        let ended = Ended::in_memory();
        let time = KerberosTime::from_unix;
        revoke(&ended, "alice", time(1000));
        assert!(is_revoked(
            &ended,
            &principal("alice@OTHER.TEST"),
            time(900)
        ));
        assert!(!is_revoked(
            &ended,
            &principal("alice/admin@OTHER.TEST"),
            time(900)
        ));
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, time) = (folder.path().join("ended"), KerberosTime::from_unix);
        let ended = Ended::open(&path, time(0)).unwrap();
        revoke(&ended, "alice@EXAMPLE.TEST", time(1000));
        let again = Ended::open(&path, time(1001)).unwrap();
        assert!(is_revoked(
            &again,
            &principal("alice@EXAMPLE.TEST"),
            time(900)
        ));
    }
}
