//! kpasswd: who may change which password, and what is said if not.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_kdc::{Exchange, Outcome};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder, PendingApReq};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::ApOptions;
use kerbstone_proto::kpasswd::{
    ChangePasswdData, PasswordReply, PasswordRequest, PasswordResult, PasswordVersion, ResultCode,
};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{EncryptedData, HostAddress, Secret};
use kerbstone_proto::name::Principal;
use kerbstone_proto::stamp::{Stamp, StampCheck};
use kerbstone_realm::{PasswordPolicy, Policy};

use crate::client::{Client, Credential};
use crate::site::{Administrators, REALM, Site, principal};

const CHANGEPW: &str = "kadmin/changepw";

/// A request and what is needed to read its reply.
struct Sent {
    bytes: Vec<u8>,
    pending: PendingApReq,
}

fn request(
    client: &mut Client<'_>,
    shown: &Credential,
    version: PasswordVersion,
    data: &[u8],
) -> Sent {
    let subkey = Key::random(Enctype::Aes256CtsHmacSha1_96, &mut client.rng).unwrap();
    let purpose = ApPurpose::Application;
    let pending = ApReqBuilder::new(&shown.ticket, &shown.key, &shown.client, purpose)
        .options(ApOptions::MUTUAL_REQUIRED)
        .subkey(subkey)
        .seq_number(4711)
        .build(client.now, &mut client.rng);
    let address = HostAddress::from(client.peer.address.unwrap());
    let mut stamp = Stamp::from_address(address);
    stamp.seq_number = Some(4711);
    let krb_priv = krb_priv::seal(data, pending.key(), &stamp, &mut client.rng);
    let request = PasswordRequest {
        version,
        ap_req: pending.request.clone(),
        krb_priv,
    };
    Sent {
        bytes: request.to_bytes().unwrap(),
        pending,
    }
}

fn ask(client: &mut Client<'_>, bytes: &[u8]) -> Vec<u8> {
    let (now, peer) = (client.now, client.peer);
    let answer = client
        .kdc
        .answer_password(bytes, now, &peer, &mut client.rng);
    assert_eq!(answer.audit.exchange, Exchange::Password);
    answer.reply
}

fn result(client: &mut Client<'_>, sent: &Sent) -> PasswordResult {
    let reply = ask(client, &sent.bytes);
    match PasswordReply::from_bytes(&reply).unwrap() {
        PasswordReply::Refused(error) => {
            PasswordResult::from_bytes(&error.e_data.unwrap()).unwrap()
        }
        PasswordReply::Answered { ap_rep, krb_priv } => {
            let accepted = sent.pending.verify_reply(&ap_rep).unwrap();
            let check = StampCheck {
                seq_number: accepted.part.seq_number.map(|number| number.0),
                ..StampCheck::default()
            };
            let part = krb_priv::open(&krb_priv, sent.pending.key(), &check).unwrap();
            PasswordResult::from_bytes(&part.user_data).unwrap()
        }
    }
}

fn change(client: &mut Client<'_>, shown: &Credential, password: &[u8]) -> PasswordResult {
    let sent = request(client, shown, PasswordVersion::Change, password);
    result(client, &sent)
}

fn set(
    client: &mut Client<'_>,
    shown: &Credential,
    target: Option<Principal>,
    password: &[u8],
) -> PasswordResult {
    let (targname, targrealm) = target.map_or((None, None), |target| {
        (Some(target.name), Some(target.realm))
    });
    let data = ChangePasswdData {
        newpasswd: Secret::from(password),
        targname,
        targrealm,
    };
    let sent = request(client, shown, PasswordVersion::Set, &data.to_der());
    result(client, &sent)
}

fn kvno(site: &Site, name: &str) -> u32 {
    let entry = site.directory.lookup(&principal(name)).unwrap().unwrap();
    entry.kvno()
}

#[test]
fn changes_ones_own_password_in_either_protocol() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    assert_eq!(
        change(&mut client, &shown, b"one").code,
        ResultCode::SUCCESS
    );
    // Eight-bit passwords are bytes like others.
    let latin = change(&mut client, &shown, b"gr\xfc\xdfe");
    assert_eq!(latin.code, ResultCode::SUCCESS);
    let own = set(&mut client, &shown, None, "grüße".as_bytes());
    assert_eq!(own.code, ResultCode::SUCCESS);
    let named = set(&mut client, &shown, Some(principal("alice")), b"four");
    assert_eq!(named.code, ResultCode::SUCCESS);
    assert_eq!(kvno(&site, "alice"), 5);
}

#[test]
fn nobody_sets_anothers_password_without_permission() {
    let site = Site::new();
    site.add_user("bob");
    site.add_user("root/admin");
    let kdc = site.kdc().with_password_authority(Arc::new(Administrators));
    let mut client = Client::new(&kdc, site.now);
    let alice = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    let refused = set(&mut client, &alice, Some(principal("bob")), b"mine now");
    assert_eq!(refused.code, ResultCode::ACCESSDENIED);
    let admin = client.sign_in("root/admin", CHANGEPW, |_| {}).unwrap();
    let done = set(&mut client, &admin, Some(principal("bob")), b"yours again");
    assert_eq!(done.code, ResultCode::SUCCESS);
    let missing = set(&mut client, &admin, Some(principal("nobody")), b"x");
    assert_eq!(missing.code, ResultCode::HARDERROR);
    assert_eq!((kvno(&site, "alice"), kvno(&site, "bob")), (1, 2));
}

#[test]
fn says_what_the_policy_wants() {
    let site = Site::new();
    let mut policy = Policy::new("long");
    policy.password = PasswordPolicy {
        min_length: 12,
        ..PasswordPolicy::default()
    };
    site.registrar
        .create_policy(&REALM.into(), &policy)
        .unwrap();
    site.modify("alice", |entry| entry.policy = Some("long".to_owned()));
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    for (password, words) in [(&b"short"[..], "12 characters"), (b"", "empty")] {
        let refused = change(&mut client, &shown, password);
        assert_eq!(refused.code, ResultCode::SOFTERROR);
        assert!(
            refused.text.to_string_lossy().contains(words),
            "{refused:?}"
        );
    }
    assert_eq!(kvno(&site, "alice"), 1);
}

#[test]
fn needs_a_ticket_that_came_from_a_password() {
    let site = Site::new();
    // Take away what keeps such tickets from being given at all.
    site.modify(CHANGEPW, |entry| {
        entry.attributes = kerbstone_realm::Attributes::NONE;
    });
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let shown = client.ticket(&tgt, CHANGEPW, |_| {}).unwrap();
    let refused = change(&mut client, &shown, b"new");
    assert_eq!(refused.code, ResultCode::INITIAL_FLAG_NEEDED);
    assert_eq!(kvno(&site, "alice"), 1);
}

#[test]
fn a_ticket_for_changing_passwords_does_not_come_from_a_ticket() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    let error = client.ticket(&tgt, CHANGEPW, |_| {}).unwrap_err();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_POLICY);
}

#[test]
fn a_realms_password_service_cannot_vouch_for_clients_of_another_realm() {
    let site = Site::new();
    site.add_realm("OTHER.TEST");
    let eve = site.add_user("eve@OTHER.TEST");
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let mut shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    // What whoever has the key of one realm's kadmin/changepw can write.
    let service = site.directory.lookup(&principal(CHANGEPW)).unwrap();
    let service = service.unwrap();
    let key = service.current_keys().next().unwrap();
    let mut part = shown.opened(&site);
    (part.cname, part.crealm) = (eve.name.clone(), eve.realm.clone());
    shown.ticket.enc_part = EncryptedData::encrypt(
        &key.key,
        KeyUsage::TICKET,
        Some(key.kvno),
        &part.to_der(),
        &mut client.rng,
    );
    shown.client = eve;
    let own = change(&mut client, &shown, b"mine now");
    assert_eq!(own.code, ResultCode::ACCESSDENIED);
    assert_eq!(kvno(&site, "eve@OTHER.TEST"), 1);
}

#[test]
fn takes_no_ticket_for_another_service() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let service = client
        .sign_in("alice", "host/www.kerbstone.test", |_| {})
        .unwrap();
    let refused = change(&mut client, &service, b"new");
    assert_eq!(refused.code, ResultCode::AUTHERROR);
    assert_eq!(kvno(&site, "alice"), 1);
}

#[test]
fn a_replay_changes_nothing_even_after_a_restart() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    client.now = client.now.saturating_add(Duration::from_secs(10));
    let first = request(&mut client, &shown, PasswordVersion::Change, b"first");
    let reply = ask(&mut client, &first.bytes);
    assert_eq!(ask(&mut client, &first.bytes), reply, "a retransmission");
    assert_eq!(
        change(&mut client, &shown, b"second").code,
        ResultCode::SUCCESS
    );
    assert_eq!(kvno(&site, "alice"), 3);

    // The same AP-REQ with another message behind it is no retransmission.
    let mut forged = first.bytes.clone();
    let last = forged.last_mut().unwrap();
    *last ^= 1;
    let PasswordReply::Refused(error) =
        PasswordReply::from_bytes(&ask(&mut client, &forged)).unwrap()
    else {
        panic!("a replayed authenticator was accepted");
    };
    assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_REPEAT);

    let mut later = Site::new();
    later.now = client.now.saturating_add(Duration::from_secs(60));
    let restarted = kerbstone_kdc::Kdc::new(
        Arc::clone(&site.directory),
        kerbstone_kdc::KdcConfig::default(),
        later.now,
    );
    let mut again = Client::new(&restarted, later.now);
    let reply = ask(&mut again, &first.bytes);
    let PasswordReply::Refused(error) = PasswordReply::from_bytes(&reply).unwrap() else {
        panic!("a request of before the restart was accepted again");
    };
    assert_eq!(error.error_code, ErrorCode::KRB_AP_ERR_REPEAT);
    assert_eq!(kvno(&site, "alice"), 3);
}

#[test]
fn refuses_requests_that_were_cut_or_changed() {
    let site = Site::new();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    let sent = request(&mut client, &shown, PasswordVersion::Change, b"new");
    for length in 0..sent.bytes.len() {
        let mut cut = sent.bytes[..length].to_vec();
        assert!(ask(&mut client, &cut).is_empty(), "{length}");
        // With a length that fits, it is read as far as it goes.
        if let Some(field) = cut.first_chunk_mut::<2>() {
            *field = u16::try_from(length).unwrap().to_be_bytes();
            ask(&mut client, &cut);
        }
    }
    // The end of the message is the encrypted password.
    for back in 1..60 {
        let sent = request(&mut client, &shown, PasswordVersion::Change, b"new");
        let mut changed = sent.bytes.clone();
        let at = changed.len() - back;
        changed[at] ^= 0x40;
        let refused = result(
            &mut client,
            &Sent {
                bytes: changed,
                ..sent
            },
        );
        assert_eq!(refused.code, ResultCode::HARDERROR, "{back}");
    }
    assert_eq!(kvno(&site, "alice"), 1);
    for at in 0..sent.bytes.len() {
        let mut changed = sent.bytes.clone();
        changed[at] ^= 0x80;
        ask(&mut client, &changed);
    }
    let mut unknown = sent.bytes.clone();
    unknown[2..4].copy_from_slice(&[0, 2]);
    let PasswordReply::Refused(error) =
        PasswordReply::from_bytes(&ask(&mut client, &unknown)).unwrap()
    else {
        panic!("an unknown version was accepted");
    };
    let result = PasswordResult::from_bytes(&error.e_data.unwrap()).unwrap();
    assert_eq!(result.code, ResultCode::BAD_VERSION);
}

#[test]
fn the_audit_names_who_and_whose_and_never_the_password() {
    let site = Site::new();
    site.add_user("bob");
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let shown = client.sign_in("alice", CHANGEPW, |_| {}).unwrap();
    let data = ChangePasswdData {
        newpasswd: Secret::from(&b"s3cr3t"[..]),
        targname: Some(principal("bob").name),
        targrealm: None,
    };
    let sent = request(&mut client, &shown, PasswordVersion::Set, &data.to_der());
    let (now, peer) = (client.now, client.peer);
    let answer = kdc.answer_password(&sent.bytes, now, &peer, &mut client.rng);
    assert!(matches!(answer.audit.outcome, Outcome::Refused { .. }));
    let mut line = String::new();
    answer.audit.write_json_line(&mut line);
    assert!(line.contains("alice@") && line.contains("bob@"), "{line}");
    assert!(!line.contains("s3cr3t"), "{line}");
}
