//! Somebody between client and KDC who changes what passes, seen from the client.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kerbstone_proto::message::{KdcRep, KdcReq, KrbError};
use kerbstone_proto::name::PrincipalName;
use kerbstone_testkit::lab::{Session, Suite};

use crate::stage::{PASSWORD, SERVICE, Stage, USER};

/// Carries datagrams to a KDC and back through two changes, until dropped.
struct Relay {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Change = fn(&[u8]) -> Vec<u8>;

impl Relay {
    fn start(kdc: u16, request: Change, answer: Change) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket for clients");
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("a time limit");
        let port = socket.local_addr().expect("its address").port();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                relay_one(&socket, kdc, request, answer);
            }
        });
        Self {
            port,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn relay_one(clients: &UdpSocket, kdc: u16, request: Change, answer: Change) -> Option<()> {
    let mut buffer = vec![0; 65_536];
    let (length, client): (usize, SocketAddr) = clients.recv_from(&mut buffer).ok()?;
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    server.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    server
        .send_to(&request(&buffer[..length]), (Ipv4Addr::LOCALHOST, kdc))
        .ok()?;
    let length = server.recv(&mut buffer).ok()?;
    clients.send_to(&answer(&buffer[..length]), client).ok()?;
    Some(())
}

/// A client of the stage whose packets pass through the relay.
fn through(relay: &Relay, stage: &Stage, client: Suite) -> Session {
    let direct = fs::read_to_string(stage.server.krb5_conf()).expect("the lab's krb5.conf");
    let kdc = format!("kdc = 127.0.0.1:{}", stage.server.addresses().kdc);
    let detour = stage.server.folder().join("detour.conf");
    fs::write(
        &detour,
        direct.replace(&kdc, &format!("kdc = 127.0.0.1:{}", relay.port)),
    )
    .expect("a krb5.conf");
    Session::new(client, &detour)
}

const EVIL: &str = "host/bad.lab.example";

fn as_it_is(message: &[u8]) -> Vec<u8> {
    message.to_vec()
}

/// The request for the service becomes one for the attacker's.
fn ask_for_the_evil_service(message: &[u8]) -> Vec<u8> {
    let Ok(mut request) = KdcReq::from_der(message) else {
        return message.to_vec();
    };
    let mut body = request.body.clone().into_value();
    body.sname = Some(PrincipalName::service("host", "bad.lab.example"));
    request.body = body.into();
    request.to_der()
}

/// The unsealed name on the ticket becomes the one that was asked for; also in refusals.
fn name_the_service_that_was_asked_for(message: &[u8]) -> Vec<u8> {
    let asked_for = PrincipalName::service("host", "www.lab.example");
    if let Ok(mut reply) = KdcRep::from_der(message) {
        reply.ticket.sname = asked_for;
        return reply.to_der();
    }
    if let Ok(mut error) = KrbError::from_der(message) {
        error.sname = asked_for;
        return error.to_der();
    }
    message.to_vec()
}

/// CVE-2017-11103, Orpheus' Lyre: the client must not believe the name outside the sealed part.
fn a_ticket_for_another_service_is_not_taken(client: Suite, words: &str) {
    let Some(stage) = Stage::set(client, Suite::Mit) else {
        return;
    };
    stage.server.add_service(EVIL);

    let honest = Relay::start(stage.server.addresses().kdc, as_it_is, as_it_is);
    let session = through(&honest, &stage, client);
    session
        .sign_in(USER, PASSWORD, &["-S", SERVICE])
        .succeeded();

    let relay = Relay::start(
        stage.server.addresses().kdc,
        ask_for_the_evil_service,
        name_the_service_that_was_asked_for,
    );
    let session = through(&relay, &stage, client);
    session
        .sign_in(USER, PASSWORD, &["-S", SERVICE])
        .failed()
        .saying(words);
    assert!(!session.cache().exists());
}

#[test]
fn cve_2017_11103_mit_takes_no_ticket_for_another_service() {
    a_ticket_for_another_service_is_not_taken(Suite::Mit, "KDC reply did not match expectations");
}

#[test]
fn cve_2017_11103_heimdal_takes_no_ticket_for_another_service() {
    // It takes every damaged reply for one that a wrong password could not open.
    a_ticket_for_another_service_is_not_taken(Suite::Heimdal, "Password incorrect");
}

#[test]
fn cve_2017_11103_ours_takes_no_ticket_for_another_service() {
    a_ticket_for_another_service_is_not_taken(Suite::Kerb, "KDC reply did not match expectations");
}
