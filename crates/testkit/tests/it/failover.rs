//! Several KDCs, of which some do not do well.

use std::time::Duration;

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_testkit::virtual_site::{Health, KdcId};

use crate::town::{ALICE, DAY, PASSWORD, REALM, Town};

const SECOND: Duration = Duration::from_secs(1);

/// A town with two KDCs, and how long a login takes there with the first in this state.
fn town_with(first: Health) -> (Town, KdcId, Duration) {
    let mut town = Town::new(1);
    let second = town.site.add_kdc(REALM);
    town.site.set_health(town.kdc, first);
    let took = timed_login(&mut town);
    (town, second, took)
}

fn timed_login(town: &mut Town) -> Duration {
    let before = town.site.elapsed();
    town.login(&LoginOptions::default()).unwrap();
    town.site.elapsed() - before
}

#[test]
fn asks_the_second_kdc_after_a_second_and_then_remembers_who_is_silent() {
    let (mut town, _, took) = town_with(Health::Silent);
    assert!((SECOND..2 * SECOND).contains(&took), "{took:?}");
    assert!(timed_login(&mut town) < SECOND);
    // A silence is forgiven after a while.
    town.site.pass(DAY);
    town.site.set_health(town.kdc, Health::Up);
    let before = town.site.overheard().len();
    assert!(timed_login(&mut town) < SECOND);
    let first = town.site.overheard()[0].kdc;
    assert!(
        town.site.overheard()[before..]
            .iter()
            .all(|h| h.kdc != first)
    );
}

#[test]
fn leaves_a_kdc_that_refuses_at_once() {
    let (_, _, took) = town_with(Health::Refusing);
    assert!(took < SECOND, "{took:?}");
}

#[test]
fn takes_the_faster_answer_when_a_kdc_is_slow() {
    let (mut town, _, took) = town_with(Health::Slow(5 * SECOND));
    assert!((SECOND..2 * SECOND).contains(&took), "{took:?}");
    // The late answer disturbs nobody.
    town.site.pass(10 * SECOND);
    timed_login(&mut town);
}

#[test]
fn names_every_kdc_that_was_tried_when_none_answers() {
    let mut town = Town::new(1);
    let second = town.site.add_kdc(REALM);
    town.site.set_health(town.kdc, Health::Refusing);
    town.site.set_health(second, Health::Silent);
    let error = town.login(&LoginOptions::default()).unwrap_err();
    let ClientError::Unreachable { tried, .. } = error else {
        panic!("{error:?}");
    };
    let said = |place: &str, reason: &str| {
        let mut tried = tried.iter();
        tried.any(|one| one.place.contains(place) && one.reason.contains(reason))
    };
    assert!(said("10.88.0.1:88", "refused"), "{tried:?}");
    assert!(said("10.88.0.2:88", "no answer"), "{tried:?}");
    town.site.set_health(town.kdc, Health::Up);
    timed_login(&mut town);
}

#[test]
fn a_copy_signs_in_while_the_primary_is_down_with_the_password_it_was_told_last() {
    let mut town = Town::new(1);
    let copy = town.site.add_copy(REALM);
    let changed = town
        .site
        .change_password(town.laptop, ALICE, PASSWORD, "battery staple");
    assert!(changed.unwrap().is_success());
    town.site.set_health(town.kdc, Health::Refusing);
    town.login(&LoginOptions::default()).unwrap();
    town.site.propagate(copy);
    town.login(&LoginOptions::default()).unwrap_err();
    town.login_with("battery staple", &LoginOptions::default())
        .unwrap();
    // A copy takes no changes.
    let refused = town
        .site
        .change_password(town.laptop, ALICE, "battery staple", "third");
    assert!(matches!(refused, Err(ClientError::Unreachable { .. })));
}
