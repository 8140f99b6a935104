//! Accounts that lock, and passwords that grow old.

use std::time::Duration;

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_realm::{LockoutPolicy, PasswordPolicy, Policy};

use crate::town::{ALICE, DAY, HOUR, PASSWORD, REALM, Town, code};
use kerbstone_testkit::virtual_site::{Health, VirtualSite};

const MINUTE: Duration = Duration::from_secs(60);

/// A town with this policy.
fn town(policy: &Policy) -> Town {
    let mut site = VirtualSite::new(1);
    let kdc = site.add_realm(REALM);
    site.set_default_policy(REALM, policy);
    site.add_user(ALICE, PASSWORD);
    let laptop = site.add_client();
    // Failures in the second in which the account was made do not count.
    site.pass(MINUTE);
    Town { site, kdc, laptop }
}

fn locking() -> Policy {
    Policy {
        lockout: LockoutPolicy {
            max_failures: 3,
            failure_interval: Some(HOUR),
            duration: Some(10 * MINUTE),
        },
        ..Policy::new("locking")
    }
}

fn fail(town: &mut Town, times: usize) {
    for _ in 0..times {
        let error = town.login_with("wrong", &LoginOptions::default());
        assert!(
            matches!(error, Err(ClientError::PasswordIncorrect { .. })),
            "{error:?}"
        );
        town.site.pass(MINUTE);
    }
}

fn assert_locked_out(town: &mut Town) {
    let error = town.login(&LoginOptions::default()).unwrap_err();
    assert_eq!(code(&error), ErrorCode::KDC_ERR_CLIENT_REVOKED);
}

#[test]
fn three_failures_lock_out_at_every_kdc_until_the_time_is_over() {
    let mut town = town(&locking());
    let second = town.site.add_kdc(REALM);
    fail(&mut town, 3);
    assert_locked_out(&mut town);
    town.site.set_health(town.kdc, Health::Refusing);
    assert_locked_out(&mut town);
    town.site.restart(second);
    assert_locked_out(&mut town);
    town.site.pass(8 * MINUTE);
    assert_locked_out(&mut town);
    town.site.pass(2 * MINUTE);
    town.login(&LoginOptions::default()).unwrap();
}

#[test]
fn a_success_and_a_long_pause_forgive_failures() {
    let mut town = town(&locking());
    fail(&mut town, 2);
    town.login(&LoginOptions::default()).unwrap();
    fail(&mut town, 2);
    town.site.pass(2 * HOUR);
    fail(&mut town, 2);
    town.login(&LoginOptions::default()).unwrap();
}

fn ageing() -> Policy {
    Policy {
        password: PasswordPolicy {
            max_life: Some(90 * DAY),
            min_length: 8,
            history: 2,
            ..PasswordPolicy::default()
        },
        ..Policy::new("ageing")
    }
}

#[test]
fn an_expired_password_is_changed_on_the_way_in() {
    let mut town = town(&ageing());
    town.site.pass(89 * DAY);
    town.login(&LoginOptions::default()).unwrap();
    town.site.pass(DAY + MINUTE);
    let error = town.login(&LoginOptions::default()).unwrap_err();
    assert!(matches!(error, ClientError::PromptInterrupted), "{error:?}");
    // Too short, the old one again, and at last a good one.
    let typed = [
        "short",
        "short",
        PASSWORD,
        PASSWORD,
        "battery staple",
        "battery staple",
    ];
    town.site.types(town.laptop, &typed);
    town.login(&LoginOptions::default()).unwrap();
    town.login(&LoginOptions::default()).unwrap_err();
    town.site.pass(89 * DAY);
    town.login_with("battery staple", &LoginOptions::default())
        .unwrap();
}

#[test]
fn who_may_not_be_asked_is_told_that_the_password_has_expired() {
    let mut town = town(&ageing());
    town.site.pass(91 * DAY);
    let options = LoginOptions {
        change_expired: false,
        ..LoginOptions::default()
    };
    let error = town.login(&options).unwrap_err();
    assert!(
        matches!(error, ClientError::PasswordExpired { .. }),
        "{error:?}"
    );
}
