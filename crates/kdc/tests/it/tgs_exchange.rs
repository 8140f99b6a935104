//! Further tickets: what a ticket entitles to.

use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_kdc::{HostRealms, KdcConfig, Referrals};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    AdType, AuthorizationData, AuthorizationDataElement, EncTicketPart, EncryptedData, HostAddress,
    KdcRepKind,
};
use kerbstone_proto::name::Realm;
use kerbstone_realm::{Attributes, Capath, KeyChange, TransitPolicy};

use crate::client::{Client, Credential, open_reply};
use crate::site::{REALM, Site, principal};

const TGS: &str = "krbtgt/KERBSTONE.TEST";
const WWW: &str = "host/www.kerbstone.test";
const HOUR: Duration = Duration::from_secs(3600);

fn with(options: KdcOptions) -> impl FnOnce(&mut kerbstone_proto::message::KdcReqBody) {
    move |body| body.kdc_options = options
}

#[test]
fn gives_a_service_ticket_for_a_ticket_granting_ticket() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    client.now = client.now.saturating_add(HOUR);
    let service = client.ticket(&tgt, WWW, |_| {}).unwrap();
    let opened = service.opened(&site);
    assert_eq!(opened.client(), principal("alice"));
    assert_eq!(opened.authtime, site.now.time);
    assert_eq!(opened.starttime, Some(client.now.time));
    assert_eq!(opened.endtime, tgt.part.endtime);
    assert!(
        opened
            .flags
            .contains(TicketFlags::PRE_AUTHENT | TicketFlags::TRANSITED_POLICY_CHECKED)
    );
    assert!(!opened.flags.contains(TicketFlags::INITIAL));
    assert!(opened.transited.contents.is_empty());
}

#[test]
fn answers_under_the_subkey_if_there_is_one() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let subkey = Key::random(Enctype::Aes128CtsHmacSha1_96, &mut rand::rng()).unwrap();
    let note = AuthorizationData(vec![AuthorizationDataElement {
        ad_type: 4711,
        ad_data: b"note".to_vec(),
    }]);
    let usage = KeyUsage::TGS_REQ_AD_SUBKEY;
    let sealed = EncryptedData::encrypt(&subkey, usage, None, &note.to_der(), &mut rand::rng());
    let request = client.tgs_req(
        &tgt,
        WWW,
        |body| body.enc_authorization_data = Some(sealed),
        |builder| builder.subkey(subkey.clone()),
    );
    let reply = client.ask(&request.to_der()).reply;
    let usage = KeyUsage::TGS_REP_SUBKEY;
    let service = open_reply(&reply, KdcRepKind::Tgs, &subkey, usage).unwrap();
    assert_eq!(service.told_beside_pac(&site), note);
}

#[test]
fn carries_authorization_data_on_but_no_false_word_of_a_kdc() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let element = |ad_type, text: &[u8]| AuthorizationDataElement {
        ad_type,
        ad_data: text.to_vec(),
    };
    let asked = AuthorizationData(vec![
        element(4711, b"note"),
        element(AdType::WIN2K_PAC, b"forged"),
        AuthorizationData(vec![element(AdType::CAMMAC, b"forged")]).if_relevant(),
    ]);
    let usage = KeyUsage::TGS_REQ_AD_SESSION;
    let sealed = EncryptedData::encrypt(&tgt.key, usage, None, &asked.to_der(), &mut rand::rng());
    let forwarded = client
        .ticket(&tgt, TGS, |body| {
            body.kdc_options = KdcOptions::FORWARDED;
            body.enc_authorization_data = Some(sealed);
        })
        .unwrap();
    let service = client.ticket(&forwarded, WWW, |_| {}).unwrap();
    assert_eq!(service.told_beside_pac(&site).0, [element(4711, b"note")]);
    let must = AuthorizationData(vec![element(AdType::MANDATORY_FOR_KDC, b"")]);
    let sealed = EncryptedData::encrypt(&tgt.key, usage, None, &must.to_der(), &mut rand::rng());
    let error = client
        .ticket(&tgt, WWW, |body| body.enc_authorization_data = Some(sealed))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn forwards_and_proxies_to_other_addresses() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let there = HostAddress::from("192.0.2.7".parse::<std::net::IpAddr>().unwrap());
    let forwarded = client
        .ticket(&tgt, TGS, |body| {
            body.kdc_options = KdcOptions::FORWARDED | KdcOptions::FORWARDABLE;
            body.addresses = vec![there.clone()].into();
        })
        .unwrap();
    assert!(forwarded.has(TicketFlags::FORWARDED | TicketFlags::FORWARDABLE));
    assert_eq!(
        forwarded.opened(&site).caddr.0,
        std::slice::from_ref(&there)
    );
    let service = client
        .ticket(&tgt, WWW, with(KdcOptions::PROXIABLE))
        .unwrap();
    let proxy = client
        .ticket(&service, WWW, |body| {
            body.kdc_options = KdcOptions::PROXY;
            body.addresses = vec![there.clone()].into();
        })
        .unwrap();
    assert!(proxy.has(TicketFlags::PROXY));
    assert_eq!(proxy.opened(&site).caddr.0, [there]);
    let error = client
        .ticket(&tgt, TGS, with(KdcOptions::PROXY))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_BADOPTION);
}

#[test]
fn needs_a_flag_for_every_option() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let plain = client.sign_in("alice", TGS, |_| {}).unwrap();
    for option in [
        KdcOptions::FORWARDED,
        KdcOptions::PROXY,
        KdcOptions::POSTDATED,
        KdcOptions::ALLOW_POSTDATE,
        KdcOptions::VALIDATE,
        KdcOptions::RENEW,
    ] {
        let error = client.ticket(&plain, TGS, with(option)).unwrap_err();
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
    }
    let service = client
        .ticket(
            &plain,
            WWW,
            with(KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE),
        )
        .unwrap();
    assert!(!service.has(TicketFlags::FORWARDABLE));
    assert!(!service.has(TicketFlags::PROXIABLE));
}

#[test]
fn renews_within_the_time_that_was_agreed() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    client.now = client.now.saturating_add(11 * HOUR);
    let renewed = client.ticket(&tgt, TGS, with(KdcOptions::RENEW)).unwrap();
    assert_eq!(
        renewed.part.endtime,
        client.now.time.saturating_add(12 * HOUR)
    );
    assert_eq!(renewed.part.renew_till, tgt.part.renew_till);
    assert!(renewed.has(TicketFlags::INITIAL | TicketFlags::RENEWABLE));
    client.now = client.now.saturating_add(12 * HOUR);
    let error = client
        .ticket(&renewed, TGS, with(KdcOptions::RENEW))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
}

#[test]
fn validates_a_postdated_ticket_when_its_time_has_come() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let later = site.now.time.saturating_add(HOUR);
    let tgt = client
        .sign_in("alice", TGS, |body| {
            body.kdc_options = KdcOptions::POSTDATED | KdcOptions::ALLOW_POSTDATE;
            body.from = Some(later);
        })
        .unwrap();
    assert!(tgt.has(TicketFlags::POSTDATED | TicketFlags::INVALID));
    assert_eq!(tgt.part.starttime, Some(later));
    let code = |result: Result<Credential, Box<kerbstone_proto::message::KrbError>>| {
        result.unwrap_err().error_code
    };
    let validate = || with(KdcOptions::VALIDATE);
    assert_eq!(
        code(client.ticket(&tgt, TGS, validate())),
        ErrorCode::KRB_AP_ERR_TKT_NYV
    );
    client.now = client.now.saturating_add(HOUR);
    assert_eq!(
        code(client.ticket(&tgt, WWW, |_| {})),
        ErrorCode::KRB_AP_ERR_TKT_NYV
    );
    let valid = client.ticket(&tgt, TGS, validate()).unwrap();
    assert!(!valid.has(TicketFlags::INVALID));
    assert_eq!(valid.part.endtime, tgt.part.endtime);
    client.ticket(&valid, WWW, |_| {}).unwrap();
}

#[test]
fn a_user_to_user_ticket_is_under_the_session_key_of_the_other() {
    let site = Site::new();
    site.add_user("bob");
    site.set("bob", Attributes::DISALLOW_SVR);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let (alice, bob) = (client.tgt("alice"), client.tgt("bob"));
    let error = client.ticket(&alice, "bob", |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_MUST_USE_USER2USER);
    let ask = |client: &mut Client<'_>, service: &str, tickets: Vec<_>| {
        client.ticket(&alice, service, |body| {
            body.kdc_options = KdcOptions::ENC_TKT_IN_SKEY;
            body.additional_tickets = tickets;
        })
    };
    let ticket = ask(&mut client, "bob", vec![bob.ticket.clone()]).unwrap();
    assert_eq!(ticket.ticket.enc_part.kvno, None);
    let plain = ticket
        .ticket
        .enc_part
        .decrypt(&bob.key, KeyUsage::TICKET)
        .unwrap();
    let opened = EncTicketPart::from_der(&plain).unwrap();
    assert_eq!(opened.client(), principal("alice"));
    // Somebody else's ticket, none, and one that is not ticket-granting.
    let error = ask(&mut client, "bob", vec![alice.ticket.clone()]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_SERVER_NOMATCH);
    let error = ask(&mut client, "bob", Vec::new()).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_BADOPTION);
    let service = client.ticket(&bob, WWW, |_| {}).unwrap();
    let error = ask(&mut client, "bob", vec![service.ticket]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
    site.set("bob", Attributes::DISALLOW_DUP_SKEY);
    let error = ask(&mut client, "bob", vec![bob.ticket.clone()]).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
    client.now = client.now.saturating_add(6 * HOUR);
}

#[test]
fn a_service_may_forbid_and_demand() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    for (attribute, options, code) in [
        (
            Attributes::DISALLOW_TGT_BASED,
            KdcOptions::EMPTY,
            ErrorCode::KDC_ERR_POLICY,
        ),
        (
            Attributes::DISALLOW_ALL_TIX,
            KdcOptions::EMPTY,
            ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
        ),
        (
            Attributes::DISALLOW_RENEWABLE,
            KdcOptions::RENEWABLE,
            ErrorCode::KDC_ERR_POLICY,
        ),
        (
            Attributes::DISALLOW_POSTDATED,
            KdcOptions::ALLOW_POSTDATE,
            ErrorCode::KDC_ERR_CANNOT_POSTDATE,
        ),
        (
            Attributes::REQUIRES_HWAUTH,
            KdcOptions::EMPTY,
            ErrorCode::KRB_ERR_GENERIC,
        ),
    ] {
        site.modify(WWW, |entry| entry.attributes = attribute);
        let error = client.ticket(&tgt, WWW, with(options)).unwrap_err();
        assert_eq!(error.error_code, code, "{attribute:?}");
    }
    site.modify(WWW, |entry| entry.attributes = Attributes::OK_AS_DELEGATE);
    let ticket = client.ticket(&tgt, WWW, |_| {}).unwrap();
    assert!(ticket.has(TicketFlags::OK_AS_DELEGATE));
}

#[test]
fn a_ticket_granting_ticket_under_an_older_key_still_serves() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let old = client.tgt("alice");
    let roll = |change: KeyChange<'_>| {
        site.registrar
            .change_keys(&principal(TGS), &change, &site.stamp(), &mut rand::rng())
            .unwrap();
    };
    roll(KeyChange::random().keeping_old());
    client.ticket(&old, WWW, |_| {}).unwrap();
    let new = client.tgt("alice");
    assert_eq!(new.ticket.enc_part.kvno.unwrap().0, 2);
    client.ticket(&new, WWW, |_| {}).unwrap();
    roll(KeyChange::random());
    let error = client.ticket(&new, WWW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_BADKEYVER);
}

#[test]
fn a_locked_or_deleted_client_gets_no_further_tickets() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    site.set("alice", Attributes::LOCKED);
    let error = client.ticket(&tgt, WWW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_CLIENT_REVOKED);
    site.registrar
        .delete(&principal("alice"), &site.stamp())
        .unwrap();
    let error = client.ticket(&tgt, WWW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_CLIENT_REVOKED);
}

#[test]
fn leads_over_two_realms_and_remembers_the_way() {
    let site = Site::new();
    for realm in ["B.TEST", "C.TEST"] {
        site.add_realm(realm);
    }
    site.trust(REALM, "B.TEST");
    site.trust("B.TEST", "C.TEST");
    site.add_service("host/far@C.TEST");
    for realm in [REALM, "B.TEST", "C.TEST"] {
        site.modify_realm(realm, |settings| {
            settings.capaths = vec![Capath {
                client: Realm::from(REALM),
                server: Realm::from("C.TEST"),
                through: vec![Realm::from("B.TEST")],
            }];
        });
    }
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    // Asked for the far realm, the KDC gives the nearest on the way.
    let near = client.ticket(&tgt, "krbtgt/C.TEST", |_| {}).unwrap();
    assert_eq!(near.ticket.server(), principal("krbtgt/B.TEST"));
    let far = client
        .ticket(&near, "krbtgt/C.TEST@B.TEST", |_| {})
        .unwrap();
    assert_eq!(far.ticket.server(), principal("krbtgt/C.TEST@B.TEST"));
    let service = client.ticket(&far, "host/far@C.TEST", |_| {}).unwrap();
    let opened = service.opened(&site);
    assert_eq!(opened.client(), principal("alice"));
    assert_eq!(opened.transited.contents, b"B.TEST");
    assert!(opened.flags.contains(TicketFlags::TRANSITED_POLICY_CHECKED));

    let off = with(KdcOptions::DISABLE_TRANSITED_CHECK);
    let error = client.ticket(&far, "host/far@C.TEST", off).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
    let forget = |transit: TransitPolicy| {
        site.modify_realm("C.TEST", |settings| {
            settings.capaths.clear();
            settings.transit = transit;
        });
    };
    forget(TransitPolicy::Enforce);
    let error = client.ticket(&far, "host/far@C.TEST", |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
    forget(TransitPolicy::LeaveToService);
    let service = client.ticket(&far, "host/far@C.TEST", |_| {}).unwrap();
    assert!(!service.has(TicketFlags::TRANSITED_POLICY_CHECKED));
}

#[test]
fn another_realm_cannot_vouch_for_our_users() {
    let site = Site::new();
    site.add_realm("B.TEST");
    site.trust(REALM, "B.TEST");
    site.trust("B.TEST", REALM);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let away = client.ticket(&tgt, "krbtgt/B.TEST", |_| {}).unwrap();
    let back = client
        .ticket(&away, "krbtgt/KERBSTONE.TEST@B.TEST", |_| {})
        .unwrap();
    let error = client.ticket(&back, WWW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn refers_only_clients_that_can_follow() {
    let site = Site::new();
    site.add_realm("B.TEST");
    site.trust(REALM, "B.TEST");
    let mut hosts = HostRealms::new();
    hosts.set(".b.test", "B.TEST");
    hosts.set(".c.test", "C.TEST");
    let config = KdcConfig {
        referrals: Referrals {
            hosts,
            host_based_services: vec!["HTTP".to_owned()],
            no_host_referral: vec!["ftp".to_owned()],
        },
        ..KdcConfig::default()
    };
    let kdc = site.kdc_with(config);
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let mut ask = |service: &str, options: KdcOptions, host_based: bool| {
        client.ticket(&tgt, service, |body| {
            body.kdc_options = options;
            if host_based {
                body.sname.as_mut().unwrap().name_type = kerbstone_proto::name::NameType::SRV_HST;
            } else {
                body.sname.as_mut().unwrap().name_type = kerbstone_proto::name::NameType::UNKNOWN;
            }
        })
    };
    let canonicalize = KdcOptions::CANONICALIZE;
    for service in ["host/x.b.test", "HTTP/x.b.test"] {
        let referral = ask(service, canonicalize, service.starts_with("host")).unwrap();
        assert_eq!(referral.ticket.server(), principal("krbtgt/B.TEST"));
    }
    for (service, options, host_based) in [
        ("host/x.b.test", KdcOptions::EMPTY, true),
        ("host/x.b.test", canonicalize, false),
        ("ftp/x.b.test", canonicalize, true),
        ("host/x", canonicalize, true),
        ("host/x.c.test", canonicalize, true),
        ("host/x.d.test", canonicalize, true),
    ] {
        let error = ask(service, options, host_based).unwrap_err();
        let code = ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN;
        assert_eq!(error.error_code, code, "{service}");
    }
}

#[test]
fn says_so_when_an_answer_is_too_big() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let request = client.as_req("alice", TGS, |_| {}).to_der();
    let error = kdc.too_big(&request, site.now);
    let error = kerbstone_proto::message::KrbError::from_der(&error).unwrap();
    assert_eq!(error.error_code, ErrorCode::KRB_ERR_RESPONSE_TOO_BIG);
    assert!(kdc.too_big(b"nonsense", site.now).is_empty());
}
