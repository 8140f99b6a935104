//! Tokens of MIT's initiator, caught on their way, at workers of ours that share a replay cache.

use std::fs::remove_file;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use base64ct::{Base64, Encoding};
use kerbstone_proto::flags::ApOptions;
use kerbstone_proto::message::ApReq;
use kerbstone_proto::name::NameType;
use kerbstone_testkit::lab::{Suite, require};

use crate::http_programs::curl;
use crate::responder::{Answer, Responder};
use crate::stage::Stage;

const SERVICE: &str = "HTTP/www.lab.example";
const ACCEPTED: &str = "accepted alice@LAB.EXAMPLE";
const REPLAY: &str = "replay";

/// A realm, and what an attacker who reads along has collected in it.
struct Heist {
    stage: Stage,
    keytab: PathBuf,
    replay_cache: PathBuf,
}

impl Heist {
    fn prepare() -> Option<Self> {
        let stage = Stage::set(Suite::Mit, Suite::Mit)?;
        if !require("curl", "curl") {
            return None;
        }
        stage.server.add_service(SERVICE);
        let keytab = stage.server.keytab(SERVICE);
        stage.sign_in(&[]);
        Some(Self {
            keytab,
            replay_cache: stage.server.folder().join("replays"),
            stage,
        })
    }

    /// Tokens that curl sent and nobody has accepted yet.
    fn catch(&self, count: usize) -> Vec<Vec<u8>> {
        let (caught, tokens) = channel();
        let responder = Responder::start(move |token| {
            if let Some(token) = token {
                let _ = caught.send(token);
            }
            Answer::default()
        });
        for _ in 0..count {
            let page = curl(&self.stage, &responder, &[]).expect("curl was there");
            page.succeeded();
        }
        drop(responder);
        let tokens: Vec<_> = tokens.iter().collect();
        assert_eq!(tokens.len(), count);
        tokens
    }

    fn worker(&self) -> Worker {
        Worker::start(&self.keytab, &self.replay_cache)
    }
}

/// An acceptor in a process of its own, killed when dropped.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(keytab: &Path, replay_cache: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_interop-acceptor"))
            .args([keytab, replay_cache])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a worker");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self {
            child,
            input,
            output,
        }
    }

    /// What it says to a token.
    fn judge(&mut self, token: &[u8]) -> String {
        writeln!(self.input, "{}", Base64::encode_string(token)).expect("a worker that reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a worker's answer");
        line.trim_end().to_string()
    }

    #[track_caller]
    fn accepts(&mut self, token: &[u8]) {
        assert_eq!(self.judge(token), ACCEPTED);
    }

    #[track_caller]
    fn refuses_the_replay(&mut self, token: &[u8]) {
        let said = self.judge(token);
        assert!(
            said.starts_with("refused") && said.contains(REPLAY),
            "{said}"
        );
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_token_is_taken_once_by_all_workers_together_also_after_they_were_killed() {
    let Some(heist) = Heist::prepare() else {
        return;
    };
    let [first, second, third] = heist.catch(3).try_into().expect("three tokens");
    let (mut one, mut other) = (heist.worker(), heist.worker());
    one.accepts(&first);
    one.refuses_the_replay(&first);
    other.refuses_the_replay(&first);
    other.accepts(&second);
    one.refuses_the_replay(&second);

    drop((one, other));
    let (mut one, mut other) = (heist.worker(), heist.worker());
    for token in [&first, &second] {
        one.refuses_the_replay(token);
        other.refuses_the_replay(token);
    }
    one.accepts(&third);
    other.refuses_the_replay(&third);
}

#[test]
fn of_workers_that_get_a_token_at_the_same_time_one_takes_it() {
    let Some(heist) = Heist::prepare() else {
        return;
    };
    let mut workers: Vec<_> = (0..6).map(|_| heist.worker()).collect();
    for token in heist.catch(8) {
        let accepted = thread::scope(|scope| {
            let verdicts: Vec<_> = workers
                .iter_mut()
                .map(|worker| scope.spawn(|| worker.judge(&token)))
                .collect();
            let verdicts = verdicts.into_iter().map(|verdict| verdict.join());
            let verdicts: Vec<_> = verdicts.map(|said| said.expect("a verdict")).collect();
            for said in &verdicts {
                assert!(said == ACCEPTED || said.contains(REPLAY), "{said}");
            }
            verdicts.iter().filter(|said| *said == ACCEPTED).count()
        });
        assert_eq!(accepted, 1);
    }
}

/// The negotiation around a request, and what no key protects, is an attacker's to change.
#[test]
fn a_request_is_a_replay_in_whatever_wrapping_it_comes() {
    let Some(heist) = Heist::prepare() else {
        return;
    };
    let [token] = heist.catch(1).try_into().expect("a token");
    let request = ap_req(&token);
    let mut changed = request.clone();
    changed.ap_options.set(ApOptions::from_bits(1 << 16), true);
    changed.ticket.sname.name_type = NameType::UNKNOWN;
    assert_ne!(changed.to_der(), request.to_der());

    let mut worker = heist.worker();
    worker.accepts(&bare(&changed));
    worker.refuses_the_replay(&bare(&request));
    worker.refuses_the_replay(&token);
}

/// What stands before a request in a token of the mechanism alone (RFC 4121 4.1): the mechanism and `01 00`.
const AP_REQ_MARK: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00";

/// The request in an initiator's first token, which is followed by nothing.
fn ap_req(token: &[u8]) -> ApReq {
    let marks = token.windows(AP_REQ_MARK.len());
    let start = marks.enumerate().find(|(_, bytes)| *bytes == AP_REQ_MARK);
    let (start, _) = start.expect("a token of krb5 in the negotiation");
    ApReq::from_der(&token[start + AP_REQ_MARK.len()..]).expect("an AP-REQ to the token's end")
}

/// A token without a negotiation.
fn bare(request: &ApReq) -> Vec<u8> {
    let content = [AP_REQ_MARK, &request.to_der()].concat();
    let length = u16::try_from(content.len()).expect("a short token");
    [&[0x60, 0x82], &length.to_be_bytes()[..], &content].concat()
}

/// Who removes the memory of replays gains nothing by it.
#[test]
fn a_token_is_not_taken_again_after_the_cache_was_removed_under_its_workers() {
    let Some(heist) = Heist::prepare() else {
        return;
    };
    let [token] = heist.catch(1).try_into().expect("a token");
    let mut one = heist.worker();
    one.accepts(&token);
    remove_file(&heist.replay_cache).expect("a cache to remove");
    let said = one.judge(&token);
    assert!(said.starts_with("refused"), "{said}");
}
