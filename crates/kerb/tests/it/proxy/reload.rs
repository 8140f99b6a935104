//! Configurations that change while callers are there.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use kerbstone_testkit::lab::{Gssproxy, Keeper};

use super::caller::{Caller, simple_call};
use super::messages::own_service;
use super::site::Site;

const LOADED: &str = "New config loaded successfully.";

fn ours(services: &str) -> Gssproxy {
    Gssproxy::start(Keeper::Ours, "/nonexistent".as_ref(), services).unwrap()
}

fn at(socket: &Path, service: &str) -> String {
    format!("{}socket = {}\n", own_service(service), socket.display())
}

#[test]
fn the_daemon_says_when_it_serves_and_when_it_has_loaded() {
    let daemon = ours(&own_service("a"));
    daemon.wait_for(|log| log.contains("Initialization complete."));
    daemon.reload(LOADED);
    assert!(Caller::at(&daemon.socket()).is_served());
}

#[test]
fn services_come_go_and_move_with_their_sockets() {
    let daemon = ours(&own_service("a"));
    let [first, second] = ["1.sock", "2.sock"].map(|name| daemon.folder().join(name));
    daemon.configure(&[own_service("a"), at(&first, "b")].concat());
    daemon.reload(LOADED);
    let mut caller = Caller::at(&first);
    assert!(caller.is_served());

    // Moved: the connection that is there meets no service any more, and the old socket is gone.
    daemon.configure(&[own_service("a"), at(&second, "b")].concat());
    daemon.reload(LOADED);
    assert!(caller.call(&simple_call()).is_none());
    assert!(!first.exists());
    assert!(Caller::at(&second).is_served());
    assert!(Caller::at(&daemon.socket()).is_served());

    // Dropped.
    daemon.configure(&own_service("a"));
    daemon.reload(LOADED);
    assert!(UnixStream::connect(&second).is_err());
    assert!(Caller::at(&daemon.socket()).is_served());
}

#[test]
fn a_connection_outlives_a_reload_that_leaves_its_service() {
    let daemon = ours(&own_service("a"));
    let mut caller = Caller::at(&daemon.socket());
    assert!(caller.is_served());
    daemon.reload(LOADED);
    assert!(caller.is_served());
}

#[test]
fn a_bad_configuration_changes_nothing_and_the_log_says_why() {
    let daemon = ours(&own_service("a"));
    let socket = daemon.folder().join("1.sock");
    let bad = [
        "[service/a]\nmechs = krb5\n".to_owned(),
        "nonsense".to_owned(),
        String::new(),
        // A socket that cannot be made: nothing of the rest is done either.
        [
            at(&socket, "b"),
            at("/nonexistent/folder/2.sock".as_ref(), "c"),
        ]
        .concat(),
    ];
    for text in bad {
        daemon.configure(&text);
        daemon.reload("keeping old configuration instead!");
        assert!(Caller::at(&daemon.socket()).is_served(), "{text}");
        assert!(!socket.exists());
    }
    daemon.wait_for(|log| log.contains("/nonexistent/folder/2.sock"));
    daemon.configure(&own_service("a"));
    daemon.reload(LOADED);
}

#[test]
fn a_keytab_outside_of_the_walls_is_announced_and_works_after_a_restart() {
    let Some(site) = Site::start("") else {
        return;
    };
    // Not below /tmp, where everybody may have a cache.
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let keytab = outside.path().join("keytab");
    fs::copy(&site.keytab, &keytab).unwrap();
    let within = site.service("web", "");
    let moved = within.replace(&site.keytab.display().to_string(), keytab.to_str().unwrap());
    let start = |services: &str, more: &[&str]| {
        Gssproxy::start_with(Keeper::Ours, site.kdc.krb5_conf(), services, |command| {
            command.args(more);
        })
        .unwrap()
    };

    let daemon = start(&within, &[]);
    site.accepts(&daemon.socket(), 1).succeeded();
    daemon.configure(&moved);
    daemon.reload(LOADED);
    if !daemon.log().contains("is outside of the sandbox") {
        // A kernel without Landlock.
        site.accepts(&daemon.socket(), 1).succeeded();
        return;
    }
    site.accepts(&daemon.socket(), 1).failed();
    drop(daemon);

    let restarted = start(&moved, &[]);
    site.accepts(&restarted.socket(), 1).succeeded();
    let open = start(&within, &["--no-sandbox"]);
    open.configure(&moved);
    open.reload(LOADED);
    site.accepts(&open.socket(), 1).succeeded();
}
