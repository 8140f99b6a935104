//! Which letter of kadm5.acl opens which operation.

use std::path::PathBuf;

use kerbstone_admin::{
    KeySource, Operation, PolicyChanges, PrincipalChanges, RealmChanges, Reply, TrustSecret,
};
use kerbstone_kdc::PasswordAuthority;
use kerbstone_proto::name::Realm;

use crate::site::{Site, create, principal, realm, remote, root, stranger};

/// Every operation on the principal `bob` or the policy `strict`, with the letters it needs; none for those that
/// principals never may.
fn table() -> Vec<(Operation, Option<&'static str>)> {
    let bob = || principal("bob");
    let strict = || "strict".to_owned();
    let other = || Realm::from("OTHER.TEST");
    vec![
        (create("new", KeySource::Random), Some("a")),
        (Operation::GetPrincipal { principal: bob() }, Some("i")),
        (
            Operation::ListPrincipals {
                realm: realm(),
                pattern: None,
            },
            Some("l"),
        ),
        (
            Operation::ModifyPrincipal {
                principal: bob(),
                seen: None,
                changes: PrincipalChanges::default(),
            },
            Some("m"),
        ),
        (
            Operation::RenamePrincipal {
                from: bob(),
                to: principal("rob"),
            },
            Some("ad"),
        ),
        (Operation::DeletePrincipal { principal: bob() }, Some("d")),
        (
            Operation::AddAlias {
                alias: principal("bobby"),
                target: bob(),
            },
            Some("am"),
        ),
        (
            Operation::RemoveAlias {
                alias: principal("bobo"),
            },
            Some("d"),
        ),
        (
            Operation::ChangePassword {
                principal: bob(),
                password: b"new".as_slice().into(),
                keep_old: false,
                keysalts: None,
            },
            Some("c"),
        ),
        (
            Operation::RandomizeKeys {
                principal: bob(),
                keep_old: false,
                keysalts: None,
                export: true,
            },
            Some("c"),
        ),
        (
            Operation::SetKeys {
                principal: bob(),
                keys: Vec::new(),
                keep_old: true,
            },
            Some("s"),
        ),
        (
            Operation::ExtractKeys {
                principal: bob(),
                kvno: None,
            },
            Some("e"),
        ),
        (
            Operation::PurgeKeys {
                principal: bob(),
                keep_from: None,
            },
            Some("m"),
        ),
        (Operation::LockPrincipal { principal: bob() }, Some("m")),
        (Operation::UnlockPrincipal { principal: bob() }, Some("m")),
        (
            Operation::SetString {
                principal: bob(),
                key: "key".to_owned(),
                value: None,
            },
            Some("m"),
        ),
        (
            Operation::CreatePolicy {
                realm: realm(),
                name: "new".to_owned(),
                changes: PolicyChanges::default(),
            },
            Some("a"),
        ),
        (
            Operation::GetPolicy {
                realm: realm(),
                name: strict(),
            },
            Some("i"),
        ),
        (
            Operation::ListPolicies {
                realm: realm(),
                pattern: None,
            },
            Some("l"),
        ),
        (
            Operation::ModifyPolicy {
                realm: realm(),
                name: strict(),
                changes: PolicyChanges::default(),
            },
            Some("m"),
        ),
        (
            Operation::DeletePolicy {
                realm: realm(),
                name: strict(),
            },
            Some("d"),
        ),
        (Operation::GetPrivileges, Some("")),
        (Operation::GetRealm { realm: realm() }, Some("i")),
        (Operation::ListRealms, None),
        (
            Operation::CreateRealm {
                realm: other(),
                changes: RealmChanges::default(),
            },
            None,
        ),
        (
            Operation::ModifyRealm {
                realm: realm(),
                changes: RealmChanges::default(),
            },
            None,
        ),
        (Operation::DeleteRealm { realm: realm() }, None),
        (
            Operation::AddTrust {
                realm: realm(),
                other: other(),
                inbound: true,
                outbound: true,
                secret: TrustSecret::Random,
                keysalts: None,
                kvno: None,
            },
            None,
        ),
        (
            Operation::RemoveTrust {
                realm: realm(),
                other: other(),
            },
            None,
        ),
        (
            Operation::Dump {
                path: PathBuf::from("/nonexistent/dump"),
            },
            None,
        ),
    ]
}

fn site(rules: &str) -> Site {
    let site = Site::new(rules);
    site.add("bob", "correct horse");
    let alias = Operation::AddAlias {
        alias: principal("bobo"),
        target: principal("bob"),
    };
    site.root(alias).unwrap();
    let policy = Operation::CreatePolicy {
        realm: realm(),
        name: "strict".to_owned(),
        changes: PolicyChanges::default(),
    };
    site.root(policy).unwrap();
    site
}

fn is_denied(result: &Result<Reply, kerbstone_admin::AdminError>) -> bool {
    use kerbstone_admin::AdminError::{LocalOnly, NotPermitted};
    matches!(result, Err(NotPermitted { .. } | LocalOnly(_)))
}

#[test]
fn an_operation_is_open_to_its_letters_and_to_no_others() {
    const LETTERS: &str = "acdeilmps";
    for (operation, needed) in table() {
        let name = operation.name();
        let Some(needed) = needed else {
            let site = site("joe xe");
            let result = site.run(&remote("joe"), operation);
            assert!(is_denied(&result), "{name} with every letter");
            continue;
        };
        let with = site(&format!(
            "joe {}",
            if needed.is_empty() { "D" } else { needed }
        ));
        with.run(&remote("joe"), operation.clone())
            .unwrap_or_else(|error| panic!("{name} with {needed:?}: {error}"));
        for letter in needed.chars() {
            let rest: String = LETTERS.chars().filter(|other| *other != letter).collect();
            let without = site(&format!("joe {rest}"));
            let result = without.run(&remote("joe"), operation.clone());
            assert!(is_denied(&result), "{name} without {letter}: {result:?}");
        }
    }
}

#[test]
fn strangers_may_nothing_but_ask_what_they_may() {
    let site = site("");
    for (operation, _) in table() {
        if operation == Operation::GetPrivileges {
            let reply = site.run(&stranger(), operation).unwrap();
            assert_eq!(reply, Reply::Privileges(String::new()));
            continue;
        }
        let name = operation.name();
        for caller in [stranger(), remote("joe")] {
            let result = site.run(&caller, operation.clone());
            assert!(is_denied(&result), "{name} by {caller}: {result:?}");
        }
    }
    let kept = site.show("bob");
    assert_eq!(kept.keys.len(), 1);
}

#[test]
fn root_may_everything() {
    let site = site("");
    let reply = site.run(&root(), Operation::GetPrivileges).unwrap();
    assert_eq!(reply, Reply::Privileges("acdeilmps".to_owned()));
}

#[test]
fn principals_may_look_at_themselves_and_set_their_own_password() {
    let site = site("");
    let bob = remote("bob");
    for name in ["bob", "bobo"] {
        let principal = || principal(name);
        let own = [
            Operation::GetPrincipal {
                principal: principal(),
            },
            Operation::ChangePassword {
                principal: principal(),
                password: format!("new {name}").as_bytes().into(),
                keep_old: true,
                keysalts: None,
            },
            Operation::PurgeKeys {
                principal: principal(),
                keep_from: None,
            },
        ];
        for operation in own {
            site.run(&bob, operation).unwrap();
        }
    }
    let modify = Operation::ModifyPrincipal {
        principal: principal("bob"),
        seen: None,
        changes: PrincipalChanges::default(),
    };
    assert!(is_denied(&site.run(&bob, modify)));
}

#[test]
fn an_alias_opens_nothing_that_a_rule_closes() {
    let site = site("help c user/*\n");
    let alias = Operation::AddAlias {
        alias: principal("user/bob"),
        target: principal("bob"),
    };
    site.root(alias).unwrap();
    let set = Operation::ChangePassword {
        principal: principal("user/bob"),
        password: b"mine".as_slice().into(),
        keep_old: false,
        keysalts: None,
    };
    assert!(is_denied(&site.run(&remote("help"), set)));
    let help = principal("help");
    let authority = &site.administration;
    assert!(!authority.may_set_password(&help, &principal("user/bob")));
}

#[test]
fn administrators_of_one_realm_have_no_say_in_another() {
    let site = site("*/admin@EXAMPLE.TEST *\n");
    let other = Realm::from("OTHER.TEST");
    let create_realm = Operation::CreateRealm {
        realm: other.clone(),
        changes: RealmChanges::default(),
    };
    site.root(create_realm).unwrap();
    let joe = remote("joe/admin");
    let policies = Operation::ListPolicies {
        realm: other.clone(),
        pattern: None,
    };
    assert!(is_denied(&site.run(&joe, policies)));
    let policies = Operation::ListPolicies {
        realm: realm(),
        pattern: None,
    };
    site.run(&joe, policies).unwrap();
    let add = |name: &str| create(name, KeySource::Random);
    assert!(is_denied(&site.run(&joe, add("eve@OTHER.TEST"))));
    site.run(&joe, add("eve")).unwrap();
    let rename = Operation::RenamePrincipal {
        from: principal("eve"),
        to: principal("eve@OTHER.TEST"),
    };
    assert!(is_denied(&site.run(&joe, rename)));
    // Keys that a realm elsewhere shares with ours are ours to administer.
    site.run(&joe, add("krbtgt/EXAMPLE.TEST@ELSEWHERE.TEST"))
        .unwrap();
}

#[test]
fn a_key_that_two_realms_share_is_not_one_administrators_to_set() {
    let site = site("*/admin@EXAMPLE.TEST *\n*/admin@OTHER.TEST *\n");
    let create_realm = Operation::CreateRealm {
        realm: Realm::from("OTHER.TEST"),
        changes: RealmChanges::default(),
    };
    site.root(create_realm).unwrap();
    let known = || KeySource::Password(b"known to its maker".as_slice().into());
    let joe = remote("joe/admin");
    // With either key joe could make up whom the services of the other realm believe.
    for name in [
        "krbtgt/OTHER.TEST@EXAMPLE.TEST",
        "krbtgt/EXAMPLE.TEST@OTHER.TEST",
        "krbtgt/OTHER.TEST@ELSEWHERE.TEST",
    ] {
        assert!(is_denied(&site.run(&joe, create(name, known()))), "{name}");
    }
    let name = "krbtgt/OTHER.TEST@ELSEWHERE.TEST";
    site.root(create(name, KeySource::Random)).unwrap();
    let set = Operation::ChangePassword {
        principal: principal(name),
        password: b"known to its maker".as_slice().into(),
        keep_old: true,
        keysalts: None,
    };
    assert!(is_denied(&site.run(&joe, set.clone())));
    site.run(&remote("ann/admin@OTHER.TEST"), set).unwrap();
}

#[test]
fn a_rule_that_names_its_target_reaches_into_another_realm() {
    let site = site("joe/admin@EXAMPLE.TEST a *@OTHER.TEST\n");
    let create_realm = Operation::CreateRealm {
        realm: Realm::from("OTHER.TEST"),
        changes: RealmChanges::default(),
    };
    site.root(create_realm).unwrap();
    let joe = remote("joe/admin");
    site.run(&joe, create("eve@OTHER.TEST", KeySource::Random))
        .unwrap();
    assert!(is_denied(&site.run(&joe, create("eve", KeySource::Random))));
}

#[test]
fn kpasswds_set_request_asks_for_the_letter_c() {
    let site = site("help c\nlook i\n");
    let bob = principal("bob");
    let authority = &site.administration;
    assert!(authority.may_set_password(&principal("help"), &bob));
    assert!(!authority.may_set_password(&principal("look"), &bob));
    assert!(!authority.may_set_password(&principal("help"), &principal("krbtgt/EXAMPLE.TEST")));
    assert!(!authority.may_set_password(&principal("help"), &principal("nobody")));
}
