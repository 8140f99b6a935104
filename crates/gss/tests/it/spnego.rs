//! Negotiations between two of ours, with somebody between them who means no good.

use kerbstone_gss::spnego::{Acceptor, Initiator};
use kerbstone_gss::{Context, GssError, GssFlags, MajorStatus, Oid, Order, Step, krb5};
use kerbstone_proto::error_code::ErrorCode;

use crate::virtual_pair::{Exchange, Tickets, exchange, now, options, rng};

const USUAL: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE);

fn negotiate(
    flags: GssFlags,
    mechs: Option<Vec<Oid>>,
    meddle: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> Exchange {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(flags));
    if let Some(mechs) = mechs {
        initiator = initiator.offer(mechs);
    }
    let mut acceptor = Acceptor::new(tickets.credential(), None);
    let (mut one, mut other) = (rng(), rng());
    exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut one),
        |input| acceptor.step(input, now(), &mut other),
        meddle,
    )
}

fn undisturbed(_: usize, token: Vec<u8>) -> Vec<u8> {
    token
}

/// Says something in each direction.
fn converse((mut initiator, mut acceptor): (Context, Context)) {
    for confidential in [true, false] {
        let token = initiator.wrap(confidential, b"question", &mut rng());
        let unwrapped = acceptor.unwrap(&token).unwrap();
        assert_eq!(unwrapped.message, b"question");
        assert_eq!(unwrapped.order, Order::InOrder);
        let token = acceptor.wrap(confidential, b"answer", &mut rng());
        assert_eq!(initiator.unwrap(&token).unwrap().message, b"answer");
    }
    assert_eq!(acceptor.initiator_name().to_string(), "alice@VIRTUAL.TEST");
    assert_eq!(initiator.mech(), &Oid::KRB5);
}

fn replace(token: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = token.windows(from.len()).position(|window| window == from);
    let at = at.expect("it is in the token");
    [&token[..at], to, &token[at + from.len()..]].concat()
}

#[test]
fn two_sides_that_both_like_krb5_best_need_two_tokens() {
    for flags in [USUAL, GssFlags::EMPTY] {
        let exchange = negotiate(flags, None, undisturbed);
        assert_eq!(exchange.tokens.len(), 2);
        converse(exchange.both());
    }
}

#[test]
fn dce_style_takes_four() {
    let exchange = negotiate(USUAL | GssFlags::DCE_STYLE, None, undisturbed);
    assert_eq!(exchange.tokens.len(), 4);
    converse(exchange.both());
}

#[test]
fn an_initiator_that_likes_another_mechanism_better_comes_to_krb5_with_proofs() {
    for (flags, tokens) in [
        (USUAL, 5),
        (GssFlags::EMPTY, 4),
        (USUAL | GssFlags::DCE_STYLE, 6),
    ] {
        for favourite in [Oid::NTLMSSP, Oid::NEGOEX, Oid::IAKERB] {
            let mechs = vec![favourite, Oid::KRB5_MS, Oid::KRB5];
            let exchange = negotiate(flags, Some(mechs), undisturbed);
            assert_eq!(exchange.tokens.len(), tokens, "{flags:?}");
            converse(exchange.both());
        }
    }
}

#[test]
fn krb5_by_microsofts_number_is_krb5() {
    for mechs in [
        vec![Oid::KRB5_MS],
        vec![Oid::KRB5_MS, Oid::KRB5],
        vec![Oid::KRB5_OLD],
    ] {
        let exchange = negotiate(USUAL, Some(mechs), undisturbed);
        assert_eq!(exchange.tokens.len(), 2);
        converse(exchange.both());
    }
}

#[test]
fn bare_krb5_tokens_are_accepted_and_answered_bare() {
    for flags in [USUAL, GssFlags::EMPTY, USUAL | GssFlags::DCE_STYLE] {
        let mut tickets = Tickets::new();
        let mut initiator = krb5::Initiator::new(options(flags));
        let mut acceptor = Acceptor::new(tickets.credential(), None);
        let (mut one, mut other) = (rng(), rng());
        let exchange = exchange(
            |input| initiator.step(input, &mut tickets, now(), &mut one),
            |input| acceptor.step(input, now(), &mut other),
            undisturbed,
        );
        converse(exchange.both());
    }
}

#[test]
fn an_acceptor_may_speak_first() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let mut acceptor = Acceptor::new(tickets.credential(), None);
    let Ok(Step::Continue { token }) = acceptor.step(b"", now(), &mut rng()) else {
        panic!("no hints");
    };
    let mut hints = Some(token);
    let (mut one, mut other) = (rng(), rng());
    let exchange = exchange(
        |input| {
            let hints = hints.take();
            initiator.step(hints.as_deref().or(input), &mut tickets, now(), &mut one)
        },
        |input| acceptor.step(input, now(), &mut other),
        undisturbed,
    );
    converse(exchange.both());
}

#[test]
fn a_changed_list_of_mechanisms_is_noticed_by_whoever_is_first_to_know() {
    // Somebody turns the favourite into something else, so that another one is taken.
    let exchange = negotiate(
        USUAL,
        Some(vec![Oid::KRB5, Oid::KRB5_MS]),
        |number, token| {
            if number == 0 {
                let mut unknown = Oid::KRB5.contents().to_vec();
                unknown[8] = 0x7f;
                replace(&token, Oid::KRB5.contents(), &unknown)
            } else {
                token
            }
        },
    );
    let refused = exchange.initiator.unwrap().unwrap_err();
    assert!(
        matches!(refused.error, GssError::WrongMechListMic),
        "{refused}"
    );
    assert_eq!(refused.error.major(), MajorStatus::BAD_MIC);
}

#[test]
fn a_changed_list_is_noticed_also_when_the_request_for_a_proof_is_hidden() {
    let exchange = negotiate(USUAL, None, |number, token| match number {
        0 => {
            let mut unknown = Oid::KRB5.contents().to_vec();
            unknown[8] = 0x7f;
            replace(&token, Oid::KRB5.contents(), &unknown)
        }
        // request-mic becomes accept-incomplete.
        1 => replace(&token, b"\x0a\x01\x03", b"\x0a\x01\x01"),
        _ => token,
    });
    // Its optimistic token was passed over, and nobody told it to begin again.
    assert!(exchange.initiator.unwrap().is_err());
}

#[test]
fn the_less_liked_mechanism_is_not_had_without_proofs() {
    let mechs = vec![Oid::NTLMSSP, Oid::KRB5];
    for flags in [USUAL, GssFlags::EMPTY] {
        // The acceptor's proof is cut off.
        let exchange = negotiate(flags, Some(mechs.clone()), |number, token| {
            if number == 3 {
                without_mic(&token)
            } else {
                token
            }
        });
        let refused = exchange.initiator.unwrap().unwrap_err();
        assert!(
            matches!(refused.error, GssError::MissingMechListMic),
            "{refused}"
        );
        // The list was longer at the initiator's.
        let exchange = negotiate(flags, Some(mechs.clone()), |number, token| match number {
            0 => replace(&token, Oid::NTLMSSP.contents(), Oid::NEGOEX.contents()),
            _ => token,
        });
        let is_wrong = |error: &GssError| matches!(error, GssError::WrongMechListMic);
        let acceptor = exchange.acceptor.and_then(Result::err);
        let initiator = exchange.initiator.and_then(Result::err);
        assert!(
            initiator
                .iter()
                .chain(&acceptor)
                .any(|refused| is_wrong(&refused.error))
        );
    }
    // The initiator's proof is cut off.
    let exchange = negotiate(GssFlags::EMPTY, Some(mechs), |number, token| {
        if number == 2 {
            without_mic(&token)
        } else {
            token
        }
    });
    let refused = exchange.acceptor.unwrap().unwrap_err();
    assert!(
        matches!(refused.error, GssError::MissingMechListMic),
        "{refused}"
    );
    let told = exchange.initiator.unwrap().unwrap_err();
    assert!(
        matches!(told.error, GssError::NegotiationRejected),
        "{told}"
    );
}

/// A NegTokenResp without its last field, a MIC of 28 bytes.
fn without_mic(token: &[u8]) -> Vec<u8> {
    let field = 28 + 4;
    let end = token.len() - field;
    assert_eq!(token[end..end + 4], [0xa3, 30, 4, 28], "there is a MIC");
    let fields = contents(contents(token));
    let fields = &fields[..fields.len() - field];
    element(0xa1, &element(0x30, fields))
}

/// What is in the element that `bytes` begin with.
fn contents(bytes: &[u8]) -> &[u8] {
    match bytes[1] {
        0..0x80 => &bytes[2..],
        length => &bytes[2 + usize::from(length & 0x7f)..],
    }
}

pub(crate) fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match value.len() {
        length @ ..0x80 => bytes.push(length as u8),
        length @ ..0x100 => bytes.extend([0x81, length as u8]),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    [bytes, value.to_vec()].concat()
}

#[test]
fn a_mechanism_that_was_not_offered_is_not_taken() {
    let exchange = negotiate(USUAL, None, |number, token| match number {
        1 => {
            let from = element(6, Oid::KRB5.contents());
            let to = element(6, &Oid::NTLMSSP.contents()[..9]);
            replace(&token, &from, &to)
        }
        _ => token,
    });
    let refused = exchange.initiator.unwrap().unwrap_err();
    assert!(
        matches!(refused.error, GssError::MechanismNotOffered(_)),
        "{refused}"
    );
    assert_eq!(refused.error.major(), MajorStatus::BAD_MECH);
}

#[test]
fn ntlm_is_refused_with_words_that_say_what_it_means() {
    let tickets = Tickets::new();
    for (token, has_answer) in [
        (b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2".to_vec(), false),
        (only_ntlm(), true),
    ] {
        let mut acceptor = Acceptor::new(tickets.credential(), None);
        let refused = acceptor.step(&token, now(), &mut rng()).unwrap_err();
        let words = refused.to_string();
        assert!(
            words.contains("ntlmssp") && words.contains("no ticket"),
            "{words}"
        );
        assert_eq!(refused.error.major(), MajorStatus::BAD_MECH);
        assert_eq!(refused.token.is_some(), has_answer);
    }
}

/// What a browser sends that has no ticket.
fn only_ntlm() -> Vec<u8> {
    let list = element(0x30, &element(6, Oid::NTLMSSP.contents()));
    let token = element(4, b"NTLMSSP\0\x01\0\0\0");
    let fields = [element(0xa0, &list), element(0xa2, &token)].concat();
    let inner = element(0xa0, &element(0x30, &fields));
    element(0x60, &[element(6, Oid::SPNEGO.contents()), inner].concat())
}

#[test]
fn an_optimistic_ntlm_token_before_krb5_is_passed_over_and_krb5_asked_for() {
    let list = [Oid::NTLMSSP, Oid::KRB5].map(|mech| element(6, mech.contents()));
    let list = element(0x30, &list.concat());
    let token = element(4, b"NTLMSSP\0\x01\0\0\0");
    let fields = [element(0xa0, &list), element(0xa2, &token)].concat();
    let inner = element(0xa0, &element(0x30, &fields));
    let token = element(0x60, &[element(6, Oid::SPNEGO.contents()), inner].concat());
    let mut acceptor = Acceptor::new(Tickets::new().credential(), None);
    let Ok(Step::Continue { token }) = acceptor.step(&token, now(), &mut rng()) else {
        panic!("krb5 is not asked for");
    };
    let krb5 = element(0xa1, &element(6, Oid::KRB5.contents()));
    let fields = [element(0xa0, &element(0x0a, &[3])), krb5].concat();
    assert_eq!(token, element(0xa1, &element(0x30, &fields)));
}

#[test]
fn the_initiator_hears_why_it_was_refused() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let mut acceptor = Acceptor::new(tickets.credential(), None);
    let late = now().saturating_add(std::time::Duration::from_secs(1000));
    let (mut one, mut other) = (rng(), rng());
    let exchange = exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut one),
        |input| acceptor.step(input, late, &mut other),
        undisturbed,
    );
    let refused = exchange.initiator.unwrap().unwrap_err();
    match &refused.error {
        GssError::PeerRefused { code, .. } => assert_eq!(*code, ErrorCode::KRB_AP_ERR_SKEW),
        other => panic!("{other}"),
    }
    assert!(
        refused.to_string().contains("1000 seconds apart"),
        "{refused}"
    );
}

#[test]
fn a_replayed_negotiation_is_refused() {
    let mut tickets = Tickets::new();
    let credential = tickets.credential();
    let mut initiator = Initiator::new(options(USUAL));
    let Ok(Step::Continue { token }) = initiator.step(None, &mut tickets, now(), &mut rng()) else {
        panic!("no token");
    };
    let mut acceptor = Acceptor::new(credential.clone(), None);
    assert!(acceptor.step(&token, now(), &mut rng()).is_ok());
    let mut acceptor = Acceptor::new(credential, None);
    let refused = acceptor.step(&token, now(), &mut rng()).unwrap_err();
    assert!(
        matches!(refused.error, GssError::Replay { .. }),
        "{refused}"
    );
}

#[test]
fn every_changed_byte_is_refused_or_makes_no_difference() {
    let clean = negotiate(USUAL, None, undisturbed).tokens;
    for (victim, token) in clean.iter().enumerate() {
        for at in 0..token.len() {
            let exchange = negotiate(USUAL, None, |number, mut token| {
                if number == victim {
                    token[at] ^= 0x41;
                }
                token
            });
            // What is not protected may change and nothing comes of it; keys never differ.
            if let (Some(Ok(mut one)), Some(Ok(mut other))) =
                (exchange.initiator, exchange.acceptor)
            {
                let token = one.wrap(true, b"m", &mut rng());
                assert!(other.unwrap(&token).is_ok(), "token {victim}, byte {at}");
            }
        }
    }
}

#[test]
fn every_cut_token_is_refused() {
    let mechs = vec![Oid::NTLMSSP, Oid::KRB5];
    let clean = negotiate(USUAL, Some(mechs.clone()), undisturbed).tokens;
    for (victim, token) in clean.iter().enumerate() {
        for end in (0..token.len()).step_by(3) {
            let exchange = negotiate(USUAL, Some(mechs.clone()), |number, mut token| {
                if number == victim {
                    token.truncate(end);
                }
                token
            });
            let stands = |side: Option<Result<_, _>>| side.is_some_and(|side| side.is_ok());
            let both_stand = stands(exchange.initiator) && stands(exchange.acceptor);
            assert!(!both_stand, "token {victim} cut to {end}");
        }
    }
}

#[test]
fn tokens_of_the_wrong_direction_oversized_and_nested_are_refused() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let Ok(Step::Continue { token: first }) = initiator.step(None, &mut tickets, now(), &mut rng())
    else {
        panic!("no token");
    };
    // The initiator gets its own token back.
    let refused = initiator.step(Some(&first), &mut tickets, now(), &mut rng());
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("sent back"), "{words}");
    // The acceptor gets an answer first.
    let answer = element(0xa1, &element(0x30, &element(0xa0, &element(0x0a, &[0]))));
    let mut nested = first.clone();
    for _ in 0..50 {
        nested = element(0x60, &[element(6, Oid::SPNEGO.contents()), nested].concat());
    }
    for token in [
        answer,
        vec![0x60; 2_000_000],
        nested,
        vec![0x60, 0x80],
        vec![0; 3],
    ] {
        let mut acceptor = Acceptor::new(tickets.credential(), None);
        let refused = acceptor.step(&token, now(), &mut rng()).unwrap_err();
        assert_eq!(
            refused.error.major(),
            MajorStatus::DEFECTIVE_TOKEN,
            "{refused}"
        );
        let again = acceptor.step(&first, now(), &mut rng()).unwrap_err();
        assert!(matches!(again.error, GssError::Misuse(_)));
    }
}

#[test]
fn an_acceptor_that_only_says_that_it_accepts_is_not_believed() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    initiator
        .step(None, &mut tickets, now(), &mut rng())
        .unwrap();
    let answer = element(0xa1, &element(0x30, &element(0xa0, &element(0x0a, &[0]))));
    let refused = initiator.step(Some(&answer), &mut tickets, now(), &mut rng());
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("answer is missing"), "{words}");
}
