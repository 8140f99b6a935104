//! The race of the daemons that keep keys: the same programs with MIT's library and Debian's plugin, once at ours and
//! once at Debian's gssproxy.

mod daemon;
mod pair;

use std::io;
use std::time::Duration;

use self::daemon::{Daemon, Door, Kind};
use self::pair::{Credential, Outcome, Program, Stuck};
use crate::site::Site;
use crate::table;

const KINDS: [Kind; 2] = [Kind::Ours, Kind::Gssproxy];
const STUCK_CALLS: usize = 4;

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Options {
    contexts: usize,
    rounds: usize,
    soak: usize,
}

impl Options {
    /// # Errors
    /// An option that there is not, or a value that is no number.
    pub(crate) fn parse(words: &[&str]) -> io::Result<Self> {
        let mut options = Self {
            contexts: 1_000,
            rounds: 3,
            soak: 0,
        };
        for option in words.chunks(2) {
            let [name, value] = option else {
                return Err(io::Error::other(format!("{option:?} lacks a value")));
            };
            let number = value.parse().map_err(io::Error::other)?;
            match *name {
                "--contexts" => options.contexts = number,
                "--rounds" => options.rounds = number,
                "--soak" => options.soak = number,
                other => return Err(io::Error::other(format!("no option {other}"))),
            }
        }
        Ok(options)
    }
}

struct Case {
    name: &'static str,
    door: Door,
    credential: Credential,
    replay_cache: bool,
    clients: usize,
}

const fn case(
    name: &'static str,
    door: Door,
    credential: Credential,
    replay_cache: bool,
    clients: usize,
) -> Case {
    Case {
        name,
        door,
        credential,
        replay_cache,
        clients,
    }
}

const CASES: [Case; 10] = [
    case(
        "accept, credential acquired once",
        Door::Accept,
        Credential::Acquired,
        true,
        1,
    ),
    case(
        "the same, no replay cache",
        Door::Accept,
        Credential::Acquired,
        false,
        1,
    ),
    case(
        "accept, default credential",
        Door::Accept,
        Credential::Default,
        true,
        1,
    ),
    case(
        "accept, acquired",
        Door::Accept,
        Credential::Acquired,
        true,
        4,
    ),
    case(
        "accept, acquired",
        Door::Accept,
        Credential::Acquired,
        true,
        16,
    ),
    case(
        "init, service's cache",
        Door::Stored,
        Credential::Acquired,
        true,
        1,
    ),
    case(
        "init, sealed handle",
        Door::Sealed,
        Credential::Acquired,
        true,
        1,
    ),
    case(
        "init, sealed handle",
        Door::Sealed,
        Credential::Acquired,
        true,
        4,
    ),
    case(
        "init, no handle",
        Door::Sealed,
        Credential::Default,
        true,
        1,
    ),
    case(
        "init, no handle",
        Door::Sealed,
        Credential::Default,
        true,
        4,
    ),
];

/// What one daemon did in one case.
struct Measured {
    cpu: Duration,
    outcome: Outcome,
}

/// Runs both daemons in turn, in rounds, and prints the medians and their ratios.
///
/// # Errors
/// A realm that cannot be had, or a daemon that refuses.
pub(crate) fn race(options: &Options) -> io::Result<()> {
    let site = Site::start()?;
    let Some(program) = Program::build(&site)? else {
        return Err(io::Error::other("apt-get install gcc libkrb5-dev gssproxy"));
    };
    let mut rows = Vec::new();
    for case in &CASES {
        let mut all = KINDS.map(|_| Vec::new());
        for _ in 0..options.rounds {
            for (kind, measured) in KINDS.into_iter().zip(&mut all) {
                if let Some(daemon) = Daemon::start(kind, &site, case.replay_cache)? {
                    measured.push(measure(&site, &program, &daemon, case, options.contexts)?);
                }
            }
        }
        let [ours, theirs] = all.map(median);
        rows.push(row(case, ours.as_ref(), theirs.as_ref()));
    }
    table::print(
        &[
            "one end proxied",
            "clients",
            "ours, us CPU",
            "gssproxy",
            "gssproxy / ours",
            "ours, contexts/s",
            "gssproxy",
            "ours, p50 / p99 us",
            "gssproxy",
        ],
        &rows,
    );
    println!();
    patience(&site, &program, options.contexts)?;
    if options.soak > 0 {
        println!();
        memory(&site, &program, options.soak)?;
    }
    Ok(())
}

fn measure(
    site: &Site,
    program: &Program,
    daemon: &Daemon,
    case: &Case,
    contexts: usize,
) -> io::Result<Measured> {
    let run = |count| {
        program.contexts(
            site,
            daemon,
            case.door,
            case.credential,
            (case.clients, count),
        )
    };
    run(5)?;
    let meter = daemon.meter();
    let before = meter.cpu()?;
    let each = contexts.div_ceil(case.clients);
    let outcome = run(each)?;
    let contexts = u32::try_from(each * case.clients).unwrap_or(u32::MAX);
    Ok(Measured {
        cpu: (meter.cpu()? - before) / contexts,
        outcome,
    })
}

fn median(mut measured: Vec<Measured>) -> Option<Measured> {
    measured.sort_unstable_by_key(|measured| measured.cpu);
    let middle = measured.len() / 2;
    (middle < measured.len()).then(|| measured.swap_remove(middle))
}

fn row(case: &Case, ours: Option<&Measured>, theirs: Option<&Measured>) -> Vec<String> {
    let text = |measured: Option<&Measured>, say: &dyn Fn(&Measured) -> String| {
        measured.map_or_else(|| "-".to_owned(), say)
    };
    let cpu = |measured: &Measured| format!("{:.0}", measured.cpu.as_secs_f64() * 1e6);
    let rate = |measured: &Measured| {
        let contexts = measured.outcome.latencies.len() as f64;
        format!("{:.0}", contexts / measured.outcome.wall.as_secs_f64())
    };
    let latency = |measured: &Measured| percentiles(&measured.outcome);
    let ratio = ours
        .zip(theirs)
        .map(|(ours, theirs)| theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64());
    vec![
        case.name.to_owned(),
        case.clients.to_string(),
        text(ours, &cpu),
        text(theirs, &cpu),
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}")),
        text(ours, &rate),
        text(theirs, &rate),
        text(ours, &latency),
        text(theirs, &latency),
    ]
}

fn percentiles(outcome: &Outcome) -> String {
    format!("{} / {}", micros(outcome, 50), micros(outcome, 99))
}

fn micros(outcome: &Outcome, percent: usize) -> u128 {
    let index = outcome.latencies.len() * percent / 100;
    let latency = outcome.latencies.get(index).or(outcome.latencies.last());
    latency.map_or(0, Duration::as_micros)
}

/// An honest caller's calls, alone and while others wait for a KDC that does not answer.
fn patience(site: &Site, program: &Program, contexts: usize) -> io::Result<()> {
    let mut rows = Vec::new();
    for kind in KINDS {
        let Some(daemon) = Daemon::start(kind, site, true)? else {
            continue;
        };
        let honest = || {
            program.contexts(
                site,
                &daemon,
                Door::Accept,
                Credential::Acquired,
                (1, contexts),
            )
        };
        honest()?;
        let alone = honest()?;
        let waiting: Vec<Stuck> = (0..STUCK_CALLS)
            .map(|_| program.stuck(site, &daemon))
            .collect::<io::Result<_>>()?;
        std::thread::sleep(Duration::from_millis(500));
        let among = honest()?;
        drop(waiting);
        let ratio = micros(&among, 99) as f64 / micros(&alone, 99).max(1) as f64;
        rows.push(vec![
            format!("{kind:?}"),
            percentiles(&alone),
            percentiles(&among),
            format!("{ratio:.2}"),
        ]);
    }
    let among = format!("p50 / p99 while {STUCK_CALLS} wait for a silent KDC");
    table::print(
        &["accept, us", "p50 / p99 alone", &among, "p99 / p99"],
        &rows,
    );
    Ok(())
}

fn memory(site: &Site, program: &Program, contexts: usize) -> io::Result<()> {
    let mut rows = Vec::new();
    for kind in KINDS {
        let Some(daemon) = Daemon::start(kind, site, true)? else {
            continue;
        };
        let start = daemon.meter().resident_kib()?;
        program.contexts(
            site,
            &daemon,
            Door::Accept,
            Credential::Acquired,
            (4, contexts / 4),
        )?;
        let end = daemon.meter().resident_kib()?;
        rows.push(vec![
            format!("{kind:?}"),
            start.to_string(),
            end.to_string(),
        ]);
    }
    let after = format!("after {contexts} contexts");
    table::print(&["resident KiB", "at the start", &after], &rows);
    Ok(())
}
