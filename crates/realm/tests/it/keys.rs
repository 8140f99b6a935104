use kerbstone_crypto::{Enctype, Key};
use kerbstone_realm::{
    Attributes, Keep, KeyChange, Keysalt, NewKeys, PlainKey, RealmError, Salt, SaltKind,
};

use crate::fixture::{Fixture, aes256, at, principal, stamp};

#[test]
fn changing_keys_counts_versions_and_keeps_old_ones_only_when_told() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    let mut change = |change: KeyChange<'_>| {
        let registrar = &fixture.registrar;
        registrar
            .change_keys(&host, &change, &stamp(1), &mut fixture.rng)
            .unwrap()
    };
    assert_eq!(change(KeyChange::random().keeping_old()), 2);
    assert_eq!(change(KeyChange::random().keeping_old()), 3);
    let kvnos = |fixture: &Fixture| {
        let entry = fixture.directory.lookup(&host).unwrap().unwrap();
        entry.keys.iter().map(|key| key.kvno).collect::<Vec<_>>()
    };
    assert_eq!(kvnos(&fixture), [3, 2, 1]);
    let removed = fixture
        .registrar
        .purge_keys(&host, Keep::From(2), &stamp(2));
    assert_eq!(removed.unwrap(), 1);
    assert_eq!(kvnos(&fixture), [3, 2]);
    let removed = fixture
        .registrar
        .purge_keys(&host, Keep::From(99), &stamp(2));
    assert_eq!(removed.unwrap(), 1);
    assert_eq!(kvnos(&fixture), [3]);
    let registrar = &fixture.registrar;
    let kvno = registrar.change_keys(&host, &KeyChange::random(), &stamp(3), &mut fixture.rng);
    assert_eq!(kvno.unwrap(), 4);
    assert_eq!(kvnos(&fixture), [4]);
}

#[test]
fn the_directory_finds_keys_by_version_and_enctype_and_in_the_order_of_preference() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    let wanted = [Enctype::Camellia256CtsCmac, Enctype::Aes128CtsHmacSha1_96];
    let change = KeyChange::random()
        .keeping_old()
        .with_keysalts(wanted.map(Keysalt::normal).to_vec());
    let registrar = &fixture.registrar;
    registrar
        .change_keys(&host, &change, &stamp(1), &mut fixture.rng)
        .unwrap();
    let entry = fixture.directory.lookup(&host).unwrap().unwrap();
    let current: Vec<_> = entry.current_keys().map(|key| key.key.enctype()).collect();
    assert_eq!(current, wanted);
    assert!(entry.key(Enctype::Aes256CtsHmacSha1_96).is_none());
    assert!(entry.key_of(1, Enctype::Aes256CtsHmacSha1_96).is_some());
    assert!(entry.key_of(2, Enctype::Aes256CtsHmacSha1_96).is_none());
}

#[test]
fn a_password_works_with_every_kind_of_salt() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice/admin", "first");
    let kinds = [
        (SaltKind::Normal, Some(&b"EXAMPLE.ORGaliceadmin"[..])),
        (SaltKind::NoRealm, Some(b"aliceadmin")),
        (SaltKind::OnlyRealm, Some(b"EXAMPLE.ORG")),
        (SaltKind::Special, None),
    ];
    for (salt, expected) in kinds {
        let keysalt = Keysalt { salt, ..aes256() };
        let change = KeyChange::password(b"second").with_keysalts(vec![keysalt]);
        let registrar = &fixture.registrar;
        registrar
            .change_keys(&alice, &change, &stamp(1), &mut fixture.rng)
            .unwrap();
        assert!(fixture.password_works(&alice, "second"));
        assert!(!fixture.password_works(&alice, "first"));
        let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
        if let Some(expected) = expected {
            assert_eq!(entry.keys[0].salt, expected);
        }
    }
}

#[test]
fn explicit_keys_come_back_as_they_were_given() {
    let mut fixture = Fixture::new();
    let host = fixture.add("host/www", "secret");
    let key = |kvno, byte| PlainKey {
        kvno,
        key: Key::new(Enctype::Aes256CtsHmacSha384_192, &[byte; 32]).unwrap(),
        salt: Salt::Special(b"salt".to_vec()),
        s2k_params: Some(vec![0, 0, 0x10, 0]),
    };
    let change = KeyChange::new(NewKeys::Explicit(vec![key(7, 1), key(9, 2)]));
    let registrar = &fixture.registrar;
    let kvno = registrar.change_keys(&host, &change, &stamp(1), &mut fixture.rng);
    assert_eq!(kvno.unwrap(), 9);
    let keys = registrar.read_keys(&host).unwrap();
    let seen: Vec<_> = keys
        .iter()
        .map(|key| (key.kvno, key.key.bytes()[0]))
        .collect();
    assert_eq!(seen, [(9, 2), (7, 1)]);
    assert_eq!(keys[0].salt, Salt::Special(b"salt".to_vec()));
    assert_eq!(keys[0].s2k_params.as_deref(), Some(&[0, 0, 0x10, 0][..]));
}

#[test]
fn a_new_password_fulfils_the_demand_for_one_and_forgives_failures() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let registrar = &fixture.registrar;
    registrar
        .modify(&alice, None, &stamp(1), |entry| {
            entry.attributes |= Attributes::NEEDCHANGE;
            entry.password_expiration = Some(at(2));
            Ok(())
        })
        .unwrap();
    let change = KeyChange::own_password(b"other");
    registrar
        .change_keys(&alice, &change, &stamp(9), &mut fixture.rng)
        .unwrap();
    let entry = registrar.show(&alice).unwrap().entry.value;
    assert!(!entry.attributes.contains(Attributes::NEEDCHANGE));
    assert_eq!(entry.password_expiration, None);
    assert_eq!(entry.last_password_change, Some(at(9)));
    assert_eq!(entry.unlocked_at, Some(at(9)));
}

#[test]
fn an_empty_password_is_refused_without_any_policy() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let change = KeyChange::password(b"");
    let registrar = &fixture.registrar;
    let refused = registrar.change_keys(&alice, &change, &stamp(1), &mut fixture.rng);
    assert!(matches!(refused, Err(RealmError::Password(_))));
    let unknown = registrar.change_keys(
        &principal("nobody"),
        &KeyChange::random(),
        &stamp(1),
        &mut fixture.rng,
    );
    assert!(matches!(unknown, Err(RealmError::NoSuchPrincipal(_))));
}
