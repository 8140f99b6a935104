//! Messages that MIT's programs exchanged: read, opened with the keys, written again byte for
//! byte.

use std::time::Duration;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::ap_exchange::{
    AcceptedApReq, ApPurpose, ApReqCheck, open_ticket, verify_ap_req,
};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::kpasswd::{
    PasswordReply, PasswordRequest, PasswordResult, PasswordVersion, ResultCode,
};
use kerbstone_proto::krb_cred::{CredProtection, open as open_cred};
use kerbstone_proto::message::{
    ApReq, Checksum, EncKdcRepPart, EncryptedData, EtypeInfo2, HostAddress, KdcRep, KdcRepKind,
    KdcReq, KdcReqKind, KrbCred, KrbError, KrbErrorData, KrbFastReq, KrbFastResponse, KrbPriv,
    KrbSafe, PaData, PaEncTsEnc, PaFxFastReply, PaFxFastRequest, PaType,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::stamp::StampCheck;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_proto::{krb_priv, krb_safe};

use crate::{captured, counting_key, password_key};

const AES256: Enctype = Enctype::Aes256CtsHmacSha1_96;
const FIVE_MINUTES: Duration = Duration::from_secs(300);

fn alice_key() -> Key {
    password_key(AES256, "alice-secret", "KERB.TESTalice")
}

fn krbtgt_key() -> Key {
    password_key(AES256, "krbtgt-secret", "KERB.TESTkrbtgtKERB.TEST")
}

fn changepw_key() -> Key {
    password_key(AES256, "changepw-secret", "KERB.TESTkadminchangepw")
}

fn host_key() -> Key {
    password_key(AES256, "host-secret", "KERB.TESThostserver.kerb.test")
}

/// The session key of the TGT, from the AS-REP.
fn tgt_part() -> EncKdcRepPart {
    let reply = KdcRep::from_der(&captured!("as_rep")).unwrap();
    let plaintext = reply
        .enc_part
        .decrypt(&alice_key(), KeyUsage::AS_REP_ENC_PART)
        .unwrap();
    let (part, tagged_as) = EncKdcRepPart::from_der_of_either(&plaintext).unwrap();
    assert_eq!(tagged_as, KdcRepKind::Tgs, "MIT tags both so");
    part
}

fn padata(list: &[PaData], padata_type: PaType) -> &[u8] {
    PaData::find(list, padata_type).unwrap()
}

fn check_at(now: KerberosTime, purpose: ApPurpose) -> ApReqCheck<'static> {
    ApReqCheck {
        now: Timestamp::from(now),
        skew: FIVE_MINUTES,
        from: None,
        purpose,
        accept_invalid: false,
    }
}

#[test]
fn writes_mits_requests_as_mit_does() {
    for bytes in [
        captured!("as_req_bare"),
        captured!("as_req_timestamp"),
        captured!("tgs_req"),
        captured!("tgs_req_forward"),
        captured!("fast_as_req"),
    ] {
        let request = KdcReq::from_der(&bytes).unwrap();
        assert_eq!(request.to_der(), bytes);
        let again = KdcReq::new(
            request.kind,
            request.padata.clone(),
            request.body.clone().into_value(),
        );
        assert_eq!(again.to_der(), bytes, "also when the body is encoded anew");
    }
}

#[test]
fn writes_mits_replies_as_mit_does() {
    for bytes in [
        captured!("as_rep"),
        captured!("tgs_rep"),
        captured!("tgs_rep_forward"),
        captured!("fast_as_rep"),
    ] {
        assert_eq!(KdcRep::from_der(&bytes).unwrap().to_der(), bytes);
    }
    for bytes in [
        captured!("preauth_required"),
        captured!("server_unknown"),
        captured!("fast_error"),
    ] {
        assert_eq!(KrbError::from_der(&bytes).unwrap().to_der(), bytes);
    }
}

#[test]
fn reads_what_kinit_asks_for() {
    let request = KdcReq::from_der(&captured!("as_req_bare")).unwrap();
    assert_eq!(request.kind, KdcReqKind::As);
    assert_eq!(
        request.body.client().unwrap().to_string(),
        "alice@KERB.TEST"
    );
    assert_eq!(
        request.body.server().unwrap().to_string(),
        "krbtgt/KERB.TEST@KERB.TEST"
    );
    assert!(
        request
            .body
            .kdc_options
            .contains(KdcOptions::FORWARDABLE | KdcOptions::RENEWABLE)
    );
    assert!(request.body.etype.starts_with(&[18, 17, 20, 19]));
    assert_eq!(padata(&request.padata, PaType::REQ_ENC_PA_REP), b"");
}

#[test]
fn reads_the_methods_that_a_kdc_offers() {
    let error = KrbError::from_der(&captured!("preauth_required")).unwrap();
    assert_eq!(error.error_code, ErrorCode::KDC_ERR_PREAUTH_REQUIRED);
    let methods = error.method_data();
    assert!(matches!(error.data(), Some(KrbErrorData::Method(_))));
    let info = EtypeInfo2::from_der(padata(&methods, PaType::ETYPE_INFO2)).unwrap();
    assert_eq!(info[0].etype, 18);
    assert_eq!(info[0].salt.as_ref().unwrap().as_bytes(), b"KERB.TESTalice");
}

#[test]
fn opens_the_timestamp_of_kinit() {
    let request = KdcReq::from_der(&captured!("as_req_timestamp")).unwrap();
    let sealed = EncryptedData::from_der(padata(&request.padata, PaType::ENC_TIMESTAMP)).unwrap();
    let plaintext = sealed
        .decrypt(&alice_key(), KeyUsage::AS_REQ_PA_ENC_TIMESTAMP)
        .unwrap();
    let stamp = PaEncTsEnc::from_der(&plaintext).unwrap();
    assert_eq!(stamp.to_der(), *plaintext);
    assert!(stamp.pausec.is_some());
}

#[test]
fn opens_a_reply_and_its_ticket() {
    let reply = KdcRep::from_der(&captured!("as_rep")).unwrap();
    let part = tgt_part();
    let ticket = open_ticket(&reply.ticket, [krbtgt_key()]).unwrap();
    assert_eq!(ticket.key, part.key);
    assert_eq!(ticket.client(), reply.client());
    assert_eq!(ticket.endtime, part.endtime);
    assert!(
        part.flags
            .contains(TicketFlags::RENEWABLE | TicketFlags::INITIAL | TicketFlags::ENC_PA_REP)
    );
    let plaintext = reply
        .ticket
        .enc_part
        .decrypt(&krbtgt_key(), KeyUsage::TICKET)
        .unwrap();
    assert_eq!(ticket.to_der(), *plaintext);
    let plaintext = reply
        .enc_part
        .decrypt(&alice_key(), KeyUsage::AS_REP_ENC_PART)
        .unwrap();
    assert_eq!(part.to_der(KdcRepKind::Tgs), *plaintext);
}

#[test]
fn the_kdcs_checksum_over_the_request_fits() {
    let part = tgt_part();
    let checksum =
        Checksum::from_der(padata(&part.encrypted_pa_data, PaType::REQ_ENC_PA_REP)).unwrap();
    checksum
        .verify(
            &alice_key(),
            KeyUsage::AS_REQ,
            &captured!("as_req_timestamp"),
        )
        .unwrap();
}

#[test]
fn accepts_the_ap_req_of_a_tgs_req_and_its_checksum() {
    let request = KdcReq::from_der(&captured!("tgs_req")).unwrap();
    let ap_req = ApReq::from_der(padata(&request.padata, PaType::TGS_REQ)).unwrap();
    let check = check_at(tgt_part().authtime, ApPurpose::TicketGranting);
    let accepted = verify_ap_req(&ap_req, |_| Ok([krbtgt_key()]), &check).unwrap();
    accepted.verify_checksum(request.body.der()).unwrap();
    assert_eq!(accepted.ticket.client().to_string(), "alice@KERB.TEST");
    let armor_key = armor_key(&accepted);
    let reply = KdcRep::from_der(&captured!("tgs_rep")).unwrap();
    let reply_key = strengthened(accepted.key(), &fast_response(&reply, &armor_key));
    let plaintext = reply
        .enc_part
        .decrypt(&reply_key, KeyUsage::TGS_REP_SUBKEY)
        .unwrap();
    let part = EncKdcRepPart::from_der(KdcRepKind::Tgs, &plaintext).unwrap();
    assert_eq!(part.to_der(KdcRepKind::Tgs), *plaintext);
    assert_eq!(part.nonce, request.body.nonce);
    assert_eq!(
        open_ticket(&reply.ticket, [host_key()]).unwrap().key,
        part.key
    );
}

/// The armor key comes from an armor ticket and its subkey; in a TGS-REQ from its own (RFC 6113
/// 5.4.1.1).
fn armor_key(accepted: &AcceptedApReq) -> Key {
    let subkey = accepted.subkey.as_ref().unwrap();
    Key::combine(
        subkey,
        b"subkeyarmor",
        &accepted.session_key,
        b"ticketarmor",
    )
    .unwrap()
}

fn fast_response(reply: &KdcRep, armor_key: &Key) -> KrbFastResponse {
    let armored = PaFxFastReply::from_der(padata(&reply.padata, PaType::FX_FAST))
        .unwrap()
        .0;
    let plaintext = armored
        .enc_fast_rep
        .decrypt(armor_key, KeyUsage::FAST_REP)
        .unwrap();
    let response = KrbFastResponse::from_der(&plaintext).unwrap();
    assert_eq!(response.to_der(), *plaintext);
    let finished = response.finished.as_ref().unwrap();
    let ticket = reply.ticket.to_der();
    finished
        .ticket_checksum
        .verify(armor_key, KeyUsage::FAST_FINISHED, &ticket)
        .unwrap();
    response
}

fn strengthened(key: &Key, response: &KrbFastResponse) -> Key {
    let strengthen_key = response.strengthen_key.as_ref().unwrap().to_key().unwrap();
    Key::combine(&strengthen_key, b"strengthenkey", key, b"replykey").unwrap()
}

#[test]
fn a_tgs_req_does_not_pass_for_an_applications_ap_req() {
    let request = KdcReq::from_der(&captured!("tgs_req")).unwrap();
    let ap_req = ApReq::from_der(padata(&request.padata, PaType::TGS_REQ)).unwrap();
    let check = check_at(tgt_part().authtime, ApPurpose::Application);
    let refusal = verify_ap_req(&ap_req, |_| Ok([krbtgt_key()]), &check).unwrap_err();
    assert_eq!(refusal.krb_code(), ErrorCode::KRB_AP_ERR_BAD_INTEGRITY);
}

#[test]
fn reads_the_armor_of_fast() {
    let request = KdcReq::from_der(&captured!("fast_as_req")).unwrap();
    let bytes = padata(&request.padata, PaType::FX_FAST);
    let fast = PaFxFastRequest::from_der(bytes).unwrap();
    assert_eq!(fast.to_der(), bytes);
    let armor = fast.0.armor.as_ref().unwrap();
    let ap_req = ApReq::from_der(&armor.armor_value).unwrap();
    let check = check_at(tgt_part().authtime, ApPurpose::Application);
    let accepted = verify_ap_req(&ap_req, |_| Ok([krbtgt_key()]), &check).unwrap();
    let armor_key = armor_key(&accepted);
    let outer_body = request.body.der();
    fast.0
        .req_checksum
        .verify(&armor_key, KeyUsage::FAST_REQ_CHECKSUM, outer_body)
        .unwrap();
    let plaintext = fast
        .0
        .enc_fast_req
        .decrypt(&armor_key, KeyUsage::FAST_ENC)
        .unwrap();
    let inner = KrbFastReq::from_der(&plaintext).unwrap();
    assert_eq!(inner.to_der(), *plaintext);
    assert_eq!(
        inner.req_body.client().unwrap().to_string(),
        "alice@KERB.TEST"
    );

    let reply = KdcRep::from_der(&captured!("fast_as_rep")).unwrap();
    let response = fast_response(&reply, &armor_key);
    assert_eq!(response.nonce, inner.req_body.nonce);
    let reply_key = strengthened(&alice_key(), &response);
    let plaintext = reply
        .enc_part
        .decrypt(&reply_key, KeyUsage::AS_REP_ENC_PART)
        .unwrap();
    let (part, _) = EncKdcRepPart::from_der_of_either(&plaintext).unwrap();
    assert_eq!(part.nonce, inner.req_body.nonce);
}

#[test]
fn opens_a_password_change_and_its_answer() {
    let bytes = captured!("kpasswd_req");
    let request = PasswordRequest::from_bytes(&bytes).unwrap();
    assert_eq!(request.to_bytes().unwrap(), bytes);
    assert_eq!(request.version, PasswordVersion::Change);
    let check = check_at(tgt_part().authtime, ApPurpose::Application);
    let accepted = verify_ap_req(&request.ap_req, |_| Ok([changepw_key()]), &check).unwrap();
    let seq_number = accepted.authenticator.seq_number.map(|number| number.0);
    let opened = krb_priv::open(
        &request.krb_priv,
        accepted.key(),
        &StampCheck {
            seq_number,
            ..StampCheck::default()
        },
    )
    .unwrap();
    assert_eq!(opened.user_data.as_bytes(), b"short");

    let bytes = captured!("kpasswd_rep");
    let reply = PasswordReply::from_bytes(&bytes).unwrap();
    assert_eq!(reply.to_bytes().unwrap(), bytes);
    let PasswordReply::Answered { ap_rep, krb_priv } = reply else {
        panic!("{reply:?}")
    };
    let plaintext = ap_rep
        .enc_part
        .decrypt(&accepted.session_key, KeyUsage::AP_REP)
        .unwrap();
    let part = kerbstone_proto::message::EncApRepPart::from_der(&plaintext).unwrap();
    assert_eq!(part.to_der(), *plaintext);
    assert_eq!(
        (part.ctime, part.cusec),
        (accepted.authenticator.ctime, accepted.authenticator.cusec)
    );
    let opened = krb_priv::open(&krb_priv, accepted.key(), &StampCheck::default()).unwrap();
    let result = PasswordResult::from_bytes(&opened.user_data).unwrap();
    assert_eq!(result.code, ResultCode::SUCCESS);
}

#[test]
fn unpacks_a_forwarded_tgt() {
    for (bytes, keys) in [
        (captured!("krb_cred_clear"), vec![]),
        (captured!("krb_cred_sealed"), vec![counting_key()]),
    ] {
        let message = KrbCred::from_der(&bytes).unwrap();
        assert_eq!(message.to_der(), bytes);
        let keys: Vec<&Key> = keys.iter().collect();
        let (tickets, _) = open_cred(message, CredProtection::EncryptedOrInside(&keys)).unwrap();
        let [forwarded] = tickets.as_slice() else {
            panic!("{tickets:?}")
        };
        assert!(
            forwarded
                .info
                .flags
                .unwrap()
                .contains(TicketFlags::FORWARDED)
        );
        let sealed = open_ticket(&forwarded.ticket, [krbtgt_key()]).unwrap();
        assert_eq!(sealed.key, forwarded.info.key);
        assert_eq!(forwarded.info.pname.as_ref(), Some(&sealed.cname));
    }
}

#[test]
fn a_krb_cred_in_clear_is_taken_only_inside_something_encrypted() {
    let message = KrbCred::from_der(&captured!("krb_cred_clear")).unwrap();
    let key = counting_key();
    assert!(open_cred(message, CredProtection::Encrypted(&[&key])).is_err());
}

#[test]
fn opens_krb_safe_and_krb_priv() {
    let sender = HostAddress::from(std::net::IpAddr::from([192, 0, 2, 1]));
    let receiver = HostAddress::from(std::net::IpAddr::from([192, 0, 2, 2]));
    let check = StampCheck {
        s_address: Some(&sender),
        r_address: Some(&receiver),
        ..StampCheck::default()
    };
    let bytes = captured!("krb_safe");
    let message = KrbSafe::from_der(&bytes).unwrap();
    assert_eq!(message.to_der(), bytes);
    let body = krb_safe::open(message, &counting_key(), &check).unwrap();
    assert_eq!(body.user_data, b"as the road rests");
    let bytes = captured!("krb_priv");
    let message = KrbPriv::from_der(&bytes).unwrap();
    assert_eq!(message.to_der(), bytes);
    let part = krb_priv::open(&message, &counting_key(), &check).unwrap();
    assert_eq!(part.user_data.as_bytes(), b"as the road rests");
}

#[test]
fn names_in_messages_are_those_people_write() {
    let reply = KdcRep::from_der(&captured!("tgs_rep")).unwrap();
    let written = Principal::parse("host/server.kerb.test@KERB.TEST", None).unwrap();
    assert_eq!(reply.ticket.server(), written);
}
