use std::time::Duration;

use kerbstone_admin::{Change, KeySource, Operation, PolicyChanges, PrincipalChanges, Reply};
use kerbstone_crypto::Enctype;
use kerbstone_realm::Keysalt;

use crate::site::{Site, code, create, principal, realm, remote};

const HOUR: Duration = Duration::from_secs(3600);

fn add(site: &Site, name: &str, changes: PolicyChanges) {
    let operation = Operation::CreatePolicy {
        realm: realm(),
        name: name.to_owned(),
        changes,
    };
    site.root(operation).unwrap();
}

fn modify(name: &str, changes: PolicyChanges) -> Operation {
    Operation::ModifyPolicy {
        realm: realm(),
        name: name.to_owned(),
        changes,
    }
}

fn strict() -> PolicyChanges {
    PolicyChanges {
        min_length: Some(8),
        min_classes: Some(2),
        history: Some(2),
        min_password_life: Some(HOUR),
        max_life: Change::Set(HOUR),
        ..PolicyChanges::default()
    }
}

fn create_under(name: &str, policy: &str, password: &str) -> Operation {
    Operation::CreatePrincipal {
        principal: principal(name),
        keys: KeySource::Password(password.as_bytes().into()),
        keysalts: None,
        changes: PrincipalChanges {
            policy: Change::Set(policy.to_owned()),
            ..PrincipalChanges::default()
        },
    }
}

fn set_password(password: &str) -> Operation {
    Operation::ChangePassword {
        principal: principal("alice"),
        password: password.as_bytes().into(),
        keep_old: false,
        keysalts: None,
    }
}

#[test]
fn a_policy_is_shown_changed_listed_and_deleted() {
    let site = Site::new("");
    add(&site, "strict", strict());
    add(&site, "lax", PolicyChanges::default());
    let more = PolicyChanges {
        max_failures: Some(5),
        lockout_duration: Change::Set(HOUR),
        ..PolicyChanges::default()
    };
    site.root(modify("strict", more)).unwrap();
    let get = |name: &str| {
        site.root(Operation::GetPolicy {
            realm: realm(),
            name: name.to_owned(),
        })
    };
    let Reply::Policy(policy) = get("strict").unwrap() else {
        panic!("no policy");
    };
    assert_eq!((policy.min_length, policy.max_failures), (8, 5));
    assert_eq!(policy.lockout_duration, Some(HOUR));
    let list = |pattern: Option<&str>| {
        site.root(Operation::ListPolicies {
            realm: realm(),
            pattern: pattern.map(str::to_owned),
        })
        .unwrap()
    };
    let names = |names: &[&str]| Reply::Policies(names.iter().map(ToString::to_string).collect());
    assert_eq!(list(None), names(&["lax", "strict"]));
    assert_eq!(list(Some("l*")), names(&["lax"]));
    site.root(Operation::DeletePolicy {
        realm: realm(),
        name: "lax".to_owned(),
    })
    .unwrap();
    assert_eq!(code(get("lax")), "Policy does not exist");
}

#[test]
fn passwords_under_a_policy_are_refused_with_kadm5s_reasons() {
    let mut site = Site::new("");
    add(&site, "strict", strict());
    let refused = [
        ("short1", "Password is too short"),
        (
            "onlyletters",
            "Password does not contain enough character classes",
        ),
    ];
    for (password, reason) in refused {
        assert_eq!(
            code(site.root(create_under("alice", "strict", password))),
            reason
        );
    }
    site.root(create_under("alice", "strict", "good enough 1"))
        .unwrap();
    assert_eq!(
        site.show("alice").max_life,
        Some(HOUR),
        "the policy's own life"
    );
    assert_eq!(
        code(site.root(set_password("good enough 1"))),
        "Cannot reuse password"
    );
    let own = site.run(&remote("alice"), set_password("good enough 2"));
    assert_eq!(code(own), "Current password's minimum life has not expired");
    site.pass(3601);
    site.run(&remote("alice"), set_password("good enough 2"))
        .unwrap();
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let site = Site::new("");
    add(&site, "strict", strict());
    let lives = PolicyChanges {
        max_password_life: Change::Set(Duration::from_secs(1)),
        ..PolicyChanges::default()
    };
    let told = code(site.root(modify("strict", lives)));
    assert_eq!(
        told,
        "Password minimum life is greater than password maximum life"
    );
    let classes = PolicyChanges {
        min_classes: Some(6),
        ..PolicyChanges::default()
    };
    let told = code(site.root(modify("strict", classes)));
    assert_eq!(told, "Invalid number of character classes");
}

#[test]
fn a_policy_in_use_stays() {
    let site = Site::new("");
    add(&site, "strict", strict());
    site.root(create_under("alice", "strict", "good enough 1"))
        .unwrap();
    let delete = site.root(Operation::DeletePolicy {
        realm: realm(),
        name: "strict".to_owned(),
    });
    assert_eq!(code(delete), "Policy is in use");
}

#[test]
fn a_policy_that_is_not_there_cannot_be_given() {
    let site = Site::new("");
    let told = code(site.root(create_under("alice", "none", "good enough 1")));
    assert_eq!(told, "Policy does not exist");
}

#[test]
fn keys_that_a_policy_does_not_allow_are_refused() {
    let site = Site::new("");
    let allowed = PolicyChanges {
        allowed_keysalts: Change::Set(vec![Keysalt::normal(Enctype::Aes128CtsHmacSha1_96)]),
        ..PolicyChanges::default()
    };
    add(&site, "small", allowed);
    site.root(create_under("alice", "small", "good enough 1"))
        .unwrap();
    assert_eq!(site.show("alice").keys[0].enctype, 17);
    let change = Operation::RandomizeKeys {
        principal: principal("alice"),
        keep_old: false,
        keysalts: Some(vec![Keysalt::normal(Enctype::Aes256CtsHmacSha1_96)]),
        export: false,
    };
    assert_eq!(code(site.root(change)), "Invalid key/salt tuples");
}

#[test]
fn the_owner_of_a_policy_may_look_at_it() {
    let site = Site::new("");
    add(&site, "strict", strict());
    site.root(create_under("alice", "strict", "good enough 1"))
        .unwrap();
    site.root(create("bob", KeySource::Random)).unwrap();
    let look = || Operation::GetPolicy {
        realm: realm(),
        name: "strict".to_owned(),
    };
    site.run(&remote("alice"), look()).unwrap();
    let bob = site.run(&remote("bob"), look());
    assert_eq!(code(bob), "Operation requires ``get'' privilege");
}
