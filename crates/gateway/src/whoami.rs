//! The page that shows people who they are here, and by what.

use std::net::IpAddr;
use std::time::Duration;

use askama::Template;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use serde::Serialize;

use crate::certificate::ClientCertificate;
use crate::identity::{Identity, Proof};
use crate::tls::TlsFacts;

/// Flags of tickets, as people read them.
const FLAGS: &[(TicketFlags, &str)] = &[
    (TicketFlags::FORWARDABLE, "forwardable"),
    (TicketFlags::FORWARDED, "forwarded"),
    (TicketFlags::PROXIABLE, "proxiable"),
    (TicketFlags::PROXY, "proxy"),
    (TicketFlags::RENEWABLE, "renewable"),
    (TicketFlags::INITIAL, "initial"),
    (TicketFlags::PRE_AUTHENT, "pre-authenticated"),
    (TicketFlags::HW_AUTHENT, "hardware-authenticated"),
    (TicketFlags::OK_AS_DELEGATE, "ok as delegate"),
    (TicketFlags::ANONYMOUS, "anonymous"),
];

/// Everything on the page, and every member of the JSON object.
#[derive(Debug, Serialize, Template)]
#[template(path = "whoami.html")]
pub struct Whoami {
    principal: String,
    name: String,
    realm: String,
    local_name: Option<String>,
    /// By what they have shown who they are, and whether that was in this very request.
    method: &'static str,
    #[serde(rename = "session")]
    is_session: bool,
    #[serde(flatten)]
    ticket: Option<TicketFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateFacts>,
    groups: Vec<String>,
    authenticated_at: String,
    ends_at: String,
    #[serde(rename = "seconds_left")]
    life_left: u64,
    #[serde(skip)]
    life_total: u64,
    #[serde(skip)]
    initial: String,
    #[serde(skip)]
    left: String,
    #[serde(skip)]
    authenticated_at_words: String,
    #[serde(skip)]
    ends_at_words: String,
    tls_version: String,
    cipher_suite: String,
    protocol: &'static str,
    client: IpAddr,
}

/// What is shown of a ticket.
#[derive(Debug, Serialize)]
struct TicketFacts {
    service: String,
    enctype: &'static str,
    flags: Vec<&'static str>,
    #[serde(rename = "channel_bound")]
    is_channel_bound: bool,
    #[serde(rename = "mutual")]
    is_mutual: bool,
    #[serde(rename = "delegated")]
    is_delegated: bool,
}

/// What is shown of a certificate.
#[derive(Debug, Serialize)]
struct CertificateFacts {
    subject: String,
    issuer: String,
    serial: String,
    fingerprint: String,
}

impl Whoami {
    /// The page about somebody who came over that connection.
    pub fn new(identity: &Identity, tls: &TlsFacts, client: IpAddr, now: Timestamp) -> Self {
        let name = String::from_utf8_lossy(&identity.principal.name.unparse()).into_owned();
        let life_left = identity.ends_at.duration_since(now.time);
        let life_total = identity.ends_at.duration_since(identity.authenticated_at);
        Self {
            principal: identity.principal.to_string(),
            initial: name
                .chars()
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().collect()),
            name,
            realm: identity.principal.realm.to_string_lossy().into_owned(),
            local_name: identity.local_name.clone(),
            method: identity.proof.method().name(),
            is_session: matches!(identity.proof, Proof::Session(_)),
            ticket: TicketFacts::of(&identity.proof),
            certificate: identity.certificate().map(CertificateFacts::of),
            groups: identity.groups.clone(),
            authenticated_at: identity.authenticated_at.to_string(),
            authenticated_at_words: in_words(identity.authenticated_at),
            ends_at: identity.ends_at.to_string(),
            ends_at_words: in_words(identity.ends_at),
            life_left: life_left.as_secs(),
            life_total: life_total.max(life_left).as_secs().max(1),
            left: length(life_left),
            tls_version: tls.version.clone(),
            cipher_suite: tls.cipher_suite.clone(),
            protocol: match tls.protocol {
                "h2" => "HTTP/2",
                _ => "HTTP/1.1",
            },
            client: client.to_canonical(),
        }
    }
}

impl TicketFacts {
    fn of(proof: &Proof) -> Option<Self> {
        let Proof::Ticket(ticket) = proof else {
            return None;
        };
        let flags = FLAGS
            .iter()
            .filter(|(flag, _)| ticket.ticket_flags.contains(*flag));
        Some(Self {
            service: ticket.service.to_string(),
            enctype: ticket.enctype.name(),
            flags: flags.map(|(_, word)| *word).collect(),
            is_channel_bound: ticket.is_channel_bound,
            is_mutual: ticket.is_mutual,
            is_delegated: ticket.is_delegated,
        })
    }
}

impl CertificateFacts {
    fn of(certificate: &ClientCertificate) -> Self {
        Self {
            subject: certificate.subject_dn.clone(),
            issuer: certificate.issuer_dn.clone(),
            serial: certificate.serial.clone(),
            fingerprint: certificate.fingerprint.clone(),
        }
    }
}

/// `2026-11-22 12:00 UTC`.
fn in_words(time: KerberosTime) -> String {
    let text = time.to_string();
    let minutes = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minutes.replace('T', " "))
}

/// `9 h 41 min`.
fn length(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::tests::alice;

    fn page(identity: &Identity) -> Whoami {
        let tls = TlsFacts {
            version: "TLS 1.3".to_owned(),
            cipher_suite: "AES_256_GCM_SHA384".to_owned(),
            protocol: "h2",
        };
        let now = Timestamp::new(KerberosTime::from_unix(1_800_001_140), 0);
        Whoami::new(identity, &tls, "192.0.2.7".parse().unwrap(), now)
    }

    #[test]
    fn the_page_says_who_by_what_and_how_long() {
        let html = page(&alice()).render().unwrap();
        for part in [
            "<h1>alice</h1>",
            "EXAMPLE.TEST",
            "aes256-cts-hmac-sha1-96",
            "9 h 41 min",
            "2027-01-15 18:00 UTC",
            "pre-authenticated",
            "TLS 1.3",
            "HTTP/2",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn the_object_has_the_same() {
        let object = serde_json::to_value(page(&alice())).unwrap();
        assert_eq!(object["principal"], "alice@EXAMPLE.TEST");
        assert_eq!(object["local_name"], "alice");
        assert_eq!(object["seconds_left"], 34_860);
        assert_eq!(object["channel_bound"], false);
        assert_eq!(object["flags"][1], "pre-authenticated");
    }

    #[test]
    fn a_name_with_markup_in_it_is_text() {
        let mut mallory = alice();
        mallory.principal.name.components = vec!["<b>mallory</b>".into()];
        let html = page(&mallory).render().unwrap();
        assert!(!html.contains("<b>"), "{html}");
    }

    #[test]
    fn lengths_are_told_as_people_tell_them() {
        let told = |seconds| length(Duration::from_secs(seconds));
        assert_eq!(told(59), "less than a minute");
        assert_eq!(told(3599), "59 min");
        assert_eq!(told(36_000), "10 h 0 min");
        assert_eq!(told(7 * 86_400 + 7200), "7 d 2 h");
    }
}
