//! Faults that were published of other KDCs and clients (SECURITY.md), sent to every server here.
//!
//! "Survives" means that the request gets a refusal or silence and that people can still sign in.

use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::kpasswd::{PasswordRequest, PasswordVersion};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{Checksum, Encoded, HostAddress, KdcRep, PaData, PaType};
use kerbstone_proto::name::{NameType, PrincipalName, Realm};
use kerbstone_proto::stamp::Stamp;

use kerbstone_testkit::lab::Server;

use crate::attacker::{Stolen, as_req, body, now, realm, refusal, rng, send};
use crate::matrix::at_each_server;
use crate::stage::{PASSWORD, SERVICE, Stage, TGT, USER};

at_each_server! {
    cve_2017_17439_a_request_without_a_client_is_survived,
    cve_2015_2697_a_realm_that_begins_with_a_zero_byte_is_survived,
    cve_2021_3671_a_ticket_request_without_a_server_is_survived,
    cve_2019_14844_unknown_enctypes_are_survived,
    cve_2020_28196_nested_indefinite_lengths_are_survived,
    cve_2022_44640_a_choice_that_does_not_decode_is_survived,
    cve_2021_36222_an_encrypted_challenge_without_armor_is_survived,
    cve_2016_3120_malformed_delegation_requests_are_survived,
    cve_2018_16860_an_unkeyed_checksum_proves_nothing,
    cve_2015_2694_an_unverified_mechanism_is_no_pre_authentication,
    cve_2002_2443_the_password_port_answers_no_answers,
    an_initial_ticket_for_kadmin_changepw_changes_the_password,
    cve_2022_2031_a_ticket_for_another_service_changes_no_password,
}

/// The longest datagram that loopback carries, less a margin.
const DATAGRAM: usize = 60_000;
const CHANGEPW: &str = "kadmin/changepw";
const KDC_ERR_PREAUTH_REQUIRED: i32 = 25;

fn user() -> PrincipalName {
    PrincipalName::new_principal(&[USER])
}

fn krbtgt() -> PrincipalName {
    PrincipalName::krbtgt(&realm())
}

fn service() -> PrincipalName {
    PrincipalName::service("host", "www.lab.example")
}

/// The server still does its work.
fn lives(stage: &Stage) {
    stage.sign_in(&[]);
    stage.session.ticket(SERVICE).succeeded();
}

fn signed_in(stage: &Stage) -> Stolen {
    stage.sign_in(&[]);
    Stolen::from_cache(stage, TGT)
}

fn cve_2017_17439_a_request_without_a_client_is_survived(stage: &Stage) {
    let nameless = PrincipalName::new::<&str>(NameType::PRINCIPAL, []);
    let empty = PrincipalName::new_principal(&[""]);
    for client in [None, Some(nameless), Some(empty)] {
        refusal(stage, &as_req(Vec::new(), body(client, Some(krbtgt()))));
    }
    let mut without_realm = body(Some(user()), Some(krbtgt()));
    without_realm.realm = Realm::new("");
    refusal(stage, &as_req(Vec::new(), without_realm));
    lives(stage);
}

fn cve_2015_2697_a_realm_that_begins_with_a_zero_byte_is_survived(stage: &Stage) {
    let tgt = signed_in(stage);
    let mut zero = body(
        None,
        Some(PrincipalName::service("host", "www.nowhere.example")),
    );
    zero.kdc_options = KdcOptions::CANONICALIZE;
    zero.realm = Realm::new(vec![0; 20_000]);
    refusal(stage, &tgt.tgs_req(Vec::new(), zero));
    lives(stage);
}

fn cve_2021_3671_a_ticket_request_without_a_server_is_survived(stage: &Stage) {
    let tgt = signed_in(stage);
    refusal(stage, &tgt.tgs_req(Vec::new(), body(None, None)));
    refusal(stage, &as_req(Vec::new(), body(Some(user()), None)));
    lives(stage);
}

fn cve_2019_14844_unknown_enctypes_are_survived(stage: &Stage) {
    for enctypes in [
        vec![],
        vec![i32::MIN, -1, 0, 99, i32::MAX],
        vec![-135; 5_000],
    ] {
        let mut unknown = body(Some(user()), Some(krbtgt()));
        unknown.etype = enctypes;
        refusal(stage, &as_req(Vec::new(), unknown));
    }
    lives(stage);
}

fn cve_2020_28196_nested_indefinite_lengths_are_survived(stage: &Stage) {
    let nested: Vec<u8> = [0x30, 0x80].repeat(DATAGRAM / 2);
    refusal(stage, &nested);
    let in_a_request: Vec<u8> =
        [&[0x6a, 0x80][..], &[0xa3, 0x80].repeat(DATAGRAM / 2 - 1)].concat();
    refusal(stage, &in_a_request);
    send(stage.server.addresses().kpasswd, &nested);
    lives(stage);
}

fn cve_2022_44640_a_choice_that_does_not_decode_is_survived(stage: &Stage) {
    let unknown_choice = [0xa7, 0x03, 0x02, 0x01, 0x01];
    let broken_choice = [0xa0, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x02, 0x09, 0x01];
    let empty_choice = [0xa0, 0x00];
    for choice in [&unknown_choice[..], &broken_choice, &empty_choice, &[]] {
        let fast = PaData::new(PaType::FX_FAST, choice);
        refusal(
            stage,
            &as_req(vec![fast], body(Some(user()), Some(krbtgt()))),
        );
    }
    lives(stage);
}

fn cve_2021_36222_an_encrypted_challenge_without_armor_is_survived(stage: &Stage) {
    let challenge = PaData::new(PaType::ENCRYPTED_CHALLENGE, vec![0x30; 64]);
    let code = refusal(
        stage,
        &as_req(vec![challenge], body(Some(user()), Some(krbtgt()))),
    );
    assert!(code.is_some());
    lives(stage);
}

fn cve_2016_3120_malformed_delegation_requests_are_survived(stage: &Stage) {
    let tgt = signed_in(stage);
    for padata in [PaType::FOR_USER, PaType::S4U_X509_USER, PaType::PAC_OPTIONS] {
        let broken = PaData::new(padata, vec![0x30, 0x03, 0xa0, 0x01]);
        nobody_elses_ticket(
            stage,
            &tgt.tgs_req(vec![broken], body(None, Some(service()))),
        );
    }
    let mut without_evidence = body(None, Some(service()));
    without_evidence.kdc_options = KdcOptions::CNAME_IN_ADDL_TKT;
    nobody_elses_ticket(stage, &tgt.tgs_req(Vec::new(), without_evidence));
    lives(stage);
}

/// A KDC may ignore what it does not know (Heimdal ignores the option): the ticket is then the attacker's own.
#[track_caller]
fn nobody_elses_ticket(stage: &Stage, request: &[u8]) {
    let Some(answer) = send(stage.server.addresses().kdc, request) else {
        return;
    };
    if let Ok(reply) = KdcRep::from_der(&answer) {
        assert_eq!(reply.cname, user());
    }
}

fn cve_2018_16860_an_unkeyed_checksum_proves_nothing(stage: &Stage) {
    const CRC32: i32 = 1;
    const MD5: i32 = 7;
    const SHA1: i32 = 14;
    let tgt = signed_in(stage);
    for (cksumtype, length) in [(CRC32, 4), (MD5, 16), (SHA1, 20)] {
        let unkeyed = Checksum {
            cksumtype,
            checksum: vec![0; length],
        };
        let request = tgt.tgs_req_with(
            unkeyed,
            Vec::new(),
            Encoded::new(body(None, Some(service()))),
        );
        assert!(
            refusal(stage, &request).is_some(),
            "checksum of type {cksumtype}"
        );
    }
    lives(stage);
}

fn cve_2015_2694_an_unverified_mechanism_is_no_pre_authentication(stage: &Stage) {
    for kind in [
        PaType::PK_AS_REQ,
        PaType::OTP_REQUEST,
        PaType::SPAKE,
        PaType::ENC_TIMESTAMP,
        PaType(99),
    ] {
        for value in [&[][..], &[0x30, 0x00], &[0x30, 0x03, 0x02, 0x01, 0x00]] {
            let request = as_req(
                vec![PaData::new(kind, value)],
                body(Some(user()), Some(krbtgt())),
            );
            assert!(refusal(stage, &request).is_some(), "{kind:?} {value:?}");
        }
    }
    let nothing = as_req(Vec::new(), body(Some(user()), Some(krbtgt())));
    assert_eq!(refusal(stage, &nothing), Some(KDC_ERR_PREAUTH_REQUIRED));
}

fn cve_2002_2443_the_password_port_answers_no_answers(stage: &Stage) {
    let port = stage.server.addresses().kpasswd;
    let nothing = as_req(Vec::new(), body(Some(user()), Some(krbtgt())));
    let an_error = send(stage.server.addresses().kdc, &nothing).expect("a KRB-ERROR");
    let length = u16::try_from(an_error.len() + 6).expect("a short message");
    let framed = [&length.to_be_bytes()[..], &[0, 1, 0, 0], &an_error].concat();
    for datagram in [&b"anything"[..], &[], &[0; 6], &an_error] {
        assert_eq!(send(port, datagram), None, "{datagram:02x?}");
    }
    // MIT 1.20 answers a refusal in a frame with another one.
    if !matches!(stage.server, Server::Mit(_)) {
        assert_eq!(send(port, &framed), None);
    }
    stage
        .session
        .change_password(USER, PASSWORD, "battery staple 1")
        .succeeded();
}

/// What the next case sends is refused for its ticket, and for nothing else.
fn an_initial_ticket_for_kadmin_changepw_changes_the_password(stage: &Stage) {
    stage.sign_in(&["-S", CHANGEPW]);
    let ticket = Stolen::from_cache(stage, CHANGEPW);
    let port = stage.server.addresses().kpasswd;
    send(port, &password_change(&ticket, "battery staple 1")).expect("an answer");
    stage
        .session
        .sign_in(USER, "battery staple 1", &[])
        .succeeded();
}

fn cve_2022_2031_a_ticket_for_another_service_changes_no_password(stage: &Stage) {
    stage.sign_in(&[]);
    stage.session.ticket(SERVICE).succeeded();
    for service in [TGT, SERVICE] {
        let stolen = Stolen::from_cache(stage, service);
        send(
            stage.server.addresses().kpasswd,
            &password_change(&stolen, "battery staple 1"),
        );
    }
    stage
        .session
        .sign_in(USER, "battery staple 1", &[])
        .failed();
    stage.sign_in(&[]);
}

fn password_change(stolen: &Stolen, password: &str) -> Vec<u8> {
    let pending = ApReqBuilder::new(
        &stolen.ticket,
        &stolen.key,
        &stolen.client,
        ApPurpose::Application,
    )
    .seq_number(1)
    .build(now(), &mut rng());
    let stamp = Stamp {
        timestamp: Some(now()),
        seq_number: Some(1),
        s_address: HostAddress::from(std::net::IpAddr::from([127, 0, 0, 1])),
        r_address: None,
    };
    PasswordRequest {
        version: PasswordVersion::Change,
        krb_priv: krb_priv::seal(password.as_bytes(), pending.key(), &stamp, &mut rng()),
        ap_req: pending.request,
    }
    .to_bytes()
    .expect("a short request")
}
