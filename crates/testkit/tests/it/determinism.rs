//! A failure that was seen once can be seen again.

use kerbstone_client::LoginOptions;
use kerbstone_testkit::virtual_site::{Conditions, Health, Skew};

use crate::town::{ALICE, HOUR, PASSWORD, REALM, Town, WEB};

/// A busy hour, with everything in it that is random.
fn trace_of_an_hour(seed: u64) -> Vec<String> {
    let mut town = Town::new(seed);
    let second = town.site.add_kdc(REALM);
    town.site.set_conditions(Conditions::STORM);
    town.site.set_clock(town.laptop, Skew::seconds(-900));
    let tgt = town.login(&LoginOptions::default()).unwrap();
    town.site.set_health(second, Health::Silent);
    town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
    let changed = town
        .site
        .change_password(town.laptop, ALICE, PASSWORD, "battery staple");
    assert!(changed.unwrap().is_success());
    town.site.pass(HOUR);
    town.site.trace().to_vec()
}

#[test]
fn one_seed_gives_one_trace() {
    let first = trace_of_an_hour(7);
    assert!(first.len() > 20, "{first:#?}");
    assert_eq!(first, trace_of_an_hour(7));
    assert_ne!(first, trace_of_an_hour(8));
}
