use kerbstone_proto::name::Realm;
use kerbstone_realm::{RealmError, RealmSettings};

use crate::fixture::{Fixture, principal, stamp};

#[test]
fn an_alias_leads_to_its_principal_and_is_shown_with_it() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let alias = principal(r"alice\@example.org");
    fixture
        .registrar
        .add_alias(&alias, &alice, &stamp(0))
        .unwrap();
    let found = fixture.directory.lookup(&alias).unwrap().unwrap();
    assert_eq!(*found.principal, alice);
    let shown = fixture.registrar.show(&alias).unwrap().entry.value;
    assert_eq!(shown.principal, alice);
    assert_eq!(shown.aliases, std::slice::from_ref(&alias));
    fixture.registrar.remove_alias(&alias, &stamp(1)).unwrap();
    assert!(fixture.directory.lookup(&alias).unwrap().is_none());
    let shown = fixture.registrar.show(&alice).unwrap().entry.value;
    assert_eq!(shown.aliases, []);
}

#[test]
fn chains_and_loops_of_aliases_cannot_be_made() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let (one, two) = (principal("one"), principal("two"));
    let registrar = &fixture.registrar;
    registrar.add_alias(&one, &alice, &stamp(0)).unwrap();
    assert!(matches!(
        registrar.add_alias(&two, &one, &stamp(0)),
        Err(RealmError::AliasOfAlias { .. })
    ));
    for (alias, target) in [(&alice, &one), (&one, &one), (&alice, &alice)] {
        let refused = registrar.add_alias(alias, target, &stamp(0));
        assert!(matches!(
            refused,
            Err(RealmError::AliasOfAlias { .. } | RealmError::PrincipalExists(_))
        ));
    }
    assert!(matches!(
        registrar.add_alias(&two, &principal("nobody"), &stamp(0)),
        Err(RealmError::NoSuchPrincipal(_))
    ));
    assert!(matches!(
        registrar.rename(&one, &two, &stamp(0), &mut fixture.rng),
        Err(RealmError::IsAlias { .. })
    ));
}

#[test]
fn an_alias_stays_in_the_realm_of_its_principal() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let other = RealmSettings::new(Realm::from("OTHER"));
    let registrar = &fixture.registrar;
    registrar
        .create_realm(&other, &stamp(0), &mut fixture.rng)
        .unwrap();
    let alias = principal("alice@OTHER");
    assert!(matches!(
        registrar.add_alias(&alias, &alice, &stamp(0)),
        Err(RealmError::AliasInOtherRealm { .. })
    ));
    registrar
        .add_alias(&principal("al"), &alice, &stamp(0))
        .unwrap();
    assert!(matches!(
        registrar.rename(&alice, &alias, &stamp(0), &mut fixture.rng),
        Err(RealmError::AliasInOtherRealm { .. })
    ));
}

#[test]
fn deleting_a_principal_takes_its_aliases_and_deleting_an_alias_takes_nothing_else() {
    let mut fixture = Fixture::new();
    let alice = fixture.add("alice", "secret");
    let (one, two) = (principal("one"), principal("two"));
    let registrar = &fixture.registrar;
    registrar.add_alias(&one, &alice, &stamp(0)).unwrap();
    registrar.add_alias(&two, &alice, &stamp(0)).unwrap();
    registrar.delete(&one, &stamp(1)).unwrap();
    assert!(fixture.directory.lookup(&two).unwrap().is_some());
    assert!(fixture.directory.lookup(&one).unwrap().is_none());
    registrar.delete(&alice, &stamp(1)).unwrap();
    assert!(fixture.directory.lookup(&two).unwrap().is_none());
    let bob = fixture.add("bob", "secret");
    fixture
        .registrar
        .add_alias(&alice, &bob, &stamp(2))
        .unwrap();
}
