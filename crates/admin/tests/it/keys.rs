use kerbstone_admin::{ExportedKey, KeySource, NewKey, Operation, Reply};
use kerbstone_crypto::{Enctype, IterationLimit, Key};

use crate::site::{Site, code, create, principal, remote};

const AES256: i32 = 18;

fn set_password(name: &str, password: &str, keep_old: bool) -> Operation {
    Operation::ChangePassword {
        principal: principal(name),
        password: password.as_bytes().into(),
        keep_old,
        keysalts: None,
    }
}

fn randomize(name: &str, export: bool) -> Operation {
    Operation::RandomizeKeys {
        principal: principal(name),
        keep_old: false,
        keysalts: None,
        export,
    }
}

fn extract(name: &str, kvno: Option<u32>) -> Operation {
    Operation::ExtractKeys {
        principal: principal(name),
        kvno,
    }
}

fn keys(reply: Reply) -> Vec<ExportedKey> {
    match reply {
        Reply::Keys { keys, .. } => keys,
        other => panic!("{other:?}"),
    }
}

fn key_of(password: &str, name: &str) -> Vec<u8> {
    let salt = principal(name).default_salt();
    let enctype = Enctype::Aes256CtsHmacSha1_96;
    let limit = IterationLimit::DEFAULT;
    let key = Key::from_password(enctype, password.as_bytes(), &salt, None, limit);
    key.unwrap().bytes().to_vec()
}

#[test]
fn a_new_password_makes_a_new_version_and_old_ones_stay_when_asked() {
    let site = Site::new("");
    site.add("alice", "first");
    let reply = site.root(set_password("alice", "second", true)).unwrap();
    assert_eq!(reply, Reply::Kvno(2));
    let held = keys(site.root(extract("alice", None)).unwrap());
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].key.as_bytes(), key_of("second", "alice"));
    assert_eq!(held[1].key.as_bytes(), key_of("first", "alice"));
    let old = keys(site.root(extract("alice", Some(1))).unwrap());
    assert_eq!((old.len(), old[0].kvno, old[0].enctype), (1, 1, AES256));
    site.root(set_password("alice", "third", false)).unwrap();
    assert_eq!(keys(site.root(extract("alice", None)).unwrap()).len(), 1);
}

#[test]
fn an_empty_password_is_refused() {
    let site = Site::new("");
    site.add("alice", "first");
    let refused = site.root(set_password("alice", "", false));
    assert_eq!(code(refused), "Password is too short");
}

#[test]
fn random_keys_are_handed_out_when_asked() {
    let site = Site::new("");
    site.root(create("host/www", KeySource::Random)).unwrap();
    assert_eq!(
        site.root(randomize("host/www", false)).unwrap(),
        Reply::Kvno(2)
    );
    let new = keys(site.root(randomize("host/www", true)).unwrap());
    assert_eq!(new[0].kvno, 3);
    assert_eq!(keys(site.root(extract("host/www", None)).unwrap()), new);
}

#[test]
fn purging_keeps_the_newest_or_what_is_asked() {
    let site = Site::new("");
    site.add("alice", "first");
    for password in ["second", "third", "fourth"] {
        site.root(set_password("alice", password, true)).unwrap();
    }
    let purge = |keep_from| {
        site.root(Operation::PurgeKeys {
            principal: principal("alice"),
            keep_from,
        })
    };
    assert_eq!(purge(Some(3)).unwrap(), Reply::Purged(2));
    assert_eq!(purge(None).unwrap(), Reply::Purged(1));
    assert_eq!(purge(None).unwrap(), Reply::Purged(0));
    assert_eq!(site.show("alice").keys[0].kvno, 4);
}

#[test]
fn keys_that_are_brought_are_set_with_their_version() {
    let site = Site::new("");
    site.add("alice", "first");
    let set = |enctype: i32, length: usize| Operation::SetKeys {
        principal: principal("alice"),
        keys: vec![NewKey {
            kvno: 9,
            enctype,
            key: vec![5; length].into(),
            salt: Some(b"salt".to_vec()),
        }],
        keep_old: false,
    };
    assert_eq!(site.root(set(AES256, 32)).unwrap(), Reply::Kvno(9));
    assert_eq!(site.show("alice").keys[0].salt, "special");
    assert_eq!(code(site.root(set(AES256, 31))), "Invalid key/salt tuples");
    assert_eq!(code(site.root(set(4711, 32))), "Invalid key/salt tuples");
    assert_eq!(site.show("alice").keys[0].kvno, 9);
}

#[test]
fn locked_down_keys_never_leave() {
    let site = Site::new("*/admin xe");
    let krbtgt = "krbtgt/EXAMPLE.TEST";
    let before = site.show(krbtgt).keys;
    for operation in [extract(krbtgt, None), randomize(krbtgt, true)] {
        assert_eq!(code(site.root(operation)), "Principal keys are locked down");
    }
    assert_eq!(
        site.show(krbtgt).keys,
        before,
        "refused before the keys changed"
    );
    assert_eq!(site.root(randomize(krbtgt, false)).unwrap(), Reply::Kvno(2));
}

#[test]
fn principals_from_afar_cannot_set_delete_or_unlock_locked_down_keys() {
    let site = Site::new("*/admin xe");
    let admin = remote("joe/admin");
    let krbtgt = principal("krbtgt/EXAMPLE.TEST");
    let unlock = kerbstone_admin::PrincipalChanges {
        attributes: kerbstone_admin::AttributeChange::parse("-lockdown_keys").unwrap(),
        ..Default::default()
    };
    let refused = [
        set_password("krbtgt/EXAMPLE.TEST", "mine", false),
        extract("krbtgt/EXAMPLE.TEST", None),
        randomize("krbtgt/EXAMPLE.TEST", true),
        Operation::SetKeys {
            principal: krbtgt.clone(),
            keys: Vec::new(),
            keep_old: false,
        },
        Operation::DeletePrincipal {
            principal: krbtgt.clone(),
        },
        Operation::RenamePrincipal {
            from: krbtgt.clone(),
            to: principal("other"),
        },
        Operation::ModifyPrincipal {
            principal: krbtgt,
            seen: None,
            changes: unlock,
        },
    ];
    for operation in refused {
        let name = operation.name();
        let told = code(site.run(&admin, operation));
        assert_eq!(told, "Principal keys are locked down", "{name}");
    }
    let allowed = randomize("krbtgt/EXAMPLE.TEST", false);
    site.run(&admin, allowed).unwrap();
}
