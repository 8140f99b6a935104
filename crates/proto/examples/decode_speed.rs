//! How long the messages take to read that a KDC reads for every request: nanoseconds per
//! message, the best of many rounds.
//!
//! `cargo run --release -p kerbstone-proto --example decode_speed`. On a shared machine compare
//! two runs with each other, never with a number from elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for those who work on the crate"
)]

use std::hint::black_box;
use std::time::Instant;

use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{
    ApReq, Authenticator, AuthorizationData, EncTicketPart, EncryptionKey, Fixed, HostAddresses,
    KdcReq, Microseconds, PaData, PaEncTsEnc, PaType, Secret, TransitedEncoding, UInt32,
};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;

const ROUNDS: u32 = 400;
const PER_ROUND: u32 = 500;

fn main() {
    let as_req = from_hex(include_str!("../tests/it/captured/as_req_timestamp.hex"));
    let tgs_req = from_hex(include_str!("../tests/it/captured/tgs_req.hex"));
    let padata = KdcReq::from_der(&tgs_req).unwrap().padata;
    let ap_req = PaData::find(&padata, PaType::TGS_REQ).unwrap();
    let ticket_part = ticket_part().to_der();
    let authenticator = authenticator().to_der();
    let timestamp = PaEncTsEnc {
        patimestamp: KerberosTime::from_unix(1_795_000_000),
        pausec: Microseconds::new(123_456),
    }
    .to_der();
    let request = KdcReq::from_der(&as_req).unwrap();
    let client = request.body.client().unwrap();

    report("AS-REQ", || KdcReq::from_der(black_box(&as_req)));
    report("TGS-REQ", || KdcReq::from_der(black_box(&tgs_req)));
    report("AP-REQ", || ApReq::from_der(black_box(ap_req)));
    report("EncTicketPart", || {
        EncTicketPart::from_der(black_box(&ticket_part))
    });
    report("Authenticator", || {
        Authenticator::from_der(black_box(&authenticator))
    });
    report("PA-ENC-TS-ENC", || {
        PaEncTsEnc::from_der(black_box(&timestamp))
    });
    report("clone of a Principal", || black_box(&client).clone());
}

fn report<T>(what: &str, mut work: impl FnMut() -> T) {
    let best = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..PER_ROUND {
                black_box(work());
            }
            begin.elapsed() / PER_ROUND
        })
        .min()
        .unwrap();
    println!("{what:22} {:6} ns", best.as_nanos());
}

fn ticket_part() -> EncTicketPart {
    let client = Principal::parse("alice@KERB.TEST", None).unwrap();
    EncTicketPart {
        flags: TicketFlags::INITIAL | TicketFlags::PRE_AUTHENT | TicketFlags::FORWARDABLE,
        key: session_key(),
        crealm: client.realm,
        cname: client.name,
        transited: TransitedEncoding::default(),
        authtime: KerberosTime::from_unix(1_795_000_000),
        starttime: Some(KerberosTime::from_unix(1_795_000_000)),
        endtime: KerberosTime::from_unix(1_795_036_000),
        renew_till: Some(KerberosTime::from_unix(1_795_604_800)),
        caddr: HostAddresses::default(),
        authorization_data: AuthorizationData::default(),
    }
}

fn authenticator() -> Authenticator {
    Authenticator {
        authenticator_vno: Fixed,
        crealm: Realm::from("KERB.TEST"),
        cname: Principal::parse("alice@KERB.TEST", None).unwrap().name,
        cksum: None,
        cusec: Microseconds::new(123_456).unwrap(),
        ctime: KerberosTime::from_unix(1_795_000_000),
        subkey: Some(session_key()),
        seq_number: Some(UInt32(0x3abc_def0)),
        authorization_data: AuthorizationData::default(),
    }
}

fn session_key() -> EncryptionKey {
    EncryptionKey {
        keytype: 18,
        keyvalue: Secret::from(vec![7; 32]),
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
