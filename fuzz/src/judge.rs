//! What must hold of every answer of a KDC, whatever was asked: worked out again from the request,
//! with the keys of the realm.

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    ApReq, Authenticator, EncKdcRepPart, EncTicketPart, EncryptedData, KdcRep, KdcRepKind, KdcReq,
    KdcReqKind, KrbError, PaData, PaEncTsEnc, PaType, Ticket,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::Attributes;

use crate::clock::NOW;
use crate::judge_acting::Asks;
use crate::site::Site;

/// Seconds that clocks may differ.
const SKEW: u64 = 300;

/// Panics if the KDC should not have answered so.
pub fn judge(site: &Site, request: &[u8], reply: &[u8]) {
    if reply.is_empty() || KrbError::from_der(reply).is_ok() {
        return;
    }
    let reply = KdcRep::from_der(reply).expect("a reply is a KRB-ERROR, an AS-REP or a TGS-REP");
    let request = KdcReq::from_der(request).expect("only requests that can be read get tickets");
    match request.kind {
        KdcReqKind::As => judge_as(site, &request, &reply),
        KdcReqKind::Tgs => judge_tgs(site, &request, &reply),
    }
}

fn judge_as(site: &Site, request: &KdcReq, reply: &KdcRep) {
    assert_eq!(reply.kind, KdcRepKind::As);
    let asked = request.body.client().expect("a client was named");
    let client = site.entry(&asked).expect("the client is ours");
    let keys: Vec<Key> = client.current_keys().map(|key| key.key.clone()).collect();
    let proved = PaData::find(&request.padata, PaType::ENC_TIMESTAMP)
        .is_some_and(|proof| proves(proof, &keys));
    assert!(proved || !client.attributes.contains(Attributes::REQUIRES_PREAUTH));
    assert!(!client.attributes.contains(Attributes::LOCKED));
    let (part, kind) = keys
        .iter()
        .find_map(|key| open(&reply.enc_part, key, KeyUsage::AS_REP_ENC_PART))
        .expect("only the client can read the reply");
    assert_eq!(kind, KdcRepKind::As);
    let ticket = open_ticket(site, &reply.ticket).expect("only the service can read the ticket");
    judge_reply(request, reply, &part, &ticket);
    assert!(asked == ticket.client() || *client.principal == ticket.client());
    assert!(ticket.flags.contains(TicketFlags::INITIAL));
    assert_eq!(ticket.flags.contains(TicketFlags::PRE_AUTHENT), proved);
    assert_eq!(ticket.authtime, NOW.time);
}

/// Whether it is the time, encrypted with one of the keys.
fn proves(proof: &[u8], keys: &[Key]) -> bool {
    let Ok(sealed) = EncryptedData::from_der(proof) else {
        return false;
    };
    keys.iter().any(|key| {
        sealed
            .decrypt(key, KeyUsage::AS_REQ_PA_ENC_TIMESTAMP)
            .ok()
            .and_then(|plain| PaEncTsEnc::from_der(&plain).ok())
            .is_some_and(|stamp| is_near(stamp.patimestamp))
    })
}

fn is_near(time: KerberosTime) -> bool {
    time.abs_diff(NOW.time).as_secs() <= SKEW
}

fn judge_tgs(site: &Site, request: &KdcReq, reply: &KdcRep) {
    assert_eq!(reply.kind, KdcRepKind::Tgs);
    let proof = PaData::find(&request.padata, PaType::TGS_REQ).expect("a ticket was shown");
    let proof = ApReq::from_der(proof).expect("the ticket shown can be read");
    let shown = open_ticket(site, &proof.ticket).expect("the ticket shown is sealed by us");
    let session_key = shown.key.to_key().expect("a session key");
    let authenticator = open_authenticator(&proof, &session_key);
    assert_eq!(authenticator.client(), shown.client());
    assert!(is_near(authenticator.ctime));
    assert!(shown.endtime.unix().saturating_add(SKEW as i64) >= NOW.time.unix());
    if let Some(checksum) = &authenticator.cksum {
        let body = request.body.der();
        let usage = KeyUsage::TGS_REQ_CKSUM;
        assert!(checksum.verify(&session_key, usage, body).is_ok());
    }
    let (key, usage) = match &authenticator.subkey {
        Some(subkey) => (subkey.to_key().expect("a key"), KeyUsage::TGS_REP_SUBKEY),
        None => (session_key, KeyUsage::TGS_REP_SESSION),
    };
    let (part, kind) = open(&reply.enc_part, &key, usage).expect("the client can read the reply");
    assert_eq!(kind, KdcRepKind::Tgs);
    let ticket = open_ticket(site, &reply.ticket)
        .or_else(|| open_user_to_user(site, request, &reply.ticket))
        .expect("only the service can read the ticket");
    judge_reply(request, reply, &part, &ticket);
    let asks = Asks {
        site,
        request,
        server: reply.ticket.server(),
        shown: &shown,
        ticket: &ticket,
    };
    let authtime = asks.judge_client(&key);
    assert_eq!(ticket.authtime, authtime);
    judge_derived(request, &shown, &ticket);
}

fn open_authenticator(proof: &ApReq, session_key: &Key) -> Authenticator {
    let plain = proof
        .authenticator
        .decrypt(session_key, KeyUsage::TGS_REQ_AUTH)
        .expect("whoever shows the ticket has its key");
    Authenticator::from_der(&plain).expect("an authenticator")
}

/// What every reply says twice is the same.
fn judge_reply(request: &KdcReq, reply: &KdcRep, part: &EncKdcRepPart, ticket: &EncTicketPart) {
    assert_eq!(part.nonce, request.body.nonce);
    assert_eq!(reply.client(), ticket.client());
    assert_eq!(part.key, ticket.key);
    assert_eq!(part.flags, ticket.flags);
    assert_eq!(
        (part.authtime, part.endtime),
        (ticket.authtime, ticket.endtime)
    );
    assert_eq!(part.renew_till, ticket.renew_till);
    let server = Principal::new(part.sname.clone(), part.srealm.clone());
    assert_eq!(server, reply.ticket.server());
}

/// A ticket from a ticket gives nothing that the first did not.
fn judge_derived(request: &KdcReq, shown: &EncTicketPart, ticket: &EncTicketPart) {
    let options = request.body.kdc_options;
    // Whoever asks for both at once gets the ticket validated, with the times that it had.
    let renewed = options.contains(KdcOptions::RENEW) && !options.contains(KdcOptions::VALIDATE);
    let same_ticket = options.intersects(KdcOptions::RENEW | KdcOptions::VALIDATE);
    for flag in [
        TicketFlags::FORWARDABLE,
        TicketFlags::PROXIABLE,
        TicketFlags::RENEWABLE,
        TicketFlags::PRE_AUTHENT,
        TicketFlags::HW_AUTHENT,
    ] {
        assert!(
            !ticket.flags.contains(flag) || shown.flags.contains(flag),
            "{flag:?}"
        );
    }
    let initial = TicketFlags::INITIAL;
    assert!(!ticket.flags.contains(initial) || (same_ticket && shown.flags.contains(initial)));
    if shown.flags.contains(TicketFlags::INVALID) {
        assert!(
            options.contains(KdcOptions::VALIDATE),
            "an invalid ticket was taken"
        );
        let early = shown.starts().unix().saturating_sub(NOW.time.unix());
        assert!(early <= SKEW as i64, "validated too early");
    }
    let longest = if renewed {
        shown.renew_till
    } else {
        Some(shown.endtime)
    };
    assert!(Some(ticket.endtime) <= longest);
    assert!(ticket.renew_till <= shown.renew_till);
    if !options.intersects(KdcOptions::FORWARDED | KdcOptions::PROXY) {
        assert_eq!(ticket.caddr, shown.caddr);
    }
}

fn open(sealed: &EncryptedData, key: &Key, usage: KeyUsage) -> Option<(EncKdcRepPart, KdcRepKind)> {
    let plain = sealed.decrypt(key, usage).ok()?;
    EncKdcRepPart::from_der_of_either(&plain).ok()
}

pub(crate) fn open_ticket(site: &Site, ticket: &Ticket) -> Option<EncTicketPart> {
    let entry = site.entry(&ticket.server())?;
    entry
        .keys
        .iter()
        .find_map(|key| open_with(ticket, &key.key))
}

fn open_user_to_user(site: &Site, request: &KdcReq, ticket: &Ticket) -> Option<EncTicketPart> {
    let options = request.body.kdc_options;
    assert!(options.contains(KdcOptions::ENC_TKT_IN_SKEY));
    let second = open_ticket(site, request.body.additional_tickets.first()?)?;
    open_with(ticket, &second.key.to_key().ok()?)
}

fn open_with(ticket: &Ticket, key: &Key) -> Option<EncTicketPart> {
    let plain = ticket.enc_part.decrypt(key, KeyUsage::TICKET).ok()?;
    EncTicketPart::from_der(&plain).ok()
}
