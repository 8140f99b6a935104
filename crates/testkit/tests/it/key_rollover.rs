//! New keys for the ticket-granting service while tickets under the old ones are about.

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{Keep, KeyChange};

use crate::town::{HOUR, REALM, Town, WEB};

fn krbtgt() -> Principal {
    Principal::krbtgt(&Realm::from(REALM), &Realm::from(REALM))
}

fn kvno(ticket: &[u8]) -> u32 {
    let ticket = Ticket::from_der(ticket).unwrap();
    ticket.enc_part.kvno.unwrap().0
}

#[test]
fn old_tickets_stay_good_for_their_life_and_new_ones_are_under_the_new_key() {
    let mut town = Town::new(1);
    let old = town.login(&LoginOptions::default()).unwrap();
    town.site
        .change_keys(&krbtgt(), &KeyChange::random().keeping_old());
    let new = town.login(&LoginOptions::default()).unwrap();
    assert_eq!(kvno(&old.credential.ticket), 1);
    assert_eq!(kvno(&new.credential.ticket), 2);
    town.site.pass(11 * HOUR);
    for tgt in [&old, &new] {
        town.site.service_ticket(town.laptop, tgt, WEB).unwrap();
    }
}

#[test]
fn a_purge_ends_the_old_tickets_and_no_others() {
    let mut town = Town::new(1);
    let old = town.login(&LoginOptions::default()).unwrap();
    town.site
        .change_keys(&krbtgt(), &KeyChange::random().keeping_old());
    let new = town.login(&LoginOptions::default()).unwrap();
    let registrar = town.site.registrar(REALM);
    let purged = registrar.purge_keys(&krbtgt(), Keep::Newest, &town.site.stamp());
    assert_eq!(purged.unwrap(), 1);
    let refused = town.site.service_ticket(town.laptop, &old, WEB);
    assert!(
        matches!(refused, Err(ClientError::Kdc { .. })),
        "{refused:?}"
    );
    town.site.service_ticket(town.laptop, &new, WEB).unwrap();
}
