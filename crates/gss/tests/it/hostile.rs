//! What an enemy between the two sides, or a confused peer, may send; and what we then say.

use std::sync::Arc;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions};
use kerbstone_gss::{
    AcceptorCredential, AcceptorName, ChannelBindings, Context, GssError, GssFlags, MajorStatus,
    Order, Part, Refused, Step,
};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::rng;

use crate::site::USUAL;
use crate::virtual_pair::{Exchange, NOW, SERVICE, Tickets, exchange, now, options};

fn pair(tickets: &mut Tickets, wish: InitiatorOptions) -> (Context, Context) {
    let credential = tickets.credential();
    meet(
        tickets,
        wish,
        Acceptor::new(credential, None),
        |_, token| token,
    )
    .both()
}

fn meet(
    tickets: &mut Tickets,
    wish: InitiatorOptions,
    mut acceptor: Acceptor,
    meddle: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> Exchange {
    let mut initiator = Initiator::new(wish);
    let mut random = rng();
    exchange(
        |input| initiator.step(input, tickets, now(), &mut random),
        |token| acceptor.step(token, now(), &mut rng()),
        meddle,
    )
}

/// The first token, as it goes out.
fn first_token(tickets: &mut Tickets, wish: InitiatorOptions) -> Vec<u8> {
    match Initiator::new(wish)
        .step(None, tickets, now(), &mut rng())
        .unwrap()
    {
        Step::Continue { token } => token,
        Step::Established { token, .. } => token.unwrap(),
    }
}

fn accept(credential: Arc<AcceptorCredential>, token: &[u8], now: Timestamp) -> Refused {
    Acceptor::new(credential, None)
        .step(token, now, &mut rng())
        .unwrap_err()
}

/// Nobody is helped by an error that names nothing.
#[track_caller]
fn says(refused: &Refused, words: &str) {
    let said = refused.to_string();
    assert!(said.contains(words), "{said:?} does not say {words:?}");
    assert!(!said.contains("nspecified"), "{said}");
}

#[test]
fn a_first_token_cut_off_anywhere_is_refused() {
    let mut tickets = Tickets::new();
    let token = first_token(&mut tickets, options(USUAL));
    for end in 0..token.len() {
        let refused = accept(tickets.credential(), &token[..end], now());
        assert_eq!(refused.error.major(), MajorStatus::DEFECTIVE_TOKEN);
    }
}

#[test]
fn no_changed_bit_of_a_first_token_is_taken_for_what_was_sent() {
    let mut tickets = Tickets::new();
    let token = first_token(&mut tickets, options(USUAL));
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] ^= 1 << (at % 8);
        let mut acceptor = Acceptor::new(tickets.credential(), None);
        match acceptor.step(&changed, now(), &mut rng()) {
            Err(refused) => assert!(!refused.to_string().is_empty()),
            // AP options, the service's name and key version are in clear.
            Ok(Step::Established { context, .. }) => {
                assert_eq!(context.initiator_name().to_string(), "alice@VIRTUAL.TEST");
                assert_eq!(context.acceptor_name().to_string(), SERVICE);
                assert!(at < 130, "byte {at} is not protected");
            }
            Ok(other) => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn an_oversized_token_is_refused_before_it_is_read() {
    let tickets = Tickets::new();
    let refused = accept(tickets.credential(), &vec![0x60; 2 << 20], now());
    says(&refused, "2097152 bytes is longer than");
}

#[test]
fn tokens_of_other_kinds_are_recognised() {
    let tickets = Tickets::new();
    for (token, words) in [
        (&b""[..], "it is empty"),
        (b"NTLMSSP\0\x01\0\0\0", "NTLM"),
        (
            b"\x05\x04\x00\xff rest",
            "message of an established context",
        ),
        (b"GET / HTTP/1.1", "no frame that names a mechanism"),
        (b"\x60\x08\x06\x06\x2b\x06\x01\x05\x05\x02", "spnego"),
        (
            b"\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x09\x09",
            "none of the marks",
        ),
    ] {
        says(&accept(tickets.credential(), token, now()), words);
    }
}

#[test]
fn an_answer_sent_back_to_the_acceptor_is_not_a_request() {
    let mut tickets = Tickets::new();
    let credential = tickets.credential();
    let acceptor = Acceptor::new(credential, None);
    let seen = meet(&mut tickets, options(USUAL), acceptor, |_, token| token);
    let refused = accept(tickets.credential(), &seen.tokens[1], now());
    says(&refused, "it may have been sent back to us");
}

#[test]
fn a_request_sent_back_to_the_initiator_is_not_an_answer() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let Step::Continue { token } = initiator
        .step(None, &mut tickets, now(), &mut rng())
        .unwrap()
    else {
        panic!("mutual authentication needs an answer");
    };
    let refused = initiator
        .step(Some(&token), &mut tickets, now(), &mut rng())
        .unwrap_err();
    assert!(matches!(refused.error, GssError::Reflected(_)));
    let again = initiator.step(Some(&token), &mut tickets, now(), &mut rng());
    says(&again.unwrap_err(), "has come to its end");
}

#[test]
fn no_changed_byte_of_the_answer_is_taken_for_the_acceptors() {
    for at in 0..200 {
        let mut tickets = Tickets::new();
        let acceptor = Acceptor::new(tickets.credential(), None);
        let mut length = 0;
        let seen = meet(
            &mut tickets,
            options(USUAL),
            acceptor,
            |number, mut token| {
                if number == 1 {
                    length = token.len();
                    if let Some(byte) = token.get_mut(at) {
                        *byte ^= 0x10;
                    }
                }
                token
            },
        );
        if at < length {
            assert!(seen.initiator.unwrap().is_err(), "byte {at}");
        }
    }
}

#[test]
fn an_answer_to_another_request_is_not_believed() {
    let mut tickets = Tickets::new();
    let acceptor = Acceptor::new(tickets.credential(), None);
    let other = meet(&mut tickets, options(USUAL), acceptor, |_, token| token).tokens;
    let acceptor = Acceptor::new(tickets.credential(), None);
    let seen = meet(&mut tickets, options(USUAL), acceptor, |number, token| {
        if number == 1 { other[1].clone() } else { token }
    });
    let refused = seen.initiator.unwrap().unwrap_err();
    says(
        &refused,
        "answer of the acceptor: decrypt integrity check failed",
    );
}

#[test]
fn a_request_that_comes_twice_is_a_replay() {
    let mut tickets = Tickets::new();
    let credential = tickets.credential();
    let token = first_token(&mut tickets, options(USUAL));
    let mut first = Acceptor::new(credential.clone(), None);
    first.step(&token, now(), &mut rng()).unwrap();
    let refused = accept(credential, &token, now());
    says(
        &refused,
        "alice@VIRTUAL.TEST for HTTP/www.virtual.test@VIRTUAL.TEST is a replay",
    );
    assert_eq!(refused.error.krb_code(), ErrorCode::KRB_AP_ERR_REPEAT);
    assert!(refused.token.is_some());
}

#[test]
fn the_other_side_learns_by_a_token_why_it_was_refused() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let mut random = rng();
    let credential = tickets.credential();
    let late = Timestamp::new(KerberosTime::from_unix(NOW + 400), 0);
    let seen = exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut random),
        |token| Acceptor::new(credential.clone(), None).step(token, late, &mut rng()),
        |_, token| token,
    );
    let refused = seen.acceptor.unwrap().unwrap_err();
    says(&refused, "400 seconds apart, 300 are allowed");
    let told = seen.initiator.unwrap().unwrap_err();
    says(&told, "the other side refuses: Clock skew too great");
    says(&told, "400 seconds apart");
}

#[test]
fn without_mutual_authentication_nobody_waits_for_a_token() {
    let mut tickets = Tickets::new();
    let token = first_token(&mut tickets, options(GssFlags::EMPTY));
    let late = Timestamp::new(KerberosTime::from_unix(NOW + 400), 0);
    assert!(accept(tickets.credential(), &token, late).token.is_none());
}

#[test]
fn somebody_elses_bindings_are_refused_and_wrong_ones_are_as_well() {
    let bound = |data: &[u8]| Some(ChannelBindings::application_data(data));
    for (theirs, ours, accepted) in [
        (bound(b"here"), bound(b"here"), true),
        (bound(b"here"), None, true),
        (None, bound(b"here"), true),
        (bound(b"there"), bound(b"here"), false),
    ] {
        let mut tickets = Tickets::new();
        let mut wish = options(USUAL);
        wish.bindings = theirs;
        let acceptor = Acceptor::new(tickets.credential(), ours);
        let seen = meet(&mut tickets, wish, acceptor, |_, token| token);
        match seen.acceptor.unwrap() {
            Ok(_) => assert!(accepted),
            Err(refused) => {
                assert!(!accepted);
                assert_eq!(refused.error.major(), MajorStatus::BAD_BINDINGS);
                let told = seen.initiator.unwrap().unwrap_err();
                says(&told, "the channel bindings do not match");
            }
        }
    }
}

#[test]
fn an_initiator_may_be_bound_to_any_name_of_the_channel() {
    let bound = |data: &[u8]| Some(ChannelBindings::application_data(data));
    for (theirs, first, is_accepted) in [
        (bound(b"here"), bound(b"here"), true),
        (bound(b"also here"), bound(b"here"), true),
        (bound(b"also here"), None, true),
        (bound(b"there"), bound(b"here"), false),
        (bound(b"there"), None, false),
    ] {
        let mut tickets = Tickets::new();
        let mut wish = options(USUAL);
        wish.bindings = theirs;
        let others = [b"somewhere".as_slice(), b"also here"].map(ChannelBindings::application_data);
        let acceptor = Acceptor::new(tickets.credential(), first).or_bound_to(others);
        let seen = meet(&mut tickets, wish, acceptor, |_, token| token);
        match seen.acceptor.unwrap() {
            Ok(context) => {
                assert!(is_accepted);
                assert!(context.flags().contains(GssFlags::CHANNEL_BOUND));
            }
            Err(refused) => {
                assert!(!is_accepted);
                assert_eq!(refused.error.major(), MajorStatus::BAD_BINDINGS);
            }
        }
    }
}

#[test]
fn an_initiator_that_knows_of_bindings_must_send_them_to_an_acceptor_that_has_some() {
    let mut tickets = Tickets::new();
    let wish = options(USUAL | GssFlags::CHANNEL_BOUND);
    let bindings = ChannelBindings::application_data(*b"here");
    let acceptor = Acceptor::new(tickets.credential(), Some(bindings));
    let seen = meet(&mut tickets, wish, acceptor, |_, token| token);
    assert!(matches!(
        seen.acceptor.unwrap().unwrap_err().error,
        GssError::BadBindings
    ));
}

/// Keys of those principals, versions and types.
fn keytab(keys: &[(&str, u32, Key)]) -> Arc<AcceptorCredential> {
    let entries = keys.iter().map(|(name, kvno, key)| KeytabEntry {
        principal: Principal::parse(name, None).unwrap(),
        timestamp: KerberosTime::ZERO,
        kvno: *kvno,
        key: KeyBlock::from(key),
    });
    let keytab = Keytab::from_entries(entries).unwrap();
    AcceptorCredential::without_replay_cache(&keytab, AcceptorName::Any)
        .unwrap()
        .into()
}

#[test]
fn a_ticket_that_no_key_opens_is_refused_with_the_reason() {
    let mut tickets = Tickets::new();
    let token = first_token(&mut tickets, options(USUAL));
    let random = |enctype| Key::random(enctype, &mut rng()).unwrap();
    let (strong, other) = (Enctype::Aes256CtsHmacSha1_96, Enctype::Aes128CtsHmacSha1_96);
    for (keys, words) in [
        (
            vec![("imap/www.virtual.test@VIRTUAL.TEST", 1, random(strong))],
            "the ticket is for HTTP/www.virtual.test@VIRTUAL.TEST, and the keytab has keys of imap/www.virtual.test@VIRTUAL.TEST only",
        ),
        (
            vec![(SERVICE, 3, random(strong)), (SERVICE, 2, random(strong))],
            "is sealed with key version 1, the keytab has version 3, version 2",
        ),
        (
            vec![(SERVICE, 1, random(other))],
            "is sealed with aes256-cts-hmac-sha1-96, the keytab has aes128-cts-hmac-sha1-96",
        ),
        (
            vec![(SERVICE, 1, random(strong))],
            "in the keytab does not open the ticket",
        ),
    ] {
        let refused = accept(keytab(&keys), &token, now());
        says(&refused, words);
        // A stranger is not told what keys there are.
        let told = refused.token.unwrap();
        for secret in ["imap", "version 3", "aes128"] {
            let secret = secret.as_bytes();
            assert!(!told.windows(secret.len()).any(|window| window == secret));
        }
    }
    // Another name in the keytab is no hindrance if its key opens the ticket.
    let alias = [("HTTP/alias@VIRTUAL.TEST", 7, tickets.key.clone())];
    let mut acceptor = Acceptor::new(keytab(&alias), None);
    acceptor.step(&token, now(), &mut rng()).unwrap();
}

#[test]
fn an_acceptor_for_one_service_takes_no_ticket_for_another() {
    let mut tickets = Tickets::new();
    let token = first_token(&mut tickets, options(USUAL));
    let imap = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut rng()).unwrap();
    let entries = [
        (SERVICE, &tickets.key),
        ("imap/www.virtual.test@VIRTUAL.TEST", &imap),
    ];
    let keytab = Keytab::from_entries(entries.map(|(name, key)| KeytabEntry {
        principal: Principal::parse(name, None).unwrap(),
        timestamp: KerberosTime::ZERO,
        kvno: 1,
        key: KeyBlock::from(key),
    }))
    .unwrap();
    for (service, host, accepted) in [
        ("HTTP", None, true),
        ("HTTP", Some("WWW.virtual.test"), true),
        ("HTTP", Some("other.virtual.test"), false),
        ("imap", None, false),
    ] {
        let name = AcceptorName::HostBased {
            service: service.into(),
            host: host.map(str::to_owned),
        };
        let outcome = AcceptorCredential::without_replay_cache(&keytab, name)
            .map_err(Refused::from)
            .and_then(|own| Acceptor::new(own.into(), None).step(&token, now(), &mut rng()));
        assert_eq!(outcome.is_ok(), accepted, "{service} {host:?}: {outcome:?}");
    }
}

#[test]
fn a_ticket_after_its_time_is_neither_sent_nor_taken() {
    let mut tickets = Tickets::new();
    let end = KerberosTime::from_unix(NOW + 36_000 + 301);
    let token = first_token(&mut tickets, options(USUAL));
    let long = AcceptorCredential::clone(&tickets.credential())
        .clock_skew(std::time::Duration::from_secs(1));
    let refused = Acceptor::new(long.into(), None)
        .step(&token, Timestamp::new(end, 0), &mut rng())
        .unwrap_err();
    says(&refused, "clock skew");
    let refused = Initiator::new(options(USUAL))
        .step(None, &mut tickets, Timestamp::new(end, 0), &mut rng())
        .unwrap_err();
    assert_eq!(refused.error.major(), MajorStatus::CREDENTIALS_EXPIRED);
    says(&refused, "expired at");
}

#[test]
fn a_target_for_which_there_is_no_ticket_is_named() {
    let mut tickets = Tickets::new();
    let mut wish = options(USUAL);
    wish.target = kerbstone_gss::Name::host_based("imap@www.virtual.test");
    let refused = Initiator::new(wish)
        .step(None, &mut tickets, now(), &mut rng())
        .unwrap_err();
    says(
        &refused,
        "no ticket for imap@www.virtual.test: imap/www.virtual.test@",
    );
}

#[test]
fn delegation_that_fails_leaves_a_context_without_it_and_a_reason() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL | GssFlags::DELEG));
    let mut acceptor = Acceptor::new(tickets.credential(), None);
    let mut random = rng();
    let seen = exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut random),
        |token| acceptor.step(token, now(), &mut rng()),
        |_, token| token,
    );
    let (context, accepted) = seen.both();
    assert!(!context.flags().contains(GssFlags::DELEG));
    assert!(!accepted.flags().contains(GssFlags::DELEG));
    let reason = initiator.not_delegated().unwrap().to_string();
    assert!(
        reason.contains("there is no ticket-granting ticket"),
        "{reason}"
    );
}

#[test]
fn messages_are_refused_when_a_bit_is_changed_cut_off_or_they_are_sent_back() {
    let mut tickets = Tickets::new();
    let (mut alice, mut www) = pair(&mut tickets, options(USUAL));
    for confidential in [true, false] {
        let token = alice.wrap(confidential, b"pay Bob 100", &mut rng());
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 0x40;
            assert!(www.unwrap(&changed).is_err(), "byte {at}");
        }
        for end in 0..token.len() {
            assert!(www.unwrap(&token[..end]).is_err(), "{end} bytes");
        }
        let reflected = alice.unwrap(&token).unwrap_err();
        assert!(matches!(reflected, GssError::Reflected(_)), "{reflected}");
        let unwrapped = www.unwrap(&token).unwrap();
        assert_eq!(unwrapped.message, b"pay Bob 100");
        assert_eq!(unwrapped.order, Order::InOrder, "refused ones do not count");
    }
    let mic = alice.get_mic(b"pay Bob 100");
    for at in 0..mic.len() {
        let mut changed = mic.clone();
        changed[at] ^= 0x40;
        assert!(
            www.verify_mic(b"pay Bob 100", &changed).is_err(),
            "byte {at}"
        );
    }
    assert!(matches!(
        www.verify_mic(b"pay Bob 900", &mic).unwrap_err(),
        GssError::BadMic(_)
    ));
    let wrapped = alice.wrap(false, b"", &mut rng());
    let confused = www.verify_mic(b"", &wrapped).unwrap_err().to_string();
    assert!(confused.contains("it is a wrap token"), "{confused}");
}

#[test]
fn a_message_of_another_context_is_refused() {
    let mut tickets = Tickets::new();
    let (mut alice, _) = pair(&mut tickets, options(USUAL));
    let mut tickets = Tickets::new();
    let (_, mut www) = pair(&mut tickets, options(GssFlags::EMPTY));
    let token = alice.wrap(true, b"hello", &mut rng());
    let refused = www.unwrap(&token).unwrap_err().to_string();
    assert!(refused.contains("of another context"), "{refused}");
}

#[test]
fn any_rotation_and_padding_of_a_token_is_undone() {
    let mut tickets = Tickets::new();
    let (mut alice, mut www) = pair(&mut tickets, options(USUAL));
    for confidential in [true, false] {
        for rotation in [0_u16, 1, 12, 28, 60, 61, 1000, u16::MAX] {
            let mut token = alice.wrap(confidential, b"turn me round", &mut rng());
            let length = token.len() - 16;
            token[16..].rotate_right(usize::from(rotation) % length);
            token[6..8].copy_from_slice(&rotation.to_be_bytes());
            let unwrapped = www.unwrap(&token).unwrap();
            assert_eq!(unwrapped.message, b"turn me round");
            assert_eq!(unwrapped.order, Order::InOrder);
        }
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_and_leave_the_sequence_alone() {
    let mut tickets = Tickets::new();
    let (mut alice, mut www) = pair(&mut tickets, options(USUAL));
    let mut short = [0; 31];
    let mut data = *b"data";
    let mut parts = [Part::Header(&mut short), Part::Data(&mut data)];
    let misfit = alice.wrap_parts(true, &mut parts, &mut rng()).unwrap_err();
    assert!(matches!(misfit, GssError::Misuse(_)));
    let lengths = alice.part_lengths(true, false);
    let mut header = vec![0; lengths.header];
    let mut parts = [
        Part::Header(&mut header),
        Part::SignOnly(b"length"),
        Part::Data(&mut data),
    ];
    alice.wrap_parts(true, &mut parts, &mut rng()).unwrap();
    assert_ne!(&data, b"data");
    let (sealed_header, sealed_data) = (header.clone(), data);
    let mut parts = [
        Part::Header(&mut header),
        Part::SignOnly(b"lenght"),
        Part::Data(&mut data),
    ];
    let refused = www.unwrap_parts(&mut parts).unwrap_err();
    assert!(matches!(refused, GssError::BadMic(_)));
    assert_eq!(data, sealed_data, "what is not believed is not decrypted");
    header.copy_from_slice(&sealed_header);
    let mut parts = [
        Part::Header(&mut header),
        Part::SignOnly(b"length"),
        Part::Data(&mut data),
    ];
    assert_eq!(www.unwrap_parts(&mut parts).unwrap().order, Order::InOrder);
    assert_eq!(&data, b"data");
}

#[test]
fn a_context_of_the_kernels_has_its_key_and_next_number() {
    let mut tickets = Tickets::new();
    let (alice, www) = pair(&mut tickets, options(USUAL));
    let blob = www.to_linux_lucid();
    assert_eq!(blob.len(), 52);
    assert_eq!(blob[..4], 6_u32.to_ne_bytes());
    assert_eq!(
        blob[4..8],
        u32::try_from(NOW + 36_000).unwrap().to_ne_bytes()
    );
    assert_eq!(blob[16..20], 18_i32.to_ne_bytes());
    assert_eq!(blob[20..], *alice.session_key().bytes());
    assert_eq!(alice.to_linux_lucid()[..4], 7_u32.to_ne_bytes());
}

#[test]
fn an_initiator_that_was_suspended_goes_on_with_the_answer() {
    let mut tickets = Tickets::new();
    let mut initiator = Initiator::new(options(USUAL));
    let step = initiator.step(None, &mut tickets, now(), &mut rng());
    let Step::Continue { token } = step.unwrap() else {
        panic!("mutual authentication needs an answer");
    };
    let suspended = initiator.suspend().unwrap();
    for end in 0..suspended.len() {
        assert!(Initiator::resume(&suspended[..end]).is_err());
    }
    let mut acceptor = Acceptor::new(tickets.credential(), None);
    let Step::Established { token, context } = acceptor.step(&token, now(), &mut rng()).unwrap()
    else {
        panic!("an acceptor takes one token");
    };
    let mut resumed = Initiator::resume(&suspended).unwrap();
    let step = resumed.step(token.as_deref(), &mut tickets, now(), &mut rng());
    let Step::Established { context: alice, .. } = step.unwrap() else {
        panic!("the answer is the last token");
    };
    let (mut alice, mut www) = (*alice, *context);
    let token = alice.wrap(true, b"hello", &mut rng());
    assert_eq!(www.unwrap(&token).unwrap().message, b"hello");
    assert!(matches!(resumed.suspend(), Err(GssError::Misuse(_))));
}
