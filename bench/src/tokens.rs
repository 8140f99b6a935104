//! The race of identity services: what a token costs at ours and at Keystone, each asked directly over HTTP.

mod service;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use self::service::{Keystone, Ours, Service};
use crate::front_door::client::{Answer, exchange};
use crate::meter::Meter;
use crate::table;

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Options {
    requests: usize,
    rounds: usize,
}

impl Options {
    /// # Errors
    /// An option that there is not, or a value that is no number.
    pub(crate) fn parse(words: &[&str]) -> io::Result<Self> {
        let mut options = Self {
            requests: 2_000,
            rounds: 3,
        };
        for option in words.chunks(2) {
            let [name, value] = option else {
                return Err(io::Error::other(format!("{option:?} lacks a value")));
            };
            let number = value.parse().map_err(io::Error::other)?;
            match *name {
                "--requests" => options.requests = number,
                "--rounds" => options.rounds = number,
                other => return Err(io::Error::other(format!("no option {other}"))),
            }
        }
        Ok(options)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A token for a password.
    Password,
    /// A token for a token.
    Rescope,
    /// What is in a token.
    Validate,
}

/// What is done, its name, and how much dearer it is than the cheapest: so many fewer are asked for.
const CASES: [(Work, &str, usize); 3] = [
    (Work::Password, "token by password", 20),
    (Work::Rescope, "token by token", 2),
    (Work::Validate, "validate a token", 1),
];
/// Keystone is given less to do: its figure is as steady.
const FEWER: usize = 20;

/// Runs both in turn, in rounds, and prints medians and ratios.
///
/// # Errors
/// A service that does not come up or refuses.
pub(crate) fn race(options: &Options) -> io::Result<()> {
    let ours = Ours::start()?;
    let keystone = Keystone::start();
    let mut rows = Vec::new();
    for (work, name, dearer) in CASES {
        let count = options.requests.div_ceil(dearer);
        let (mut our_costs, mut their_costs) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            our_costs.push(measure(&ours, work, count)?);
            if let Some(keystone) = &keystone {
                their_costs.push(measure(keystone, work, count.div_ceil(FEWER).max(5))?);
            }
        }
        let (ours, theirs) = (median(our_costs), median(their_costs));
        rows.push(vec![
            name.to_owned(),
            microseconds(ours),
            microseconds(theirs),
            ratio(ours, theirs),
        ]);
    }
    table::print(
        &["", "ours, us CPU", "Keystone, us CPU", "Keystone / ours"],
        &rows,
    );
    println!();
    let resident = |meter: Meter| meter.resident_kib().map(|kib| kib / 1024);
    println!("resident after it: ours {} MiB", resident(ours.meter())?);
    if let Some(keystone) = &keystone {
        println!(
            "resident after it: Keystone {} MiB",
            resident(keystone.meter())?
        );
    }
    Ok(())
}

/// The mean CPU time of the service, of so many requests over one connection.
fn measure(service: &impl Service, work: Work, count: usize) -> io::Result<Duration> {
    let mut stream = Connection::open(service.address())?;
    let token = token_of(&stream.ask(&service.password_request())?)?;
    let request = match work {
        Work::Password => service.password_request(),
        Work::Rescope => post(
            "/v3/auth/tokens",
            &service.rescope(&token),
            &[("X-Auth-Token", &token)],
        ),
        Work::Validate => get(
            "/v3/auth/tokens",
            &[("X-Auth-Token", &token), ("X-Subject-Token", &token)],
        ),
    };
    stream.ask(&request)?;
    let before = service.meter().cpu()?;
    for _ in 0..count {
        stream.ask(&request)?;
    }
    let cpu = service.meter().cpu()? - before;
    Ok(cpu / u32::try_from(count).unwrap_or(u32::MAX))
}

/// A connection that is opened anew when the server has closed it.
struct Connection {
    address: SocketAddr,
    stream: TcpStream,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream })
    }

    fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answer = match exchange(&mut self.stream, request) {
            Ok(answer) => answer,
            Err(_) => {
                *self = Self::open(self.address)?;
                exchange(&mut self.stream, request)?
            }
        };
        match answer.status() {
            200 | 201 => Ok(answer),
            _ => Err(io::Error::other(format!(
                "{}{}",
                answer.head,
                String::from_utf8_lossy(&answer.body)
            ))),
        }
    }
}

fn token_of(answer: &Answer) -> io::Result<String> {
    let token = answer.header("x-subject-token").map(str::to_owned);
    token.ok_or_else(|| io::Error::other(format!("no token: {}", answer.head)))
}

/// A POST request with a JSON body.
fn post(path: &str, body: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let head = head("POST", path, headers);
    format!(
        "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    (head("GET", path, headers) + "\r\n").into_bytes()
}

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}")
}

fn median(mut all: Vec<Duration>) -> Option<Duration> {
    all.sort();
    all.get(all.len() / 2).copied()
}

fn microseconds(cost: Option<Duration>) -> String {
    cost.map_or("-".to_owned(), |cost| {
        format!("{:.0}", cost.as_secs_f64() * 1e6)
    })
}

fn ratio(ours: Option<Duration>, theirs: Option<Duration>) -> String {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => format!("{:.0}", theirs.as_secs_f64() / ours.as_secs_f64()),
        _ => "-".to_owned(),
    }
}
