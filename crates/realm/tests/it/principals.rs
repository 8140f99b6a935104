use std::time::Duration;

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{Attributes, Glob, KeyChange, RealmError, RealmSettings, RedbStore, Trust};

use crate::fixture::{Fixture, at, principal, realm, stamp};

#[test]
fn a_new_realm_has_its_standard_principals_with_locked_down_keys() {
    let fixture = Fixture::new();
    let names = fixture.registrar.list(&realm(), &Glob::any()).unwrap();
    let names: Vec<_> = names.iter().map(Principal::to_string).collect();
    assert_eq!(
        names,
        [
            "kadmin/admin@EXAMPLE.ORG",
            "kadmin/changepw@EXAMPLE.ORG",
            "krbtgt/EXAMPLE.ORG@EXAMPLE.ORG"
        ]
    );
    let changepw = fixture.directory.lookup(&principal("kadmin/changepw"));
    let changepw = changepw.unwrap().unwrap();
    assert!(changepw.attributes.contains(Attributes::PWCHANGE_SERVICE));
    assert_eq!(changepw.max_life, Some(Duration::from_secs(300)));
    let krbtgt = Principal::krbtgt(&realm(), &realm());
    assert!(matches!(
        fixture.registrar.read_keys(&krbtgt),
        Err(RealmError::LockedDown(_))
    ));
    assert!(matches!(
        fixture.registrar.delete(&krbtgt, &stamp(0)),
        Err(RealmError::LockedDown(_))
    ));
}

#[test]
fn users_need_preauthentication_and_services_do_not() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let host = fixture.add("host/www", "secret");
    let attributes = |name| fixture.registrar.show(name).unwrap().entry.value.attributes;
    assert_eq!(attributes(&alice), Attributes::REQUIRES_PREAUTH);
    assert_eq!(attributes(&host), Attributes::NONE);
}

#[test]
fn names_are_taken_once() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let entry = fixture.registrar.template(&alice, &stamp(0)).unwrap();
    let keys = KeyChange::random();
    let again = fixture
        .registrar
        .create(entry, &keys, &stamp(0), &mut fixture.rng);
    assert!(matches!(again, Err(RealmError::PrincipalExists(_))));
    let settings = RealmSettings::new(realm());
    let again = fixture
        .registrar
        .create_realm(&settings, &stamp(0), &mut fixture.rng);
    assert!(matches!(again, Err(RealmError::RealmExists(_))));
}

#[test]
fn empty_and_endless_names_and_strange_realms_are_refused() {
    let mut fixture = Fixture::new();
    for name in ["", "/", &"x".repeat(1025)] {
        let entry = fixture.registrar.template(&principal(name), &stamp(0));
        let keys = KeyChange::random();
        let refused = fixture
            .registrar
            .create(entry.unwrap(), &keys, &stamp(0), &mut fixture.rng);
        assert!(
            matches!(refused, Err(RealmError::Contradiction(_))),
            "{name}"
        );
    }
    let elsewhere = principal("alice@ELSEWHERE");
    assert!(matches!(
        fixture.registrar.template(&elsewhere, &stamp(0)),
        Err(RealmError::NoSuchRealm(_))
    ));
}

#[test]
fn a_change_made_from_an_old_version_is_a_conflict() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let seen = fixture.registrar.show(&alice).unwrap().entry.version;
    let set_life = |seen, seconds| {
        fixture.registrar.modify(&alice, seen, &stamp(1), |entry| {
            entry.max_life = Some(Duration::from_secs(seconds));
            Ok(())
        })
    };
    set_life(Some(seen), 60).unwrap();
    assert!(matches!(
        set_life(Some(seen), 90),
        Err(RealmError::Conflict(_))
    ));
    let shown = fixture.registrar.show(&alice).unwrap().entry.value;
    assert_eq!(shown.max_life, Some(Duration::from_secs(60)));
    set_life(None, 90).unwrap();
}

#[test]
fn a_record_deleted_and_made_again_is_another_version() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let seen = fixture.registrar.show(&alice).unwrap().entry.version;
    fixture.registrar.delete(&alice, &stamp(1)).unwrap();
    fixture.add("alice", "secret");
    let stale = fixture
        .registrar
        .modify(&alice, Some(seen), &stamp(1), |_| Ok(()));
    assert!(matches!(stale, Err(RealmError::Conflict(_))));
}

#[test]
fn modifying_cannot_touch_names_keys_or_aliases() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    fixture
        .registrar
        .modify(&alice, None, &stamp(9), |entry| {
            entry.principal = principal("mallory");
            entry.keys.clear();
            entry.aliases.push(principal("other"));
            Ok(())
        })
        .unwrap();
    let entry = fixture.registrar.show(&alice).unwrap().entry.value;
    assert_eq!(entry.principal, alice);
    assert_eq!(entry.aliases, []);
    assert_eq!(entry.modified_at, at(9));
    assert!(fixture.password_works(&alice, "secret"));
}

#[test]
fn every_field_survives_the_store() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let changed = fixture
        .registrar
        .modify(&alice, None, &stamp(5), |entry| {
            entry.attributes = Attributes::from_bits(0xffff_ffff);
            entry.max_life = Some(Duration::from_secs(u64::MAX));
            entry.max_renewable_life = Some(Duration::ZERO);
            entry.expiration = Some(at(100));
            entry.password_expiration = Some(at(-2_000_000_000));
            entry.strings.insert("clé".into(), "valeur\0".into());
            Ok(())
        })
        .unwrap();
    assert_eq!(fixture.registrar.show(&alice).unwrap().entry, changed);
}

#[test]
fn a_renamed_principal_keeps_its_password_and_its_aliases() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let alias = principal("al");
    fixture
        .registrar
        .add_alias(&alias, &alice, &stamp(0))
        .unwrap();
    assert!(fixture.password_works(&alias, "secret"));
    let married = principal("alice/smith");
    fixture
        .registrar
        .rename(&alice, &married, &stamp(1), &mut fixture.rng)
        .unwrap();
    assert!(fixture.directory.lookup(&alice).unwrap().is_none());
    assert!(fixture.password_works(&married, "secret"));
    assert!(fixture.password_works(&alias, "secret"));
    let found = fixture.directory.lookup(&alias).unwrap().unwrap();
    assert_eq!(*found.principal, married);
    assert_eq!(found.keys[0].salt, b"EXAMPLE.ORGalice");
    fixture.add("alice", "another");
    let taken = fixture
        .registrar
        .rename(&married, &alice, &stamp(2), &mut fixture.rng);
    assert!(matches!(taken, Err(RealmError::PrincipalExists(_))));
}

#[test]
fn a_principal_moves_to_another_realm_with_its_password() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let other = RealmSettings::new(Realm::from("OTHER.ORG"));
    fixture
        .registrar
        .create_realm(&other, &stamp(0), &mut fixture.rng)
        .unwrap();
    let moved = principal("alice@OTHER.ORG");
    fixture
        .registrar
        .rename(&alice, &moved, &stamp(1), &mut fixture.rng)
        .unwrap();
    assert!(fixture.password_works(&moved, "secret"));
}

#[test]
fn a_deleted_realm_leaves_nothing_and_touches_no_neighbour() {
    let mut fixture = Fixture::new();
    fixture.add("alice", "secret");
    let other = RealmSettings::new(Realm::from("EXAMPLE.OR"));
    fixture
        .registrar
        .create_realm(&other, &stamp(0), &mut fixture.rng)
        .unwrap();
    assert_eq!(fixture.registrar.delete_realm(&realm()).unwrap(), 5);
    let left = fixture.registrar.realms().unwrap();
    assert_eq!(left, std::slice::from_ref(&other.name));
    assert!(fixture.directory.realm(&realm()).unwrap().is_none());
    assert!(
        fixture
            .directory
            .lookup(&principal("alice"))
            .unwrap()
            .is_none()
    );
    let left = fixture.registrar.list(&other.name, &Glob::any()).unwrap();
    assert_eq!(left.len(), 3);
}

#[test]
fn a_trust_makes_shared_keys_that_only_password_and_names_decide() {
    let mut ours = Fixture::new();
    let mut theirs = Fixture::new();
    let there = Realm::from("THERE");
    let settings = RealmSettings {
        keysalts: vec![crate::fixture::aes256()],
        ..RealmSettings::new(there.clone())
    };
    theirs
        .registrar
        .create_realm(&settings, &stamp(0), &mut theirs.rng)
        .unwrap();
    let keys = KeyChange::password(b"shared");
    let trust = |realm: &Realm| Trust {
        realm: realm.clone(),
        inbound: true,
        outbound: true,
    };
    ours.registrar
        .add_trust(&realm(), &trust(&there), &keys, &stamp(0), &mut ours.rng)
        .unwrap();
    theirs
        .registrar
        .add_trust(&there, &trust(&realm()), &keys, &stamp(0), &mut theirs.rng)
        .unwrap();
    for (of, at) in [(&there, realm()), (&realm(), there.clone())] {
        let name = Principal::krbtgt(of, &at);
        let one = ours.directory.lookup(&name).unwrap().unwrap();
        let two = theirs.directory.lookup(&name).unwrap().unwrap();
        assert!(one.keys[0].key == two.keys[0].key);
    }
    let known = ours.directory.realm(&realm()).unwrap().unwrap();
    assert_eq!(known.trusts, [trust(&there)]);
    ours.registrar
        .remove_trust(&realm(), &there, &stamp(1))
        .unwrap();
    let name = Principal::krbtgt(&realm(), &there);
    assert!(ours.directory.lookup(&name).unwrap().is_none());
}

#[test]
fn a_trust_between_realms_of_one_store_ends_on_both_sides() {
    let mut site = Fixture::new();
    let there = Realm::from("OTHER.TEST");
    let settings = RealmSettings::new(there.clone());
    site.registrar
        .create_realm(&settings, &stamp(0), &mut site.rng)
        .unwrap();
    let trust = |realm: &Realm| Trust {
        realm: realm.clone(),
        inbound: true,
        outbound: true,
    };
    let keys = KeyChange::password(b"between realms");
    for (one, two) in [(realm(), &there), (there.clone(), &realm())] {
        site.registrar
            .add_trust(&one, &trust(two), &keys, &stamp(0), &mut site.rng)
            .unwrap();
    }
    site.registrar
        .remove_trust(&realm(), &there, &stamp(1))
        .unwrap();
    for (of, at) in [(&there, &realm()), (&realm(), &there)] {
        let name = Principal::krbtgt(of, at);
        assert!(site.directory.lookup(&name).unwrap().is_none(), "{name}");
        assert!(site.registrar.realm(at).unwrap().value.trusts.is_empty());
    }
}

#[test]
fn a_realm_that_is_deleted_takes_its_trusts_along() {
    let mut site = Fixture::new();
    let there = Realm::from("ELSEWHERE.TEST");
    let trust = Trust {
        realm: there.clone(),
        inbound: true,
        outbound: true,
    };
    let keys = KeyChange::password(b"between realms");
    site.registrar
        .add_trust(&realm(), &trust, &keys, &stamp(0), &mut site.rng)
        .unwrap();
    let inbound = Principal::krbtgt(&realm(), &there);
    assert!(site.directory.lookup(&inbound).unwrap().is_some());
    site.registrar.delete_realm(&realm()).unwrap();
    assert!(site.directory.lookup(&inbound).unwrap().is_none());
}

#[test]
fn a_trust_is_not_added_over_keys_that_are_there() {
    let mut site = Fixture::new();
    let trust = Trust {
        realm: Realm::from("ELSEWHERE.TEST"),
        inbound: true,
        outbound: false,
    };
    let mut add = |password: &[u8]| {
        let keys = KeyChange::password(password);
        site.registrar
            .add_trust(&realm(), &trust, &keys, &stamp(0), &mut site.rng)
    };
    add(b"first").unwrap();
    // Whoever hands the second password to the other realm would wait for its tickets in vain.
    assert!(matches!(
        add(b"second"),
        Err(RealmError::PrincipalExists(_))
    ));
}

#[test]
fn lists_follow_globs_over_names_and_realms() {
    let mut fixture = Fixture::new();
    for name in ["alice", "bob", "host/a", r"odd\@name"] {
        fixture.add(name, "secret");
    }
    let list = |pattern: &str| {
        let glob = Glob::parse(pattern).unwrap();
        let found = fixture.registrar.list(&realm(), &glob).unwrap();
        found
            .iter()
            .map(|name| name.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(list("[ab]*"), ["alice", "bob"]);
    assert_eq!(list("host/?"), ["host/a"]);
    assert_eq!(list("bob@EXAMPLE.*"), ["bob"]);
    assert_eq!(list("bob@OTHER"), [""; 0]);
    assert_eq!(list(r"odd\\\@*"), [r"odd\@name"]);
}

#[test]
fn a_second_opening_of_the_file_says_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("realm.redb");
    let first = RedbStore::create(&path).unwrap();
    match RedbStore::open(&path) {
        Err(RealmError::InUse { holder, .. }) => {
            let own = format!("process {}", std::process::id());
            assert!(holder.contains(&own), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    RedbStore::open(&path).unwrap();
}
