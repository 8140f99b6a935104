//! Faults that were published of other GSS libraries (SECURITY.md), tried on this one.

use kerbstone_gss::krb5::{self, Initiator};
use kerbstone_gss::spnego::{self, Acceptor};
use kerbstone_gss::{Context, GssError, GssFlags, MajorStatus, Oid, Order, Part, Refused, Step};

use crate::site::USUAL;
use crate::spnego::element;
use crate::virtual_pair::{Tickets, exchange, now, options, rng};

fn pair(flags: GssFlags) -> (Context, Context) {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(flags));
    let mut acceptor = krb5::Acceptor::new(tickets.credential(), None);
    let (mut one, mut other) = (rng(), rng());
    exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut one),
        |token| acceptor.step(token, now(), &mut other),
        |_, token| token,
    )
    .both()
}

/// What begins a negotiation: a list of mechanisms, and a token for the first of them.
fn negotiation(mechs: &[Oid], token: Option<&[u8]>) -> Vec<u8> {
    let list: Vec<u8> = mechs
        .iter()
        .flat_map(|mech| element(6, mech.contents()))
        .collect();
    let list = element(0xa0, &element(0x30, &list));
    let token = token.map(|token| element(0xa2, &element(4, token)));
    let fields = [list, token.unwrap_or_default()].concat();
    let inner = element(0xa0, &element(0x30, &fields));
    element(0x60, &[element(6, Oid::SPNEGO.contents()), inner].concat())
}

fn accept(token: &[u8]) -> Result<Step, Refused> {
    Acceptor::new(Tickets::new().credential(), None).step(token, now(), &mut rng())
}

/// An acceptor that has asked for a second token, and has no context yet.
fn half_way() -> Acceptor {
    let mut acceptor = Acceptor::new(Tickets::new().credential(), None);
    let mechs = [Oid::NTLMSSP, Oid::KRB5];
    let step = acceptor.step(&negotiation(&mechs, None), now(), &mut rng());
    assert!(matches!(step, Ok(Step::Continue { .. })), "{step:?}");
    acceptor
}

/// A context exists from the last step on; before that there is none to ask.
#[test]
fn cve_2015_2695_a_negotiation_that_is_half_way_has_no_context() {
    for second in [
        &b""[..],
        b"\xa1",
        &element(0xa1, &element(0x30, b"")),
        &element(0xa1, &element(0x30, &element(0xa0, &element(0x0a, &[0])))),
    ] {
        let step = half_way().step(second, now(), &mut rng());
        assert!(
            !matches!(step, Ok(Step::Established { .. })),
            "{second:02x?}: {step:?}"
        );
    }
}

/// Whoever refused goes on to refuse.
#[test]
fn cve_2017_11462_a_machine_that_refused_can_be_called_again() {
    let mut acceptor = half_way();
    for _ in 0..3 {
        let refused = acceptor.step(b"nonsense", now(), &mut rng()).unwrap_err();
        assert!(!refused.to_string().is_empty());
    }
    let mut tickets = Tickets::new();
    let mut initiator = spnego::Initiator::new(options(USUAL));
    let first = initiator.step(None, &mut tickets, now(), &mut rng());
    assert!(matches!(first, Ok(Step::Continue { .. })));
    for _ in 0..3 {
        let step = initiator.step(Some(b"nonsense"), &mut tickets, now(), &mut rng());
        assert!(!step.unwrap_err().to_string().is_empty());
    }
}

#[test]
fn cve_2021_44758_a_negotiation_with_nothing_in_common_is_refused() {
    for mechs in [&[][..], &[Oid::SPNEGO], &[Oid::IAKERB, Oid::NEGOEX]] {
        for token in [None, Some(&b""[..]), Some(b"token")] {
            let refused = accept(&negotiation(mechs, token)).unwrap_err();
            let major = refused.error.major();
            assert!(
                [MajorStatus::BAD_MECH, MajorStatus::DEFECTIVE_TOKEN].contains(&major),
                "{mechs:?}: {refused}"
            );
        }
    }
    for token in [&b""[..], b"token", b"\x60", b"\x6e\x00"] {
        accept(&negotiation(&[Oid::KRB5], Some(token))).unwrap_err();
    }
}

/// The mechanism is passed over, whatever stands in its messages.
#[test]
fn cve_2026_40355_messages_of_negoex_are_not_even_read() {
    let short_header = [&b"NEGOEXTS\0\0\0\0\0\0\0\0"[..], &[0; 24]].concat();
    let vector_nowhere = [&b"NEGOEXTS"[..], &[0xff; 200]].concat();
    for message in [&b"NEGOEXTS"[..], &short_header, &vector_nowhere] {
        let alone = accept(&negotiation(&[Oid::NEGOEX], Some(message))).unwrap_err();
        assert!(matches!(alone.error, GssError::NoCommonMechanism(_)));
        let with_krb5 = accept(&negotiation(&[Oid::NEGOEX, Oid::KRB5], Some(message)));
        assert!(
            matches!(with_krb5, Ok(Step::Continue { .. })),
            "{with_krb5:?}"
        );
    }
}

#[test]
fn cve_2022_3437_frames_that_end_in_their_length_are_refused() {
    let (_, mut www) = pair(USUAL);
    for token in [
        &b"\x60"[..],
        b"\x60\x00",
        b"\x60\x80",
        b"\x60\x81",
        b"\x60\x81\xff",
        b"\x60\x84\xff\xff\xff\xff",
        b"\x60\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x60\x02\x06\x7f",
        b"\x60\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02",
    ] {
        accept(token).unwrap_err();
        www.unwrap(token).unwrap_err();
        www.verify_mic(b"", token).unwrap_err();
    }
}

/// The Extra Count stands in clear, and once more in what is sealed.
#[test]
fn cve_2024_37370_a_changed_extra_count_cuts_nothing_off() {
    let (mut alice, mut www) = pair(USUAL);
    let token = alice.wrap(true, b"pay Bob 100 and Carol 5", &mut rng());
    for extra in 1..40_u16 {
        let mut changed = token.clone();
        changed[4..6].copy_from_slice(&extra.to_be_bytes());
        www.unwrap(&changed).unwrap_err();
    }
    let whole = www.unwrap(&token).unwrap();
    assert_eq!(whole.message, b"pay Bob 100 and Carol 5");

    let lengths = alice.part_lengths(true, false);
    let (mut header, mut data) = (vec![0; lengths.header], *b"pay Bob 100");
    let mut parts = [Part::Header(&mut header), Part::Data(&mut data)];
    alice.wrap_parts(true, &mut parts, &mut rng()).unwrap();
    for extra in 1..40_u16 {
        let (mut header, mut data) = (header.clone(), data);
        header[4..6].copy_from_slice(&extra.to_be_bytes());
        let mut parts = [Part::Header(&mut header), Part::Data(&mut data)];
        www.unwrap_parts(&mut parts).unwrap_err();
    }
}

#[test]
fn cve_2024_37371_lengths_beyond_the_token_are_refused() {
    let (mut alice, mut www) = pair(USUAL);
    for confidential in [true, false] {
        let token = alice.wrap(confidential, b"x", &mut rng());
        for extra in [u16::MAX, 0x7fff, 61, 29, 13] {
            let mut changed = token.clone();
            changed[4..6].copy_from_slice(&extra.to_be_bytes());
            www.unwrap(&changed).unwrap_err();
        }
        for end in 16..token.len() {
            for rotation in [0, 1, u16::MAX] {
                let mut short = token[..end].to_vec();
                short[6..8].copy_from_slice(&rotation.to_be_bytes());
                www.unwrap(&short).unwrap_err();
            }
        }
    }
}

/// RFC 1964 and 2743 know of a token that ends a context; RFC 4121 has none, and nothing here reads one.
#[test]
fn cve_2014_5352_a_token_that_deletes_contexts_deletes_none() {
    let (mut alice, mut www) = pair(USUAL);
    let inner = [&b"\x01\x02\x00\x00\xff\xff\xff\xff"[..], &[0; 16]].concat();
    let framed = element(0x60, &[element(6, Oid::KRB5.contents()), inner].concat());
    let like_a_mic = [&b"\x04\x05\x00\xff\xff\xff\xff\xff"[..], &[0; 20]].concat();
    for token in [framed, like_a_mic] {
        www.unwrap(&token).unwrap_err();
        www.verify_mic(b"", &token).unwrap_err();
    }
    let token = alice.wrap(true, b"still here", &mut rng());
    let unwrapped = www.unwrap(&token).unwrap();
    assert_eq!(unwrapped.message, b"still here");
    assert_eq!(unwrapped.order, Order::InOrder);
}

/// Every byte counts, those that are all ones as well.
#[test]
fn cve_2025_57736_a_mic_with_a_changed_byte_is_refused() {
    let (mut alice, mut www) = pair(USUAL);
    let mic = alice.get_mic(b"pay Bob 100");
    for at in 0..mic.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = mic.clone();
            changed[at] ^= change;
            www.verify_mic(b"pay Bob 100", &changed).unwrap_err();
        }
    }
    www.verify_mic(b"pay Bob 101", &mic).unwrap_err();
    assert_eq!(
        www.verify_mic(b"pay Bob 100", &mic).unwrap(),
        Order::InOrder
    );
}
