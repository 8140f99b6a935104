//! Callers who take more than their share.

use std::io::Write;

use kerbstone_proxy::wire;
use kerbstone_testkit::lab::{Gssproxy, Keeper};

use super::caller::{Caller, simple_call};
use super::messages::own_service;

fn ours() -> Gssproxy {
    Gssproxy::start(Keeper::Ours, "/nonexistent".as_ref(), &own_service("a")).unwrap()
}

/// Resident memory in KiB.
fn memory(daemon: &Gssproxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|text| text.parse().ok()).unwrap()
}

#[test]
fn messages_that_never_end_take_their_users_share_and_no_more() {
    let daemon = ours();
    let mut honest = Caller::at(&daemon.socket());
    assert!(honest.is_served());
    let before = memory(&daemon);
    let mut half = Vec::new();
    for _ in 0..100 {
        let mut caller = Caller::at(&daemon.socket());
        caller.send(&(0x8000_0000_u32 | 1 << 20).to_be_bytes());
        let _the_daemon_may_close = caller.stream().write_all(&vec![0; 1 << 19]);
        half.push(caller);
        assert!(honest.is_served());
    }
    // 8 MiB for one user, and what belongs to the connections.
    let grown = memory(&daemon).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB");
    drop(half);
    assert!(Caller::at(&daemon.socket()).is_served());
}

#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    let daemon = ours();
    let mut honest = Caller::at(&daemon.socket());
    let call = wire::write_call(1, &simple_call()).unwrap();
    let deaf = Caller::at(&daemon.socket());
    deaf.stream().set_nonblocking(true).unwrap();
    let before = memory(&daemon);
    let mut sent = 0_u32;
    while deaf.stream().write_all(&call).is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "the daemon reads on");
    }
    assert!(honest.is_served());
    assert!(memory(&daemon).saturating_sub(before) < 8 << 10);
}

#[test]
fn connections_come_and_go_by_the_thousand() {
    let daemon = ours();
    let mut honest = Caller::at(&daemon.socket());
    for _ in 0..3000 {
        let _gone_at_once = Caller::at(&daemon.socket());
    }
    let mut many: Vec<Caller> = (0..500).map(|_| Caller::at(&daemon.socket())).collect();
    for caller in &mut many {
        assert!(caller.is_served());
    }
    assert!(honest.is_served());
}

#[test]
fn a_caller_that_is_gone_before_its_reply_is_no_matter() {
    let daemon = ours();
    for _ in 0..200 {
        let mut caller = Caller::at(&daemon.socket());
        caller.ask(&simple_call());
    }
    assert!(Caller::at(&daemon.socket()).is_served());
}
