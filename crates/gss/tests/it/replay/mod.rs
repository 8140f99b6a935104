//! The replay cache in a file: several workers, restarts, violence, damage.

mod damage;
mod workers;

use std::path::Path;
use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_gss::replay::{Freshness, ReplayCache, ReplayFault, SharedReplayCache};
use kerbstone_gss::{ReplayCacheError, ReplayEntry};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const LIFE: Duration = Duration::from_secs(300);

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(KerberosTime::from_unix(seconds), 0)
}

fn open(path: &Path, now: i64) -> Result<SharedReplayCache, ReplayFault> {
    SharedReplayCache::open(path, at(now), &mut StdRng::seed_from_u64(1))
}

/// An authenticator that differs from those with other numbers.
fn ciphertext(number: u64) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(number);
    (0..180).map(|_| rng.random()).collect()
}

/// Shows the cache request `number`, made at `made`, at the time `now`.
fn check(
    cache: &dyn ReplayCache,
    number: u64,
    made: i64,
    now: i64,
) -> Result<Freshness, ReplayCacheError> {
    let client = Principal::parse("alice@EXAMPLE.TEST", None).unwrap();
    let server = Principal::parse("HTTP/www@EXAMPLE.TEST", None).unwrap();
    let made = at(made);
    let entry = ReplayEntry {
        client: &client,
        server: &server,
        time: made,
        ciphertext: &ciphertext(number),
        enctype: Enctype::Aes256CtsHmacSha384_192,
        keep_until: made.time.saturating_add(LIFE),
    };
    cache.check_and_store(&entry, at(now))
}

fn fault(result: Result<Freshness, ReplayCacheError>) -> ReplayFault {
    let error = result.expect_err("the request should be refused");
    *error.0.downcast().expect("a fault of the cache")
}

#[test]
fn what_one_worker_accepted_no_other_accepts_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.replay");
    let first = open(&path, 1000).unwrap();
    let second = open(&path, 1000).unwrap();
    assert_eq!(check(&first, 1, 1000, 1000).unwrap(), Freshness::Fresh);
    assert_eq!(check(&second, 1, 1000, 1000).unwrap(), Freshness::Replayed);
    assert_eq!(check(&second, 2, 1000, 1001).unwrap(), Freshness::Fresh);
    drop((first, second));
    let third = open(&path, 1100).unwrap();
    assert_eq!(check(&third, 1, 1000, 1100).unwrap(), Freshness::Replayed);
    assert_eq!(check(&third, 2, 1000, 1300).unwrap(), Freshness::Replayed);
    assert_eq!(check(&third, 3, 1299, 1300).unwrap(), Freshness::Fresh);
    let occupancy = third.occupancy(at(1300)).unwrap();
    assert_eq!((occupancy.live, occupancy.room), (3, 64 * 63));
}

#[test]
fn the_file_belongs_to_the_service_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.replay");
    drop(open(&path, 1000).unwrap());
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let names: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
}

#[test]
fn a_burst_makes_the_file_grow_and_nothing_of_it_is_accepted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(&folder.path().join("service.replay"), 1000).unwrap();
    for number in 0..12_000 {
        let freshness = check(&cache, number, 1000, 1000).unwrap();
        assert_eq!(freshness, Freshness::Fresh, "{number}");
    }
    for number in 0..12_000 {
        let freshness = check(&cache, number, 1000, 1200).unwrap();
        assert_eq!(freshness, Freshness::Replayed, "{number}");
    }
    let occupancy = cache.occupancy(at(1200)).unwrap();
    assert_eq!(occupancy.live, 12_000);
    assert!(occupancy.bytes > 300 << 10 && occupancy.bytes < 2 << 20);
    // When the burst has expired, its room is used again.
    for number in 20_000..32_000 {
        let freshness = check(&cache, number, 1400, 1400).unwrap();
        assert_eq!(freshness, Freshness::Fresh, "{number}");
    }
    assert_eq!(cache.occupancy(at(1400)).unwrap().bytes, occupancy.bytes);
}

#[test]
fn a_full_file_refuses_accepts_no_replay_and_recovers_when_the_oldest_expire() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(&folder.path().join("service.replay"), 1000).unwrap();
    let cache = cache.max_bytes(68 << 10);
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for number in 0..6_000 {
        match check(&cache, number, 1000, 1000) {
            Ok(Freshness::Fresh) => accepted.push(number),
            Ok(Freshness::Replayed) => panic!("{number} is new"),
            Err(error) => {
                assert!(error.to_string().contains("full"), "{error}");
                refused.push(number);
            }
        }
    }
    assert!(accepted.len() > 3_500 && refused.len() > 1_500);
    for number in &accepted {
        assert_eq!(
            check(&cache, *number, 1000, 1250).unwrap(),
            Freshness::Replayed
        );
    }
    for number in refused {
        assert_eq!(check(&cache, number, 1301, 1301).unwrap(), Freshness::Fresh);
    }
}

#[test]
fn a_request_that_is_about_to_expire_is_no_way_around_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(&folder.path().join("service.replay"), 5000).unwrap();
    assert_eq!(check(&cache, 1, 4000, 5000).unwrap(), Freshness::Fresh);
    assert_eq!(check(&cache, 1, 4000, 5000).unwrap(), Freshness::Replayed);
}
