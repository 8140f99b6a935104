use std::time::Duration;

use kerbstone_admin::{Change, Operation, RealmChanges, RealmView, Reply, TrustSecret};
use kerbstone_proto::name::Realm;

use crate::site::{Site, code, principal, realm};

fn other() -> Realm {
    Realm::from("OTHER.TEST")
}

fn get(site: &Site, realm: Realm) -> RealmView {
    match site.root(Operation::GetRealm { realm }).unwrap() {
        Reply::Realm(view) => *view,
        other => panic!("{other:?}"),
    }
}

fn trust(secret: TrustSecret, inbound: bool, outbound: bool) -> Operation {
    Operation::AddTrust {
        realm: realm(),
        other: other(),
        inbound,
        outbound,
        secret,
        keysalts: None,
        kvno: None,
    }
}

#[test]
fn a_realm_is_added_changed_listed_and_deleted() {
    let site = Site::new("");
    let create = || Operation::CreateRealm {
        realm: other(),
        changes: RealmChanges::default(),
    };
    site.root(create()).unwrap();
    assert_eq!(
        code(site.root(create())),
        "Principal or policy already exists"
    );
    let realms = site.root(Operation::ListRealms).unwrap();
    assert_eq!(
        realms,
        Reply::Realms(vec![realm(), other()]),
        "in the order of names"
    );
    let changes = RealmChanges {
        max_life: Some(Duration::from_secs(60)),
        transit: Some(kerbstone_realm::TransitPolicy::LeaveToService),
        issues_pac: Some(false),
        ..RealmChanges::default()
    };
    let modify = Operation::ModifyRealm {
        realm: other(),
        changes,
    };
    site.root(modify).unwrap();
    let view = get(&site, other());
    assert_eq!(view.max_life, Duration::from_secs(60));
    assert!(!view.enforces_transit);
    assert!(!view.issues_pac);
    assert!(get(&site, realm()).issues_pac);
    assert!(get(&site, realm()).enforces_transit);
    let deleted = site
        .root(Operation::DeleteRealm { realm: other() })
        .unwrap();
    assert!(matches!(deleted, Reply::Deleted(records) if records >= 4));
    assert_eq!(
        site.root(Operation::ListRealms).unwrap(),
        Reply::Realms(vec![realm()])
    );
}

#[test]
fn a_realm_needs_the_policy_that_it_names() {
    let site = Site::new("");
    let changes = RealmChanges {
        default_policy: Change::Set("none".to_owned()),
        ..RealmChanges::default()
    };
    let modify = Operation::ModifyRealm {
        realm: realm(),
        changes,
    };
    assert_eq!(code(site.root(modify)), "Policy does not exist");
}

#[test]
fn a_trust_by_password_has_the_keys_that_the_other_realm_makes() {
    let site = Site::new("");
    let shared = TrustSecret::Password(b"shared".as_slice().into());
    let reply = site.root(trust(shared, true, false)).unwrap();
    let here = "krbtgt/EXAMPLE.TEST@OTHER.TEST";
    let expected = Reply::TrustAdded {
        principals: vec![principal(here)],
        kvno: 1,
        secret: None,
    };
    assert_eq!(reply, expected);
    assert_eq!(site.show(here).keys[0].kvno, 1);
    let trusts = get(&site, realm()).trusts;
    assert_eq!((trusts[0].inbound, trusts[0].outbound), (true, false));
    site.root(Operation::RemoveTrust {
        realm: realm(),
        other: other(),
    })
    .unwrap();
    assert!(get(&site, realm()).trusts.is_empty());
    let gone = site.root(Operation::GetPrincipal {
        principal: principal(here),
    });
    assert_eq!(code(gone), "Principal does not exist");
}

#[test]
fn a_random_trust_tells_a_password_that_nobody_guesses_and_the_log_does_not_have() {
    let site = Site::new("");
    let reply = site.root(trust(TrustSecret::Random, true, true)).unwrap();
    let Reply::TrustAdded {
        principals,
        secret: Some(secret),
        ..
    } = reply
    else {
        panic!("no secret");
    };
    assert_eq!(principals.len(), 2);
    let password = std::str::from_utf8(secret.as_bytes()).unwrap();
    assert!(password.len() >= 32 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(!format!("{:?}", site.audit()).contains(password));
}

#[test]
fn a_trust_that_leads_nowhere_is_refused() {
    let site = Site::new("");
    assert!(site.root(trust(TrustSecret::Random, false, false)).is_err());
    let with_itself = Operation::AddTrust {
        realm: realm(),
        other: realm(),
        inbound: true,
        outbound: true,
        secret: TrustSecret::Random,
        keysalts: None,
        kvno: None,
    };
    assert!(site.root(with_itself).is_err());
    assert!(get(&site, realm()).trusts.is_empty());
}
