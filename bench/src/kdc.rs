//! The race of KDCs: AS with encrypted timestamp and TGS, closed and paced.

use std::io;
use std::time::Duration;

use crate::floor::Kind;
use crate::load::{self, Exchange, Run};
use crate::request::{AsExchange, TgsExchange, user_key};
use crate::subject::{self, Running, Subject};
use crate::table;

/// The paced loop's requests a second, and how many of them.
const PACE: f64 = 500.0;
const PACED_REQUESTS: usize = 1500;
/// Octets of the replies that the floor sends, as ours are.
const REPLY: usize = 640;

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    principals: Vec<usize>,
    requests: usize,
    rounds: usize,
    peers: bool,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    /// The option that is not known or lacks its number.
    pub(crate) fn parse(arguments: &[&str]) -> io::Result<Self> {
        let mut options = Self {
            principals: vec![1_000, 100_000],
            requests: 6_000,
            rounds: 3,
            peers: true,
        };
        let mut rest = arguments.iter();
        while let Some(&option) = rest.next() {
            if option == "--no-peers" {
                options.peers = false;
                continue;
            }
            let value = rest.next().copied().unwrap_or_default();
            let invalid = || {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{option} {value}: not understood"),
                )
            };
            let numbers = value
                .split(',')
                .map(str::parse)
                .collect::<Result<Vec<usize>, _>>();
            let numbers = numbers.map_err(|_| invalid())?;
            match (option, numbers.as_slice()) {
                ("--principals", [_, ..]) => options.principals = numbers,
                ("--requests", &[number]) => options.requests = number,
                ("--rounds", &[number]) if number > 0 => options.rounds = number,
                _ => return Err(invalid()),
            }
        }
        Ok(options)
    }
}

/// What one server cost and how it answered; the median over rounds.
struct Row {
    subject: Subject,
    as_cpu: Duration,
    tgs_cpu: Duration,
    as_rate: f64,
    tgs_rate: f64,
    paced: [Duration; 4],
    resident_kib: u64,
    ready_after: Option<Duration>,
}

/// Runs every subject in turn, in rounds, and prints a table for each number of principals.
///
/// # Errors
/// A server that does not start, or a wrong reply.
pub(crate) fn race(options: &Options) -> io::Result<()> {
    for &principals in &options.principals {
        println!("\n## {principals} users and as many services\n");
        let rows = measure_all(options, principals)?;
        print_cost(&rows);
        println!();
        print_ratios(&rows);
        println!();
        print_latency(&rows);
    }
    Ok(())
}

fn subjects(options: &Options) -> Vec<Subject> {
    let mut subjects = vec![
        Subject::Floor(Kind::As),
        Subject::Floor(Kind::Tgs),
        Subject::Ours,
        Subject::OursOneThread,
    ];
    if options.peers {
        subjects.extend([Subject::MitLean, Subject::MitDefault, Subject::Heimdal]);
    }
    subjects
}

fn measure_all(options: &Options, principals: usize) -> io::Result<Vec<Row>> {
    let mut running = Vec::new();
    for subject in subjects(options) {
        match subject::start(subject, principals, REPLY)? {
            Some(server) => running.push((subject, server, Vec::new())),
            None => println!(
                "{} is not on this machine; `cargo xtask peers` brings it\n",
                subject.name()
            ),
        }
    }
    // In turn, so that a slow minute of the machine hits all of them.
    for _ in 0..options.rounds {
        for (subject, server, rounds) in &mut running {
            rounds.push(measure(*subject, server, principals, options.requests)?);
        }
    }
    Ok(running
        .into_iter()
        .filter_map(|(_, _, rounds)| median(rounds))
        .collect())
}

fn measure(
    subject: Subject,
    server: &Running,
    principals: usize,
    requests: usize,
) -> io::Result<Row> {
    let mut row = Row {
        subject,
        as_cpu: Duration::ZERO,
        tgs_cpu: Duration::ZERO,
        as_rate: 0.0,
        tgs_rate: 0.0,
        paced: [Duration::ZERO; 4],
        resident_kib: 0,
        ready_after: server.ready_after,
    };
    let key = user_key().map_err(io::Error::other)?;
    let mut logins = AsExchange::new(principals, key.clone());
    if let Subject::Floor(kind) = subject {
        let mut bare = Unchecked(logins);
        let (cpu, run) = closed(server, &mut bare, requests)?;
        match kind {
            Kind::As => (row.as_cpu, row.as_rate) = (cpu, run.rate()),
            Kind::Tgs => (row.tgs_cpu, row.tgs_rate) = (cpu, run.rate()),
        }
        return Ok(row);
    }
    let mut tickets = sign_in(server, &mut logins, principals, &key)?;
    let (cpu, run) = closed(server, &mut logins, requests)?;
    (row.as_cpu, row.as_rate) = (cpu, run.rate());
    let (cpu, run) = closed(server, &mut tickets, requests)?;
    (row.tgs_cpu, row.tgs_rate) = (cpu, run.rate());
    let mut run = load::paced(server.address, &mut logins, PACED_REQUESTS, PACE)?;
    let (p50, p99) = (run.percentile(0.5), run.percentile(0.99));
    let mut run = load::paced(server.address, &mut tickets, PACED_REQUESTS, PACE)?;
    row.paced = [p50, p99, run.percentile(0.5), run.percentile(0.99)];
    row.resident_kib = server.meter.resident_kib()?;
    Ok(row)
}

fn closed<E: Exchange>(
    server: &Running,
    exchange: &mut E,
    requests: usize,
) -> io::Result<(Duration, Run)> {
    let before = server.meter.cpu()?;
    let run = load::closed_loop(server.address, exchange, requests)?;
    if run.lost > 0 {
        return Err(io::Error::other(format!(
            "{} requests were not answered",
            run.lost
        )));
    }
    let spent = server.meter.cpu()?.saturating_sub(before);
    let count = u32::try_from(run.answered).unwrap_or(u32::MAX).max(1);
    Ok((spent / count, run))
}

fn sign_in(
    server: &Running,
    logins: &mut AsExchange,
    services: usize,
    key: &kerbstone_crypto::Key,
) -> io::Result<TgsExchange> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server.address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let (request, nonce) = logins.request();
    socket.send(&request)?;
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer)?;
    let reply = buffer.get(..length).unwrap_or_default();
    TgsExchange::new(services, reply, key, nonce).map_err(io::Error::other)
}

/// Requests of the right size whose answers are no Kerberos.
struct Unchecked(AsExchange);

impl Exchange for Unchecked {
    type Expected = ();

    fn request(&mut self) -> (Vec<u8>, ()) {
        (self.0.request().0, ())
    }

    fn check(&self, (): &(), _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

fn median(mut rounds: Vec<Row>) -> Option<Row> {
    let middle = rounds.len() / 2;
    let by = |rounds: &mut Vec<Row>, key: fn(&Row) -> Duration| {
        rounds.sort_by_key(key);
        rounds.get(middle).map(key)
    };
    let as_cpu = by(&mut rounds, |row| row.as_cpu)?;
    let tgs_cpu = by(&mut rounds, |row| row.tgs_cpu)?;
    let mut paced = [Duration::ZERO; 4];
    let columns: [fn(&Row) -> Duration; 4] = [
        |row| row.paced[0],
        |row| row.paced[1],
        |row| row.paced[2],
        |row| row.paced[3],
    ];
    for (value, column) in paced.iter_mut().zip(columns) {
        *value = by(&mut rounds, column)?;
    }
    let most = |key: fn(&Row) -> f64| rounds.iter().map(key).fold(0.0, f64::max);
    let (as_rate, tgs_rate) = (most(|row| row.as_rate), most(|row| row.tgs_rate));
    let resident_kib = rounds.iter().map(|row| row.resident_kib).max()?;
    let first = rounds.into_iter().next()?;
    Some(Row {
        as_cpu,
        tgs_cpu,
        paced,
        as_rate,
        tgs_rate,
        resident_kib,
        ..first
    })
}

fn micros(duration: Duration) -> String {
    if duration.is_zero() {
        return "-".to_owned();
    }
    format!("{:.1}", duration.as_secs_f64() * 1e6)
}

fn print_cost(rows: &[Row]) {
    let cells = rows.iter().map(|row| {
        vec![
            row.subject.name().to_owned(),
            micros(row.as_cpu),
            format!("{:.0}", row.as_rate),
            micros(row.tgs_cpu),
            format!("{:.0}", row.tgs_rate),
            format!("{:.1}", row.resident_kib as f64 / 1024.0),
            row.ready_after.map_or("-".to_owned(), |ready| {
                format!("{:.0}", ready.as_secs_f64() * 1e3)
            }),
        ]
    });
    let headings = [
        "server",
        "AS us CPU",
        "AS/s",
        "TGS us CPU",
        "TGS/s",
        "RSS MiB",
        "ready ms",
    ];
    table::print(&headings, &cells.collect::<Vec<_>>());
}

fn print_ratios(rows: &[Row]) {
    let Some(ours) = rows.iter().find(|row| row.subject == Subject::Ours) else {
        return;
    };
    let ratio = |peer: Duration, own: Duration| match peer.is_zero() {
        true => "-".to_owned(),
        false => format!("{:.1}", peer.as_secs_f64() / own.as_secs_f64().max(1e-9)),
    };
    let others = rows
        .iter()
        .filter(|row| !matches!(row.subject, Subject::Ours | Subject::OursOneThread));
    let cells = others.map(|row| {
        vec![
            row.subject.name().to_owned(),
            ratio(row.as_cpu, ours.as_cpu),
            ratio(row.tgs_cpu, ours.tgs_cpu),
        ]
    });
    table::print(
        &["CPU of the server / ours", "AS", "TGS"],
        &cells.collect::<Vec<_>>(),
    );
}

fn print_latency(rows: &[Row]) {
    let measured = rows
        .iter()
        .filter(|row| !matches!(row.subject, Subject::Floor(_)));
    let cells = measured.map(|row| {
        let mut cells = vec![row.subject.name().to_owned()];
        cells.extend(
            row.paced
                .map(|latency| format!("{:.2}", latency.as_secs_f64() * 1e3)),
        );
        cells
    });
    let headings = [
        "at 500 requests/s, ms",
        "AS p50",
        "AS p99",
        "TGS p50",
        "TGS p99",
    ];
    table::print(&headings, &cells.collect::<Vec<_>>());
}

/// Drives ours alone and prints its resident memory as it goes: it must be flat.
///
/// # Errors
/// As [`race`].
pub(crate) fn soak(options: &Options) -> io::Result<()> {
    let principals = options.principals.first().copied().unwrap_or(1_000);
    let Some(server) = subject::start(Subject::Ours, principals, REPLY)? else {
        return Ok(());
    };
    let key = user_key().map_err(io::Error::other)?;
    let mut logins = AsExchange::new(principals, key.clone());
    let mut tickets = sign_in(&server, &mut logins, principals, &key)?;
    let step = (options.requests / 20).max(2);
    let mut done = 0;
    let mut rows = Vec::new();
    while done < options.requests {
        load::closed_loop(server.address, &mut logins, step / 2)?;
        load::closed_loop(server.address, &mut tickets, step / 2)?;
        done += step;
        rows.push(vec![
            done.to_string(),
            format!("{:.1}", server.meter.resident_kib()? as f64 / 1024.0),
        ]);
    }
    table::print(&["requests", "RSS MiB"], &rows);
    Ok(())
}
