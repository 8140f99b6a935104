//! Services that act for users: on their own word (S4U2Self) and on a user's ticket (S4U2Proxy).

mod evidence;
mod mit_pacs;
mod our_client;
mod own_word;
mod peers;
mod proof;
mod realms;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_kdc::{ActingHow, HostRealms, KdcConfig, Referrals};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, PacOptions, TicketFlags};
use kerbstone_proto::message::{
    EncTicketPart, EncryptedData, KdcRep, KdcRepKind, KdcReq, KrbError, PaData, PaForUser,
    PaPacOptions, PaPacRequest, PaS4uX509User, PaType, S4uUserId, Ticket, UInt32,
};
use kerbstone_proto::name::{NameType, PrincipalName, Realm};
use kerbstone_proto::pac::{
    DelegationInfo, KdcSignatures, Pac, PacBuffer, PacContents, PacInTicket, ShownName, SignedPac,
    Signers,
};
use kerbstone_realm::{Attributes, Delegation, KeyChange};

use crate::client::{Client, Credential, open_reply};
use crate::site::{REALM, Site, principal};

const FRONT: &str = "HTTP/front.kerbstone.test";
const BACK: &str = "HTTP/back.kerbstone.test";
const FAR: &str = "OTHER.TEST";

type Outcome = Result<Credential, Box<KrbError>>;

/// A site with two services that can sign in.
fn site() -> Site {
    let site = Site::new();
    site.add_user(FRONT);
    site.add_user(BACK);
    site
}

fn permit(site: &Site, front: &str, targets: &[&str]) {
    site.modify(front, |entry| {
        entry.set_delegation(&Delegation {
            targets: targets.iter().map(|name| principal(name)).collect(),
            ..entry.delegation()
        });
    });
}

fn admit(site: &Site, back: &str, fronts: &[&str]) {
    site.modify(back, |entry| {
        entry.set_delegation(&Delegation {
            fronts: fronts.iter().map(|name| principal(name)).collect(),
            ..entry.delegation()
        });
    });
}

/// A request that also carries this.
fn with(mut request: KdcReq, padata: PaData) -> KdcReq {
    request.padata.push(padata);
    request
}

fn ask(client: &mut Client<'_>, shown: &Credential, request: &KdcReq) -> Outcome {
    let reply = client.ask(&request.to_der()).reply;
    let usage = KeyUsage::TGS_REP_SESSION;
    open_reply(&reply, KdcRepKind::Tgs, &shown.key, usage)
}

/// Asks for a user's ticket to the service itself, in the older form.
fn for_user(client: &mut Client<'_>, shown: &Credential, user: &str, to: &str) -> Outcome {
    let asked = PaForUser::new(&principal(user), &shown.key);
    let padata = PaData::new(PaType::FOR_USER, asked.to_der());
    let options = KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
    let request = client.tgs_req(shown, to, |body| body.kdc_options = options, |show| show);
    ask(client, shown, &with(request, padata))
}

/// The same in the newer form, its contents changed by `adjust`.
fn x509_user(
    client: &mut Client<'_>,
    shown: &Credential,
    user: &str,
    adjust: impl FnOnce(&mut PaS4uX509User, &Key),
) -> KdcReq {
    let options = KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
    let service = shown.client.to_string();
    let request = client.tgs_req(
        shown,
        &service,
        |body| body.kdc_options = options,
        |show| show,
    );
    let id = S4uUserId::new(&principal(user), request.body.nonce);
    let mut asked = PaS4uX509User::request(id, &shown.key);
    adjust(&mut asked, &shown.key);
    with(request, PaData::new(PaType::S4U_X509_USER, asked.to_der()))
}

/// Asks for the evidence's user's ticket to another service.
fn proxy_request(
    client: &mut Client<'_>,
    shown: &Credential,
    evidence: Option<&Ticket>,
    to: &str,
) -> KdcReq {
    client.tgs_req(
        shown,
        to,
        |body| {
            body.kdc_options =
                KdcOptions::CNAME_IN_ADDL_TKT | KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
            body.additional_tickets = evidence.cloned().into_iter().collect();
        },
        |show| show,
    )
}

fn proxy(client: &mut Client<'_>, shown: &Credential, evidence: &Credential, to: &str) -> Outcome {
    let request = proxy_request(client, shown, Some(&evidence.ticket), to);
    ask(client, shown, &request)
}

fn resource_based() -> PaData {
    let options = PacOptions::RESOURCE_BASED_DELEGATION;
    PaData::new(PaType::PAC_OPTIONS, PaPacOptions { options }.to_der())
}

/// The same by a client that knows that targets may permit it.
fn resource_based_proxy(
    client: &mut Client<'_>,
    shown: &Credential,
    evidence: &Credential,
    to: &str,
) -> Outcome {
    let request = proxy_request(client, shown, Some(&evidence.ticket), to);
    ask(client, shown, &with(request, resource_based()))
}

/// A user's own ticket to the service, as the service got it in a context.
fn evidence(client: &mut Client<'_>, user: &str) -> Credential {
    let tgt = client.tgt(user);
    let forwardable = |body: &mut kerbstone_proto::message::KdcReqBody| {
        body.kdc_options = KdcOptions::FORWARDABLE;
    };
    client.ticket(&tgt, FRONT, forwardable).unwrap()
}

fn key_of(site: &Site, name: &str) -> Key {
    let entry = site.directory.lookup(&principal(name)).unwrap().unwrap();
    entry.keys[0].key.clone()
}

/// The PAC that a service finds in its ticket, checked with all keys.
fn pac(site: &Site, ticket: &Credential) -> SignedPac {
    let service = ticket.ticket.server();
    let kdc = KdcSignatures {
        key: &key_of(site, &format!("krbtgt/{0}@{0}", service.realm)),
        without_full: false,
    };
    let key = key_of(site, &service.to_string());
    SignedPac::verify(&ticket.opened(site), &service, &key, Some(kdc))
        .unwrap()
        .expect("a PAC")
}

fn is_of(site: &Site, ticket: &Credential, user: &str) -> bool {
    let part = ticket.opened(site);
    let name = ShownName::without_realm(&principal(user).name);
    let pac = pac(site, ticket);
    part.client() == principal(user)
        && pac
            .client_info()
            .unwrap()
            .is_of(part.authtime, name.as_ref())
}

fn code(outcome: Outcome) -> ErrorCode {
    outcome.expect_err("a refusal").error_code
}

/// The ticket changed by its service, which has the key that it is sealed with.
fn tampered(
    site: &Site,
    ticket: &Credential,
    tamper: impl FnOnce(&mut EncTicketPart),
) -> Credential {
    let service = ticket.ticket.server().to_string();
    let mut part = ticket.opened(site);
    tamper(&mut part);
    let usage = KeyUsage::TICKET;
    let kvno = ticket.ticket.enc_part.kvno.map(|kvno| kvno.0);
    let key = key_of(site, &service);
    let enc_part = EncryptedData::encrypt(&key, usage, kvno, &part.to_der(), &mut rand::rng());
    Credential {
        ticket: Ticket {
            enc_part,
            ..ticket.ticket.clone()
        },
        ..ticket.clone()
    }
}

fn replace_pac(part: &mut EncTicketPart, change: impl FnOnce(&mut Vec<u8>)) {
    let found = PacInTicket::find(&part.authorization_data)
        .unwrap()
        .unwrap();
    let mut bytes = found.bytes().to_vec();
    change(&mut bytes);
    let element = kerbstone_proto::message::AuthorizationDataElement {
        ad_type: 128,
        ad_data: bytes,
    };
    let list = kerbstone_proto::message::AuthorizationData(vec![element]);
    part.authorization_data[found.container] = list.if_relevant();
}
