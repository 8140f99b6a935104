//! The race of front doors: what a request costs at ours, at Apache with `mod_auth_gssapi` and at `HAProxy`.

mod certificates;
pub(crate) mod client;
mod subject;
pub(crate) mod tickets;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use self::certificates::Certificates;
use self::client::{Connections, Load};
use self::subject::Subject;
use crate::site::Site;
use crate::table;

const CLIENTS: usize = 8;

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Options {
    requests: usize,
    rounds: usize,
    idle: usize,
}

impl Options {
    /// # Errors
    /// An option that there is not, or a value that is no number.
    pub(crate) fn parse(words: &[&str]) -> io::Result<Self> {
        let mut options = Self {
            requests: 4_000,
            rounds: 3,
            idle: 0,
        };
        for option in words.chunks(2) {
            let [name, value] = option else {
                return Err(io::Error::other(format!("{option:?} lacks a value")));
            };
            let number = value.parse().map_err(io::Error::other)?;
            match *name {
                "--requests" => options.requests = number,
                "--rounds" => options.rounds = number,
                "--idle" => options.idle = number,
                other => return Err(io::Error::other(format!("no option {other}"))),
            }
        }
        Ok(options)
    }
}

/// Whose figures stand beside ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// Its pages are files.
    Apache,
    /// It stands in front of the back end that ours has.
    ApacheInFront,
    Haproxy,
}

struct Case {
    name: &'static str,
    peer: Peer,
    page: &'static str,
    work: Work,
    connections: Connections,
    /// Whether connections to the back end are kept.
    reuse: bool,
    /// Requests, as a part of those asked for: handshakes cost the clients much.
    part: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A request without a proof.
    Plain,
    /// A new ticket's token in each.
    Tickets,
    /// The cookie that the first ticket brought.
    Cookie,
}

const fn case(
    name: &'static str,
    peer: Peer,
    page: &'static str,
    work: Work,
    connections: Connections,
) -> Case {
    Case {
        name,
        peer,
        page,
        work,
        connections,
        reuse: true,
        part: match connections {
            Connections::Kept => 1,
            _ => 4,
        },
    }
}

const CASES: [Case; 10] = [
    case(
        "page without authentication",
        Peer::Apache,
        "/open",
        Work::Plain,
        Connections::Kept,
    ),
    case(
        "Negotiate, a new token each",
        Peer::Apache,
        "/fresh",
        Work::Tickets,
        Connections::Kept,
    ),
    case(
        "session cookie",
        Peer::Apache,
        "/session",
        Work::Cookie,
        Connections::Kept,
    ),
    case(
        "Negotiate, a new token each",
        Peer::ApacheInFront,
        "/fresh",
        Work::Tickets,
        Connections::Kept,
    ),
    case(
        "session cookie",
        Peer::ApacheInFront,
        "/session",
        Work::Cookie,
        Connections::Kept,
    ),
    case(
        "TLS kept alive",
        Peer::Haproxy,
        "/open",
        Work::Plain,
        Connections::Kept,
    ),
    Case {
        reuse: false,
        ..case(
            "back end's connection closed each time",
            Peer::Haproxy,
            "/open",
            Work::Plain,
            Connections::Kept,
        )
    },
    case(
        "connection for each request, TLS resumed",
        Peer::Haproxy,
        "/open",
        Work::Plain,
        Connections::Resumed,
    ),
    case(
        "full handshake",
        Peer::Haproxy,
        "/open",
        Work::Plain,
        Connections::Fresh,
    ),
    case(
        "full handshake with client certificate",
        Peer::Haproxy,
        "/certified",
        Work::Plain,
        Connections::FreshWithCertificate,
    ),
];

/// Runs ours and the peer of each case in turn, in rounds, and prints medians and ratios.
///
/// # Errors
/// A server that does not come up or refuses.
pub(crate) fn race(options: &Options) -> io::Result<()> {
    let site = Site::start()?;
    let certificates = Certificates::make(site.path())?;
    let Some(origin) = Subject::origin(&site)? else {
        return Err(io::Error::other(
            "apt-get install haproxy apache2 libapache2-mod-auth-gssapi",
        ));
    };
    let mut rows = Vec::new();
    for case in &CASES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let gateway = Subject::gateway(&site, origin.address, case.reuse)?;
            ours.push(measure(
                &site,
                &certificates,
                &gateway,
                case,
                true,
                options,
            )?);
            let certified = case.connections == Connections::FreshWithCertificate;
            let peer = match case.peer {
                Peer::Apache => Subject::apache(&site, None)?,
                Peer::ApacheInFront => Subject::apache(&site, Some(origin.address))?,
                Peer::Haproxy => Subject::haproxy(&site, origin.address, certified, case.reuse)?,
            };
            if let Some(peer) = peer {
                theirs.push(measure(&site, &certificates, &peer, case, false, options)?);
            }
        }
        rows.push(row(case, median(ours), median(theirs)));
    }
    table::print(
        &[
            "a request",
            "peer",
            "ours, us CPU",
            "peer, us CPU",
            "peer / ours",
            "ours, RSS MiB",
            "peer, RSS MiB",
        ],
        &rows,
    );
    match options.idle {
        0 => Ok(()),
        idle => idle_connections(&site, &certificates, &origin, idle),
    }
}

#[derive(Clone, Copy)]
struct Measured {
    cpu: Duration,
    resident_kib: u64,
}

fn measure(
    site: &Site,
    certificates: &Certificates,
    subject: &Subject,
    case: &Case,
    is_ours: bool,
    options: &Options,
) -> io::Result<Measured> {
    let certified = case.connections == Connections::FreshWithCertificate;
    let address = match is_ours && certified {
        true => subject.certified(),
        false => subject.address,
    };
    let count = options.requests / case.part;
    let requests = match case.work {
        Work::Plain => vec![tickets::get(case.page, "")],
        Work::Tickets => tickets::requests(site, case.page, count + CLIENTS)?,
        Work::Cookie => vec![with_cookie(site, certificates, address, case.page)?],
    };
    // Tokens are good once: those of the first requests, which warm the server up, are not among the others.
    let (first, rest) = match case.work {
        Work::Tickets => requests.split_at(CLIENTS),
        Work::Plain | Work::Cookie => (&requests[..], &requests[..]),
    };
    let load = |requests, count| {
        let connections = case.connections;
        let clients = CLIENTS;
        Load {
            address,
            certificates,
            connections,
            clients,
            requests,
            count,
        }
        .run()
    };
    load(first, CLIENTS)?;
    let meter = subject.meter();
    let before = meter.cpu()?;
    load(rest, count)?;
    let cpu = (meter.cpu()? - before) / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    Ok(Measured {
        cpu,
        resident_kib: meter.resident_kib()?,
    })
}

/// A request with the cookie that a ticket's answer set.
fn with_cookie(
    site: &Site,
    certificates: &Certificates,
    address: SocketAddr,
    page: &str,
) -> io::Result<Vec<u8>> {
    let config = certificates.client(Connections::Kept)?;
    let mut stream = client::connect(address, &config)?;
    let requests = tickets::requests(site, page, 1)?;
    let answer = client::exchange(&mut stream, &requests[0])?;
    let cookie = answer
        .header("set-cookie")
        .and_then(|cookie| cookie.split(';').next());
    let cookie = cookie.ok_or_else(|| io::Error::other(format!("no cookie: {}", answer.head)))?;
    Ok(tickets::get(page, &format!("Cookie: {cookie}\r\n")))
}

fn median(mut all: Vec<Measured>) -> Option<Measured> {
    all.sort_by_key(|one| one.cpu);
    all.get(all.len() / 2).copied()
}

fn row(case: &Case, ours: Option<Measured>, theirs: Option<Measured>) -> Vec<String> {
    let microseconds = |one: Option<Measured>| match one {
        Some(one) => format!("{:.0}", one.cpu.as_secs_f64() * 1e6),
        None => "-".to_owned(),
    };
    let resident = |one: Option<Measured>| match one {
        Some(one) => format!("{:.0}", one.resident_kib as f64 / 1024.0),
        None => "-".to_owned(),
    };
    let ratio = match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            format!("{:.1}", theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64())
        }
        _ => "-".to_owned(),
    };
    let peer = match case.peer {
        Peer::Apache => "Apache, a file",
        Peer::ApacheInFront => "Apache, in front",
        Peer::Haproxy => "HAProxy",
    };
    vec![
        case.name.to_owned(),
        peer.to_owned(),
        microseconds(ours),
        microseconds(theirs),
        ratio,
        resident(ours),
        resident(theirs),
    ]
}

/// Resident memory while so many connections wait.
fn idle_connections(
    site: &Site,
    certificates: &Certificates,
    origin: &Subject,
    count: usize,
) -> io::Result<()> {
    let gateway = Subject::gateway(site, origin.address, true)?;
    let peer = Subject::haproxy(site, origin.address, false, true)?;
    println!();
    for (name, subject) in [("ours", Some(&gateway)), ("HAProxy", peer.as_ref())] {
        let Some(subject) = subject else { continue };
        let config = certificates.client(Connections::Kept)?;
        let request = tickets::get("/open", "");
        let mut waiting = Vec::with_capacity(count);
        for _ in 0..count {
            let mut stream = client::connect(subject.address, &config)?;
            client::exchange(&mut stream, &request)?;
            waiting.push(stream);
        }
        let resident = subject.meter().resident_kib()? / 1024;
        println!("{name}: {resident} MiB resident with {count} connections that wait");
    }
    Ok(())
}
