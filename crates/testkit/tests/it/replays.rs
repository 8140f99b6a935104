//! Somebody who hears everything and says it again.

use std::time::Duration;

use kerbstone_client::LoginOptions;
use kerbstone_client::machine::Service;
use kerbstone_proto::name::Principal;

use crate::town::{ALICE, PASSWORD, REALM, Town};

const SECOND: Duration = Duration::from_secs(1);

/// A town in which alice has changed her password, and what was heard of it.
fn after_a_change() -> (Town, Vec<u8>) {
    let mut town = Town::new(1);
    change(&mut town, PASSWORD, "first");
    let heard = town.site.overheard().last().unwrap();
    assert_eq!(heard.kdc.port(), 464);
    let request = heard.request.clone();
    (town, request)
}

fn change(town: &mut Town, old: &str, new: &str) {
    let changed = town.site.change_password(town.laptop, ALICE, old, new);
    assert!(changed.unwrap().is_success());
}

fn kvno(town: &Town) -> u32 {
    let alice = Principal::parse(ALICE, None).unwrap();
    let registrar = town.site.registrar(REALM);
    registrar.show(&alice).unwrap().entry.value.kvno()
}

/// Sends the bytes to the password service, which must refuse them as a replay or as too old.
fn assert_refused(town: &mut Town, request: &[u8]) {
    town.site.inject(town.kdc, Service::Kpasswd, request);
    let decision = town.site.trace().last().unwrap();
    assert!(
        decision.contains("KRB_AP_ERR_REPEAT") || decision.contains("KRB_AP_ERR_SKEW"),
        "{decision}"
    );
}

#[test]
fn the_same_bytes_get_the_same_answer_and_change_nothing() {
    let (mut town, request) = after_a_change();
    let reply = town.site.overheard().last().unwrap().reply.clone();
    town.site.pass(SECOND);
    change(&mut town, "first", "second");
    let again = town.site.inject(town.kdc, Service::Kpasswd, &request);
    assert_eq!(again, reply);
    assert_eq!(kvno(&town), 3);
    town.login_with("second", &LoginOptions::default()).unwrap();
}

#[test]
fn a_request_that_is_known_by_its_authenticator_alone_is_refused() {
    let (mut town, mut request) = after_a_change();
    *request.last_mut().unwrap() ^= 1;
    assert_refused(&mut town, &request);
    assert_eq!(kvno(&town), 2);
}

#[test]
fn a_request_of_yesterday_is_refused() {
    let (mut town, request) = after_a_change();
    town.site.pass(Duration::from_secs(24 * 3600));
    assert_refused(&mut town, &request);
    assert_eq!(kvno(&town), 2);
}

#[test]
fn a_kdc_that_has_forgotten_everything_refuses_what_an_earlier_process_took() {
    for pause in [Duration::ZERO, Duration::from_millis(100), SECOND] {
        let (mut town, request) = after_a_change();
        change(&mut town, "first", "second");
        town.site.pass(pause);
        town.site.restart(town.kdc);
        assert_refused(&mut town, &request);
        assert_eq!(kvno(&town), 3, "restarted after {pause:?}");
        town.login_with("second", &LoginOptions::default()).unwrap();
    }
}

#[test]
fn what_an_administrator_set_is_not_set_again_over_its_owners_choice() {
    const ROOT: &str = "root/admin@TOWN.EXAMPLE";
    let mut town = Town::new(1);
    town.site.add_user(ROOT, "root's own");
    let set = town
        .site
        .set_password(town.laptop, (ROOT, "root's own"), ALICE, "for now");
    assert!(set.unwrap().is_success());
    let request = town.site.overheard().last().unwrap().request.clone();
    town.site.pass(SECOND);
    change(&mut town, "for now", "second");
    town.site.restart(town.kdc);
    assert_refused(&mut town, &request);
    town.login_with("second", &LoginOptions::default()).unwrap();
}
