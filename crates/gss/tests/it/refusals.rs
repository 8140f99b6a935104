//! What each side says when the other refuses, with MIT's library as the other; and contexts with
//! somebody who has no keytab, through a real KDC.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::CacheTickets;
use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions, UserToUser};
use kerbstone_gss::replay::MemoryReplayCache;
use kerbstone_gss::{AcceptorCredential, Context, GssError, Name, Order, Step};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{ServiceTicket, TicketSource, WantedTicket};
use kerbstone_proto::time::Timestamp;
use rand::rng;
use serde_json::json;

use crate::peer::{Library, hex};
use crate::site::{REALM, SERVICE, Site, TARGET, USUAL, accept_request, now, options};

const BAD_MECH: u64 = 1;
const FAILURE: u64 = 13;

fn earlier(seconds: u64) -> Timestamp {
    let time = now().time.saturating_sub(Duration::from_secs(seconds));
    Timestamp::new(time, 1)
}

/// Our first token, made by a clock that is late, and MIT's answer to it as our initiator reads it.
fn refused_by_mit(site: &Site, at: Timestamp) -> GssError {
    let mut peer = site.peer(Library::Mit).unwrap();
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let mut initiator = Initiator::new(options(USUAL));
    let Step::Continue { token } = initiator.step(None, &mut tickets, at, &mut rng()).unwrap()
    else {
        panic!("mutual authentication takes two tokens");
    };
    let answer = peer.try_ask(&accept_request(&token, None));
    assert_ne!(answer.error(), 0);
    initiator
        .step(Some(&answer.bytes("token")), &mut tickets, at, &mut rng())
        .unwrap_err()
        .error
}

#[test]
fn mits_refusals_are_read_with_what_they_say() {
    let Some(site) = Site::usual() else { return };
    let late = refused_by_mit(&site, earlier(600));
    let words = late.to_string();
    assert!(
        words.contains("Clock skew too great: its clock says"),
        "{words}"
    );
    assert_eq!(late.krb_code(), ErrorCode::KRB_AP_ERR_SKEW);
    // The key is changed, and MIT's keytab is not.
    site.session.ticket(SERVICE).succeeded();
    site.mit.admin(&["cpw", "-randkey", SERVICE]);
    let fresh = site.session.destroy();
    fresh.succeeded();
    site.session
        .sign_in("alice", "wonderland", &["-f"])
        .succeeded();
    let words = refused_by_mit(&site, now()).to_string();
    assert!(words.contains("the other side refuses"), "{words}");
    // Ours says which versions there are.
    let mut acceptor = site.acceptor(None);
    let mut peer = site.peer(Library::Mit).unwrap();
    let request = json!({"do": "init", "target": TARGET, "flags": USUAL.0});
    let token = peer.ask(&request).bytes("token");
    let words = acceptor
        .step(&token, now(), &mut rng())
        .unwrap_err()
        .to_string();
    assert!(words.contains("is sealed with key version 2"), "{words}");
    assert!(words.contains("the keytab has version 1"), "{words}");
}

#[test]
fn mit_reads_our_refusals() {
    let Some(site) = Site::usual() else { return };
    let mut peer = site.peer(Library::Mit).unwrap();
    let mut request = json!({"do": "init", "target": TARGET, "flags": USUAL.0});
    let token = peer.ask(&request).bytes("token");
    let refused = site
        .acceptor(None)
        .step(&token, earlier(900), &mut rng())
        .unwrap_err();
    request["token"] = hex(&refused.token.unwrap()).into();
    let answer = peer.try_ask(&request);
    assert_eq!(answer.error(), FAILURE);
    assert!(
        answer.text("words").contains("Clock skew too great"),
        "{answer:?}"
    );
}

#[test]
fn a_token_of_mits_is_taken_once_only() {
    let Some(site) = Site::usual() else { return };
    let mut peer = site.peer(Library::Mit).unwrap();
    let request = json!({"do": "init", "target": TARGET, "flags": USUAL.0});
    let token = peer.ask(&request).bytes("token");
    let cache = Arc::new(MemoryReplayCache::new(&mut rng()));
    let name = kerbstone_gss::AcceptorName::Any;
    let credential = AcceptorCredential::new(&site.keytab(), name, cache).unwrap();
    let credential = Arc::new(credential);
    let mut first = Acceptor::new(credential.clone(), None);
    first.step(&token, now(), &mut rng()).unwrap();
    let again = Acceptor::new(credential, None).step(&token, now(), &mut rng());
    assert!(matches!(again.unwrap_err().error, GssError::Replay { .. }));
    // And MIT's takes ours once only.
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let Step::Continue { token } = Initiator::new(options(USUAL))
        .step(None, &mut tickets, now(), &mut rng())
        .unwrap()
    else {
        panic!("mutual authentication takes two tokens");
    };
    let request = accept_request(&token, None);
    site.peer(Library::Mit).unwrap().ask(&request);
    let answer = site.peer(Library::Mit).unwrap().try_ask(&request);
    assert!(answer.text("words").contains("replay"), "{answer:?}");
    assert_ne!(answer.error(), BAD_MECH);
}

/// bob's ticket-granting ticket, from his password.
fn tgt_of_bob(site: &Site) -> ServiceTicket {
    site.mit.add_user("bob", "builder");
    let client = site.client();
    let bob = client.parse_principal("bob").unwrap();
    let password = "builder".to_owned().into();
    let mut tickets = CacheTickets::with_password(&client, &bob, password).unwrap();
    let realm = REALM.into();
    let krbtgt = Principal::krbtgt(&realm, &realm);
    tickets
        .service_ticket(&WantedTicket::for_server(krbtgt))
        .unwrap()
}

fn reach_bob(site: &Site, tgt: &ServiceTicket, how: UserToUser) -> (Context, Context) {
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let cache = Arc::new(MemoryReplayCache::new(&mut rng()));
    let credential = AcceptorCredential::user_to_user(tgt.clone(), cache);
    let mut acceptor = Acceptor::new(credential.into(), None);
    let mut initiator = Initiator::new(InitiatorOptions {
        flags: USUAL,
        user_to_user: how,
        ..InitiatorOptions::new(Name::user("bob@GSS.TEST", None).unwrap())
    });
    let mut accepted = None;
    let mut input: Option<Vec<u8>> = None;
    loop {
        let step = initiator.step(input.as_deref(), &mut tickets, now(), &mut rng());
        let token = match step.unwrap() {
            Step::Continue { token } => token,
            Step::Established { context, .. } => return (*context, accepted.unwrap()),
        };
        input = match acceptor.step(&token, now(), &mut rng()).unwrap() {
            Step::Continue { token } => Some(token),
            Step::Established { token, context } => {
                accepted = Some(*context);
                token
            }
        };
    }
}

#[test]
fn somebody_without_a_keytab_is_reached_by_his_ticket_granting_ticket() {
    let Some(site) = Site::usual() else { return };
    let tgt = tgt_of_bob(&site);
    for how in [UserToUser::Ask, UserToUser::With(tgt.ticket.clone())] {
        let (mut alice, mut bob) = reach_bob(&site, &tgt, how);
        assert_eq!(bob.initiator_name().to_string(), "alice@GSS.TEST");
        assert_eq!(alice.acceptor_name().to_string(), "bob@GSS.TEST");
        let token = alice.wrap(true, b"hello Bob", &mut rng());
        let heard = bob.unwrap(&token).unwrap();
        assert_eq!(
            (&*heard.message, heard.order),
            (&b"hello Bob"[..], Order::InOrder)
        );
        let token = bob.wrap(true, b"hello Alice", &mut rng());
        assert_eq!(alice.unwrap(&token).unwrap().message, b"hello Alice");
    }
}

#[test]
fn a_service_with_a_keytab_says_that_it_is_no_user() {
    let Some(site) = Site::usual() else { return };
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let mut wish = options(USUAL);
    wish.user_to_user = UserToUser::Ask;
    let Step::Continue { token } = Initiator::new(wish)
        .step(None, &mut tickets, now(), &mut rng())
        .unwrap()
    else {
        panic!("asking takes two tokens");
    };
    let refused = site.acceptor(None).step(&token, now(), &mut rng());
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("has no ticket-granting ticket"), "{words}");
}
