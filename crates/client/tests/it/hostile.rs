//! Replies that an honest KDC would not send.

use std::time::Duration;

use kerbstone_client::{ClientError, InitialTicket, LoginOptions};
use kerbstone_crypto::KeyUsage;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    Checksum, HostAddress, KdcRepKind, KdcReq, MethodData, PaData, PaType, UInt32,
};
use kerbstone_proto::name::Realm;

use crate::scripted::{
    Draft, NOW, as_draft, error, login_against, preauth_required, principal, proxy_against, random,
    tgs_draft, ticket, ticket_against, user_key,
};

fn bent_login(bend: impl Fn(&mut Draft, &[u8])) -> Result<InitialTicket, ClientError> {
    login_against(LoginOptions::default(), |_, request| {
        let mut rng = random();
        let mut draft = as_draft(request, &mut rng);
        bend(&mut draft, request);
        draft.seal(&mut rng)
    })
}

#[track_caller]
fn refuses(what: &str, bend: impl Fn(&mut Draft, &[u8])) {
    match bent_login(bend) {
        Err(ClientError::ReplyModified { what: found }) => assert!(found.contains(what), "{found}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn takes_an_honest_reply() {
    bent_login(|_, _| {}).unwrap();
    // Heimdal and Windows tag the sealed part of an AS-REP as a TGS-REP's.
    bent_login(|draft, _| draft.part_kind = KdcRepKind::Tgs).unwrap();
}

#[test]
fn refuses_what_answers_another_request() {
    refuses("nonce", |draft, _| {
        draft.part.nonce = UInt32(draft.part.nonce.0 ^ 1)
    });
    refuses("client", |draft, _| {
        draft.reply.cname = principal("mallory@HOME").name
    });
    refuses("client", |draft, _| {
        draft.reply.crealm = Realm::from("AWAY")
    });
    refuses("end time", |draft, _| {
        draft.part.endtime = draft.part.endtime.saturating_add(Duration::from_secs(1));
    });
    refuses("renewed", |draft, _| {
        draft.part.flags |= TicketFlags::RENEWABLE;
        draft.part.renew_till = Some(draft.part.endtime.saturating_add(Duration::from_secs(1)));
    });
    refuses("session key", |draft, _| draft.part.key.keytype = 999);
    refuses("inside and outside", |draft, _| {
        draft.part.sname = principal("host/x@HOME").name
    });
    refuses("server's name", |draft, _| {
        let other = principal("krbtgt/AWAY@HOME");
        let client = principal("alice@HOME");
        draft.reply.ticket = ticket(&client, &other, draft.part.endtime, &mut random());
        draft.part.sname = other.name;
    });
}

#[test]
fn refuses_a_reply_to_a_request_that_was_weakened_on_its_way() {
    let with_checksum_over = |draft: &mut Draft, seen: &[u8]| {
        let sum = Checksum::compute(&user_key(), KeyUsage::AS_REQ, seen).to_der();
        draft.part.flags |= TicketFlags::ENC_PA_REP;
        draft.part.encrypted_pa_data =
            MethodData::from(vec![PaData::new(PaType::REQ_ENC_PA_REP, sum)]);
    };
    bent_login(with_checksum_over).unwrap();
    refuses("checksum over the request", |draft, request| {
        let mut weakened = request.to_vec();
        *weakened.last_mut().unwrap() ^= 1;
        with_checksum_over(draft, &weakened);
    });
    refuses("checksum over the request", |draft, _| {
        draft.part.flags |= TicketFlags::ENC_PA_REP;
    });
}

#[test]
fn refuses_a_tampered_ciphertext_and_one_of_an_unasked_enctype() {
    let outcome = login_against(LoginOptions::default(), |_, request| {
        let mut rng = random();
        let mut reply = as_draft(request, &mut rng).seal(&mut rng);
        *reply.last_mut().unwrap() ^= 1;
        reply
    });
    assert!(
        matches!(outcome, Err(ClientError::PasswordIncorrect { .. })),
        "{outcome:?}"
    );
    let outcome = login_against(
        LoginOptions {
            enctypes: vec![kerbstone_crypto::Enctype::Aes128CtsHmacSha1_96],
            ..LoginOptions::default()
        },
        |_, request| {
            let mut rng = random();
            as_draft(request, &mut rng).seal(&mut rng)
        },
    );
    assert!(
        matches!(outcome, Err(ClientError::ReplyModified { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_request_for_endless_computing_is_refused() {
    for params in [vec![0xff; 4], vec![0; 4], vec![0, 0, 0, 1], vec![1, 2, 3]] {
        let outcome = login_against(LoginOptions::default(), |_, _| {
            preauth_required(Some(params.clone()))
        });
        assert!(
            matches!(outcome, Err(ClientError::Crypto(_))),
            "{params:?}: {outcome:?}"
        );
    }
}

#[test]
fn is_not_led_around_in_circles() {
    // The same demand again, after the proof.
    let outcome = login_against(LoginOptions::default(), |_, _| preauth_required(None));
    assert!(
        matches!(outcome, Err(ClientError::Kdc { .. })),
        "{outcome:?}"
    );

    let canonical = LoginOptions {
        canonicalize: true,
        ..LoginOptions::default()
    };
    let wrong_realm = |told: String| {
        let mut refusal = error(ErrorCode::KDC_ERR_WRONG_REALM, NOW);
        refusal.crealm = Some(Realm::from(told));
        refusal.to_der()
    };
    let outcome = login_against(canonical.clone(), |round, _| {
        wrong_realm(["AWAY", "HOME"][round % 2].to_owned())
    });
    assert!(
        matches!(outcome, Err(ClientError::Looping { .. })),
        "{outcome:?}"
    );
    let outcome = login_against(canonical, |round, _| wrong_realm(format!("R{round}")));
    assert!(
        matches!(outcome, Err(ClientError::Looping { .. })),
        "{outcome:?}"
    );
}

#[test]
fn says_which_realm_a_client_belongs_to_unless_told_to_follow() {
    let refusal = |round: usize, request: &[u8]| {
        let asked = KdcReq::from_der(request).unwrap().body.realm.clone();
        if round > 0 {
            assert_eq!(asked, *"AWAY");
            let mut rng = random();
            return as_draft(request, &mut rng).seal(&mut rng);
        }
        let mut refusal = error(ErrorCode::KDC_ERR_WRONG_REALM, NOW);
        refusal.crealm = Some(Realm::from("AWAY"));
        refusal.to_der()
    };
    let error = login_against(LoginOptions::default(), refusal).unwrap_err();
    assert!(error.help().contains("alice@AWAY"), "{}", error.help());
    let ticket = login_against(
        LoginOptions {
            canonicalize: true,
            ..LoginOptions::default()
        },
        refusal,
    )
    .unwrap();
    assert_eq!(ticket.credential.client, principal("alice@AWAY"));
}

#[test]
fn corrects_its_clock_once_and_says_by_how_much_it_is_off() {
    let theirs = NOW.saturating_add(Duration::from_secs(4000));
    let skewed = |_: usize, _: &[u8]| error(ErrorCode::KRB_AP_ERR_SKEW, theirs).to_der();
    for sync_time in [true, false] {
        let options = LoginOptions {
            sync_time,
            ..LoginOptions::default()
        };
        match login_against(options, skewed) {
            Err(error @ ClientError::ClockSkew { offset: 4000, .. }) => {
                assert!(error.help().contains("4000 s behind"), "{}", error.help());
            }
            other => panic!("{other:?}"),
        }
    }
    let ticket = login_against(LoginOptions::default(), |round, request| {
        if round == 0 {
            return error(ErrorCode::KRB_AP_ERR_SKEW, theirs).to_der();
        }
        let mut rng = random();
        let mut draft = as_draft(request, &mut rng);
        draft.part.authtime = theirs.time;
        draft.seal(&mut rng)
    })
    .unwrap();
    assert_eq!(ticket.offset.seconds(), 4000);
    let outcome = login_against(
        LoginOptions {
            sync_time: false,
            ..LoginOptions::default()
        },
        |_, request| {
            let mut rng = random();
            let mut draft = as_draft(request, &mut rng);
            draft.part.authtime = theirs.time;
            draft.seal(&mut rng)
        },
    );
    assert!(
        matches!(outcome, Err(ClientError::ReplySkew { .. })),
        "{outcome:?}"
    );
}

#[test]
fn survives_bytes_that_are_no_reply() {
    for garbage in [
        &b""[..],
        b"\x7e",
        b"\x6b\x82\xff\xff",
        &[0x30; 4000],
        b"HTTP/1.1 400",
    ] {
        let outcome = login_against(LoginOptions::default(), |_, _| garbage.to_vec());
        assert!(
            matches!(outcome, Err(ClientError::NotAReply { .. })),
            "{outcome:?}"
        );
        let outcome = ticket_against("", "host/x@HOME", |_, _| garbage.to_vec());
        assert!(
            matches!(outcome, Err(ClientError::NotAReply { .. })),
            "{outcome:?}"
        );
    }
}

#[track_caller]
fn refuses_ticket(what: &str, bend: impl Fn(&mut Draft)) {
    let outcome = ticket_against("", "host/x@HOME", |_, request| {
        let mut rng = random();
        let mut draft = tgs_draft(request, &mut rng);
        bend(&mut draft);
        draft.seal(&mut rng)
    });
    match outcome {
        Err(ClientError::ReplyModified { what: found }) => assert!(found.contains(what), "{found}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn refuses_service_tickets_that_answer_another_request() {
    refuses_ticket("nonce", |draft| {
        draft.part.nonce = UInt32(draft.part.nonce.0 ^ 1)
    });
    refuses_ticket("client", |draft| {
        draft.reply.cname = principal("mallory@HOME").name
    });
    refuses_ticket("key that protects", |draft| {
        draft.usage = KeyUsage::AS_REP_ENC_PART
    });
    refuses_ticket("inside and outside", |draft| {
        draft.part.sname = principal("host/y@HOME").name;
    });
    refuses_ticket("session key", |draft| draft.part.key.keytype = 999);
    let honest = ticket_against("", "host/x@HOME", |_, request| {
        let mut rng = random();
        tgs_draft(request, &mut rng).seal(&mut rng)
    });
    assert_eq!(honest.unwrap().credential.server, principal("host/x@HOME"));
}

#[test]
fn asks_for_a_proxy_for_other_addresses() {
    let bound = HostAddress::from(std::net::IpAddr::from([192, 0, 2, 7]));
    let proxy = proxy_against("host/x@HOME", vec![bound.clone()], |_, request| {
        let body = KdcReq::from_der(request).unwrap().body;
        assert!(body.kdc_options.contains(KdcOptions::PROXY));
        assert_eq!(body.addresses.first(), Some(&bound));
        let mut rng = random();
        let mut draft = tgs_draft(request, &mut rng);
        draft.part.caddr = body.addresses.clone();
        draft.seal(&mut rng)
    });
    assert_eq!(proxy.unwrap().credential.addresses, [bound]);
}

/// A referral to a realm.
fn refer(request: &[u8], from: &str, to: &str, flags: TicketFlags) -> Vec<u8> {
    let mut rng = random();
    let mut draft = tgs_draft(request, &mut rng);
    let server = principal(&format!("krbtgt/{to}@{from}"));
    draft.reply.ticket = ticket(
        &principal("alice@HOME"),
        &server,
        draft.part.endtime,
        &mut rng,
    );
    draft.part.srealm = server.realm;
    draft.part.sname = server.name;
    draft.part.flags = flags;
    draft.seal(&mut rng)
}

fn asked_realm(request: &[u8]) -> String {
    KdcReq::from_der(request).unwrap().body.realm.to_string()
}

#[test]
fn referrals_in_circles_and_without_end_are_not_followed() {
    let outcome = ticket_against("", "host/x@", |_, request| {
        match asked_realm(request).as_str() {
            "AWAY" => refer(request, "AWAY", "BACK", TicketFlags::EMPTY),
            other => refer(request, other, "AWAY", TicketFlags::EMPTY),
        }
    });
    assert!(
        matches!(outcome, Err(ClientError::Looping { .. })),
        "{outcome:?}"
    );
    let outcome = ticket_against("", "host/x@", |round, request| {
        refer(
            request,
            &asked_realm(request),
            &format!("R{round}"),
            TicketFlags::EMPTY,
        )
    });
    assert!(
        matches!(outcome, Err(ClientError::Looping { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_realm_of_hundreds_of_dots_does_not_cost_requests_without_end() {
    let server = format!("host/x@{}HOME", "far.".repeat(300));
    let mut asked = 0;
    let outcome = ticket_against("", &server, |_, _| {
        asked += 1;
        error(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, NOW).to_der()
    });
    assert!(
        matches!(outcome, Err(ClientError::TooFar { .. })),
        "{outcome:?}"
    );
    assert!(asked < 100);
}

#[test]
fn refuses_a_referral_in_another_realms_name() {
    let outcome = ticket_against("", "host/x@", |_, request| {
        refer(request, "ELSEWHERE", "AWAY", TicketFlags::EMPTY)
    });
    assert!(
        matches!(outcome, Err(ClientError::ReplyModified { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_foreign_realm_calls_a_server_worthy_of_delegation_only_when_ours_vouched_for_it() {
    for (vouched, believed) in [
        (TicketFlags::EMPTY, false),
        (TicketFlags::OK_AS_DELEGATE, true),
    ] {
        let ticket = ticket_against("", "host/x@", |_, request| {
            if asked_realm(request) == "HOME" {
                return refer(request, "HOME", "AWAY", vouched);
            }
            let mut rng = random();
            let mut draft = tgs_draft(request, &mut rng);
            draft.part.flags |= TicketFlags::OK_AS_DELEGATE;
            draft.seal(&mut rng)
        })
        .unwrap()
        .credential;
        assert_eq!(ticket.flags.contains(TicketFlags::OK_AS_DELEGATE), believed);
    }
}
