//! First tickets: who gets which, and who gets which error.

use kerbstone_crypto::{Enctype, IterationLimit, Key};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    Checksum, EtypeInfo2, HostAddress, KdcReq, KdcReqKind, MethodData, PaData, PaType, UInt32,
};
use kerbstone_proto::name::{NameType, PrincipalName};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, KeyChange, Keysalt, LockoutPolicy, Policy, SaltKind};
use std::time::Duration;

use crate::client::{Client, password_key};
use crate::site::{PASSWORD, REALM, Site, principal};

const TGS: &str = "krbtgt/KERBSTONE.TEST";
const HOUR: Duration = Duration::from_secs(3600);

/// Changes alice's record and says which error she gets.
fn refusal_after(adjust: impl Fn(&mut kerbstone_realm::Entry)) -> ErrorCode {
    let site = Site::new();
    site.modify("alice", adjust);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    client.sign_in("alice", TGS, |_| {}).unwrap_err().error_code
}

#[test]
fn gives_a_ticket_granting_ticket_to_who_knows_the_password() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let credential = client.sign_in("alice", TGS, |_| {}).unwrap();
    let opened = credential.opened(&site);
    assert_eq!(opened.client(), principal("alice"));
    assert_eq!(opened.authtime, site.now.time);
    assert_eq!(opened.endtime, site.now.time.saturating_add(12 * HOUR));
    assert!(
        opened
            .flags
            .contains(TicketFlags::INITIAL | TicketFlags::PRE_AUTHENT | TicketFlags::ENC_PA_REP)
    );
    assert!(!opened.flags.contains(TicketFlags::RENEWABLE));
    assert_eq!(opened.key, credential.part.key);
    assert_eq!(credential.part.nonce.0, 1001);
}

#[test]
fn tells_who_must_pre_authenticate_how_the_key_is_made() {
    let site = Site::new();
    let keysalts = vec![
        Keysalt {
            enctype: Enctype::Aes128CtsHmacSha1_96,
            salt: SaltKind::Special,
        },
        Keysalt::normal(Enctype::Aes256CtsHmacSha1_96),
    ];
    let change = KeyChange::password(PASSWORD.as_bytes()).with_keysalts(keysalts);
    site.registrar
        .change_keys(
            &principal("alice"),
            &change,
            &site.stamp(),
            &mut rand::rng(),
        )
        .unwrap();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let request = client.as_req("alice", TGS, |_| {});
    let bare = KdcReq::new(KdcReqKind::As, Vec::new(), request.body);
    let error = client.refused(&bare.to_der());
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    let methods = error.method_data();
    let info = PaData::find(&methods, PaType::ETYPE_INFO2).unwrap();
    let entries = EtypeInfo2::from_der(info).unwrap();
    // In the client's order, 18 before 17, each with its own salt.
    assert_eq!(entries[0].etype, 18);
    assert_eq!(entries[0].salt.as_ref().unwrap(), "KERBSTONE.TESTalice");
    assert_eq!(entries[1].etype, 17);
    let salt = entries[1].salt.as_ref().unwrap();
    assert_ne!(salt, "KERBSTONE.TESTalice");
    assert!(PaData::find(&methods, PaType::ENC_TIMESTAMP).is_some());
    assert!(PaData::find(&methods, PaType::ETYPE_INFO).is_none());

    let key = Key::from_password(
        Enctype::Aes128CtsHmacSha1_96,
        PASSWORD.as_bytes(),
        salt.as_bytes(),
        None,
        IterationLimit::default(),
    )
    .unwrap();
    let padata = client.enc_timestamp(&key, site.now);
    let proved = KdcReq::new(KdcReqKind::As, vec![padata], bare.body);
    let reply = client.ask(&proved.to_der()).reply;
    assert_eq!(reply.first(), Some(&0x6b));
}

#[test]
fn a_client_that_repeats_an_enctype_is_told_of_its_key_once() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let mut request = client.as_req("alice", TGS, |body| body.etype = vec![18; 60]);
    request.padata.clear();
    let error = client.refused(&request.to_der());
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    let methods = MethodData::from_der(&error.e_data.unwrap()).unwrap();
    let info = PaData::find(&methods.0, PaType::ETYPE_INFO2).unwrap();
    assert_eq!(EtypeInfo2::from_der(info).unwrap().0.len(), 1);
}

#[test]
fn who_need_not_pre_authenticate_learns_the_salt_from_the_reply() {
    let site = Site::new();
    site.modify("alice", |entry| entry.attributes = Attributes::NONE);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let request = client.as_req("alice", TGS, |_| {});
    let bare = KdcReq::new(KdcReqKind::As, Vec::new(), request.body);
    let reply = client.ask(&bare.to_der()).reply;
    let padata = kerbstone_proto::message::KdcRep::from_der(&reply)
        .unwrap()
        .padata;
    let info = PaData::find(&padata, PaType::ETYPE_INFO2).unwrap();
    let entries = EtypeInfo2::from_der(info).unwrap();
    assert_eq!(entries[0].salt.as_ref().unwrap(), "KERBSTONE.TESTalice");
    let key = password_key(&principal("alice"));
    let kind = kerbstone_proto::message::KdcRepKind::As;
    let usage = kerbstone_crypto::KeyUsage::AS_REP_ENC_PART;
    let credential = crate::client::open_reply(&reply, kind, &key, usage).unwrap();
    assert!(!credential.has(TicketFlags::PRE_AUTHENT));
    // A service that demands more does not take such a ticket.
    site.set("host/www.kerbstone.test", Attributes::REQUIRES_PREAUTH);
    let error = client
        .ticket(&credential, "host/www.kerbstone.test", |_| {})
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC);
}

#[test]
fn counts_wrong_passwords_and_locks_out() {
    let site = Site::new();
    let mut policy = Policy::new("strict");
    policy.lockout = LockoutPolicy {
        max_failures: 3,
        failure_interval: None,
        duration: Some(HOUR),
    };
    site.registrar
        .create_policy(&REALM.into(), &policy)
        .unwrap();
    site.modify("alice", |entry| entry.policy = Some("strict".to_owned()));
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    // Failures in the second in which the principal was made are forgiven.
    client.now = client.now.saturating_add(Duration::from_secs(1));
    let wrong = password_key(&principal("someone else"));
    for _ in 0..3 {
        let request = client.as_req("alice", TGS, |_| {});
        let padata = client.enc_timestamp(&wrong, site.now);
        let request = KdcReq::new(KdcReqKind::As, vec![padata], request.body);
        let error = client.refused(&request.to_der());
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_FAILED);
        assert!(!error.method_data().is_empty());
        // A retransmission is no further failure.
        let again = client.refused(&request.to_der());
        assert_eq!(again, error);
    }
    let error = client.sign_in("alice", TGS, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_CLIENT_REVOKED);
    client.now = client.now.saturating_add(HOUR);
    client.sign_in("alice", TGS, |_| {}).unwrap();
}

#[test]
fn guessing_at_a_services_key_keeps_nobody_from_the_service() {
    const WWW: &str = "host/www.kerbstone.test";
    let site = Site::new();
    let mut policy = Policy::new("strict");
    policy.lockout.max_failures = 1;
    site.registrar
        .create_policy(&REALM.into(), &policy)
        .unwrap();
    site.modify(WWW, |entry| entry.policy = Some("strict".to_owned()));
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    client.now = client.now.saturating_add(Duration::from_secs(1));
    let mut refused = || {
        let request = client.as_req(WWW, TGS, |_| {});
        client.refused(&request.to_der()).error_code
    };
    assert_eq!(refused(), ErrorCode::KDC_ERR_PREAUTH_FAILED);
    assert_eq!(refused(), ErrorCode::KDC_ERR_CLIENT_REVOKED);
    client.sign_in("alice", WWW, |_| {}).unwrap();
    let tgt = client.tgt("alice");
    client.ticket(&tgt, WWW, |_| {}).unwrap();
    site.set(WWW, Attributes::LOCKED);
    let error = client.ticket(&tgt, WWW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN);
}

#[test]
fn tells_a_client_with_a_wrong_clock_what_time_it_is() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let request = client.as_req("alice", TGS, |_| {});
    for (skew, refused) in [(300, false), (301, true)] {
        let theirs = site.now.saturating_add(Duration::from_secs(skew));
        let padata = client.enc_timestamp(&password_key(&principal("alice")), theirs);
        let request = KdcReq::new(KdcReqKind::As, vec![padata], request.body.clone());
        let reply = client.ask(&request.to_der()).reply;
        let error = kerbstone_proto::message::KrbError::from_der(&reply);
        assert_eq!(error.is_ok(), refused, "{skew}");
        if let Ok(error) = error {
            assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_SKEW);
            assert_eq!(error.server_time(), site.now);
            assert_eq!(error.ctime, Some(theirs.time));
        }
    }
}

#[test]
fn says_what_is_wrong_with_the_account() {
    let past = Some(KerberosTime::from_unix(1_000));
    assert_eq!(
        refusal_after(|entry| entry.expiration = past),
        ErrorCode::KDC_ERR_NAME_EXP
    );
    assert_eq!(
        refusal_after(|entry| entry.password_expiration = past),
        ErrorCode::KDC_ERR_KEY_EXP
    );
    assert_eq!(
        refusal_after(|entry| entry.attributes |= Attributes::NEEDCHANGE),
        ErrorCode::KDC_ERR_KEY_EXP
    );
    assert_eq!(
        refusal_after(|entry| entry.attributes |= Attributes::LOCKED),
        ErrorCode::KDC_ERR_CLIENT_REVOKED
    );
    assert_eq!(
        refusal_after(|entry| entry.attributes |= Attributes::DISALLOW_ALL_TIX),
        ErrorCode::KDC_ERR_CLIENT_REVOKED
    );
    assert_eq!(
        refusal_after(|entry| entry.attributes |= Attributes::REQUIRES_HWAUTH),
        ErrorCode::KDC_ERR_PREAUTH_REQUIRED
    );
}

#[test]
fn an_expired_password_still_opens_the_way_to_change_it() {
    let site = Site::new();
    site.modify("alice", |entry| entry.attributes |= Attributes::NEEDCHANGE);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    client.sign_in("alice", "kadmin/changepw", |_| {}).unwrap();
}

#[test]
fn says_what_is_wrong_with_the_service() {
    let site = Site::new();
    site.add_service("host/old");
    site.modify("host/old", |entry| {
        entry.expiration = Some(KerberosTime::from_unix(1_000));
    });
    site.add_user("bob");
    site.set("bob", Attributes::DISALLOW_SVR);
    site.add_service("host/off");
    site.set("host/off", Attributes::DISALLOW_ALL_TIX);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    for (service, code) in [
        ("host/none", ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN),
        ("host/old", ErrorCode::KDC_ERR_SERVICE_EXP),
        ("bob", ErrorCode::KDC_ERR_MUST_USE_USER2USER),
        ("host/off", ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN),
    ] {
        let error = client.sign_in("alice", service, |_| {}).unwrap_err();
        assert_eq!(error.error_code, code, "{service}");
        assert_eq!(error.cname, Some(principal("alice").name));
        assert!(error.e_text.is_some());
    }
}

#[test]
fn refuses_options_and_times_that_make_no_sense() {
    let site = Site::new();
    site.set("host/www.kerbstone.test", Attributes::DISALLOW_POSTDATED);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    for option in [
        KdcOptions::RENEW,
        KdcOptions::VALIDATE,
        KdcOptions::FORWARDED,
        KdcOptions::PROXY,
        KdcOptions::ENC_TKT_IN_SKEY,
        KdcOptions::CNAME_IN_ADDL_TKT,
        KdcOptions::REQUEST_ANONYMOUS,
        KdcOptions::POSTDATED,
    ] {
        let error = client
            .sign_in("alice", TGS, |body| body.kdc_options = option)
            .unwrap_err();
        assert_eq!(error.error_code, ErrorCode::KDC_ERR_BADOPTION, "{option:?}");
    }
    let error = client
        .sign_in("alice", "host/www.kerbstone.test", |body| {
            body.kdc_options = KdcOptions::ALLOW_POSTDATE;
        })
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_CANNOT_POSTDATE);
    let error = client
        .sign_in("alice", TGS, |body| body.till = KerberosTime::from_unix(5))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_NEVER_VALID);
    let ahead = site.now.time.saturating_add(HOUR);
    let error = client
        .sign_in("alice", TGS, |body| body.from = Some(ahead))
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_CANNOT_POSTDATE);
}

#[test]
fn chooses_enctypes_by_the_client_and_by_what_the_service_knows() {
    let site = Site::new();
    let service = principal("host/www.kerbstone.test");
    let keysalts = vec![Keysalt::normal(Enctype::Aes128CtsHmacSha256_128)];
    site.registrar
        .change_keys(
            &service,
            &KeyChange::random().with_keysalts(keysalts),
            &site.stamp(),
            &mut rand::rng(),
        )
        .unwrap();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let name = "host/www.kerbstone.test";
    let by = |client: &mut Client<'_>, list: &[i32]| {
        let list = list.to_vec();
        client.sign_in("alice", name, |body| body.etype = list)
    };
    // 17: the service has no such key. 19: it has. The ticket is under its only key.
    let credential = by(&mut client, &[18, 19]).unwrap();
    assert_eq!(credential.key.enctype().number(), 18);
    assert_eq!(credential.ticket.enc_part.etype, 19);
    site.registrar
        .set_string(
            &service,
            "session_enctypes",
            Some("aes128-cts-hmac-sha256-128"),
            &site.stamp(),
        )
        .unwrap();
    let credential = by(&mut client, &[18, 19]).unwrap();
    assert_eq!(credential.key.enctype().number(), 19);
    for list in [&[][..], &[23, 16, 3, 1, -128, 99_999], &[17]] {
        let error = by(&mut client, list).unwrap_err();
        assert_eq!(
            error.error_code,
            ErrorCode::KDC_ERR_ETYPE_NOSUPP,
            "{list:?}"
        );
    }
}

#[test]
fn canonicalizes_only_when_asked_to() {
    let site = Site::new();
    site.registrar
        .add_alias(&principal("al"), &principal("alice"), &site.stamp())
        .unwrap();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let key = password_key(&principal("alice"));
    for (options, name) in [
        (KdcOptions::EMPTY, "al"),
        (KdcOptions::CANONICALIZE, "alice"),
    ] {
        let request = client.as_req("al", TGS, |body| body.kdc_options = options);
        let padata = client.enc_timestamp(&key, site.now);
        let request = KdcReq::new(KdcReqKind::As, vec![padata], request.body);
        let reply = client.ask(&request.to_der()).reply;
        let reply = kerbstone_proto::message::KdcRep::from_der(&reply).unwrap();
        assert_eq!(reply.client(), principal(name));
    }
}

#[test]
fn refers_an_enterprise_name_to_its_realm() {
    let site = Site::new();
    site.add_realm("OTHER.TEST");
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let error = client
        .sign_in("alice", TGS, |body| {
            body.cname = Some(PrincipalName::new(NameType::ENTERPRISE, ["bob@other.test"]));
        })
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_WRONG_REALM);
    assert_eq!(error.crealm.unwrap(), "OTHER.TEST");
    let error = client
        .sign_in("alice", TGS, |body| {
            body.cname = Some(PrincipalName::new(NameType::ENTERPRISE, ["bob@nowhere"]));
        })
        .unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

#[test]
fn signs_the_request_for_a_client_that_wants_to_know() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let request = client.as_req("alice", TGS, |_| {});
    let mut padata = request.padata.clone();
    padata.push(PaData::new(PaType::REQ_ENC_PA_REP, []));
    let request = KdcReq::new(KdcReqKind::As, padata, request.body).to_der();
    let key = password_key(&principal("alice"));
    let reply = client.ask(&request).reply;
    let credential = crate::client::open_reply(
        &reply,
        kerbstone_proto::message::KdcRepKind::As,
        &key,
        kerbstone_crypto::KeyUsage::AS_REP_ENC_PART,
    )
    .unwrap();
    let MethodData(methods) = &credential.part.encrypted_pa_data;
    let checksum = PaData::find(methods, PaType::REQ_ENC_PA_REP).unwrap();
    Checksum::from_der(checksum)
        .unwrap()
        .verify(&key, kerbstone_crypto::KeyUsage::AS_REQ, &request)
        .unwrap();
}

#[test]
fn gives_a_nonce_back_as_it_came() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let credential = client
        .sign_in("alice", TGS, |body| body.nonce = UInt32(0xffff_fff0))
        .unwrap();
    assert_eq!(credential.part.nonce.0, 0xffff_fff0);
}

#[test]
fn binds_a_ticket_to_the_addresses_that_were_asked_for() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let here = HostAddress::from(client.peer.address.unwrap());
    let there = HostAddress::from("192.0.2.7".parse::<std::net::IpAddr>().unwrap());
    for (address, allowed) in [(here, true), (there, false)] {
        let tgt = client
            .sign_in("alice", TGS, |body| {
                body.addresses = vec![address.clone()].into()
            })
            .unwrap();
        assert_eq!(tgt.part.caddr.0, std::slice::from_ref(&address));
        let service = client.ticket(&tgt, "host/www.kerbstone.test", |_| {});
        match service {
            Ok(service) => {
                assert!(allowed);
                assert_eq!(service.opened(&site).caddr.0, [address]);
            }
            Err(error) => {
                assert!(!allowed);
                assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_BADADDR);
            }
        }
    }
}
