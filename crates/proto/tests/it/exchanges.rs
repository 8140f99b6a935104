//! AP-REQ, AP-REP, KRB-PRIV, KRB-SAFE and KRB-CRED between two of us, and everything that can
//! be wrong with them.

use std::net::IpAddr;
use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{
    AcceptedApReq, ApPurpose, ApReqBuilder, ApReqCheck, PendingApReq, verify_ap_req,
};
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{ApOptions, TicketFlags};
use kerbstone_proto::krb_cred::{CredProtection, CredStamp, TransferredTicket};
use kerbstone_proto::message::{
    ApReq, AuthorizationData, EncTicketPart, Encoded, EncryptedData, EncryptionKey, HostAddress,
    HostAddresses, KrbCredInfo, KrbSafeBody, Ticket, TransitedEncoding,
};
use kerbstone_proto::name::{Principal, PrincipalName};
use kerbstone_proto::stamp::{Stamp, StampCheck};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_proto::{krb_cred, krb_priv, krb_safe};
use rand::SeedableRng;
use rand::rngs::StdRng;

const AES256: Enctype = Enctype::Aes256CtsHmacSha1_96;
const SKEW: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const NOON: Timestamp = Timestamp::new(KerberosTime::from_unix(1_800_000_000), 123_456);

/// A client with a ticket, and the server it is for.
struct Pair {
    rng: StdRng,
    client: Principal,
    server_key: Key,
    session_key: Key,
    sealed: EncTicketPart,
}

impl Pair {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(7);
        let client = Principal::parse("alice@KERB.TEST", None).unwrap();
        let session_key = Key::random(AES256, &mut rng).unwrap();
        let sealed = EncTicketPart {
            flags: TicketFlags::PRE_AUTHENT,
            key: EncryptionKey::from(&session_key),
            crealm: client.realm.clone(),
            cname: client.name.clone(),
            transited: TransitedEncoding::default(),
            authtime: NOON.time,
            starttime: None,
            endtime: NOON.time.saturating_add(HOUR),
            renew_till: None,
            caddr: HostAddresses::default(),
            authorization_data: AuthorizationData::default(),
        };
        let server_key = Key::random(AES256, &mut rng).unwrap();
        Self {
            rng,
            client,
            server_key,
            session_key,
            sealed,
        }
    }

    fn ticket(&mut self) -> Ticket {
        let plaintext = self.sealed.to_der();
        let enc_part = EncryptedData::encrypt(
            &self.server_key,
            KeyUsage::TICKET,
            Some(3),
            &plaintext,
            &mut self.rng,
        );
        Ticket {
            realm: self.client.realm.clone(),
            sname: PrincipalName::service("host", "www"),
            enc_part,
        }
    }

    fn request(&mut self, purpose: ApPurpose) -> PendingApReq {
        let ticket = self.ticket();
        let subkey = Key::random(AES256, &mut self.rng).unwrap();
        ApReqBuilder::new(&ticket, &self.session_key, &self.client, purpose)
            .options(ApOptions::MUTUAL_REQUIRED)
            .checksum_over(b"the body")
            .subkey(subkey)
            .seq_number(0xffff_fff0)
            .build(NOON, &mut self.rng)
    }

    fn accept(&self, request: &ApReq, check: &ApReqCheck<'_>) -> Result<AcceptedApReq, ProtoError> {
        verify_ap_req(request, |_| Ok([self.server_key.clone()]), check)
    }

    /// What the server says to a request of the client at `now`.
    fn refusal(&mut self, now: Timestamp) -> ErrorCode {
        let pending = self.request(ApPurpose::Application);
        let check = ApReqCheck { now, ..check() };
        self.accept(&pending.request, &check)
            .unwrap_err()
            .krb_code()
    }
}

fn check() -> ApReqCheck<'static> {
    ApReqCheck {
        now: NOON,
        skew: SKEW,
        from: None,
        purpose: ApPurpose::Application,
        accept_invalid: false,
    }
}

fn address(last: u8) -> HostAddress {
    HostAddress::from(IpAddr::from([192, 0, 2, last]))
}

#[test]
fn client_and_server_prove_themselves_and_share_keys() {
    for purpose in [ApPurpose::Application, ApPurpose::TicketGranting] {
        let mut pair = Pair::new();
        let pending = pair.request(purpose);
        let request = ApReq::from_der(&pending.request.to_der()).unwrap();
        let accepted = pair
            .accept(&request, &ApReqCheck { purpose, ..check() })
            .unwrap();
        assert_eq!(accepted.key(), pending.key());
        assert_eq!(accepted.authenticator.client(), pair.client);
        assert_eq!(accepted.authenticator.timestamp(), NOON);
        assert!(accepted.options.contains(ApOptions::MUTUAL_REQUIRED));
        accepted.verify_checksum(b"the body").unwrap();
        let refusal = accepted.verify_checksum(b"another body").unwrap_err();
        assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_MODIFIED);

        let acceptor_key = Key::random(AES256, &mut pair.rng).unwrap();
        let reply = accepted.reply(Some(&acceptor_key), Some(5), &mut pair.rng);
        let proven = pending.verify_reply(&reply).unwrap();
        assert_eq!(proven.subkey, Some(acceptor_key));
        assert_eq!(proven.part.seq_number.unwrap().0, 5);
    }
}

#[test]
fn an_answer_to_another_request_proves_nothing() {
    let mut pair = Pair::new();
    let pending = pair.request(ApPurpose::Application);
    let accepted = pair.accept(&pending.request, &check()).unwrap();
    let reply = accepted.reply(None, None, &mut pair.rng);
    let mut other = pending.clone();
    other.sent_at = NOON.saturating_add(Duration::from_micros(1));
    let refusal = other.verify_reply(&reply).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_MUT_FAIL);
    let mut stranger = pending;
    stranger.session_key = crate::counting_key();
    let refusal = stranger.verify_reply(&reply).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
}

#[test]
fn clocks_may_differ_by_the_skew_and_no_more() {
    for (seconds, taken) in [(300, true), (301, false)] {
        let distance = Duration::from_secs(seconds);
        for time in [
            NOON.time.saturating_add(distance),
            NOON.time.saturating_sub(distance),
        ] {
            let mut pair = Pair::new();
            pair.sealed.authtime = NOON.time.saturating_sub(HOUR);
            let pending = pair.request(ApPurpose::Application);
            let check = ApReqCheck {
                now: Timestamp::from(time),
                ..check()
            };
            let answer = pair.accept(&pending.request, &check);
            match answer {
                Ok(_) => assert!(taken, "{seconds}"),
                Err(refusal) => {
                    assert!(!taken, "{seconds}");
                    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_SKEW);
                }
            }
        }
    }
}

#[test]
fn refuses_tickets_out_of_their_time() {
    let mut pair = Pair::new();
    pair.sealed.endtime = NOON.time.saturating_sub(SKEW);
    assert!(pair.request_is_taken());
    pair.sealed.endtime = pair.sealed.endtime.saturating_sub(Duration::from_secs(1));
    assert_eq!(pair.refusal(NOON), ErrorCode::KRB_AP_ERR_TKT_EXPIRED);

    let mut pair = Pair::new();
    pair.sealed.starttime = Some(NOON.time.saturating_add(SKEW));
    assert!(pair.request_is_taken());
    pair.sealed.starttime = Some(NOON.time.saturating_add(SKEW + Duration::from_secs(1)));
    assert_eq!(pair.refusal(NOON), ErrorCode::KRB_AP_ERR_TKT_NYV);
}

impl Pair {
    fn request_is_taken(&mut self) -> bool {
        let pending = self.request(ApPurpose::Application);
        self.accept(&pending.request, &check()).is_ok()
    }
}

#[test]
fn takes_an_invalid_ticket_only_where_it_is_to_be_validated() {
    let mut pair = Pair::new();
    pair.sealed.flags |= TicketFlags::INVALID;
    assert_eq!(pair.refusal(NOON), ErrorCode::KRB_AP_ERR_TKT_NYV);
    let pending = pair.request(ApPurpose::Application);
    let lenient = ApReqCheck {
        accept_invalid: true,
        ..check()
    };
    assert!(pair.accept(&pending.request, &lenient).is_ok());
}

#[test]
fn refuses_another_clients_ticket() {
    let mut pair = Pair::new();
    pair.client = Principal::parse("mallory@KERB.TEST", None).unwrap();
    assert_eq!(pair.refusal(NOON), ErrorCode::KRB_AP_ERR_BADMATCH);
    let mut pair = Pair::new();
    pair.client.realm = "OTHER.TEST".into();
    assert_eq!(pair.refusal(NOON), ErrorCode::KRB_AP_ERR_BADMATCH);
}

#[test]
fn holds_a_ticket_to_its_addresses() {
    let mut pair = Pair::new();
    pair.sealed.caddr = HostAddresses(vec![address(1), address(2)]);
    let pending = pair.request(ApPurpose::Application);
    for (from, taken) in [(address(2), true), (address(3), false)] {
        let answer = pair.accept(
            &pending.request,
            &ApReqCheck {
                from: Some(&from),
                ..check()
            },
        );
        assert_eq!(answer.is_ok(), taken);
        if let Err(refusal) = answer {
            assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BADADDR);
        }
    }
    assert!(
        pair.accept(&pending.request, &check()).is_ok(),
        "who does not ask, is not told"
    );
}

#[test]
fn refuses_a_request_with_any_byte_changed() {
    let mut pair = Pair::new();
    let pending = pair.request(ApPurpose::Application);
    for target in [0, 1] {
        let mut request = pending.request.clone();
        let length = if target == 0 {
            request.ticket.enc_part.cipher.len()
        } else {
            request.authenticator.cipher.len()
        };
        for position in 0..length {
            let cipher = if target == 0 {
                &mut request.ticket.enc_part.cipher
            } else {
                &mut request.authenticator.cipher
            };
            cipher[position] ^= 1;
            let refusal = pair.accept(&request, &check()).unwrap_err();
            assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
            let cipher = if target == 0 {
                &mut request.ticket.enc_part.cipher
            } else {
                &mut request.authenticator.cipher
            };
            cipher[position] ^= 1;
        }
    }
}

#[test]
fn an_authenticator_of_one_purpose_is_refused_for_the_other() {
    let mut pair = Pair::new();
    let pending = pair.request(ApPurpose::TicketGranting);
    let refusal = pair.accept(&pending.request, &check()).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
}

#[test]
fn tries_each_key_and_says_which_kind_is_missing() {
    let mut pair = Pair::new();
    let pending = pair.request(ApPurpose::Application);
    let other = Key::random(AES256, &mut pair.rng).unwrap();
    let short = Key::random(Enctype::Aes128CtsHmacSha1_96, &mut pair.rng).unwrap();
    let right = pair.server_key.clone();
    for (keys, expected) in [
        (vec![], Some(ErrorCode::KRB_AP_ERR_NOKEY)),
        (vec![short.clone()], Some(ErrorCode::KDC_ERR_ETYPE_NOSUPP)),
        (
            vec![short.clone(), other.clone()],
            Some(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY),
        ),
        (
            vec![other.clone(), short.clone()],
            Some(ErrorCode::KRB_AP_ERR_BAD_INTEGRITY),
        ),
        (vec![short, other, right], None),
    ] {
        let answer = verify_ap_req(&pending.request, |_| Ok(keys), &check());
        assert_eq!(answer.err().map(|refusal| refusal.krb_code()), expected);
    }
    let refusal = verify_ap_req::<[Key; 1]>(
        &pending.request,
        |_| Err(ProtoError::BadKeyVersion(3)),
        &check(),
    );
    assert_eq!(
        refusal.unwrap_err().krb_code(),
        ErrorCode::KRB_AP_ERR_BADKEYVER
    );
}

#[test]
fn a_request_without_checksum_has_none_to_verify() {
    let mut pair = Pair::new();
    let ticket = pair.ticket();
    let pending = ApReqBuilder::new(
        &ticket,
        &pair.session_key,
        &pair.client,
        ApPurpose::Application,
    )
    .build(NOON, &mut pair.rng);
    assert_eq!(pending.key(), &pair.session_key);
    let accepted = pair.accept(&pending.request, &check()).unwrap();
    let refusal = accepted.verify_checksum(b"").unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
}

fn stamp() -> Stamp {
    Stamp {
        timestamp: Some(NOON),
        seq_number: Some(9),
        s_address: address(1),
        r_address: Some(address(2)),
    }
}

/// What is wrong with a stamp, and the code that says so.
fn stamps_refused() -> Vec<(Stamp, ErrorCode)> {
    let late = Some(NOON.saturating_add(SKEW + Duration::from_secs(1)));
    vec![
        (
            Stamp {
                timestamp: late,
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_SKEW,
        ),
        (
            Stamp {
                timestamp: None,
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_MODIFIED,
        ),
        (
            Stamp {
                seq_number: Some(8),
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_BADORDER,
        ),
        (
            Stamp {
                seq_number: None,
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_BADORDER,
        ),
        (
            Stamp {
                s_address: address(3),
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_BADADDR,
        ),
        (
            Stamp {
                r_address: Some(address(3)),
                ..stamp()
            },
            ErrorCode::KRB_AP_ERR_BADADDR,
        ),
    ]
}

#[test]
fn krb_priv_carries_data_and_its_stamp_is_checked() {
    let mut rng = StdRng::seed_from_u64(1);
    let key = crate::counting_key();
    let (sender, receiver) = (address(1), address(2));
    let check = StampCheck {
        fresh: Some((NOON, SKEW)),
        seq_number: Some(9),
        s_address: Some(&sender),
        r_address: Some(&receiver),
    };
    let message = krb_priv::seal(b"secret", &key, &stamp(), &mut rng);
    assert_eq!(
        krb_priv::open(&message, &key, &check)
            .unwrap()
            .user_data
            .as_bytes(),
        b"secret"
    );
    for (stamp, code) in stamps_refused() {
        let message = krb_priv::seal(b"secret", &key, &stamp, &mut rng);
        assert_eq!(
            krb_priv::open(&message, &key, &check)
                .unwrap_err()
                .krb_code(),
            code
        );
    }
    let other = Key::random(AES256, &mut rng).unwrap();
    let refusal = krb_priv::open(&message, &other, &check).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
}

#[test]
fn krb_safe_protects_data_and_its_stamp_is_checked() {
    let key = crate::counting_key();
    let (sender, receiver) = (address(1), address(2));
    let check = StampCheck {
        fresh: Some((NOON, SKEW)),
        seq_number: Some(9),
        s_address: Some(&sender),
        r_address: Some(&receiver),
    };
    let message = krb_safe::seal(b"open", &key, &stamp());
    assert_eq!(
        krb_safe::open(message.clone(), &key, &check)
            .unwrap()
            .user_data,
        b"open"
    );
    for (stamp, code) in stamps_refused() {
        let message = krb_safe::seal(b"open", &key, &stamp);
        assert_eq!(
            krb_safe::open(message, &key, &check)
                .unwrap_err()
                .krb_code(),
            code
        );
    }
    let mut forged = message;
    let body = KrbSafeBody {
        user_data: b"shut".to_vec(),
        ..forged.safe_body.into_value()
    };
    forged.safe_body = Encoded::new(body);
    let refusal = krb_safe::open(forged, &key, &check).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_MODIFIED);
}

#[test]
fn krb_cred_hands_tickets_over() {
    let mut pair = Pair::new();
    let transferred = TransferredTicket {
        ticket: pair.ticket(),
        info: KrbCredInfo {
            key: EncryptionKey::from(&pair.session_key),
            prealm: Some(pair.client.realm.clone()),
            pname: Some(pair.client.name.clone()),
            flags: Some(TicketFlags::FORWARDED),
            authtime: Some(NOON.time),
            starttime: None,
            endtime: Some(NOON.time.saturating_add(HOUR)),
            renew_till: None,
            srealm: None,
            sname: None,
            caddr: HostAddresses::default(),
        },
    };
    let stamp = CredStamp {
        timestamp: Some(NOON),
        nonce: Some(1),
        ..CredStamp::default()
    };
    let key = crate::counting_key();
    let other = Key::random(AES256, &mut pair.rng).unwrap();
    let sealed = krb_cred::seal(vec![transferred.clone()], Some(&key), &stamp, &mut pair.rng);
    let (tickets, part) =
        krb_cred::open(sealed.clone(), CredProtection::Encrypted(&[&other, &key])).unwrap();
    assert_eq!(tickets.as_slice(), std::slice::from_ref(&transferred));
    assert_eq!(part.timestamp, Some(NOON.time));
    let refusal = krb_cred::open(sealed.clone(), CredProtection::Encrypted(&[&other])).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);

    let mut robbed = sealed;
    robbed.tickets.clear();
    assert!(krb_cred::open(robbed, CredProtection::Encrypted(&[&key])).is_err());

    let clear = krb_cred::seal(vec![transferred.clone()], None, &stamp, &mut pair.rng);
    assert!(krb_cred::open(clear.clone(), CredProtection::Encrypted(&[&key])).is_err());
    let (tickets, _) = krb_cred::open(clear, CredProtection::EncryptedOrInside(&[])).unwrap();
    assert_eq!(tickets, [transferred]);
}
