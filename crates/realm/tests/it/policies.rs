use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_realm::{KeyChange, Keysalt, PasswordPolicy, Policy, PolicyViolation, RealmError};

use crate::fixture::{Fixture, aes256, at, realm, stamp};

fn users_with(password: PasswordPolicy) -> Fixture {
    let mut fixture = Fixture::new();
    let policy = Policy {
        password,
        ..Policy::new("users")
    };
    fixture.registrar.create_policy(&realm(), &policy).unwrap();
    let mut settings = fixture.registrar.realm(&realm()).unwrap();
    settings.value.default_policy = Some("users".into());
    fixture.registrar.modify_realm(&settings).unwrap();
    fixture.add("alice", "password 0");
    fixture
}

fn change(fixture: &mut Fixture, password: &str, seconds: i64) -> Result<u32, RealmError> {
    let alice = crate::fixture::principal("alice");
    let change = KeyChange::own_password(password.as_bytes());
    fixture
        .registrar
        .change_keys(&alice, &change, &stamp(seconds), &mut fixture.rng)
}

#[test]
fn the_last_passwords_may_not_come_again_and_older_ones_may() {
    let mut fixture = users_with(PasswordPolicy {
        history: 3,
        ..PasswordPolicy::default()
    });
    let reused = |result| matches!(result, Err(RealmError::Password(PolicyViolation::Reused)));
    assert!(reused(change(&mut fixture, "password 0", 1)));
    change(&mut fixture, "password 1", 1).unwrap();
    change(&mut fixture, "password 2", 2).unwrap();
    for old in ["password 0", "password 1", "password 2"] {
        assert!(reused(change(&mut fixture, old, 3)), "{old}");
    }
    change(&mut fixture, "password 3", 3).unwrap();
    assert!(reused(change(&mut fixture, "password 1", 4)));
    change(&mut fixture, "password 0", 4).unwrap();
}

#[test]
fn remembered_passwords_are_still_refused_after_a_rename() {
    let mut fixture = users_with(PasswordPolicy {
        history: 3,
        ..PasswordPolicy::default()
    });
    change(&mut fixture, "password 1", 1).unwrap();
    let (old, new) = (
        crate::fixture::principal("alice"),
        crate::fixture::principal("al"),
    );
    let registrar = &fixture.registrar;
    registrar
        .rename(&old, &new, &stamp(2), &mut fixture.rng)
        .unwrap();
    let again = KeyChange::own_password(b"password 0");
    let refused = registrar.change_keys(&new, &again, &stamp(3), &mut fixture.rng);
    assert!(matches!(
        refused,
        Err(RealmError::Password(PolicyViolation::Reused))
    ));
}

#[test]
fn a_minimum_age_binds_the_owner_and_a_maximum_age_sets_the_expiration() {
    let mut fixture = users_with(PasswordPolicy {
        min_life: Duration::from_secs(100),
        max_life: Some(Duration::from_secs(1_000)),
        ..PasswordPolicy::default()
    });
    let too_soon = change(&mut fixture, "other", 99);
    assert!(matches!(
        too_soon,
        Err(RealmError::Password(PolicyViolation::TooSoon(allowed))) if allowed == at(100)
    ));
    change(&mut fixture, "other", 100).unwrap();
    let alice = crate::fixture::principal("alice");
    let entry = fixture.registrar.show(&alice).unwrap().entry.value;
    assert_eq!(entry.password_expiration, Some(at(1_100)));
}

#[test]
fn a_policy_in_use_stays() {
    let mut fixture = users_with(PasswordPolicy::default());
    let registrar = &fixture.registrar;
    match registrar.delete_policy(&realm(), "users") {
        Err(RealmError::PolicyInUse {
            count: 2, example, ..
        }) => {
            assert_eq!(example, "alice@EXAMPLE.ORG");
        }
        other => panic!("{other:?}"),
    }
    let alice = crate::fixture::principal("alice");
    registrar
        .modify(&alice, None, &stamp(1), |entry| {
            entry.policy = None;
            Ok(())
        })
        .unwrap();
    let mut settings = registrar.realm(&realm()).unwrap();
    settings.value.default_policy = None;
    registrar.modify_realm(&settings).unwrap();
    registrar.delete_policy(&realm(), "users").unwrap();
    assert!(matches!(
        registrar.policy(&realm(), "users"),
        Err(RealmError::NoSuchPolicy { .. })
    ));
    let dangling = registrar.modify(&alice, None, &stamp(2), |entry| {
        entry.policy = Some("users".into());
        Ok(())
    });
    assert!(matches!(dangling, Err(RealmError::NoSuchPolicy { .. })));
    fixture.add("bob", "secret");
}

#[test]
fn policies_are_created_once_changed_by_version_and_checked() {
    let fixture = Fixture::new();
    let registrar = &fixture.registrar;
    let mut policy = Policy::new("staff");
    policy.allowed_keysalts = Some(vec![aes256()]);
    policy.max_life = Some(Duration::from_secs(60));
    registrar.create_policy(&realm(), &policy).unwrap();
    assert!(matches!(
        registrar.create_policy(&realm(), &policy),
        Err(RealmError::PolicyExists(_))
    ));
    assert_eq!(registrar.policies(&realm()).unwrap(), ["staff"]);
    let mut seen = registrar.policy(&realm(), "staff").unwrap();
    assert_eq!(seen.value, policy);
    seen.value.password.min_length = 9;
    registrar.modify_policy(&realm(), &seen).unwrap();
    assert!(matches!(
        registrar.modify_policy(&realm(), &seen),
        Err(RealmError::Conflict(_))
    ));
    let cached = fixture
        .directory
        .policy(&realm(), "staff")
        .unwrap()
        .unwrap();
    assert_eq!(cached.password.min_length, 9);
    policy.name = "bad".into();
    policy.password.min_classes = 6;
    assert!(matches!(
        registrar.create_policy(&realm(), &policy),
        Err(RealmError::Contradiction(_))
    ));
}

#[test]
fn a_policy_decides_which_keys_may_be_made() {
    let mut fixture = users_with(PasswordPolicy::default());
    let registrar = &fixture.registrar;
    let mut policy = registrar.policy(&realm(), "users").unwrap();
    let allowed = Keysalt::normal(Enctype::Aes128CtsHmacSha256_128);
    policy.value.allowed_keysalts = Some(vec![allowed]);
    registrar.modify_policy(&realm(), &policy).unwrap();
    let alice = crate::fixture::principal("alice");
    let refused = KeyChange::random().with_keysalts(vec![aes256()]);
    assert!(matches!(
        registrar.change_keys(&alice, &refused, &stamp(1), &mut fixture.rng),
        Err(RealmError::KeysaltsRefused(_))
    ));
    change(&mut fixture, "other", 1).unwrap();
    let entry = fixture.directory.lookup(&alice).unwrap().unwrap();
    assert_eq!(entry.keys[0].key.enctype(), allowed.enctype);
}
