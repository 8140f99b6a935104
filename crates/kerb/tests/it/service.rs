//! `kerb kdc` as a service: what it writes down, what it refuses to start with, what a stream may cost.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use kerbstone_proto::error_code::ErrorCode as KrbErrorCode;
use kerbstone_proto::message::KrbError;
use kerbstone_testkit::lab::{Kerb, Port, Session, Setup, Suite};
use serde_json::Value;

const PASSWORD: &str = "correct horse 7";

fn kerb(additions: &str) -> Kerb {
    let kerb = Kerb::start(&Setup::realm("SERVICE.TEST").kdc_conf(additions));
    kerb.add_user("alice", PASSWORD);
    kerb
}

pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn audit_of(kerb: &Kerb, outcome: &str) -> Option<Value> {
    let events = kerb.audit();
    let mut events = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    events.find(|event| event["outcome"] == outcome && event["exchange"] == "as")
}

#[test]
fn every_login_is_in_the_audit_log_with_its_reason_and_without_the_password() {
    let kerb = kerb("");
    let session = Session::new(Suite::Kerb, kerb.krb5_conf());
    session.sign_in("alice", "wrong horse 8", &[]).failed();
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    let granted = eventually("a granted login in the log", || audit_of(&kerb, "granted"));
    assert_eq!(granted["client"], "alice@SERVICE.TEST");
    assert_eq!(granted["from"], "127.0.0.1");
    assert_eq!(granted["ticket_etype"], "aes256-cts-hmac-sha1-96");
    let log = kerb.audit();
    assert!(log.contains("KDC_ERR_PREAUTH_FAILED"), "{log}");
    assert!(!log.contains("horse"), "{log}");
}

#[test]
fn a_hangup_goes_on_in_a_new_audit_log() {
    let kerb = kerb("");
    let old = kerb.folder().join("audit.old");
    fs::rename(kerb.folder().join("audit.jsonl"), old).unwrap();
    let hung_up = Command::new("kill")
        .args(["-HUP", &kerb.id().to_string()])
        .status()
        .unwrap();
    assert!(hung_up.success());
    eventually("a new log", || {
        kerb.folder().join("audit.jsonl").exists().then_some(())
    });
    Session::new(Suite::Kerb, kerb.krb5_conf())
        .sign_in("alice", PASSWORD, &[])
        .succeeded();
    eventually("the login in the new log", || audit_of(&kerb, "granted"));
}

#[test]
fn metrics_count_what_was_granted_and_refused() {
    let claim = Port::claim();
    let port = claim.number();
    let kerb = kerb(&format!("metrics = \"127.0.0.1:{port}\"\n"));
    let session = Session::new(Suite::Kerb, kerb.krb5_conf());
    session.sign_in("alice", PASSWORD, &[]).succeeded();
    let page = eventually("a counted login", || {
        let page = get(port)?;
        page.contains(
            "kerbstone_kdc_requests_total{exchange=\"as\",outcome=\"granted\",error=\"\"} 1",
        )
        .then_some(page)
    });
    assert!(
        page.contains("error=\"KDC_ERR_PREAUTH_REQUIRED\"} 1"),
        "{page}"
    );
}

fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    Some(page)
}

/// Sends bytes to the KDC's TCP port and returns what comes back before it closes.
fn over_tcp(kerb: &Kerb, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, kerb.addresses().kdc)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    answer
}

#[test]
fn a_stream_that_says_nothing_or_announces_too_much_is_closed() {
    let kerb = kerb("[kdc.tcp]\ndeadline = \"1s\"\nmax_request = 4096\n");
    assert_eq!(over_tcp(&kerb, b""), b"");
    assert_eq!(over_tcp(&kerb, &[0, 0, 1, 0, b'x']), b"");
    let refused = over_tcp(&kerb, &u32::MAX.to_be_bytes());
    let refused = KrbError::from_der(&refused[4..]).unwrap();
    assert_eq!(refused.error_code, KrbErrorCode::KRB_ERR_FIELD_TOOLONG);
    // And it still serves.
    Session::new(Suite::Kerb, kerb.krb5_conf())
        .sign_in("alice", PASSWORD, &[])
        .succeeded();
}

#[test]
fn connections_beyond_the_cap_are_closed_and_the_others_served() {
    let kerb = kerb("[kdc.tcp]\nmax_connections = 2\ndeadline = \"5s\"\n");
    let address = (Ipv4Addr::LOCALHOST, kerb.addresses().kdc);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let mut third = TcpStream::connect(address).unwrap();
    third
        .set_read_timeout(Some(Duration::from_secs(4)))
        .unwrap();
    let closed = eventually("the third connection closed", || {
        match third.read(&mut [0; 16]) {
            Ok(0) => Some(true),
            Ok(_) => Some(false),
            Err(error) => (error.kind() == ErrorKind::ConnectionReset).then_some(true),
        }
    });
    assert!(closed);
    drop(held);
}

#[test]
fn a_second_kdc_on_the_same_store_says_who_has_it() {
    let kerb = kerb("");
    let second = kerb.run(&["kdc"], "").failed();
    assert!(second.says("is in use by"), "{second:?}");
    assert!(second.says("help:"), "{second:?}");
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_the_line_and_the_nearest_name() {
    let mut kerb = kerb("");
    kerb.stop();
    let settings = kerb.folder().join("kerbstone.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text + "lissten = []\n").unwrap();
    let refused = kerb.run(&["kdc"], "").failed();
    assert!(refused.says("unknown field `lissten`"), "{refused:?}");
    assert!(refused.says("help: did you mean `listen`?"), "{refused:?}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let mut kerb = kerb("");
    kerb.stop();
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, kerb.addresses().kdc)).unwrap();
    let refused = kerb.run(&["kdc"], "").failed();
    assert!(
        refused.says(&taken.local_addr().unwrap().to_string()),
        "{refused:?}"
    );
    assert!(
        refused.says("help: another program has the port"),
        "{refused:?}"
    );
}

#[test]
fn an_exposed_master_key_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let mut kerb = kerb("");
    kerb.stop();
    let key = kerb.folder().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = kerb.run(&["kdc"], "").failed();
    assert!(refused.says("others may read it"), "{refused:?}");
    assert!(refused.says("help: chmod 600"), "{refused:?}");
}

#[test]
fn a_kdc_on_every_address_answers_from_the_one_that_was_asked() {
    let mut kerb = kerb("");
    kerb.stop();
    let port = kerb.addresses().kdc;
    let settings = kerb.folder().join("kerbstone.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let everywhere = text.replace(
        &format!("\nlisten = [\"127.0.0.1:{port}\"]"),
        &format!("\nlisten = [\"0.0.0.0:{port}\"]"),
    );
    assert_ne!(everywhere, text);
    fs::write(&settings, everywhere).unwrap();
    kerb.start_servers();
    for address in ["127.0.0.1", "127.0.0.2"] {
        // A connected socket takes no answer from another address. Twice, because the headers are used again.
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect((address, port)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        for last in [1, 2] {
            socket.send(&[0x6a, 3, 2, 1, last]).unwrap();
            let mut answer = [0; 1024];
            let length = socket.recv(&mut answer).unwrap();
            assert_eq!(answer[0], 0x7e, "a KRB-ERROR of {length} octets");
        }
    }
}
