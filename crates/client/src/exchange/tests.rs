//! Failover in virtual time.

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn server(host: &str) -> Server {
    Server {
        host: host.to_owned(),
        port: 88,
        transport: None,
        primary: None,
    }
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 88))
}

/// An exchange with servers 192.0.2.1, 192.0.2.2 and so on, in virtual time.
struct Run {
    exchange: Exchange,
    start: Instant,
    now: Instant,
}

impl Run {
    fn new(count: u8, schedule: Schedule, suspects: HashSet<SocketAddr>) -> Self {
        let now = Instant::now();
        let servers = (1..=count).map(|n| server(&n.to_string())).collect();
        Self {
            exchange: Exchange::new(servers, 200, schedule, suspects, now),
            start: now,
            now,
        }
    }

    /// Resolves what is to be resolved; what is sent comes back as (attempt, last octet, transport, milliseconds).
    fn sent(&mut self) -> Vec<(usize, u8, Transport, u128)> {
        let mut sent = Vec::new();
        while let Some(action) = self.exchange.poll() {
            match action {
                Action::Resolve(number) => {
                    let found = address(u8::try_from(number).unwrap() + 1);
                    self.exchange.resolved(number, Ok(vec![found]), self.now);
                }
                Action::Transmit { attempt, endpoint } => {
                    let SocketAddr::V4(v4) = endpoint.address else {
                        panic!("{endpoint:?}");
                    };
                    let at = self.now.duration_since(self.start).as_millis();
                    sent.push((attempt, v4.ip().octets()[3], endpoint.transport, at));
                }
                Action::Done { .. } | Action::Failed(_) => panic!("{action:?}"),
            }
        }
        sent
    }

    fn wait(&mut self) {
        self.now = self.exchange.poll_timeout().unwrap();
        self.exchange.handle_timeout(self.now);
    }

    fn end(&mut self) -> Action {
        loop {
            match self.exchange.poll() {
                Some(Action::Resolve(number)) => {
                    let nowhere = Err("name or service not known".to_owned());
                    self.exchange.resolved(number, nowhere, self.now);
                }
                Some(Action::Transmit { .. }) => {}
                Some(end) => return end,
                None => self.wait(),
            }
        }
    }
}

fn refusal_with(code: ErrorCode) -> Vec<u8> {
    let server = Principal::parse("krbtgt/R@R", None).unwrap();
    let now = Timestamp::from(KerberosTime::from_unix(1_800_000_000));
    KrbError::new(code, now, server).to_der()
}

#[test]
fn asks_the_next_server_beside_the_first_after_a_second() {
    let mut run = Run::new(2, Schedule::default(), HashSet::new());
    assert_eq!(run.sent(), [(0, 1, Transport::Udp, 0)]);
    run.wait();
    assert_eq!(run.sent(), [(2, 2, Transport::Udp, 1000)]);
    run.wait();
    assert_eq!(run.sent(), [(1, 1, Transport::Tcp, 2000)]);
    // The first one answers late: that is as good.
    run.exchange.handle_reply(0, b"reply".to_vec(), run.now);
    let Some(Action::Done { reply, endpoint }) = run.exchange.poll() else {
        panic!("not over");
    };
    assert_eq!(
        (reply.as_slice(), endpoint.address),
        (&b"reply"[..], address(1))
    );
    assert_eq!(run.exchange.poll_timeout(), None);
}

#[test]
fn leaves_a_server_that_refuses_at_once() {
    let mut run = Run::new(2, Schedule::default(), HashSet::new());
    run.sent();
    run.exchange
        .handle_failure(0, "connection refused", run.now);
    assert_eq!(run.sent(), [(2, 2, Transport::Udp, 0)]);
}

#[test]
fn asks_last_who_was_dead_a_moment_ago() {
    let mut run = Run::new(2, Schedule::default(), HashSet::from([address(1)]));
    assert_eq!(run.sent(), [(2, 2, Transport::Udp, 0)]);
}

#[test]
fn goes_to_tcp_at_the_same_server_when_the_reply_is_too_big() {
    let mut run = Run::new(2, Schedule::default(), HashSet::new());
    run.sent();
    let too_big = refusal_with(ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
    run.exchange.handle_reply(0, too_big, run.now);
    assert_eq!(run.sent(), [(1, 1, Transport::Tcp, 0)]);
    // From now on nobody is asked over UDP.
    run.wait();
    assert_eq!(run.sent(), [(2, 2, Transport::Tcp, 1000)]);
}

#[test]
fn passes_over_a_server_whose_service_is_unavailable() {
    let mut run = Run::new(2, Schedule::default(), HashSet::new());
    run.sent();
    let unavailable = refusal_with(ErrorCode::KDC_ERR_SVC_UNAVAILABLE);
    run.exchange.handle_reply(0, unavailable, run.now);
    assert_eq!(run.sent(), [(2, 2, Transport::Udp, 0)]);
}

#[test]
fn repeats_datagrams_in_three_passes_and_then_gives_up() {
    let mut run = Run::new(1, Schedule::default(), HashSet::new());
    let mut times = Vec::new();
    for _ in 0..7 {
        times.extend(
            run.sent()
                .into_iter()
                .map(|(_, _, transport, at)| (transport, at)),
        );
        if run.exchange.poll_timeout().is_none() {
            break;
        }
        run.now = run.exchange.poll_timeout().unwrap();
        if run.now.duration_since(run.start) > 15 * SECOND {
            break;
        }
        run.exchange.handle_timeout(run.now);
    }
    assert_eq!(
        times,
        [
            (Transport::Udp, 0),
            (Transport::Tcp, 1000),
            (Transport::Udp, 4000),
            (Transport::Udp, 9000)
        ]
    );
    let Action::Failed(failures) = run.end() else {
        panic!("somebody answered");
    };
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|failure| failure.reason == "no answer"));
}

#[test]
fn ends_when_the_request_timeout_is_over() {
    let schedule = Schedule {
        request_timeout: Some(Duration::from_millis(1500)),
        ..Schedule::default()
    };
    let mut run = Run::new(2, schedule, HashSet::new());
    run.sent();
    run.wait();
    run.sent();
    run.wait();
    assert!(matches!(run.exchange.poll(), Some(Action::Failed(_))));
    assert_eq!(run.now.duration_since(run.start).as_millis(), 1500);
}

#[test]
fn says_which_names_have_no_address() {
    let mut run = Run::new(2, Schedule::default(), HashSet::new());
    let Action::Failed(failures) = run.end() else {
        panic!("somebody answered");
    };
    assert_eq!(failures[0].place, "1:88");
    assert_eq!(failures.len(), 2);
}

#[test]
fn long_requests_begin_with_tcp() {
    let servers = vec![server("1")];
    let now = Instant::now();
    let mut exchange = Exchange::new(servers, 2000, Schedule::default(), HashSet::new(), now);
    assert_eq!(exchange.poll(), Some(Action::Resolve(0)));
    exchange.resolved(0, Ok(vec![address(1)]), now);
    let Some(Action::Transmit { endpoint, .. }) = exchange.poll() else {
        panic!("nothing is sent");
    };
    assert_eq!(endpoint.transport, Transport::Tcp);
}
