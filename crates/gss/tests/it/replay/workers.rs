//! Several processes with one file.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use kerbstone_gss::replay::Freshness;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{check, open};

pub(super) const FILE: &str = "KERBSTONE_TEST_REPLAY_FILE";
pub(super) const NUMBERS: &str = "KERBSTONE_TEST_REPLAY_NUMBERS";
pub(super) const NOW: &str = "KERBSTONE_TEST_REPLAY_NOW";
const ORDER: &str = "KERBSTONE_TEST_REPLAY_ORDER";

/// Shows the cache all numbers in an order of its own, and says a line of each that was fresh.
#[test]
#[ignore = "is started by the other tests as a process of its own"]
fn worker() {
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    let count: u64 = setting(NUMBERS).parse().unwrap();
    let now: i64 = setting(NOW).parse().unwrap();
    let mut numbers: Vec<u64> = (0..count).collect();
    let order = setting(ORDER).parse().unwrap_or(0);
    numbers.shuffle(&mut StdRng::seed_from_u64(order));
    let cache = open(Path::new(&setting(FILE)), now).unwrap();
    let mut out = std::io::stdout().lock();
    for number in numbers {
        if check(&cache, number, now, now).unwrap() == Freshness::Fresh {
            writeln!(out, "fresh {number}").unwrap();
        }
    }
    writeln!(out, "done").unwrap();
}

fn start_worker(path: &Path, numbers: u64, order: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "replay::workers::worker",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, path)
        .env(NUMBERS, numbers.to_string())
        .env(NOW, "1000")
        .env(ORDER, order.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a worker called fresh, and whether it came to its end.
fn hear(worker: &mut Child) -> (Vec<u64>, bool) {
    let mut fresh = Vec::new();
    let mut is_done = false;
    for line in BufReader::new(worker.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        is_done |= line.ends_with("done");
        // The harness puts its own words before the first line.
        if let Some((_, number)) = line.split_once("fresh ")
            && let Ok(number) = number.parse()
        {
            fresh.push(number);
        }
    }
    worker.wait().unwrap();
    (fresh, is_done)
}

#[test]
fn of_several_processes_exactly_one_gets_each_request_as_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service.replay");
    let numbers = 6_000;
    let mut workers: Vec<Child> = (0..4)
        .map(|order| start_worker(&path, numbers, order))
        .collect();
    let mut times: HashMap<u64, u32> = HashMap::new();
    let mut busy_workers = 0;
    for worker in &mut workers {
        let (fresh, is_done) = hear(worker);
        assert!(is_done);
        busy_workers += u32::from(!fresh.is_empty());
        for number in fresh {
            *times.entry(number).or_default() += 1;
        }
    }
    assert_eq!(times.len() as u64, numbers);
    assert!(times.values().all(|times| *times == 1));
    assert!(busy_workers > 1, "they did work at the same time");
}

#[test]
fn of_several_threads_exactly_one_gets_each_request_as_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(&folder.path().join("service.replay"), 1000).unwrap();
    let start = Barrier::new(6);
    let fresh: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|order| {
                let (cache, start) = (&cache, &start);
                scope.spawn(move || {
                    let mut numbers: Vec<u64> = (0..5_000).collect();
                    numbers.shuffle(&mut StdRng::seed_from_u64(order));
                    start.wait();
                    let fresh = numbers
                        .into_iter()
                        .filter(|n| check(cache, *n, 1000, 1000).unwrap() == Freshness::Fresh);
                    fresh.count()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(fresh, 5_000);
}

#[test]
fn killed_workers_leave_a_file_that_knows_what_they_accepted() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut cut_short = 0;
    for round in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.replay");
        let mut workers: Vec<Child> = (0..2)
            .map(|order| start_worker(&path, 9_000, round * 10 + order))
            .collect();
        thread::sleep(Duration::from_millis(rng.random_range(20..300)));
        for worker in &mut workers {
            worker.kill().unwrap();
        }
        let mut fresh = Vec::new();
        for worker in &mut workers {
            let (own, is_done) = hear(worker);
            cut_short += u32::from(!is_done);
            fresh.extend(own);
        }
        let count = fresh.len();
        fresh.sort_unstable();
        fresh.dedup();
        assert_eq!(fresh.len(), count, "none was fresh at both");
        let cache = open(&path, 1001).unwrap();
        for number in fresh {
            let freshness = check(&cache, number, 1000, 1001).unwrap();
            assert_eq!(freshness, Freshness::Replayed, "{number}");
        }
        assert_eq!(
            check(&cache, 1_000_000, 1000, 1001).unwrap(),
            Freshness::Fresh
        );
    }
    assert!(cut_short > 6, "most were killed at work: {cut_short}");
}
