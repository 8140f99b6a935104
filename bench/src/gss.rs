//! The race of GSS libraries: contexts established, and messages wrapped and unwrapped, both ends in one thread.

mod ours;
mod peer;

use std::io;
use std::time::Duration;

use self::ours::Ours;
use self::peer::Mit;
use crate::site::Site;
use crate::table;

const CONTEXTS: usize = 1_000;
/// Octets of a message, how often it is sent in a round, whether it is protected where it lies, and what the table calls
/// it.
const MESSAGES: [(usize, usize, bool, &str); 6] = [
    (64, 50_000, false, "wrap + unwrap 64 B"),
    (1 << 10, 30_000, false, "wrap + unwrap 1 KiB"),
    (64 << 10, 1_500, false, "wrap + unwrap 64 KiB"),
    (64 << 10, 1_500, true, "in place, 64 KiB"),
    (1 << 20, 100, false, "wrap + unwrap 1 MiB"),
    (1 << 20, 100, true, "in place, 1 MiB"),
];

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A context, its AP-REP verified, so often.
    Establish {
        /// Whether the acceptor remembers requests.
        replay_cache: bool,
        /// How often.
        count: usize,
    },
    /// A confidential message there, so often.
    Protect {
        /// Its octets.
        size: usize,
        /// Whether in one buffer, again and again.
        in_place: bool,
        /// How often.
        count: usize,
    },
}

/// Runs both libraries in turn, in rounds, and prints the medians and their ratios.
///
/// # Errors
/// A realm that cannot be had, or a library that refuses.
pub(crate) fn race(rounds: usize) -> io::Result<()> {
    let site = Site::start()?;
    let ours = Ours::new(&site)?;
    let mit = Mit::build(&site)?;
    if mit.is_none() {
        println!("MIT's library cannot be built against: apt-get install gcc libkrb5-dev\n");
    }
    let contexts = [true, false].map(|replay_cache| {
        let name = match replay_cache {
            true => "context",
            false => "context, no replay cache",
        };
        let count = CONTEXTS;
        (
            name,
            Work::Establish {
                replay_cache,
                count,
            },
        )
    });
    let messages = MESSAGES.map(|(size, count, in_place, name)| {
        let work = Work::Protect {
            size,
            in_place,
            count,
        };
        (name, work)
    });
    let mut rows = Vec::new();
    for (name, work) in contexts.into_iter().chain(messages) {
        let mut costs = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            costs.0.push(ours.cost(work)?);
            if let Some(mit) = &mit {
                costs.1.push(mit.cost(work)?);
            }
        }
        rows.push(row(name, median(costs.0), median(costs.1)));
    }
    table::print(
        &["both ends, us CPU", "kerbstone-gss", "MIT", "MIT / ours"],
        &rows,
    );
    Ok(())
}

fn median(mut costs: Vec<Duration>) -> Option<Duration> {
    costs.sort_unstable();
    costs.get(costs.len() / 2).copied()
}

fn row(name: &str, ours: Option<Duration>, mit: Option<Duration>) -> Vec<String> {
    let micros = |cost: Option<Duration>| {
        cost.map_or_else(
            || "-".to_owned(),
            |cost| format!("{:.2}", cost.as_secs_f64() * 1e6),
        )
    };
    let ratio = ours
        .zip(mit)
        .map(|(ours, mit)| mit.as_secs_f64() / ours.as_secs_f64());
    let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
    vec![name.to_owned(), micros(ours), micros(mit), ratio]
}
