//! The same against Heimdal's KDC.

use std::time::Duration;

use kerbstone_client::password_change::service_name;
use kerbstone_client::{LoginOptions, NoPrompter, WantedService};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::Ticket;
use kerbstone_testkit::lab::{Heimdal, Setup};
use zeroize::Zeroizing;

use crate::client::{login, memory, password, sign_in};

fn realm() -> Option<Heimdal> {
    let heimdal = Heimdal::start(&Setup::realm("HEIMDAL.TEST"))?;
    heimdal.add_user("alice", "wonderland");
    heimdal.add_user("bob", "builder");
    heimdal.add_service("host/server.heimdal.test");
    Some(heimdal)
}

#[test]
fn signs_in_and_gets_and_renews_and_forwards_tickets() {
    let Some(heimdal) = realm() else { return };
    let context = memory(heimdal.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        forwardable: true,
        renewable: Some(Duration::from_secs(7200)),
        lifetime: Duration::from_secs(3600),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    let cache = context.default_cache().unwrap();
    cache.replace(&ticket.to_cache(true)).unwrap();
    let server = context.parse_principal("host/server.heimdal.test").unwrap();
    context
        .service_ticket(&cache, &WantedService::new(server))
        .unwrap();
    let forwarded = context.forward(&cache, Vec::new(), true).unwrap();
    assert!(forwarded.flags.contains(TicketFlags::FORWARDED));

    let bob = login(&context, "bob", "builder").unwrap().credential;
    let wish = WantedService {
        second_ticket: Some(Ticket::from_der(&bob.ticket).unwrap()),
        ..WantedService::new(bob.client)
    };
    assert!(context.service_ticket(&cache, &wish).unwrap().is_skey);
    context.renew(&cache, None).unwrap();
}

#[test]
fn refuses_and_is_refused_with_the_same_words() {
    let Some(heimdal) = realm() else { return };
    let context = memory(heimdal.krb5_conf());
    let error = login(&context, "alice", "wrong").unwrap_err();
    assert_eq!(error.to_string(), "Password incorrect");
    let error = login(&context, "nobody", "wrong").unwrap_err();
    assert!(
        error.to_string().contains("not found in Kerberos database"),
        "{error}"
    );
    let cache = sign_in(&context, "alice", "wonderland");
    let server = context.parse_principal("host/nowhere").unwrap();
    let error = context
        .service_ticket(&cache, &WantedService::new(server))
        .unwrap_err();
    assert!(
        error.to_string().contains("Server host/nowhere@"),
        "{error}"
    );
}

#[test]
fn changes_a_password_at_kpasswdd() {
    let Some(heimdal) = realm() else { return };
    let context = memory(heimdal.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        service: Some(service_name()),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    let new = Zeroizing::new("through the looking glass 7".to_owned());
    let outcome = context.change_password(&ticket, new, None).unwrap();
    assert!(outcome.is_success(), "{outcome:?}");
    login(&context, "alice", "through the looking glass 7").unwrap();
}
