//! Where a service's client has its tickets from, if nobody ran kinit for it.

use kerbstone_client::{CacheTickets, Context, Environment, KeytabFile};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{TicketSource, WantedTicket};
use kerbstone_testkit::lab::Mit;
use zeroize::Zeroizing;

use crate::client::{memory, mit_realm, sign_in};

fn gets_a_ticket(context: &Context, mut tickets: CacheTickets<'_>, client: &str) {
    let client = context.parse_principal(client).unwrap();
    assert_eq!(tickets.client().unwrap(), client);
    let server = context.parse_principal("host/server.client.test").unwrap();
    let ticket = tickets
        .service_ticket(&WantedTicket::for_server(server))
        .unwrap();
    assert_eq!(ticket.client, client);
}

/// A context without tickets whose client keytab has alice's keys.
fn with_client_keytab(mit: &Mit) -> Context {
    let keytab = mit.keytab("alice");
    Context::new(Environment {
        client_keytab: Some(keytab.display().to_string()),
        ..memory(mit.krb5_conf()).environment().clone()
    })
    .unwrap()
}

fn alice(context: &Context) -> Principal {
    context.parse_principal("alice").unwrap()
}

#[test]
fn from_a_password_or_a_keytab_without_touching_the_default_cache() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let secret = Zeroizing::new("wonderland".to_owned());
    let tickets = CacheTickets::with_password(&context, &alice(&context), secret).unwrap();
    gets_a_ticket(&context, tickets, "alice");
    let file = KeytabFile::parse(&mit.keytab("alice").display().to_string()).unwrap();
    let tickets = CacheTickets::with_keytab(&context, &alice(&context), &file).unwrap();
    gets_a_ticket(&context, tickets, "alice");
    assert!(CacheTickets::acquire(&context, None).is_err());
}

#[test]
fn from_the_client_keytab_when_nobody_signed_in_and_from_the_cache_afterwards() {
    let Some(mit) = mit_realm() else { return };
    let context = with_client_keytab(&mit);
    let tickets = CacheTickets::acquire(&context, None).unwrap();
    gets_a_ticket(&context, tickets, "alice");
    let cache = context.default_cache().unwrap();
    let before = cache.load().unwrap();
    let tickets = CacheTickets::acquire(&context, Some(&alice(&context))).unwrap();
    gets_a_ticket(&context, tickets, "alice");
    assert_eq!(cache.load().unwrap(), before);
}

#[test]
fn from_the_cache_of_whoever_signed_in_although_there_is_a_client_keytab() {
    let Some(mit) = mit_realm() else { return };
    let context = with_client_keytab(&mit);
    sign_in(&context, "bob", "builder");
    let tickets = CacheTickets::acquire(&context, None).unwrap();
    gets_a_ticket(&context, tickets, "bob");
}

#[test]
fn says_what_is_wrong_with_the_cache_when_there_is_no_client_keytab() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let refused = CacheTickets::acquire(&context, None)
        .unwrap_err()
        .to_string();
    assert_eq!(refused, "No credentials cache found");
}
