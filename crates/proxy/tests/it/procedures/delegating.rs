use kerbstone_proxy::settings::Service;
use serde_json::json;

use super::program::{Program, meet};
use super::site::{Site, TARGET};

#[test]
fn delegated_tickets_come_back_sealed_and_reach_further() {
    let Some(site) = Site::start() else { return };
    site.mit.add_service("http/further.proxy.test");
    let further = site.mit.keytab("http/further.proxy.test");
    let proxy = site.proxy(Service {
        filter_flags: 0,
        ..site.web_service()
    });
    let Some(mut alice) = Program::start(site.environment_of_alice()) else {
        return;
    };
    let mut web = Program::start(site.environment_of(&proxy)).unwrap();
    web.get(json!({"do": "acquire", "as": "key", "usage": "accept"}));
    let (_, theirs) = meet(
        &mut alice,
        &mut web,
        json!({"target": TARGET, "flags": 1 | 2}),
        json!({"with": "key"}),
    );
    assert_eq!(theirs["delegated"]["name"], "alice@PROXY.TEST");
    assert_eq!(theirs["delegated"]["usage"], "initiate");
    let by_mech = web.get(json!({"do": "by_mech", "as": "context delegated"}));
    assert_eq!(by_mech["name"], "alice@PROXY.TEST");
    let mut other = Program::start(site.environment_with(&further)).unwrap();
    let first = web.get(json!({
        "do": "init", "as": "onwards", "with": "context delegated",
        "target": "http@further.proxy.test"
    }));
    let reached = other.get(json!({"do": "accept", "as": "context", "token": first["token"]}));
    assert_eq!(reached["initiator"], "alice@PROXY.TEST");
}

#[test]
fn nothing_is_delegated_to_whoever_does_not_ask_for_it() {
    let Some(site) = Site::start() else { return };
    let proxy = site.proxy(site.web_service());
    let Some(mut alice) = Program::start(site.environment_of_alice()) else {
        return;
    };
    let mut web = Program::start(site.environment_of(&proxy)).unwrap();
    let (_, theirs) = meet(&mut alice, &mut web, json!({"target": TARGET}), json!({}));
    assert!(theirs["delegated"].is_null(), "{theirs}");
}
