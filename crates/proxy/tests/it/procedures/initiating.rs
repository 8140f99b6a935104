use kerbstone_proxy::settings::Service;
use serde_json::json;

use super::program::{Program, converse, meet};
use super::site::{SERVICE, Site, TARGET, service, stored};

/// A service that initiates with alice's tickets.
fn of_alice(site: &Site) -> Service {
    let cache = format!("FILE:{}", site.alice.cache().display());
    Service {
        cred_store: vec![stored("ccache", cache)],
        ..service("alice")
    }
}

#[test]
fn an_application_initiates_with_tickets_that_it_cannot_read() {
    let Some(site) = Site::start() else { return };
    let proxy = site.proxy(of_alice(&site));
    let Some(mut client) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    let held = client.get(json!({"do": "acquire", "as": "tickets", "usage": "initiate"}));
    assert_eq!(held["name"], "alice@PROXY.TEST");
    assert!(held["lifetime"].as_u64().unwrap() > 3600, "{held}");
    for with in ["tickets", "none"] {
        let mut client = Program::start(site.environment_of(&proxy)).unwrap();
        client.get(json!({"do": "acquire", "as": "tickets", "usage": "initiate"}));
        let mut web = Program::start(site.environment_of_web()).unwrap();
        let (ours, theirs) = meet(
            &mut client,
            &mut web,
            json!({"target": TARGET, "with": with}),
            json!({}),
        );
        assert_eq!(ours["target"], json!(format!("{SERVICE}@PROXY.TEST")));
        assert_eq!(theirs["initiator"], "alice@PROXY.TEST");
        converse(&mut client, &mut web);
    }
    let refused = client.ask(json!({
        "do": "init", "as": "elsewhere", "with": "tickets", "target": "http@no.proxy.test"
    }));
    let words = refused["words"].to_string();
    assert!(
        words.contains("Server not found in Kerberos database"),
        "{refused}"
    );
}

#[test]
fn a_service_signs_in_with_its_keytab_and_keeps_the_tickets_to_itself() {
    let Some(site) = Site::start() else { return };
    site.mit.add_service("host/client.proxy.test");
    let keytab = site.mit.keytab("host/client.proxy.test");
    let service = Service {
        cred_store: vec![stored("client_keytab", keytab.display().to_string())],
        ..service("machine")
    };
    let proxy = site.proxy(service);
    let Some(mut client) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    let mut web = Program::start(site.environment_of_web()).unwrap();
    let held = client.get(json!({"do": "acquire", "as": "tickets", "usage": "initiate"}));
    assert_eq!(held["name"], "host/client.proxy.test@PROXY.TEST");
    let (_, theirs) = meet(
        &mut client,
        &mut web,
        json!({"target": TARGET, "with": "tickets"}),
        json!({}),
    );
    assert_eq!(theirs["initiator"], "host/client.proxy.test@PROXY.TEST");
    converse(&mut client, &mut web);
}

#[test]
fn flags_are_enforced_first_and_filtered_then() {
    const DELEGATE: u64 = 1;
    const REPLAY: u64 = 4;
    const SEQUENCE: u64 = 8;
    let Some(site) = Site::start() else { return };
    for (filter, enforce, expected) in [
        (1, 0, REPLAY),
        (0, 0, REPLAY | DELEGATE),
        (4, 4 | 8, SEQUENCE | DELEGATE),
    ] {
        let service = Service {
            filter_flags: filter,
            enforce_flags: enforce,
            ..of_alice(&site)
        };
        let proxy = site.proxy(service);
        let Some(mut client) = Program::start(site.environment_of(&proxy)) else {
            return;
        };
        let mut web = Program::start(site.environment_of_web()).unwrap();
        let (_, theirs) = meet(
            &mut client,
            &mut web,
            json!({"target": TARGET, "flags": REPLAY | DELEGATE}),
            json!({}),
        );
        let flags = theirs["flags"].as_u64().unwrap();
        let asked = DELEGATE | REPLAY | SEQUENCE;
        assert_eq!(
            flags & asked,
            expected,
            "filter {filter}, enforce {enforce}"
        );
        assert_eq!(theirs["delegated"].is_object(), expected & DELEGATE != 0);
    }
}

#[test]
fn both_sides_are_bound_to_the_channel() {
    let Some(site) = Site::start() else { return };
    let proxy = site.proxy(of_alice(&site));
    let web = site.proxy(site.web_service());
    for (theirs, is_same) in [("tls-unique:1", true), ("tls-unique:2", false)] {
        let Some(mut client) = Program::start(site.environment_of(&proxy)) else {
            return;
        };
        let mut acceptor = Program::start(site.environment_of(&web)).unwrap();
        let first = client.get(json!({
            "do": "init", "as": "context", "target": TARGET, "bindings": "tls-unique:1"
        }));
        let answer = acceptor.ask(json!({
            "do": "accept", "as": "context", "bindings": theirs, "token": first["token"]
        }));
        assert_eq!(answer["complete"] == true, is_same, "{answer}");
        assert_eq!(answer["major"] == 4 << 16, !is_same, "{answer}");
    }
}
