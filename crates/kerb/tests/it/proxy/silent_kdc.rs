//! A KDC that does not answer, and callers who need none.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Realm;
use kerbstone_proxy::wire::{AcquireCredArgs, Call, Usage};
use kerbstone_testkit::lab::{Finished, Gssproxy, Keeper, kerb_binary};

use super::caller::Caller;
use super::site::Site;

/// Takes requests and keeps silent.
struct Silence {
    _datagrams: UdpSocket,
    _streams: TcpListener,
    port: u16,
}

impl Silence {
    fn begin() -> Self {
        loop {
            let streams = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = streams.local_addr().unwrap().port();
            if let Ok(datagrams) = UdpSocket::bind(("127.0.0.1", port)) {
                return Self {
                    _datagrams: datagrams,
                    _streams: streams,
                    port,
                };
            }
        }
    }
}

fn acquire() -> Call {
    AcquireCredArgs {
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    }
    .into()
}

/// What `kerb proxy who` says.
fn who(socket: &Path) -> serde_json::Value {
    let mut command = Command::new(kerb_binary());
    command
        .args(["proxy", "who", "--json", "--socket"])
        .arg(socket);
    let said = Finished::of(&mut command, "kerb proxy who", "").succeeded();
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn calls_that_hang_do_not_keep_others_waiting() {
    let silence = Silence::begin();
    let conf = format!(
        "[realms]\nSILENT.EXAMPLE = {{\nkdc = 127.0.0.1:{}\n}}\n",
        silence.port
    );
    let Some(site) = Site::start(&conf) else {
        return;
    };
    // The service's key under the name of somebody in the silent realm.
    let bytes = std::fs::read(&site.keytab).unwrap();
    let mut keytab = Keytab::new();
    for entry in Keytab::parse(&bytes).unwrap().entries() {
        let mut entry = entry.clone();
        entry.principal.realm = Realm::from("SILENT.EXAMPLE");
        keytab.add(entry).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("silent.keytab");
    std::fs::write(&silent, &*keytab.to_bytes()).unwrap();
    let socket = folder.path().join("stuck.sock");
    let stuck = format!(
        "cred_store = client_keytab:{}\nkrb5_principal = host/www.lab.example@SILENT.EXAMPLE\nsocket = {}\n",
        silent.display(),
        socket.display()
    );
    let services = [site.service("web", ""), site.service("stuck", &stuck)].concat();
    let daemon = Gssproxy::start(Keeper::Ours, site.kdc.krb5_conf(), &services).unwrap();

    // Many more than there are threads for one user.
    let mut hanging: Vec<Caller> = (0..100).map(|_| Caller::at(&socket)).collect();
    for caller in &mut hanging {
        caller.ask(&acquire());
    }
    let deep = || {
        let state = who(&daemon.socket());
        let count = |name: &str| state[name].as_u64().unwrap();
        (count("waiting_calls"), count("queued_calls"))
    };
    while deep() != (16, 84) {
        thread::sleep(Duration::from_millis(10));
    }
    let names = site.accepts(&daemon.socket(), 20).succeeded().stdout;
    assert_eq!(names.lines().count(), 20);
    let (waiting, queued) = deep();
    assert!(waiting > 0, "they have ended: {waiting}, {queued}");

    // Each is answered in the end, and whoever goes away is forgotten.
    let mut first = hanging.swap_remove(0);
    drop(hanging);
    let reply = first.hear(&acquire()).expect("an answer");
    assert_ne!(reply.status().major, 0);
    while deep() != (0, 0) {
        thread::sleep(Duration::from_millis(10));
    }
}
