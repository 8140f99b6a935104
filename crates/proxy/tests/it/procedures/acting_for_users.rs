//! S4U2Self and S4U2Proxy, and what each service lets its callers do with them.

use std::path::PathBuf;

use kerbstone_proxy::settings::Service;
use kerbstone_testkit::lab::{Mit, Session, Setup, Suite};
use serde_json::json;

use super::program::{Program, meet};
use super::site::{REALM, SERVICE, Site, TARGET, own_uid, service, stored};

const FURTHER: &str = "http/further.proxy.test";
const ELSEWHERE: &str = "http/elsewhere.proxy.test";
const UNAUTHORIZED: u64 = 15 << 16;

/// A realm in which the web service may act for users at one other service.
struct Office {
    site: Site,
    further: PathBuf,
}

impl Office {
    fn open() -> Option<Self> {
        let mit = Mit::start_in_directory(
            &Setup::realm(REALM).krb5_conf("[libdefaults]\nforwardable = true"),
        )?;
        mit.add_user("alice", "wonderland");
        mit.add_user("root", "not the machine's");
        for name in [SERVICE, FURTHER, ELSEWHERE] {
            mit.add_service(name);
        }
        mit.admin(&["modprinc", "+ok_to_auth_as_delegate", SERVICE]);
        mit.allow_delegation(SERVICE, FURTHER);
        let keytab = mit.keytab(SERVICE);
        let further = mit.keytab(FURTHER);
        let alice = Session::new(Suite::Mit, mit.krb5_conf());
        alice.sign_in("alice", "wonderland", &["-f"]).succeeded();
        let site = Site { mit, alice, keytab };
        Some(Self { site, further })
    }

    /// The web service, which may use its keytab in both directions.
    fn web(&self) -> Service {
        let keytab = self.site.keytab.display().to_string();
        Service {
            cred_store: vec![
                stored("keytab", keytab.clone()),
                stored("client_keytab", keytab),
            ],
            ..service("web")
        }
    }
}

#[test]
fn a_service_acts_for_a_user_where_its_settings_and_the_kdc_let_it() {
    let Some(office) = Office::open() else { return };
    let site = &office.site;
    let proxy = site.proxy(Service {
        allow_protocol_transition: true,
        allow_constrained_delegation: true,
        ..office.web()
    });
    let Some(mut web) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    web.get(json!({"do": "acquire", "as": "self", "usage": "both"}));
    let alice = web.get(json!({"do": "impersonate", "by": "self", "as": "alice", "name": "alice"}));
    assert_eq!(alice["name"], "alice@PROXY.TEST");
    let mut further = Program::start(site.environment_with(&office.further)).unwrap();
    let (_, theirs) = meet(
        &mut web,
        &mut further,
        json!({"target": "http@further.proxy.test", "with": "alice"}),
        json!({}),
    );
    assert_eq!(theirs["initiator"], "alice@PROXY.TEST");
    let refused = web.ask(json!({
        "do": "init", "as": "elsewhere", "with": "alice", "target": "http@elsewhere.proxy.test"
    }));
    let words = refused["words"].to_string();
    assert!(
        words.contains("KDC can't fulfill requested option"),
        "{refused}"
    );
}

#[test]
fn a_service_that_may_not_act_for_users_is_refused() {
    let Some(office) = Office::open() else { return };
    let site = &office.site;
    let proxy = site.proxy(office.web());
    let Some(mut web) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    web.get(json!({"do": "acquire", "as": "self", "usage": "both"}));
    let refused =
        web.ask(json!({"do": "impersonate", "by": "self", "as": "alice", "name": "alice"}));
    assert_eq!(refused["major"], json!(UNAUTHORIZED), "{refused}");
    assert!(
        refused["words"]
            .to_string()
            .contains("allow_protocol_transition")
    );
}

#[test]
fn an_impersonated_credential_goes_to_the_service_itself_only_unless_more_is_allowed() {
    let Some(office) = Office::open() else { return };
    let site = &office.site;
    let proxy = site.proxy(Service {
        allow_protocol_transition: true,
        ..office.web()
    });
    let Some(mut web) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    web.get(json!({"do": "acquire", "as": "self", "usage": "both"}));
    web.get(json!({"do": "impersonate", "by": "self", "as": "alice", "name": "alice"}));
    let refused = web.ask(json!({
        "do": "init", "as": "further", "with": "alice", "target": "http@further.proxy.test"
    }));
    assert_eq!(refused["major"], json!(UNAUTHORIZED), "{refused}");
    let to_itself = web.get(json!({
        "do": "init", "as": "itself", "with": "alice", "target": TARGET
    }));
    let mut own = Program::start(site.environment_of_web()).unwrap();
    let theirs = own.get(json!({"do": "accept", "as": "context", "token": to_itself["token"]}));
    assert_eq!(theirs["initiator"], "alice@PROXY.TEST");
}

#[test]
fn an_accepted_ticket_is_evidence_enough_to_go_on() {
    let Some(office) = Office::open() else { return };
    let site = &office.site;
    let proxy = site.proxy(Service {
        allow_constrained_delegation: true,
        ..office.web()
    });
    let Some(mut alice) = Program::start(site.environment_of_alice()) else {
        return;
    };
    let mut web = Program::start(site.environment_of(&proxy)).unwrap();
    web.get(json!({"do": "acquire", "as": "self", "usage": "both"}));
    let (_, theirs) = meet(
        &mut alice,
        &mut web,
        json!({"target": TARGET}),
        json!({"with": "self"}),
    );
    assert_eq!(theirs["delegated"]["name"], "alice@PROXY.TEST", "{theirs}");
    let first = web.get(json!({
        "do": "init", "as": "onwards", "with": "context delegated",
        "target": "http@further.proxy.test"
    }));
    let mut further = Program::start(site.environment_with(&office.further)).unwrap();
    let reached = further.get(json!({"do": "accept", "as": "context", "token": first["token"]}));
    assert_eq!(reached["initiator"], "alice@PROXY.TEST");
}

#[test]
fn callers_of_other_uids_come_as_themselves_when_the_service_impersonates() {
    let Some(office) = Office::open() else { return };
    let site = &office.site;
    // This process' user is a guest of the service.
    let proxy = site.proxy(Service {
        euid: own_uid() + 1,
        allow_any_uid: true,
        impersonate: true,
        ..office.web()
    });
    let Some(mut guest) = Program::start(site.environment_of(&proxy)) else {
        return;
    };
    if own_uid() != 0 {
        return;
    }
    let mut further = Program::start(site.environment_with(&office.further)).unwrap();
    let held = guest.get(json!({"do": "acquire", "as": "me", "usage": "initiate"}));
    assert_eq!(held["name"], "root@PROXY.TEST");
    let (_, theirs) = meet(
        &mut guest,
        &mut further,
        json!({"target": "http@further.proxy.test", "with": "me"}),
        json!({}),
    );
    assert_eq!(theirs["initiator"], "root@PROXY.TEST");
    let as_alice =
        guest.ask(json!({"do": "acquire", "as": "alice", "usage": "initiate", "name": "alice"}));
    assert_ne!(as_alice["name"], "alice@PROXY.TEST", "{as_alice}");
}
