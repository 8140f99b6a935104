//! Clocks that disagree.

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_testkit::virtual_site::Skew;

use crate::town::{Town, WEB};

const TWO_HOURS: i64 = 2 * 3600;

/// Tickets carry whole seconds, and a reply takes its time.
const fn is_about(measured: i64, true_offset: i64) -> bool {
    measured.abs_diff(true_offset) <= 1
}

#[test]
fn a_client_whose_clock_is_off_measures_by_how_much_and_works_on() {
    for ahead in [TWO_HOURS, -TWO_HOURS] {
        let mut town = Town::new(1);
        town.site.set_clock(town.laptop, Skew::seconds(ahead));
        let tgt = town.login(&LoginOptions::default()).unwrap();
        assert!(is_about(tgt.offset.seconds(), -ahead), "{:?}", tgt.offset);
        assert_eq!(tgt.credential.authtime, town.site.now().time);
        let got = town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
        assert_eq!(got.offset, tgt.offset);
    }
}

#[test]
fn a_client_that_was_not_told_corrects_itself_at_the_tgs_too() {
    let mut town = Town::new(1);
    let mut tgt = town.login(&LoginOptions::default()).unwrap();
    town.site.set_clock(town.laptop, Skew::seconds(3000));
    tgt.offset = kerbstone_client::clock::Offset::default();
    let got = town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
    assert!(is_about(got.offset.seconds(), -3000), "{:?}", got.offset);
}

#[test]
fn a_client_that_trusts_its_own_clock_says_how_far_the_kdcs_is_ahead() {
    let mut town = Town::new(1);
    town.site.set_kdc_clock(town.kdc, Skew::seconds(TWO_HOURS));
    let options = LoginOptions {
        sync_time: false,
        ..LoginOptions::default()
    };
    match town.login(&options).unwrap_err() {
        ClientError::ClockSkew { offset, .. } => assert!(is_about(offset, TWO_HOURS), "{offset}"),
        error => panic!("{error:?}"),
    }
}

#[test]
fn small_differences_trouble_nobody() {
    let mut town = Town::new(1);
    town.site.set_clock(town.laptop, Skew::seconds(240));
    let options = LoginOptions {
        sync_time: false,
        ..LoginOptions::default()
    };
    let mut tgt = town.login(&options).unwrap();
    tgt.offset = kerbstone_client::clock::Offset::default();
    town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
}
