//! Networks that lose, repeat and reorder.

use std::collections::BTreeMap;

use kerbstone_client::LoginOptions;
use kerbstone_testkit::virtual_site::{Conditions, VirtualSite};

use crate::town::{ALICE, PASSWORD, Town, WEB};

const SEEDS: std::ops::Range<u64> = 0..25;

/// How many requests a KDC got more than once, each of which it must have answered with the same bytes.
fn repeated_requests(site: &VirtualSite) -> usize {
    let mut replies: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for heard in site.overheard() {
        let asked = (heard.kdc, &heard.request);
        replies.entry(asked).or_default().push(&heard.reply);
    }
    for same in replies.values() {
        assert!(same.iter().all(|reply| *reply == same[0]));
    }
    replies.values().filter(|same| same.len() > 1).count()
}

#[test]
fn signs_in_and_reaches_a_service_when_a_third_is_lost_and_retransmissions_get_the_same_answer() {
    let mut repeated = 0;
    let mut lost = 0;
    for seed in SEEDS {
        let mut town = Town::new(seed);
        town.site.set_conditions(Conditions::STORM);
        let tgt = town.login(&LoginOptions::default()).unwrap();
        town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
        repeated += repeated_requests(&town.site);
        let trace = town.site.trace();
        lost += trace.iter().filter(|l| l.ends_with(" 0 arrive")).count();
    }
    assert!(repeated > 10, "{repeated} requests came more than once");
    assert!(lost > 10, "{lost} packets were lost");
}

#[test]
fn signs_in_by_datagrams_alone_as_long_as_one_of_them_gets_through_each_way() {
    let conditions = Conditions {
        streams: false,
        ..Conditions::STORM
    };
    let (mut signed_in, mut gave_up) = (0, 0);
    for seed in SEEDS {
        let mut town = Town::new(seed);
        town.site.add_kdc(crate::town::REALM);
        town.site.set_conditions(conditions.clone());
        match town.login(&LoginOptions::default()) {
            Ok(_) => signed_in += 1,
            Err(kerbstone_client::ClientError::Unreachable { .. }) => gave_up += 1,
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        repeated_requests(&town.site);
    }
    assert!(signed_in > 4 * gave_up, "{signed_in} in, {gave_up} not");
}

#[test]
fn changes_a_password_once_however_often_the_request_arrives() {
    let mut repeated = 0;
    for seed in SEEDS {
        let mut town = Town::new(seed);
        town.site.set_conditions(Conditions::STORM);
        let changed = town
            .site
            .change_password(town.laptop, ALICE, PASSWORD, "battery staple");
        assert!(changed.unwrap().is_success());
        // What is still under way arrives.
        town.site.pass(crate::town::HOUR);
        repeated += repeated_requests(&town.site);
        let registrar = town.site.registrar(crate::town::REALM);
        let alice = kerbstone_proto::name::Principal::parse(ALICE, None).unwrap();
        let entry = registrar.show(&alice).unwrap().entry.value;
        assert_eq!(entry.kvno(), 2);
    }
    assert!(repeated > 10, "{repeated} requests came more than once");
}
