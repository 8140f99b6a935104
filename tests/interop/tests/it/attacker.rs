//! Someone who speaks the protocol and sends what no client would.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_crypto::Key;
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder};
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{
    Checksum, Encoded, HostAddresses, KdcReq, KdcReqBody, KdcReqKind, KrbError, PaData, PaType,
    Ticket, UInt32,
};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::stage::{REALM, Stage};

/// How long silence has to last before it counts as the answer.
const SILENCE: Duration = Duration::from_millis(400);
const ENCTYPES: [i32; 4] = [18, 17, 20, 19];

/// A ticket in the attacker's own name, with its key.
pub(crate) struct Stolen {
    pub(crate) client: Principal,
    pub(crate) ticket: Ticket,
    pub(crate) key: Key,
}

/// Sends one datagram and waits for the answer; `None` when there is none.
pub(crate) fn send(port: u16, request: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket
        .set_read_timeout(Some(SILENCE))
        .expect("a time limit");
    socket
        .send_to(request, (Ipv4Addr::LOCALHOST, port))
        .expect("a datagram is sent");
    let mut answer = vec![0; 65_536];
    let length = socket.recv(&mut answer).ok()?;
    answer.truncate(length);
    Some(answer)
}

/// What the KDC says to a request that deserves no ticket: the code of its refusal, or `None` for silence.
#[track_caller]
pub(crate) fn refusal(stage: &Stage, request: &[u8]) -> Option<i32> {
    let answer = send(stage.server.addresses().kdc, request)?;
    let error = KrbError::from_der(&answer).expect("a KRB-ERROR and nothing else");
    Some(error.error_code.0)
}

pub(crate) fn realm() -> Realm {
    Realm::new(REALM)
}

/// The body of a request for a ticket for `server` that would be granted.
pub(crate) fn body(client: Option<PrincipalName>, server: Option<PrincipalName>) -> KdcReqBody {
    KdcReqBody {
        kdc_options: KdcOptions::EMPTY,
        cname: client,
        realm: realm(),
        sname: server,
        from: None,
        till: KerberosTime::ZERO,
        rtime: None,
        nonce: UInt32(0x1234_5678),
        etype: ENCTYPES.to_vec(),
        addresses: HostAddresses::default(),
        enc_authorization_data: None,
        additional_tickets: Vec::new(),
    }
}

/// An AS-REQ with that body.
pub(crate) fn as_req(padata: Vec<PaData>, body: KdcReqBody) -> Vec<u8> {
    KdcReq::new(KdcReqKind::As, padata, body).to_der()
}

impl Stolen {
    /// The ticket for `service` that the stage's client has in its cache.
    pub(crate) fn from_cache(stage: &Stage, service: &str) -> Self {
        let bytes = fs::read(stage.session.cache()).expect("the client has signed in");
        let cache = CredentialCache::parse(&bytes).expect("the cache is readable");
        let credential = cache
            .tickets()
            .find(|credential| credential.server.to_string().starts_with(service))
            .expect("the ticket is in the cache");
        Self {
            client: credential.client.clone(),
            ticket: Ticket::from_der(&credential.ticket).expect("the ticket is readable"),
            key: credential.key.to_key().expect("the key is usable"),
        }
    }

    /// A TGS-REQ that shows this ticket, with the checksum that belongs there.
    pub(crate) fn tgs_req(&self, padata: Vec<PaData>, body: KdcReqBody) -> Vec<u8> {
        let body = Encoded::new(body);
        let usage = ApPurpose::TicketGranting.checksum_usage();
        let checksum = Checksum::compute(&self.key, usage, body.der());
        self.tgs_req_with(checksum, padata, body)
    }

    /// A TGS-REQ with another checksum.
    pub(crate) fn tgs_req_with(
        &self,
        checksum: Checksum,
        padata: Vec<PaData>,
        body: Encoded<KdcReqBody>,
    ) -> Vec<u8> {
        let ap_req = ApReqBuilder::new(
            &self.ticket,
            &self.key,
            &self.client,
            ApPurpose::TicketGranting,
        )
        .checksum(checksum)
        .build(now(), &mut rng())
        .request;
        let mut all = vec![PaData::new(PaType::TGS_REQ, ap_req.to_der())];
        all.extend(padata);
        KdcReq::new(KdcReqKind::Tgs, all, body).to_der()
    }
}

pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    Timestamp::from_unix_duration(since_1970)
}

/// Confounders of an attacker need no secrecy.
pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(4711)
}
