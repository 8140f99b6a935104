//! Messages that no client sends, at our daemon and at Debian's: the same answers, except where ours is kinder.

use kerbstone_testkit::lab::{Gssproxy, Keeper};
use rustix::process::getuid;

use super::caller::{Caller, record, simple_call, words};

/// A service for this user with a keytab that is not there.
pub(super) fn own_service(name: &str) -> String {
    format!(
        "[service/{name}]\nmechs = krb5\neuid = {}\ncred_store = keytab:/nonexistent\n",
        getuid().as_raw()
    )
}

fn start(keeper: Keeper) -> Option<Gssproxy> {
    Gssproxy::start(keeper, "/nonexistent".as_ref(), &own_service("test"))
}

fn ours() -> Gssproxy {
    start(Keeper::Ours).unwrap()
}

/// A call's header: xid 9, and then version of RPC, program, version, procedure, flavour; nothing else.
fn header(rpc: u32, program: u32, version: u32, procedure: u32, flavor: u32) -> Vec<u8> {
    words(&[9, 0, rpc, program, version, procedure, flavor, 0, 0, 0])
}

#[test]
fn every_refusal_of_rpc_is_that_of_debians_daemon() {
    let accepted = |status: &[u32]| Some(words(&[&[9, 1, 0, 0, 0], status].concat()));
    let denied = |status: &[u32]| Some(words(&[&[9, 1, 1], status].concat()));
    let cases = [
        (
            "another version",
            header(2, 400_112, 2, 1, 0),
            accepted(&[2, 1, 1]),
        ),
        (
            "another program",
            header(2, 400_111, 1, 1, 0),
            accepted(&[1]),
        ),
        ("procedure 0", header(2, 400_112, 1, 0, 0), accepted(&[3])),
        ("procedure 16", header(2, 400_112, 1, 16, 0), accepted(&[3])),
        ("RPC 3", header(3, 400_112, 1, 1, 0), denied(&[0, 2, 2])),
        ("AUTH_UNIX", header(2, 400_112, 1, 1, 1), denied(&[1, 7])),
        ("no arguments", header(2, 400_112, 1, 9, 0), accepted(&[4])),
        (
            "half a header",
            header(2, 400_112, 1, 1, 0)[..20].to_vec(),
            None,
        ),
        ("nothing", Vec::new(), None),
    ];
    for keeper in [Keeper::Debian, Keeper::Ours] {
        let Some(daemon) = start(keeper) else {
            continue;
        };
        for (name, message, reply) in &cases {
            // Debian's waits for more after an empty message.
            if keeper == Keeper::Debian && message.is_empty() {
                continue;
            }
            let mut caller = Caller::at(&daemon.socket());
            caller.send(&record(message));
            assert_eq!(&caller.receive(), reply, "{keeper:?}: {name}");
            if reply.is_some() {
                assert!(caller.is_served(), "{keeper:?}: after {name}");
            }
        }
    }
}

#[test]
fn records_that_are_too_long_or_in_fragments_end_the_connection_alone() {
    for keeper in [Keeper::Debian, Keeper::Ours] {
        let Some(daemon) = start(keeper) else {
            continue;
        };
        let mut honest = Caller::at(&daemon.socket());
        for mark in [0x8010_0001, 0xffff_ffff, 0x0000_0004, 0] {
            let mut caller = Caller::at(&daemon.socket());
            caller.send(&words(&[mark]));
            assert_eq!(caller.receive(), None, "{keeper:?}: {mark:#x}");
        }
        assert!(honest.is_served());
    }
}

#[test]
fn messages_may_come_octet_by_octet() {
    let daemon = ours();
    let mut caller = Caller::at(&daemon.socket());
    let call = kerbstone_proxy::wire::write_call(8, &simple_call()).unwrap();
    for octet in call.iter() {
        caller.send(&[*octet]);
    }
    assert!(caller.receive().is_some());
}

#[test]
fn calls_sent_ahead_are_answered_in_their_order() {
    let daemon = ours();
    let mut caller = Caller::at(&daemon.socket());
    let calls: Vec<u8> = (1..=200_u32)
        .flat_map(|xid| {
            let call = kerbstone_proxy::wire::write_call(xid, &simple_call()).unwrap();
            call.to_vec()
        })
        .collect();
    let mut writer = caller.stream().try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, &calls).unwrap();
    });
    for xid in 1..=200_u32 {
        let reply = caller.receive().unwrap();
        assert_eq!(reply[..4], xid.to_be_bytes());
    }
    writing.join().unwrap();
}

#[test]
fn nobody_is_answered_whom_no_service_serves() {
    for keeper in [Keeper::Debian, Keeper::Ours] {
        let other =
            "[service/other]\nmechs = krb5\neuid = 4242\ncred_store = keytab:/nonexistent\n";
        let Some(daemon) = Gssproxy::start(keeper, "/nonexistent".as_ref(), other) else {
            continue;
        };
        let mut caller = Caller::at(&daemon.socket());
        assert!(caller.call(&simple_call()).is_none(), "{keeper:?}");
    }
}
