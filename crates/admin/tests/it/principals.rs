use std::time::Duration;

use kerbstone_admin::{
    AttributeChange, Change, KeySource, ListChange, Operation, PrincipalChanges, Reply,
};
use kerbstone_proto::name::Realm;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::Attributes;

use crate::site::{Site, code, create, principal, realm, root};

fn modify(name: &str, changes: PrincipalChanges) -> Operation {
    Operation::ModifyPrincipal {
        principal: principal(name),
        seen: None,
        changes,
    }
}

#[test]
fn a_principal_is_added_as_the_realm_wants_it_and_shown() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let alice = site.show("alice");
    assert_eq!(alice.principal, principal("alice"));
    assert!(alice.attributes.contains(Attributes::REQUIRES_PREAUTH));
    assert_eq!(alice.keys.len(), 1);
    assert_eq!(alice.keys[0].enctype_name, "aes256-cts-hmac-sha1-96");
    assert_eq!(alice.modified_by, principal("root/admin"));
}

#[test]
fn whoever_has_a_password_pre_authenticates_whatever_the_name() {
    let site = Site::new("");
    site.add("root/admin", "correct horse");
    site.root(create("host/www", KeySource::Random)).unwrap();
    let preauth = Attributes::REQUIRES_PREAUTH;
    assert!(site.show("root/admin").attributes.contains(preauth));
    assert!(!site.show("host/www").attributes.contains(preauth));
    let name = "krbtgt/EXAMPLE.TEST@ELSEWHERE.TEST";
    site.add(name, "between realms");
    assert!(!site.show(name).attributes.contains(preauth));
}

#[test]
fn a_principal_can_be_added_with_random_keys_or_none() {
    let site = Site::new("");
    assert_eq!(
        site.root(create("host/www", KeySource::Random)).unwrap(),
        Reply::Kvno(1)
    );
    assert_eq!(
        site.root(create("group", KeySource::None)).unwrap(),
        Reply::Kvno(0)
    );
    assert!(site.show("group").keys.is_empty());
}

#[test]
fn a_name_is_given_only_once() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let again = site.root(create("alice", KeySource::Random));
    assert_eq!(code(again), "Principal or policy already exists");
}

#[test]
fn a_principal_in_a_realm_that_is_not_here_is_refused() {
    let site = Site::new("");
    let error = site.root(create("alice@ELSEWHERE.TEST", KeySource::Random));
    assert!(error.unwrap_err().to_string().contains("ELSEWHERE.TEST"));
}

#[test]
fn names_are_listed_by_glob_with_aliases() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    site.add("albert", "correct horse");
    site.root(Operation::AddAlias {
        alias: principal("ally"),
        target: principal("alice"),
    })
    .unwrap();
    let list = |pattern: &str| {
        let operation = Operation::ListPrincipals {
            realm: realm(),
            pattern: Some(pattern.to_owned()),
        };
        match site.root(operation).unwrap() {
            Reply::Principals(names) => names,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        list("al*"),
        [principal("albert"), principal("alice"), principal("ally")]
    );
    assert_eq!(list("*/*@EXAMPLE.TEST").len(), 3);
    let broken = Operation::ListPrincipals {
        realm: realm(),
        pattern: Some("[".to_owned()),
    };
    assert!(site.root(broken).is_err());
    let elsewhere = Operation::ListPrincipals {
        realm: Realm::from("ELSEWHERE.TEST"),
        pattern: None,
    };
    assert!(site.root(elsewhere).is_err());
}

#[test]
fn every_field_can_be_set_and_taken_away() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let when = KerberosTime::from_unix(2_000_000_000);
    let hour = Duration::from_secs(3600);
    let changes = PrincipalChanges {
        attributes: AttributeChange::parse("-allow_tix,-requires_preauth").unwrap(),
        max_life: Change::Set(hour),
        max_renewable_life: Change::Set(hour),
        expiration: Change::Set(when),
        password_expiration: Change::Set(when),
        policy: Change::Keep,
        ..PrincipalChanges::default()
    };
    site.root(modify("alice", changes)).unwrap();
    let alice = site.show("alice");
    assert_eq!(alice.attributes, Attributes::DISALLOW_ALL_TIX);
    assert_eq!(
        (alice.max_life, alice.max_renewable_life),
        (Some(hour), Some(hour))
    );
    assert_eq!(alice.expiration, Some(when));
    assert_eq!(alice.password_expiration, Some(when));
    let changes = PrincipalChanges {
        max_life: Change::Clear,
        max_renewable_life: Change::Clear,
        expiration: Change::Clear,
        password_expiration: Change::Clear,
        ..PrincipalChanges::default()
    };
    site.root(modify("alice", changes)).unwrap();
    let alice = site.show("alice");
    assert_eq!(alice.attributes, Attributes::DISALLOW_ALL_TIX);
    assert_eq!((alice.max_life, alice.expiration), (None, None));
}

#[test]
fn lists_of_who_acts_for_users_grow_and_shrink_by_name() {
    let site = Site::new("");
    site.add("front", "correct horse");
    let list = |names: &[&str]| names.iter().map(|name| principal(name)).collect::<Vec<_>>();
    let change = |add: &[&str], remove: &[&str]| PrincipalChanges {
        delegate_to: ListChange {
            add: list(add),
            remove: list(remove),
        },
        delegate_from: ListChange {
            add: list(add),
            remove: Vec::new(),
        },
        ..PrincipalChanges::default()
    };
    site.root(modify(
        "front",
        change(&["HTTP/a", "HTTP/b", "HTTP/a"], &[]),
    ))
    .unwrap();
    let front = site.show("front");
    assert_eq!(front.delegate_to, list(&["HTTP/a", "HTTP/b"]));
    site.root(modify("front", change(&["HTTP/b"], &["HTTP/a", "HTTP/zz"])))
        .unwrap();
    let front = site.show("front");
    assert_eq!(front.delegate_to, list(&["HTTP/b"]));
    assert_eq!(front.delegate_from, list(&["HTTP/a", "HTTP/b"]));
    assert_eq!(front.strings.len(), 2);
}

#[test]
fn a_list_of_who_acts_for_users_that_cannot_be_read_is_refused() {
    let site = Site::new("");
    site.add("front", "correct horse");
    let set = |value: &str| Operation::SetString {
        principal: principal("front"),
        key: "allowed_to_delegate_to".to_owned(),
        value: Some(value.to_owned()),
    };
    assert!(site.root(set("HTTP/a@B@C")).is_err());
    site.root(set("HTTP/a HTTP/b")).unwrap();
    assert_eq!(site.show("front").delegate_to.len(), 2);
}

#[test]
fn concurrent_administrators_lose_nothing() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let site = &site;
            scope.spawn(move || {
                let operation = Operation::SetString {
                    principal: principal("alice"),
                    key: format!("key{number}"),
                    value: Some("value".to_owned()),
                };
                site.root(operation).unwrap();
            });
        }
    });
    assert_eq!(site.show("alice").strings.len(), 8);
}

#[test]
fn a_change_of_a_version_that_is_gone_is_refused() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let seen = Some(site.show("alice").version);
    let operation = || Operation::ModifyPrincipal {
        principal: principal("alice"),
        seen,
        changes: PrincipalChanges::default(),
    };
    site.root(operation()).unwrap();
    let error = site.root(operation()).unwrap_err();
    assert!(error.to_string().contains("someone else"), "{error}");
}

#[test]
fn rename_alias_and_delete_do_what_they_say() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    site.root(Operation::RenamePrincipal {
        from: principal("alice"),
        to: principal("alicia"),
    })
    .unwrap();
    site.root(Operation::AddAlias {
        alias: principal("alice"),
        target: principal("alicia"),
    })
    .unwrap();
    assert_eq!(site.show("alice").principal, principal("alicia"));
    site.root(Operation::RemoveAlias {
        alias: principal("alice"),
    })
    .unwrap();
    site.root(Operation::DeletePrincipal {
        principal: principal("alicia"),
    })
    .unwrap();
    let gone = site.root(Operation::GetPrincipal {
        principal: principal("alicia"),
    });
    assert_eq!(code(gone), "Principal does not exist");
}

#[test]
fn a_locked_principal_is_shown_so_until_it_is_unlocked() {
    let site = Site::new("");
    let alice = site.add("alice", "correct horse");
    site.root(Operation::LockPrincipal {
        principal: alice.clone(),
    })
    .unwrap();
    assert!(site.show("alice").attributes.contains(Attributes::LOCKED));
    site.root(Operation::UnlockPrincipal { principal: alice })
        .unwrap();
    assert!(!site.show("alice").attributes.contains(Attributes::LOCKED));
}

#[test]
fn string_attributes_are_set_and_removed() {
    let site = Site::new("");
    let alice = site.add("alice", "correct horse");
    let set = |value: Option<&str>| Operation::SetString {
        principal: alice.clone(),
        key: "session_enctypes".to_owned(),
        value: value.map(str::to_owned),
    };
    site.root(set(Some("aes256-sha2"))).unwrap();
    let strings = site.show("alice").strings;
    assert_eq!(
        strings,
        [("session_enctypes".to_owned(), "aes256-sha2".to_owned())]
    );
    site.root(set(None)).unwrap();
    assert!(site.show("alice").strings.is_empty());
}

#[test]
fn every_operation_leaves_an_audit_line_without_secrets() {
    let site = Site::new("");
    site.add("alice", "correct horse");
    let _ = site.root(create(
        "alice",
        KeySource::Password(b"correct horse".as_slice().into()),
    ));
    let lines = site.audit();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["operation"], "create_principal");
    assert_eq!(lines[0]["target"], "alice@EXAMPLE.TEST");
    assert_eq!(lines[0]["client"], root().to_string());
    assert_eq!(lines[0]["uid"], 0);
    assert_eq!(lines[0]["outcome"], "granted");
    assert_eq!(lines[1]["outcome"], "refused");
    assert_eq!(lines[1]["code"], 43_787_527);
    assert!(!format!("{lines:?}").contains("horse"));
}
