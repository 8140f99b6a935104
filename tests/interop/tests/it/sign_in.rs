use std::fs;

use kerbstone_testkit::lab::Suite;

use crate::matrix::matrix;
use crate::stage::{PASSWORD, SERVICE, Stage, TGT, USER};

matrix! {
    signs_in_with_a_password,
    refuses_a_wrong_password_and_leaves_no_cache,
    refuses_an_unknown_principal,
    signs_in_with_a_keytab,
    gets_the_flags_that_were_asked_for,
    renews_a_renewable_ticket,
    does_not_renew_a_ticket_that_is_not_renewable,
    signs_in_to_a_service_directly,
    leaves_nothing_after_kdestroy,
    asks_for_the_password_at_a_terminal_without_showing_it,
}

fn signs_in_with_a_password(stage: &Stage) {
    stage.sign_in(&[]);
    assert!(stage.session.flags(TGT).contains('I'));
}

fn refuses_a_wrong_password_and_leaves_no_cache(stage: &Stage) {
    stage.session.sign_in(USER, "wrong", &[]).failed();
    assert!(!stage.session.cache().exists());
}

fn refuses_an_unknown_principal(stage: &Stage) {
    stage.session.sign_in("nobody", PASSWORD, &[]).failed();
}

fn signs_in_with_a_keytab(stage: &Stage) {
    let keytab = stage.server.keytab(SERVICE);
    stage
        .session
        .sign_in_with_keytab(SERVICE, &keytab, &[])
        .succeeded();
    let list = stage.session.list();
    assert!(list.contains(&format!("rincipal: {SERVICE}@")), "{list}");
}

fn gets_the_flags_that_were_asked_for(stage: &Stage) {
    stage.sign_in(&["-f", "-p", "-r", "2d"]);
    let flags = stage.session.flags(TGT);
    assert!("FPRI".chars().all(|flag| flags.contains(flag)), "{flags}");
}

fn renews_a_renewable_ticket(stage: &Stage) {
    stage.sign_in(&["-r", "2d"]);
    let first = fs::read(stage.session.cache()).expect("the first ticket's cache");
    stage.session.renew().succeeded();
    assert!(stage.session.flags(TGT).contains('R'));
    let renewed = fs::read(stage.session.cache()).expect("the renewed ticket's cache");
    assert_ne!(renewed, first);
}

fn does_not_renew_a_ticket_that_is_not_renewable(stage: &Stage) {
    // MIT's clients ask for a day with RENEWABLE-OK, so a realm that grants less makes that renewable.
    stage.sign_in(&["-l", "1h"]);
    stage.session.renew().failed();
}

fn signs_in_to_a_service_directly(stage: &Stage) {
    stage.sign_in(&["-S", SERVICE]);
    assert!(stage.session.flags(SERVICE).contains('I'));
    assert!(!stage.session.list().contains(TGT));
}

fn leaves_nothing_after_kdestroy(stage: &Stage) {
    stage.sign_in(&[]);
    stage.session.destroy().succeeded();
    assert!(!stage.session.cache().exists());
}

fn asks_for_the_password_at_a_terminal_without_showing_it(stage: &Stage) {
    let prompt = match stage.session.suite() {
        Suite::Heimdal => "alice@LAB.EXAMPLE's Password:",
        Suite::Mit | Suite::Kerb => "Password for alice@LAB.EXAMPLE: ",
    };
    let signed_in = stage
        .session
        .converse("kinit", &[USER], &[(prompt, PASSWORD)])
        .succeeded();
    assert!(!signed_in.says(PASSWORD), "{signed_in}");
    assert!(stage.session.flags(TGT).contains('I'));
}
