//! Negotiations between ours and the C libraries, in both directions.

use std::sync::Arc;

use kerbstone_client::CacheTickets;
use kerbstone_gss::spnego::{Acceptor, Initiator};
use kerbstone_gss::{Context, GssError, GssFlags, Oid, Step};
use rand::rng;
use serde_json::json;

use crate::peer::{Library, Peer, hex};
use crate::site::{Site, TARGET, USUAL, accept_request, now, options};

const LIBRARIES: [Library; 2] = [Library::Mit, Library::Heimdal];

/// Ours begins.
fn ours_to_theirs(
    site: &Site,
    peer: &mut Peer,
    flags: GssFlags,
    mechs: Option<Vec<Oid>>,
) -> (Context, usize) {
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let mut initiator = Initiator::new(options(flags));
    if let Some(mechs) = mechs {
        initiator = initiator.offer(mechs);
    }
    let mut input: Option<Vec<u8>> = None;
    let mut tokens = 0;
    loop {
        let step = initiator.step(input.as_deref(), &mut tickets, now(), &mut rng());
        let (token, context) = match step.unwrap() {
            Step::Continue { token } => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
        };
        let mut is_done = input.is_some();
        if let Some(token) = token {
            let answer = peer.ask(&accept_request(&token, None));
            let token = answer.bytes("token");
            tokens += 1 + usize::from(!token.is_empty());
            is_done = answer.is("done");
            input = Some(token);
        }
        if let Some(context) = context {
            assert!(is_done, "the acceptor is done too");
            return (*context, tokens);
        }
    }
}

/// Theirs begins.
fn theirs_to_ours(
    peer: &mut Peer,
    flags: GssFlags,
    acceptor: &mut Acceptor,
) -> Result<(Context, usize), GssError> {
    let mut request = json!({"do": "init", "target": TARGET, "flags": flags.0, "mech": "spnego"});
    let mut established = None;
    let mut tokens = 0;
    loop {
        let answer = peer.ask(&request);
        let token = answer.bytes("token");
        if !token.is_empty() {
            let step = acceptor.step(&token, now(), &mut rng());
            let token = match step.map_err(|refused| refused.error)? {
                Step::Continue { token } => token,
                Step::Established { token, context } => {
                    established = Some(*context);
                    token.unwrap_or_default()
                }
            };
            tokens += 1 + usize::from(!token.is_empty());
            request["token"] = hex(&token).into();
        }
        if answer.is("done") {
            return Ok((established.expect("both are done"), tokens));
        }
    }
}

fn converse(context: &mut Context, peer: &mut Peer) {
    for confidential in [true, false] {
        let token = peer.wrap(confidential, b"question");
        assert_eq!(context.unwrap(&token).unwrap().message, b"question");
        let token = context.wrap(confidential, b"answer", &mut rng());
        let answer = peer.unwrap(&token);
        assert_eq!(
            answer.bytes("message"),
            b"answer",
            "{confidential} {context:?}"
        );
        assert_eq!(answer.supplement(), 0);
    }
    peer.ask(&json!({"do": "forget"}));
}

#[test]
fn mit_and_heimdal_negotiate_with_us_in_both_directions() {
    let Some(site) = Site::usual() else { return };
    for library in LIBRARIES {
        let Some(mut peer) = site.peer(library) else {
            continue;
        };
        let mut all_flags = vec![
            GssFlags::EMPTY,
            USUAL,
            USUAL | GssFlags::DCE_STYLE,
            USUAL | GssFlags::DELEG,
        ];
        if library == Library::Mit {
            // Without mutual authentication Heimdal's two sides disagree about sequence numbers.
            all_flags.push(GssFlags::REPLAY | GssFlags::SEQUENCE);
        }
        for flags in all_flags {
            let (mut context, _) = ours_to_theirs(&site, &mut peer, flags, None);
            converse(&mut context, &mut peer);
            let mut acceptor = Acceptor::new(Arc::new(site.credential()), None);
            let (mut context, _) = theirs_to_ours(&mut peer, flags, &mut acceptor).unwrap();
            assert_eq!(context.initiator_name().to_string(), "alice@GSS.TEST");
            let is_delegated = flags.contains(GssFlags::DELEG);
            assert_eq!(!context.delegated().is_empty(), is_delegated, "{library:?}");
            converse(&mut context, &mut peer);
        }
    }
}

#[test]
fn an_acceptor_of_mits_that_has_to_choose_the_second_wants_and_gives_proofs() {
    let Some(site) = Site::usual() else { return };
    let Some(mut peer) = site.peer(Library::Mit) else {
        return;
    };
    // Heimdal's of that time looks no further when it does not know the first mechanism.
    for (flags, expected) in [(GssFlags::EMPTY, 4), (USUAL, 5)] {
        let mechs = vec![Oid::NEGOEX, Oid::KRB5];
        let (mut context, tokens) = ours_to_theirs(&site, &mut peer, flags, Some(mechs));
        assert_eq!(tokens, expected);
        converse(&mut context, &mut peer);
    }
}

#[test]
fn a_context_that_was_negotiated_is_exported_as_one_of_krb5() {
    let Some(site) = Site::usual() else { return };
    let Some(mut peer) = site.peer(Library::Mit) else {
        return;
    };
    let mut acceptor = Acceptor::new(Arc::new(site.credential()), None);
    let (context, _) = theirs_to_ours(&mut peer, USUAL, &mut acceptor).unwrap();
    let exported = context.export();
    let mut imported = Context::import(&exported).unwrap();
    converse(&mut imported, &mut peer);
}

#[test]
fn mit_says_why_we_refused_it() {
    let Some(site) = Site::usual() else { return };
    let Some(mut peer) = site.peer(Library::Mit) else {
        return;
    };
    let request = json!({"do": "init", "target": TARGET, "flags": USUAL.0, "mech": "spnego"});
    let token = peer.ask(&request).bytes("token");
    let mut acceptor = Acceptor::new(Arc::new(site.credential()), None);
    let late = now().saturating_add(std::time::Duration::from_secs(3000));
    let refused = acceptor.step(&token, late, &mut rng()).unwrap_err();
    let mut request = request;
    request["token"] = hex(&refused.token.unwrap()).into();
    let answer = peer.try_ask(&request);
    assert!(answer.text("words").contains("Clock skew"), "{answer:?}");
}

#[test]
fn we_say_why_mit_refused_us() {
    let Some(site) = Site::usual() else { return };
    let Some(mut peer) = site.peer(Library::Mit) else {
        return;
    };
    let client = site.client();
    let mut tickets = CacheTickets::new(&client, client.default_cache().unwrap());
    let mut initiator = Initiator::new(options(USUAL));
    let early = kerbstone_proto::time::Timestamp::new(
        now()
            .time
            .saturating_sub(std::time::Duration::from_secs(3000)),
        0,
    );
    let step = initiator
        .step(None, &mut tickets, early, &mut rng())
        .unwrap();
    let Step::Continue { token } = step else {
        panic!("no token");
    };
    let answer = peer.try_ask(&accept_request(&token, None));
    assert_ne!(answer.error(), 0);
    let token = answer.bytes("token");
    let refused = initiator.step(Some(&token), &mut tickets, now(), &mut rng());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("Clock skew too great"), "{refused}");
}
