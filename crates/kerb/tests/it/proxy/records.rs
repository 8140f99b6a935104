//! What the daemon writes down of what it does.

use std::fs;
use std::process::Command;

use kerbstone_testkit::lab::{Finished, Gssproxy, Keeper, kerb_binary};
use rustix::process::getuid;

use super::caller::Caller;
use super::messages::own_service;
use super::site::Site;

#[test]
fn every_decision_stands_in_the_audit_log_without_a_secret() {
    let Some(site) = Site::start("") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.jsonl");
    let services = site.service("web", "");
    let daemon = Gssproxy::start_with(Keeper::Ours, site.kdc.krb5_conf(), &services, |command| {
        command.arg("--audit").arg(&audit);
    })
    .unwrap();
    site.accepts(&daemon.socket(), 1).succeeded();
    drop(daemon);
    let text = fs::read_to_string(&audit).unwrap();
    let records: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let accepted = records
        .iter()
        .find(|record| record["procedure"] == "ACCEPT_SEC_CONTEXT")
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!(accepted["event"], "proxy");
    assert_eq!(accepted["service"], "web");
    assert_eq!(accepted["outcome"], "granted");
    assert_eq!(accepted["uid"], getuid().as_raw());
    assert_eq!(accepted["initiator"], "alice@LAB.EXAMPLE");
}

#[test]
fn a_running_daemon_tells_who_is_there() {
    let daemon =
        Gssproxy::start(Keeper::Ours, "/nonexistent".as_ref(), &own_service("web")).unwrap();
    let mut caller = Caller::at(&daemon.socket());
    assert!(caller.is_served() && caller.is_served());
    let ask = |more: &[&str]| {
        let mut command = Command::new(kerb_binary());
        command.args(["proxy", "who", "-s"]).arg(daemon.socket());
        command.args(more);
        Finished::of(&mut command, "kerb proxy who", "").succeeded()
    };
    let state: serde_json::Value = serde_json::from_str(&ask(&["--json"]).stdout).unwrap();
    assert_eq!(state["services"][0]["name"], "web");
    assert_eq!(state["calls"][0]["procedure"], "INDICATE_MECHS");
    assert_eq!(state["calls"][0]["granted"], 2);
    let own = std::process::id();
    let callers = state["callers"].as_array().unwrap();
    assert!(
        callers
            .iter()
            .any(|one| one["pid"] == own && one["calls"] == 2),
        "{state}"
    );
    let shown = ask(&[]).stdout;
    for words in ["web", "INDICATE_MECHS", &own.to_string()] {
        assert!(shown.contains(words), "{shown}");
    }
}

#[test]
fn nobody_is_there_when_no_daemon_runs() {
    let mut command = Command::new(kerb_binary());
    command.args(["proxy", "who", "-s", "/nonexistent/socket"]);
    let finished = Finished::of(&mut command, "kerb proxy who", "");
    assert!(finished.stderr.contains("no proxy answers"));
}
