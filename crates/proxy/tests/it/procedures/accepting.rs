use kerbstone_proxy::wire::Procedure;
use serde_json::json;

use super::program::{Program, converse, meet};
use super::site::{SERVICE, Site, TARGET};

#[test]
fn an_application_accepts_with_a_key_that_it_cannot_read() {
    let Some(site) = Site::start() else { return };
    let proxy = site.proxy(site.web_service());
    let Some(mut alice) = Program::start(site.environment_of_alice()) else {
        return;
    };
    let mut web = Program::start(site.environment_of(&proxy)).unwrap();
    let held = web.get(json!({"do": "acquire", "as": "key", "usage": "accept"}));
    assert_eq!(held["usage"], "accept");
    assert_eq!(held["name"], json!(format!("{SERVICE}@PROXY.TEST")));
    let (ours, theirs) = meet(
        &mut alice,
        &mut web,
        json!({"target": TARGET}),
        json!({"with": "key"}),
    );
    assert_eq!(theirs["initiator"], "alice@PROXY.TEST");
    let protection = |side: &serde_json::Value| side["flags"].as_u64().unwrap() & 0x3e;
    assert_eq!(protection(&ours), protection(&theirs));
    // Before anything else takes the context to the application's own library.
    let exported = web.get(json!({"do": "export_name", "as": "context"}));
    assert!(
        exported["exported"]
            .as_str()
            .unwrap()
            .ends_with("616c6963654050524f58592e54455354"),
        "{exported}"
    );
    converse(&mut alice, &mut web);
    let decisions = proxy.decisions();
    let accepted = decisions
        .iter()
        .find(|decision| decision.procedure == Procedure::AcceptSecContext)
        .unwrap();
    assert_eq!(accepted.initiator.as_deref(), Some("alice@PROXY.TEST"));
    assert_eq!(accepted.target, Some(format!("{SERVICE}@PROXY.TEST")));
    assert_eq!(accepted.service.name, "web");
    assert!(
        decisions.iter().all(|decision| decision.is_granted()),
        "{decisions:?}"
    );
}
