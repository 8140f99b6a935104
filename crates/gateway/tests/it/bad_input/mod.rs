//! Clients that cheat and back ends that lie: what comes in, what is answered, and what reaches a back end of it.
//!
//! Every case names the section of the RFC that it goes by. A back end that writes down every octet judges for itself
//! where requests end, so that a second request in the first one's clothes is seen.

mod back_ends;
mod chunks;
mod forged;
mod frames;
mod http_2;
mod memory;
mod paths;
mod real_back_ends;
mod recorder;
mod smuggled;

use std::net::SocketAddr;
use std::sync::Arc;

use kerbstone_gateway::Limits;
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::identity::Naming;
use kerbstone_gateway::place::Place;
use kerbstone_gateway::pool::{MemberSettings, PoolSettings, Pools};
use kerbstone_gateway::request_path::PathPrefix;
use kerbstone_gateway::way::Way;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::connect;
use crate::site::{Manners, Site};
use recorder::Recorder;

/// Follows a request over the same connection; where the first one was cut right, it is one of its own.
const NEXT: &str = "GET /open/next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A gateway before a back end that writes everything down.
struct Front {
    site: Site,
    recorder: Recorder,
}

impl Front {
    async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let recorder = Recorder::start().await;
        let site = before(&http(recorder.address()), limits).await;
        Self { site, recorder }
    }

    /// Sends octets over a connection of their own and returns the statuses of all answers, until the gateway closes.
    async fn statuses(&self, octets: &[u8]) -> Vec<u16> {
        statuses(&self.answers(octets).await)
    }

    /// The same, as it comes.
    async fn answers(&self, octets: &[u8]) -> String {
        let mut stream = connect(&self.site).await;
        // The gateway may have answered and closed before it was all sent.
        let _sent = stream.write_all(octets).await;
        let _sent = stream.flush().await;
        let mut answers = Vec::new();
        let _closed = stream.read_to_end(&mut answers).await;
        String::from_utf8_lossy(&answers).into_owned()
    }
}

/// A gateway before a member at that address. Beside `/open` and `/closed` there is `/token` for those who bring a
/// token, and `/mapped`, which is `/inner` behind.
async fn before(member: &str, limits: Limits) -> Site {
    let point = |path: &str, way| {
        let place = Place::below(PathPrefix::parse(path).unwrap());
        let mut point = EntryPoint::new(place, Destination::Pool("site".into()));
        point.ways = vec![way];
        point.naming = Naming::Principal;
        point
    };
    let mut mapped = point("/mapped", Way::Nobody);
    mapped.rewrite = Some(PathPrefix::parse("/inner").unwrap());
    let more = vec![point("/token", Way::Token), mapped];
    let mut pool = PoolSettings::new("site", vec![MemberSettings::at(member.parse().unwrap())]);
    pool.timeouts.answer = limits.answer;
    pool.timeouts.between = limits.body;
    let pools = Arc::new(Pools::new(vec![pool]).unwrap());
    Site::start_with(Manners::Absent, limits, more, |table| table.pools = pools).await
}

fn http(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The statuses in what came over an HTTP/1.1 connection. Bodies are pages of ours or the recorder's, which have no
/// such line.
fn statuses(answers: &str) -> Vec<u16> {
    answers
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, word)| answers.get(at + word.len()..)?.get(..3)?.parse().ok())
        .collect()
}

/// What a gateway may do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is refused, and so is everything behind it, because nobody knows where it ends.
    Refused(u16),
    /// It is answered by the gateway itself; the next one over the connection is served.
    Answered(u16),
    /// It reaches the back end with this body, and the next one is served.
    Served(&'static str),
    /// It reaches the back end with this body, and nothing behind it is read.
    ServedLast(&'static str),
}

/// A request, by what it goes, and what becomes of it.
struct Case {
    what: &'static str,
    rfc: &'static str,
    request: &'static str,
    fate: Fate,
}

async fn judge(cases: &[Case]) {
    for case in cases {
        let front = Front::start().await;
        let octets = format!("{}{NEXT}", case.request);
        let statuses = front.statuses(octets.as_bytes()).await;
        let received = front.recorder.received();
        let label = format!("{} (RFC {})", case.what, case.rfc);
        let lines: Vec<&str> = received.iter().map(|one| one.line.as_str()).collect();
        assert!(
            front.recorder.oddities().is_empty(),
            "{label}: {:?}",
            front.recorder.oddities()
        );
        match case.fate {
            Fate::Refused(status) => {
                assert_eq!(statuses, [status], "{label}");
                assert!(received.is_empty(), "{label}: {lines:?}");
            }
            Fate::Answered(status) => {
                assert_eq!(statuses, [status, 200], "{label}");
                assert_eq!(lines, ["GET /open/next HTTP/1.1"], "{label}");
            }
            Fate::ServedLast(body) => {
                assert_eq!(statuses, [200], "{label}");
                assert_eq!(lines.len(), 1, "{label}: {lines:?}");
                assert_eq!(received[0].body, body.as_bytes(), "{label}");
            }
            Fate::Served(body) => {
                assert_eq!(statuses, [200, 200], "{label}");
                assert_eq!(lines.len(), 2, "{label}: {lines:?}");
                assert_eq!(lines[1], "GET /open/next HTTP/1.1", "{label}");
                assert_eq!(received[0].body, body.as_bytes(), "{label}");
            }
        }
    }
}
