use kerbstone_gss::Name;
use kerbstone_proto::name::NameType;
use kerbstone_proto::ticket_source::{TicketSource, WantedTicket};
use kerbstone_proxy::desk::Patience;
use kerbstone_proxy::settings::CredUsage;
use kerbstone_testkit::lab::{Mit, Server, Setup, Suite};

use super::lab::{MACHINE, REALM, SERVICE, desk, now, patient, principal, reach, sources, wish};

#[test]
fn signs_in_and_gets_tickets_whoever_made_the_kdc() {
    for suite in [Suite::Mit, Suite::Heimdal, Suite::Kerb] {
        let Some(server) = Server::start(suite, &Setup::realm(REALM)) else {
            continue;
        };
        server.add_service(SERVICE);
        server.add_service(MACHINE);
        let (service, machine) = (server.keytab(SERVICE), server.keytab(MACHINE));
        let sources = sources(&service, &machine);
        let desk_one = desk(server.krb5_conf(), server.folder(), |_| {});
        let wish = wish(&sources, CredUsage::Initiate);
        let held = desk_one.acquire(&wish, patient(), now()).unwrap();
        let context = reach(&desk_one, &sources, &held, patient()).unwrap();
        assert_eq!(*context.initiator_name(), principal(MACHINE), "{suite:?}");
        let handle = desk_one.seal(&sources, &held).unwrap();
        let desk_two = desk(server.krb5_conf(), server.folder(), |_| {});
        let held = desk_two.open(&sources, &handle).unwrap();
        reach(&desk_two, &sources, &held, Patience::Never).unwrap();
    }
}

const TARGET: &str = "imap/mail.proxy.test";

/// MIT's KDC knows who may go on only where its principals are in a directory.
#[test]
fn a_service_goes_on_in_a_users_name() {
    let setup = Setup::realm(REALM).krb5_conf("[libdefaults]\nforwardable = true");
    let Some(mit) = Mit::start_in_directory(&setup) else {
        return;
    };
    mit.add_user("alice", "wonderland");
    mit.add_service(SERVICE);
    mit.add_service(TARGET);
    mit.admin(&["modprinc", "+ok_to_auth_as_delegate", SERVICE]);
    mit.allow_delegation(SERVICE, TARGET);
    let keytab = mit.keytab(SERVICE);
    let sources = sources(&keytab, &keytab);
    let desk_one = desk(mit.krb5_conf(), mit.folder(), |_| {});
    let web = desk_one
        .acquire(&wish(&sources, CredUsage::Both), patient(), now())
        .unwrap();
    let alice = principal("alice");
    let held = desk_one
        .impersonate(&web, &alice, patient(), now())
        .unwrap();
    let target = Name::host_based("imap@mail.proxy.test")
        .to_principal()
        .unwrap();
    assert_eq!(target.name.name_type, NameType::SRV_HST);
    let wanted = WantedTicket::for_server(target);
    let mut tickets = desk_one.tickets(&held, patient(), now()).unwrap();
    let ticket = tickets.service_ticket(&wanted).unwrap();
    assert_eq!(
        (ticket.client, ticket.server),
        (alice.clone(), principal(TARGET))
    );
    assert!(held.has_grown());

    // The ticket goes out with the handle, and the user's ticket to the service is good evidence.
    let handle = desk_one.seal(&sources, &held).unwrap();
    let desk_two = desk(mit.krb5_conf(), mit.folder(), |_| {});
    let opened = desk_two.open(&sources, &handle).unwrap();
    let mut tickets = desk_two.tickets(&opened, Patience::Never, now()).unwrap();
    tickets.service_ticket(&wanted).unwrap();
    let own = WantedTicket::for_server(principal(SERVICE));
    let evidence = tickets.service_ticket(&own).unwrap();
    let again = desk_one.impersonated(&web, &evidence).unwrap();
    assert_eq!(again.name().unwrap().principal, alice);
    let mut tickets = desk_one.tickets(&again, patient(), now()).unwrap();
    tickets.service_ticket(&wanted).unwrap();
    let elsewhere = WantedTicket::for_server(principal(MACHINE));
    tickets.service_ticket(&elsewhere).unwrap_err();
}
