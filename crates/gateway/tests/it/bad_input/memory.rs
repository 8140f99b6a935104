//! A gateway in a process of its own, whose memory is looked at before and after somebody has tried to fill it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use base64ct::{Base64, Encoding};
use kerbstone_gateway::Limits;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Front, before};
use crate::client::{Stream, connect_to};

/// What a flood may leave behind: caches that fill once, and what the allocator keeps.
const SLACK: u64 = 24 << 20;
const WARM_UP: usize = 50;
const FLOOD: usize = 1_000;

/// Serves until its standard input ends.
#[test]
#[ignore = "the tests beside it run it in a process of its own"]
fn a_gateway_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let recorder = env::var("KERBSTONE_FLOOD_BACK_END").unwrap();
        let site = before(&recorder, Limits::default()).await;
        let certificate = Base64::encode_string(&site.certificate());
        println!("\nserves {} {certificate}", site.address());
        std::io::stdout().flush().unwrap();
        let waiting = tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().count());
        waiting.await.unwrap();
    });
}

struct Alone {
    process: Child,
    address: String,
    certificate: CertificateDer<'static>,
}

impl Alone {
    fn start(back_end: &str) -> Self {
        let name = "bad_input::memory::a_gateway_alone";
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", name])
            .env("KERBSTONE_FLOOD_BACK_END", back_end)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("serves ")?.to_owned()))
            .expect("the process says where it serves");
        let (address, certificate) = line.split_once(' ').unwrap();
        let certificate = Base64::decode_vec(certificate).unwrap();
        Self {
            process,
            address: address.to_owned(),
            certificate: CertificateDer::from(certificate),
        }
    }

    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    async fn connect(&self) -> Stream {
        connect_to(self.address.parse().unwrap(), self.certificate.clone(), &[]).await
    }

    /// Sends octets, and reads until the gateway has had enough.
    async fn send(&self, octets: &[u8]) {
        let mut stream = self.connect().await;
        // The gateway may have answered and closed before it was all sent.
        let _sent = stream.write_all(octets).await;
        let _sent = stream.flush().await;
        let _closed = stream.read_to_end(&mut Vec::new()).await;
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

async fn stays_as_it_was(what: &str, requests: &[Vec<u8>]) {
    let front = Front::start().await;
    let alone = Alone::start(&super::http(front.recorder.address()));
    for round in 0..WARM_UP {
        alone.send(&requests[round % requests.len()]).await;
    }
    let before = alone.memory();
    for round in 0..FLOOD {
        alone.send(&requests[round % requests.len()]).await;
    }
    let after = alone.memory();
    assert!(
        after < before + SLACK,
        "{what}: {before} octets became {after}"
    );
}

#[tokio::test]
async fn requests_that_are_none_leave_nothing_behind() {
    let close = "connection: close\r\n";
    let requests = [
        format!(
            "GET /open HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
            "y".repeat(200 << 10)
        ),
        format!(
            "GET /open HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
            "x: y\r\n".repeat(20_000)
        ),
        format!(
            "GET /closed HTTP/1.1\r\nhost: localhost\r\n{close}authorization: Negotiate {}\r\n\r\n",
            "A".repeat(60 << 10)
        ),
        format!(
            "GET /{} HTTP/1.1\r\nhost: localhost\r\n{close}\r\n",
            "x".repeat(30 << 10)
        ),
        format!(
            "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5;{}\r\n",
            "x".repeat(100 << 10)
        ),
        "POST /open HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
            .to_owned(),
        "\0\u{1}\u{2}".to_owned(),
    ];
    let requests: Vec<Vec<u8>> = requests.into_iter().map(String::into_bytes).collect();
    stays_as_it_was("nonsense", &requests).await;
}

#[tokio::test]
async fn new_names_each_time_leave_nothing_behind() {
    // Paths, hosts, users and cookies that are all different: whatever is kept by name would grow.
    let requests: Vec<Vec<u8>> = (0..FLOOD)
        .map(|number| {
            let name = format!("{number}-{}", "n".repeat(2000));
            format!(
                "GET /open/{name} HTTP/1.1\r\nhost: h{number}.test\r\nuser-agent: {name}\r\ncookie: kerbstone={name}\r\nx-{number}: {name}\r\nconnection: close\r\n\r\n"
            )
            .into_bytes()
        })
        .collect();
    stays_as_it_was("names", &requests).await;
}
