use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions};
use kerbstone_gss::{GssError, Name, Step};
use kerbstone_proto::ticket_source::{TicketSource, WantedTicket};
use kerbstone_proxy::desk::{Desk, HeldCredential, Patience, Sources};
use kerbstone_proxy::settings::CredUsage;

use super::lab::{Lab, SERVICE, later, now, patient, principal, wish};

fn machine(lab: &Lab, desk: &Desk) -> std::sync::Arc<HeldCredential> {
    let sources = lab.sources();
    let wish = wish(&sources, CredUsage::Initiate);
    desk.acquire(&wish, patient(), now()).unwrap()
}

#[test]
fn a_handle_whose_tickets_have_ended_gets_new_ones_with_the_keytab() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let held = machine(&lab, &desk);
    let sources = lab.sources();
    let handle = desk.seal(&sources, &held).unwrap();
    let desk = lab.desk();
    let held = desk.open(&sources, &handle).unwrap();
    let wanted = WantedTicket::for_server(principal(SERVICE));
    let ended = later(desk.life(&held, now()).unwrap().unwrap().as_secs() + 60);
    let mut tickets = desk.tickets(&held, Patience::Never, ended).unwrap();
    tickets.service_ticket(&wanted).unwrap_err();
    assert!(tickets.would_wait());
    let requests = lab.requests();
    let mut tickets = desk.tickets(&held, patient(), ended).unwrap();
    tickets.service_ticket(&wanted).unwrap();
    assert!(lab.requests() > requests + 1, "a login and a ticket");
}

#[test]
fn tickets_are_forwarded_only_by_whoever_may_wait() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let held = machine(&lab, &desk);
    let server = principal(SERVICE);
    let mut tickets = desk.tickets(&held, Patience::Never, now()).unwrap();
    tickets.forwarded_tgt(&server).unwrap_err();
    assert!(tickets.would_wait());
    let mut tickets = desk.tickets(&held, patient(), now()).unwrap();
    let error = tickets.forwarded_tgt(&server).unwrap_err();
    // The login was not for a forwardable one.
    assert!(error.to_string().contains("option"), "{error}");
    assert!(!tickets.would_wait());
}

#[test]
fn a_kdc_that_is_silent_is_given_up_at_the_deadline() {
    let Some(mut lab) = Lab::start() else { return };
    let desk = lab.desk();
    let held = machine(&lab, &desk);
    lab.mit.stop();
    let soon = Patience::Until(std::time::Instant::now());
    let mut tickets = desk.tickets(&held, soon, now()).unwrap();
    let wanted = WantedTicket::for_server(principal(SERVICE));
    let error = tickets.service_ticket(&wanted).unwrap_err();
    assert!(!tickets.would_wait());
    assert!(error.to_string().contains("contact any KDC"), "{error}");
}

#[test]
fn a_service_acts_for_a_user_towards_itself() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    lab.mit
        .admin(&["modprinc", "+ok_to_auth_as_delegate", SERVICE]);
    let mut sources = lab.sources();
    sources.client_keytab.clone_from(&sources.keytab);
    let web = desk
        .acquire(&wish(&sources, CredUsage::Both), patient(), now())
        .unwrap();
    let alice = principal("alice");
    desk.impersonate(&web, &alice, Patience::Never, now())
        .unwrap_err();
    let held = desk.impersonate(&web, &alice, patient(), now()).unwrap();
    assert_eq!(held.name().unwrap().principal, alice);
    assert_eq!(held.impersonator(), Some(&principal(SERVICE)));
    let requests = lab.requests();
    let context = lab.reach(&desk, &held, Patience::Never).unwrap();
    assert_eq!(*context.initiator_name(), alice);
    desk.impersonate(&web, &alice, Patience::Never, now())
        .unwrap();
    assert_eq!(lab.requests(), requests);

    let handle = desk.seal(&sources, &held).unwrap();
    let opened = lab.desk().open(&sources, &handle).unwrap();
    assert_eq!(opened.impersonator(), Some(&principal(SERVICE)));
    desk.impersonate(&opened, &alice, patient(), now())
        .unwrap_err();
    lab.reach(&desk, &opened, Patience::Never).unwrap();

    // Users' tickets do not go out with the service's own.
    let handle = desk.seal(&sources, &web).unwrap();
    let opened = lab.desk().open(&sources, &handle).unwrap();
    let content = opened.content().unwrap();
    assert!(
        content
            .tickets()
            .all(|held| held.client == principal(SERVICE))
    );
    assert!(
        web.content()
            .unwrap()
            .tickets()
            .any(|held| held.client == alice)
    );
}

#[test]
fn a_request_is_accepted_once_unless_the_service_wants_no_replay_cache() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let held = machine(&lab, &desk);
    let mut tickets = desk.tickets(&held, patient(), now()).unwrap();
    let options = InitiatorOptions::new(Name::Principal(principal(SERVICE)));
    let step = Initiator::new(options).step(None, &mut tickets, now(), &mut rand::rng());
    let Ok(Step::Continue { token }) = step else {
        panic!("{step:?}");
    };
    let accepts = |sources: &Sources| {
        let held = desk.acquire(&wish(sources, CredUsage::Accept), Patience::Never, now());
        let acceptor = desk.acceptor(sources, &held.unwrap(), now()).unwrap();
        let outcome = Acceptor::new(acceptor, None).step(&token, now(), &mut rand::rng());
        outcome.map(drop).map_err(|refused| refused.error)
    };
    let sources = lab.sources();
    accepts(&sources).unwrap();
    let error = accepts(&sources).unwrap_err();
    assert!(matches!(error, GssError::Replay { .. }), "{error}");
    let without = Sources {
        replay_cache: Some("none:".into()),
        ..sources
    };
    accepts(&without).unwrap();
    accepts(&without).unwrap();
}
