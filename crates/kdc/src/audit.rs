//! What was asked, by whom, from where, and what became of it. Never a secret.

use std::borrow::Cow;

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use crate::json_line::JsonLine;
use crate::peer::Peer;
use crate::reply_writer::{Grant, Reply, TicketKey};

/// Requested enctypes that an event remembers.
const ENCTYPES: usize = 10;

/// The kinds of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// Initial tickets.
    As,
    /// Tickets by ticket.
    Tgs,
    /// Password changes (RFC 3244).
    Password,
    /// Bytes that are none of these.
    Unknown,
}

impl Exchange {
    pub(crate) const COUNT: usize = 4;

    /// All kinds, in the order of metrics.
    pub const ALL: [Self; Self::COUNT] = [Self::As, Self::Tgs, Self::Password, Self::Unknown];

    /// The name in audit lines and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::As => "as",
            Self::Tgs => "tgs",
            Self::Password => "password",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It got what it asked for.
    Granted,
    /// It got an error.
    Refused {
        /// The protocol's code; for password changes the result code stands in `why`.
        code: ErrorCode,
        /// The reason in words, as the administrator should read it.
        why: Cow<'static, str>,
    },
    /// It was a retransmission and got the same bytes again.
    Repeated,
    /// It got no answer.
    Dropped {
        /// Why nothing could be said.
        why: &'static str,
    },
}

/// What a service acts for a user on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActingHow {
    /// Its own word: it asks for the user's ticket to itself (S4U2Self).
    OwnWord,
    /// The user's ticket to it: it asks for the user's ticket to another (S4U2Proxy).
    Evidence,
}

impl ActingHow {
    /// The name in audit lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnWord => "s4u2self",
            Self::Evidence => "s4u2proxy",
        }
    }
}

/// For whom a client acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActingFor {
    /// The user.
    pub user: Principal,
    /// With what right.
    pub how: ActingHow,
}

/// What was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Enctype of the key that the reply is under.
    pub reply: Enctype,
    /// Enctype of the key that the ticket is under.
    pub ticket: Enctype,
    /// Enctype of the session key.
    pub session: Enctype,
    /// Flags of the ticket.
    pub flags: TicketFlags,
    /// When the client first signed in.
    pub authtime: KerberosTime,
    /// When the ticket ends.
    pub endtime: KerberosTime,
    /// Until when it can be renewed.
    pub renew_till: Option<KerberosTime>,
}

/// The enctypes of a request, as many as a log line should hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestedEnctypes {
    numbers: [i32; ENCTYPES],
    count: u8,
}

impl RequestedEnctypes {
    pub(crate) fn new(numbers: &[i32]) -> Self {
        let mut requested = Self::default();
        for (slot, number) in requested.numbers.iter_mut().zip(numbers) {
            *slot = *number;
            requested.count = requested.count.saturating_add(1);
        }
        requested
    }

    /// Their numbers, in the client's order.
    pub fn numbers(&self) -> &[i32] {
        self.numbers
            .get(..usize::from(self.count))
            .unwrap_or_default()
    }
}

/// One decision of the KDC.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// When.
    pub time: Timestamp,
    /// From where.
    pub peer: Peer,
    /// What kind of request.
    pub exchange: Exchange,
    /// Who asked, as far as is known; not verified where the request was refused.
    pub client: Option<Principal>,
    /// For which service, or whose password.
    pub service: Option<Principal>,
    /// For whom the client, a service, acts or would like to.
    pub acting_for: Option<ActingFor>,
    /// Which enctypes the client offered.
    pub requested: RequestedEnctypes,
    /// How it ended.
    pub outcome: Outcome,
    /// What was issued, if anything was.
    pub issued: Option<Issued>,
    /// Anything else worth knowing: the realm a referral led to, the transited realms.
    pub note: Option<String>,
}

impl AuditEvent {
    pub(crate) fn new(time: Timestamp, peer: &Peer, exchange: Exchange, outcome: Outcome) -> Self {
        Self {
            time,
            peer: *peer,
            exchange,
            client: None,
            service: None,
            acting_for: None,
            requested: RequestedEnctypes::default(),
            outcome,
            issued: None,
            note: None,
        }
    }

    /// Appends the event as one line of JSON, with its newline.
    pub fn write_json_line(&self, line: &mut String) {
        let mut json = JsonLine::begin(line);
        json.time("time", self.time.time);
        json.number("usec", i64::from(self.time.usec));
        json.text("exchange", self.exchange.name());
        if let Some(address) = self.peer.address {
            json.address("from", address);
            json.number("port", i64::from(self.peer.port));
        }
        json.text("transport", self.peer.transport.name());
        if let Some(client) = &self.client {
            json.bytes("client", &client.unparse());
        }
        if let Some(service) = &self.service {
            json.bytes("service", &service.unparse());
        }
        if let Some(acting) = &self.acting_for {
            json.bytes("acting_for", &acting.user.unparse());
            json.text("acting_how", acting.how.name());
        }
        self.outcome.write(&mut json);
        json.numbers("etypes", self.requested.numbers());
        if let Some(issued) = &self.issued {
            issued.write(&mut json);
        }
        if let Some(note) = &self.note {
            json.text("note", note);
        }
        json.end();
    }
}

impl Outcome {
    fn write(&self, json: &mut JsonLine<'_>) {
        match self {
            Self::Granted => json.text("outcome", "granted"),
            Self::Repeated => json.text("outcome", "repeated"),
            Self::Refused { code, why } => {
                json.text("outcome", "refused");
                json.number("code", i64::from(code.0));
                if let Some(name) = code.name() {
                    json.text("error", name);
                }
                json.text("why", why);
            }
            Self::Dropped { why } => {
                json.text("outcome", "dropped");
                json.text("why", why);
            }
        }
    }
}

impl Issued {
    pub(crate) fn of(grant: &Grant<'_>, ticket_key: &TicketKey<'_>, reply: &Reply<'_>) -> Self {
        Self {
            reply: reply.key.enctype(),
            ticket: ticket_key.key.enctype(),
            session: grant.session_key.enctype(),
            flags: grant.flags,
            authtime: grant.authtime,
            endtime: grant.lifetime.end,
            renew_till: grant.lifetime.renew_till,
        }
    }

    fn write(&self, json: &mut JsonLine<'_>) {
        json.text("reply_etype", self.reply.name());
        json.text("ticket_etype", self.ticket.name());
        json.text("session_etype", self.session.name());
        json.number("flags", i64::from(self.flags.bits()));
        json.time("authtime", self.authtime);
        json.time("endtime", self.endtime);
        if let Some(renew_till) = self.renew_till {
            json.time("renew_till", renew_till);
        }
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Realm;

    use super::*;
    use crate::peer::Transport;

    fn event(name: &str) -> AuditEvent {
        let peer = Peer::new("192.0.2.1".parse().ok(), 4711, Transport::Udp);
        let now = Timestamp::new(KerberosTime::ZERO, 5);
        let outcome = Outcome::Refused {
            code: ErrorCode(6),
            why: "CLIENT_NOT_FOUND".into(),
        };
        let mut event = AuditEvent::new(now, &peer, Exchange::As, outcome);
        let realm = Realm::from("EXAMPLE.ORG");
        event.client = Some(Principal::parse(name, Some(&realm)).unwrap());
        event.requested = RequestedEnctypes::new(&[18, 17]);
        event
    }

    #[test]
    fn writes_one_line_of_json() {
        let mut line = String::new();
        event("alice").write_json_line(&mut line);
        assert_eq!(
            line,
            concat!(
                r#"{"time":"1970-01-01T00:00:00Z","usec":5,"exchange":"as","from":"192.0.2.1","#,
                r#""port":4711,"transport":"udp","client":"alice@EXAMPLE.ORG","#,
                r#""outcome":"refused","code":6,"error":"KDC_ERR_C_PRINCIPAL_UNKNOWN","#,
                r#""why":"CLIENT_NOT_FOUND","etypes":[18,17]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_name_can_neither_forge_a_line_nor_flood_it() {
        let mut line = String::new();
        let hostile = format!("a\"}}\u{1}{{\"{}", "x".repeat(5000));
        event(&hostile).write_json_line(&mut line);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.len() < 900, "{}", line.len());
        assert!(line.contains(r#"a\"}\u0001{\""#), "{line}");
    }
}
