//! As much of HTTP as a server needs that asks for Negotiate.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use kerbstone_gss::spnego::Acceptor;
use kerbstone_gss::{AcceptorCredential, AcceptorName, GssFlags, Step};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::time::Timestamp;
use rand::rng;

use crate::stage::Stage;

/// What a request gets.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) is_granted: bool,
    pub(crate) token: Option<Vec<u8>>,
    pub(crate) body: String,
}

/// A server on loopback that lets a function judge each request's token, until dropped.
pub(crate) struct Responder {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    pub(crate) fn start(judge: impl Fn(Option<Vec<u8>>) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    break;
                }
                let _ = stream.and_then(|stream| respond(stream, &judge));
            }
        });
        Self {
            port,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread up.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// One request per connection.
fn respond(stream: TcpStream, judge: &impl Fn(Option<Vec<u8>>) -> Answer) -> std::io::Result<()> {
    let mut token = None;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.starts_with("GET ") {
                continue;
            }
            break;
        };
        if name.eq_ignore_ascii_case("Authorization") {
            token = value
                .strip_prefix("Negotiate ")
                .and_then(|text| Base64::decode_vec(text).ok());
        }
    }
    let answer = judge(token);
    let status = match answer.is_granted {
        true => "200 OK",
        false => "401 Unauthorized",
    };
    let challenge = match &answer.token {
        Some(token) => format!(
            "WWW-Authenticate: Negotiate {}\r\n",
            Base64::encode_string(token)
        ),
        None if answer.is_granted => String::new(),
        None => "WWW-Authenticate: Negotiate\r\n".into(),
    };
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\n{challenge}Connection: close\r\nContent-Length: {}\r\n\r\n{}",
        answer.body.len(),
        answer.body
    )
}

/// The keys of a service on a stage.
pub(crate) fn credential(stage: &Stage, service: &str) -> Arc<AcceptorCredential> {
    let keytab = std::fs::read(stage.server.keytab(service)).expect("a keytab");
    let keytab = Keytab::parse(&keytab).expect("a keytab that can be read");
    let credential = AcceptorCredential::without_replay_cache(&keytab, AcceptorName::Any);
    Arc::new(credential.expect("keys"))
}

/// Our acceptor's judgement; the body says who it was, and what was delegated.
pub(crate) fn accept(credential: &Arc<AcceptorCredential>, token: Option<Vec<u8>>) -> Answer {
    let Some(token) = token else {
        return Answer::default();
    };
    let mut acceptor = Acceptor::new(Arc::clone(credential), None);
    match acceptor.step(&token, now(), &mut rng()) {
        Ok(Step::Established { token, context }) => Answer {
            is_granted: true,
            token,
            body: format!(
                "{} mutual={} delegated={:?}\n",
                context.initiator_name(),
                context.flags().contains(GssFlags::MUTUAL),
                context
                    .delegated()
                    .iter()
                    .map(|ticket| ticket.server.to_string())
                    .collect::<Vec<_>>()
            ),
        },
        Ok(Step::Continue { token }) => Answer {
            token: Some(token),
            ..Answer::default()
        },
        Err(refused) => Answer {
            body: refused.to_string(),
            token: refused.token,
            ..Answer::default()
        },
    }
}

pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix_duration(since_1970.expect("a clock after 1970"))
}
