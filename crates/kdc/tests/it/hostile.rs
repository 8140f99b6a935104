//! What hostile and broken clients send, and what they get.

use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{ApOptions, KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    AdType, ApReq, AuthorizationData, AuthorizationDataElement, Checksum, EncTicketPart,
    EncryptedData, KdcReq, KdcReqBody, KdcReqKind, KrbError, PaData, PaType, Ticket, UInt32,
};
use kerbstone_proto::name::{NameType, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;

use crate::client::{Client, Credential, password_key};
use crate::site::{Site, principal};

const TGS: &str = "krbtgt/KERBSTONE.TEST";
const WWW: &str = "host/www.kerbstone.test";

/// A TGS-REQ around an AP-REQ that the test has had its hands on.
fn tgs_req_with(request: KdcReq, tamper: impl FnOnce(&mut ApReq)) -> Vec<u8> {
    let mut ap_req =
        ApReq::from_der(PaData::find(&request.padata, PaType::TGS_REQ).unwrap()).unwrap();
    tamper(&mut ap_req);
    let padata = PaData::new(PaType::TGS_REQ, ap_req.to_der());
    KdcReq::new(KdcReqKind::Tgs, vec![padata], request.body).to_der()
}

/// A ticket of the attacker's own making.
fn forge(shown: &Credential, site: &Site, key: &Key, kvno: u32) -> Ticket {
    let part = shown.opened(site).to_der();
    Ticket {
        enc_part: EncryptedData::encrypt(
            key,
            KeyUsage::TICKET,
            Some(kvno),
            &part,
            &mut rand::rng(),
        ),
        ..shown.ticket.clone()
    }
}

fn show(shown: &Credential, ticket: Ticket) -> Credential {
    Credential {
        ticket,
        ..shown.clone()
    }
}

#[test]
fn every_fault_of_a_ticket_shown_has_its_error() {
    type Case = (
        &'static str,
        ErrorCode,
        fn(&mut Client<'_>, &Site, &Credential) -> Vec<u8>,
    );
    let cases: &[Case] = &[
        (
            "no ticket at all",
            ErrorCode::KDC_ERR_PADATA_TYPE_NOSUPP,
            |client, _, _| {
                let body = client.body(&principal(WWW));
                KdcReq::new(KdcReqKind::Tgs, Vec::new(), body).to_der()
            },
        ),
        (
            "padata that is no AP-REQ",
            ErrorCode::KRB_ERR_GENERIC,
            |client, _, _| {
                let body = client.body(&principal(WWW));
                let padata = PaData::new(PaType::TGS_REQ, b"junk".to_vec());
                KdcReq::new(KdcReqKind::Tgs, vec![padata], body).to_der()
            },
        ),
        (
            "a changed ticket",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| ap_req.ticket.enc_part.cipher[40] ^= 1)
            },
        ),
        (
            "a cut ticket",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| ap_req.ticket.enc_part.cipher.truncate(3))
            },
        ),
        (
            "a changed authenticator",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| ap_req.authenticator.cipher[20] ^= 1)
            },
        ),
        (
            "an unknown key version",
            ErrorCode::KRB_AP_ERR_BADKEYVER,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| {
                    ap_req.ticket.enc_part.kvno = Some(UInt32(u32::MAX));
                })
            },
        ),
        (
            "an unknown enctype",
            ErrorCode::KRB_AP_ERR_BADKEYVER,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| ap_req.ticket.enc_part.etype = -7)
            },
        ),
        (
            "a ticket for nobody",
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                tgs_req_with(request, |ap_req| {
                    ap_req.ticket.realm = Realm::from("NOWHERE")
                })
            },
        ),
        (
            "a ticket for another service",
            ErrorCode::KRB_AP_ERR_NOT_US,
            |client, _, tgt| {
                let service = client.ticket(tgt, WWW, |_| {}).unwrap();
                client
                    .tgs_req(&service, "kadmin/admin", |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "a service's ticket renamed",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let mut service = client.ticket(tgt, WWW, |_| {}).unwrap();
                service.ticket.sname = PrincipalName::new_principal(&["krbtgt", "KERBSTONE.TEST"]);
                client
                    .tgs_req(&service, WWW, |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "a ticket forged under another key",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, site, tgt| {
                let key = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut rand::rng()).unwrap();
                let forged = show(tgt, forge(tgt, site, &key, 1));
                client
                    .tgs_req(&forged, WWW, |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "a ticket under a weaker key of ours",
            ErrorCode::KRB_AP_ERR_BADKEYVER,
            |client, site, tgt| {
                let entry = site.directory.lookup(&principal(TGS)).unwrap().unwrap();
                let second = &entry.keys[1];
                let forged = show(tgt, forge(tgt, site, &second.key, second.kvno));
                client
                    .tgs_req(&forged, WWW, |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "another's name in the authenticator",
            ErrorCode::KRB_AP_ERR_BADMATCH,
            |client, _, tgt| {
                let mut other = tgt.clone();
                other.client = principal("root/admin");
                client
                    .tgs_req(&other, WWW, |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "an authenticator for a service",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                let (now, body) = (client.now, request.body.der().to_vec());
                tgs_req_with(request, |ap_req| {
                    let purpose = ApPurpose::Application;
                    *ap_req = ApReqBuilder::new(&tgt.ticket, &tgt.key, &tgt.client, purpose)
                        .checksum_over(&body)
                        .build(now, &mut rand::rng())
                        .request;
                })
            },
        ),
        (
            "a checksum of another usage",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let wrong = Checksum::compute(&tgt.key, KeyUsage::AP_REQ_CKSUM, b"");
                client
                    .tgs_req(tgt, WWW, |_| {}, |builder| builder.checksum(wrong))
                    .to_der()
            },
        ),
        (
            "an unkeyed checksum",
            ErrorCode::KDC_ERR_SUMTYPE_NOSUPP,
            |client, _, tgt| {
                let unkeyed = Checksum {
                    cksumtype: 7,
                    checksum: vec![0; 16],
                };
                client
                    .tgs_req(tgt, WWW, |_| {}, |builder| builder.checksum(unkeyed))
                    .to_der()
            },
        ),
        (
            "a checksum of another key's type",
            ErrorCode::KRB_AP_ERR_INAPP_CKSUM,
            |client, _, tgt| {
                let other = Checksum {
                    cksumtype: 15,
                    checksum: vec![0; 12],
                };
                client
                    .tgs_req(tgt, WWW, |_| {}, |builder| builder.checksum(other))
                    .to_der()
            },
        ),
        (
            "an empty checksum",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let empty = Checksum {
                    cksumtype: 16,
                    checksum: Vec::new(),
                };
                client
                    .tgs_req(tgt, WWW, |_| {}, |builder| builder.checksum(empty))
                    .to_der()
            },
        ),
        (
            "a changed body",
            ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            |client, _, tgt| {
                let mut request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                let mut body: KdcReqBody = request.body.clone().into_value();
                body.sname = Some(principal("kadmin/admin").name);
                request.body = body.into();
                request.to_der()
            },
        ),
        (
            "mutual authentication",
            ErrorCode::KDC_ERR_POLICY,
            |client, _, tgt| {
                let options = ApOptions::MUTUAL_REQUIRED;
                client
                    .tgs_req(tgt, WWW, |_| {}, |builder| builder.options(options))
                    .to_der()
            },
        ),
        ("armor", ErrorCode::KDC_ERR_POLICY, |client, _, tgt| {
            let armor = AuthorizationData(vec![AuthorizationDataElement {
                ad_type: AdType::FX_ARMOR,
                ad_data: Vec::new(),
            }]);
            let armor = AuthorizationData(vec![armor.if_relevant()]);
            client
                .tgs_req(
                    tgt,
                    WWW,
                    |_| {},
                    |builder| builder.authorization_data(armor),
                )
                .to_der()
        }),
        (
            "a clock that is behind",
            ErrorCode::KRB_AP_ERR_SKEW,
            |client, site, tgt| {
                client.now = site.now.saturating_add(Duration::from_secs(3600));
                let request = client.tgs_req(tgt, WWW, |_| {}, |builder| builder);
                client.now = site.now;
                request.to_der()
            },
        ),
        (
            "an expired ticket",
            ErrorCode::KRB_AP_ERR_TKT_EXPIRED,
            |client, site, tgt| {
                client.now = site.now.saturating_add(Duration::from_secs(12 * 3600));
                client.tgs_req(tgt, WWW, |_| {}, |builder| builder).to_der()
            },
        ),
        (
            "a realm that is not ours",
            ErrorCode::KDC_ERR_WRONG_REALM,
            |client, _, tgt| {
                client
                    .tgs_req(tgt, "host/www@NOWHERE", |_| {}, |builder| builder)
                    .to_der()
            },
        ),
        (
            "no service",
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            |client, _, tgt| {
                client
                    .tgs_req(tgt, WWW, |body| body.sname = None, |builder| builder)
                    .to_der()
            },
        ),
        (
            "delegation",
            ErrorCode::KDC_ERR_BADOPTION,
            |client, _, tgt| {
                let options = KdcOptions::CNAME_IN_ADDL_TKT;
                client
                    .tgs_req(
                        tgt,
                        WWW,
                        |body| body.kdc_options = options,
                        |builder| builder,
                    )
                    .to_der()
            },
        ),
        (
            "every option there is",
            ErrorCode::KDC_ERR_BADOPTION,
            |client, _, tgt| {
                let options = KdcOptions::from_bits(!0);
                client
                    .tgs_req(
                        tgt,
                        WWW,
                        |body| body.kdc_options = options,
                        |builder| builder,
                    )
                    .to_der()
            },
        ),
        (
            "renewing a ticket for another service",
            ErrorCode::KDC_ERR_SERVER_NOMATCH,
            |client, _, tgt| {
                let options = KdcOptions::RENEW;
                client
                    .tgs_req(
                        tgt,
                        WWW,
                        |body| body.kdc_options = options,
                        |builder| builder,
                    )
                    .to_der()
            },
        ),
    ];
    for (what, code, make) in cases {
        let site = Site::new();
        let kdc = site.kdc();
        let mut client = Client::new(&kdc, site.now);
        let tgt = client.tgt("alice");
        let request = make(&mut client, &site, &tgt);
        let error = client.refused(&request);
        assert_eq!(error.error_code, *code, "{what}");
        assert!(error.e_text.is_some(), "{what}");
    }
}

#[test]
fn a_request_without_checksum_is_refused() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let request = client.tgs_req(&tgt, WWW, |_| {}, |builder| builder);
    let now = client.now;
    let request = tgs_req_with(request, |ap_req| {
        let purpose = ApPurpose::TicketGranting;
        *ap_req = ApReqBuilder::new(&tgt.ticket, &tgt.key, &tgt.client, purpose)
            .build(now, &mut rand::rng())
            .request;
    });
    let error = client.refused(&request);
    assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
}

#[test]
fn a_skewed_clock_is_told_both_times() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    client.now = site.now.saturating_add(Duration::from_secs(900));
    let request = client.tgs_req(&tgt, WWW, |_| {}, |builder| builder);
    let theirs = client.now.time;
    client.now = site.now;
    let error = client.refused(&request.to_der());
    assert_eq!((error.ctime, error.stime), (Some(theirs), site.now.time));
}

/// Both requests in full, for the tests that cut and change them.
fn samples(client: &mut Client<'_>) -> [Vec<u8>; 2] {
    let as_req = client.as_req("alice", TGS, |_| {}).to_der();
    let tgt = client.tgt("alice");
    let tgs_req = client.tgs_req(&tgt, WWW, |_| {}, |builder| builder);
    [as_req, tgs_req.to_der()]
}

#[test]
fn requests_that_are_cut_or_continued_are_refused() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    for sample in samples(&mut client) {
        assert!(client.ask(b"").reply.is_empty());
        for length in 1..sample.len() {
            let error = client.refused(&sample[..length]);
            assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC);
        }
        let mut longer = sample.clone();
        longer.push(0);
        let error = client.refused(&longer);
        assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC);
    }
}

#[test]
fn no_changed_byte_makes_it_panic_or_say_yes_to_a_changed_body() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let [as_req, tgs_req] = samples(&mut client);
    let body_at = tgs_req.len() - KdcReq::from_der(&tgs_req).unwrap().body.der().len();
    for mask in [0x01, 0x20, 0x80, 0xff] {
        for at in 0..as_req.len() {
            let mut changed = as_req.clone();
            changed[at] ^= mask;
            client.ask(&changed);
        }
        for at in 0..tgs_req.len() {
            let mut changed = tgs_req.clone();
            changed[at] ^= mask;
            let reply = client.ask(&changed).reply;
            if at >= body_at {
                assert!(KrbError::from_der(&reply).is_ok(), "{at} {mask}");
            }
        }
    }
}

#[test]
fn bytes_that_are_no_request_get_no_answer() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let error = kdc.too_long(site.now);
    let code = KrbError::from_der(&error).unwrap().error_code;
    assert_eq!(code, ErrorCode::KRB_ERR_FIELD_TOOLONG);
    for bytes in [
        &b"\x00"[..],
        b"\x80\x00",
        b"GET / HTTP/1.0\r\n\r\n",
        &error,
        &[0x6e; 500],
    ] {
        assert!(client.ask(bytes).reply.is_empty());
    }
}

#[test]
fn lengths_and_tags_that_lie_are_refused() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    for bytes in [
        &b"\x6a\x84\xff\xff\xff\xff"[..],
        b"\x6a\x80\x30\x80\x00\x00\x00\x00",
        b"\x6a\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x6a\x00",
        b"\x6a\x02\x30\x00",
        b"\x6c\x04\x30\x02\xa1\x00",
        b"\x6a\x81\x03\x30\x81\x00",
    ] {
        let error = client.refused(bytes);
        assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC, "{bytes:?}");
    }
    // One kind of request under the other's tag.
    for mut sample in samples(&mut client) {
        sample[0] ^= 0x06;
        let error = client.refused(&sample);
        assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC);
    }
}

#[test]
fn huge_counts_are_borne() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let error = client
        .sign_in("alice", TGS, |body| body.etype = vec![-1; 200_000])
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_ETYPE_NOSUPP);

    let request = client.as_req("alice", TGS, |_| {});
    let padata = vec![PaData::new(PaType(4711), vec![0; 10]); 50_000];
    let request = KdcReq::new(KdcReqKind::As, padata, request.body);
    let error = client.refused(&request.to_der());
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);

    let tgt = client.tgt("alice");
    let tickets = vec![tgt.ticket.clone(); 2_000];
    client
        .ticket(&tgt, WWW, |body| body.additional_tickets = tickets)
        .unwrap();

    let long = "x".repeat(100_000);
    let error = client.sign_in("alice", &long, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
}

#[test]
fn nested_authorization_data_ends_somewhere() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let mut nested = AuthorizationDataElement {
        ad_type: 4711,
        ad_data: Vec::new(),
    };
    for _ in 0..2_000 {
        nested = AuthorizationData(vec![nested]).if_relevant();
    }
    let nested = AuthorizationData(vec![nested]);
    let usage = KeyUsage::TGS_REQ_AD_SESSION;
    let sealed = EncryptedData::encrypt(&tgt.key, usage, None, &nested.to_der(), &mut rand::rng());
    let service = client
        .ticket(&tgt, WWW, |body| body.enc_authorization_data = Some(sealed))
        .unwrap();
    assert!(service.told_beside_pac(&site).is_empty());
    let request = client.tgs_req(
        &tgt,
        WWW,
        |_| {},
        |builder| builder.authorization_data(nested),
    );
    client.refused(&request.to_der());
}

#[test]
fn names_of_every_kind_are_looked_up_and_not_found() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let names = [
        PrincipalName::new(NameType::PRINCIPAL, Vec::<&str>::new()),
        PrincipalName::new(NameType::PRINCIPAL, [""]),
        PrincipalName::new(NameType::ENTERPRISE, ["@"]),
        PrincipalName::new(NameType::ENTERPRISE, ["a@", "b@"]),
        PrincipalName::new(NameType::ENTERPRISE, ["@KERBSTONE.TEST"]),
        PrincipalName::new(NameType(-1), [vec![0, 255, b'/', b'@']]),
        PrincipalName::new(NameType::PRINCIPAL, vec!["a"; 40]),
    ];
    for name in names {
        let error = client
            .sign_in("alice", TGS, |body| body.cname = Some(name.clone()))
            .unwrap_err();
        let code = ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN;
        assert_eq!(error.error_code, code, "{name}");
    }
    let error = client
        .sign_in("alice", TGS, |body| body.cname = None)
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

#[test]
fn a_realm_that_is_not_ours_is_no_referral() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let error = client
        .sign_in("alice", TGS, |body| body.realm = Realm::from("NOWHERE"))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_WRONG_REALM);
    assert_eq!(error.crealm, None);
}

#[test]
fn a_proof_for_one_thing_is_none_for_another() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let key = password_key(&principal("alice"));
    let request = client.as_req("alice", TGS, |_| {});
    let stamp = kerbstone_proto::message::PaEncTsEnc::from(site.now).to_der();
    for usage in [KeyUsage::AS_REP_ENC_PART, KeyUsage::TICKET, KeyUsage(0)] {
        let sealed = EncryptedData::encrypt(&key, usage, None, &stamp, &mut client.rng);
        let padata = PaData::new(PaType::ENC_TIMESTAMP, sealed.to_der());
        let request = KdcReq::new(KdcReqKind::As, vec![padata], request.body.clone());
        let error = client.refused(&request.to_der());
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
    }
    for junk in [&b""[..], b"junk", &[0x30; 300]] {
        let padata = PaData::new(PaType::ENC_TIMESTAMP, junk);
        let request = KdcReq::new(KdcReqKind::As, vec![padata], request.body.clone());
        let error = client.refused(&request.to_der());
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
    }
}

#[test]
fn times_at_the_ends_of_time_are_borne() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let ends = [
        KerberosTime::ZERO,
        KerberosTime::MAX,
        KerberosTime::from_unix(i64::MIN),
        KerberosTime::from_unix(-1),
    ];
    for from in ends {
        for till in ends {
            for rtime in ends {
                let _ = client.sign_in("alice", TGS, |body| {
                    body.kdc_options = KdcOptions::RENEWABLE | KdcOptions::POSTDATED;
                    (body.from, body.till, body.rtime) = (Some(from), till, Some(rtime));
                });
            }
        }
    }
    let endless = client
        .sign_in("alice", TGS, |body| {
            body.kdc_options = KdcOptions::RENEWABLE;
            (body.till, body.rtime) = (KerberosTime::MAX, Some(KerberosTime::MAX));
        })
        .unwrap();
    let week = site
        .now
        .time
        .saturating_add(Duration::from_secs(7 * 86_400));
    assert_eq!(endless.part.renew_till, Some(week));
}

#[test]
fn an_identical_request_gets_identical_bytes_for_two_minutes() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    for sample in samples(&mut client) {
        let first = client.ask(&sample).reply;
        client.now = client.now.saturating_add(Duration::from_secs(100));
        assert_eq!(client.ask(&sample).reply, first);
        client.now = client.now.saturating_add(Duration::from_secs(60));
        assert_ne!(client.ask(&sample).reply, first);
        client.now = site.now;
    }
    let repeated = kdc.counters().repeated(kerbstone_kdc::Exchange::As);
    assert_eq!(repeated, 1);
}

#[test]
fn a_forged_ticket_is_good_only_with_the_realms_key() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let entry = site.directory.lookup(&principal(TGS)).unwrap().unwrap();
    let good = forge(&tgt, &site, &entry.keys[0].key, entry.kvno());
    // The helper that forges is right, so that the cases above fail for the reason they name.
    client.ticket(&show(&tgt, good), WWW, |_| {}).unwrap();
    let part: EncTicketPart = tgt.opened(&site);
    assert!(part.flags.contains(TicketFlags::INITIAL));
}
