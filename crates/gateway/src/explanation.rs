//! What would become of a request, without one: for people who wonder why they are let in, or not.

use std::sync::Arc;

use http::Method;
use kerbstone_crypto::Enctype;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use crate::admission::Admission;
use crate::certificate::{ClientCertificate, Unmapped};
use crate::entry_point::EntryPoint;
use crate::identity::{Identity, Method as Shown, Proof, SessionProof, TicketProof};
use crate::place::{Asked, HostName};
use crate::request_path::{BadPath, RequestPath};
use crate::rule::Denied;
use crate::table::Table;
use crate::way::Way;

/// A request that might come.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The host that it names.
    pub host: HostName,
    /// The listener that it comes by.
    pub listener: &'a str,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: &'a str,
    /// Who sends it, if they can show it.
    pub principal: Option<Principal>,
    /// The certificate of the connection.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// Whether it carries a token for the back end.
    pub has_token: bool,
}

/// What would become of it.
#[derive(Debug)]
pub enum Explanation<'a> {
    /// The path may mean several places.
    BadPath(BadPath),
    /// No entry point takes it.
    Nowhere,
    /// An entry point does.
    Found(Box<Found<'a>>),
}

/// What would become of it at an entry point.
#[derive(Debug)]
pub struct Found<'a> {
    /// Which.
    pub entry_point: &'a EntryPoint,
    /// The way that decides, if one does.
    pub way: Option<Way>,
    /// What is decided.
    pub verdict: Verdict,
    /// The path as what is behind the entry point knows it.
    pub path: String,
}

/// What is decided.
#[derive(Debug)]
pub enum Verdict {
    /// Somebody known comes in.
    Admitted(Box<Identity>, Admission),
    /// Somebody comes in of whom nothing is known.
    Open,
    /// They are asked to show who they are.
    Asked,
    /// They are known, and do not come in.
    Denied(Box<Identity>, Denied),
    /// The certificate stands for nobody.
    Unmapped(Unmapped),
}

impl Table {
    /// What would become of a request.
    pub async fn explain(&self, question: &Question<'_>, now: KerberosTime) -> Explanation<'_> {
        let path = match RequestPath::of(question.path) {
            Ok(path) => path,
            Err(why) => return Explanation::BadPath(why),
        };
        let asked = Asked {
            host: &question.host,
            listener: question.listener,
            method: &question.method,
            path: &path,
        };
        let Some(entry_point) = self.entry_points.of(&asked) else {
            return Explanation::Nowhere;
        };
        let mut way = None;
        let mut verdict = Verdict::Asked;
        for one in &entry_point.ways {
            if let Some(decided) = self.by(*one, entry_point, question, now).await {
                (way, verdict) = (Some(*one), decided);
                break;
            }
        }
        let rewritten = entry_point.rewrite.as_ref();
        let rewritten =
            rewritten.and_then(|inner| entry_point.place.prefix.replaced(question.path, inner));
        Explanation::Found(Box::new(Found {
            entry_point,
            way,
            verdict,
            path: rewritten.unwrap_or_else(|| question.path.to_owned()),
        }))
    }

    /// What a way decides, if there is a proof for it.
    async fn by(
        &self,
        way: Way,
        entry_point: &EntryPoint,
        question: &Question<'_>,
        now: KerberosTime,
    ) -> Option<Verdict> {
        let (principal, proof) = match way {
            Way::Nobody => return Some(Verdict::Open),
            Way::Token => return question.has_token.then_some(Verdict::Open),
            Way::Certificate => {
                let certificate = question.certificate.clone()?;
                match self.certificates.principal(&certificate) {
                    Ok(principal) => (principal, Proof::Certificate(certificate)),
                    Err(why) => return Some(Verdict::Unmapped(why)),
                }
            }
            Way::Negotiate => {
                let principal = question.principal.clone()?;
                let proof = ticket(&principal);
                (principal, proof)
            }
            Way::Basic => (question.principal.clone()?, Proof::Password),
            // With either the person has shown a password or a ticket before.
            Way::Form | Way::Session => {
                let is_other =
                    |way: &&Way| way.names_people() && !matches!(way, Way::Session | Way::Form);
                if entry_point.ways.iter().any(|way| is_other(&way)) {
                    return None;
                }
                let session = SessionProof {
                    method: Shown::Form,
                    began: now,
                };
                (question.principal.clone()?, Proof::Session(session))
            }
        };
        let mut identity = Identity {
            local_name: self.local_names.of(&principal),
            principal,
            groups: Vec::new(),
            authenticated_at: now,
            ends_at: now,
            proof,
        };
        let certificate = question.certificate.as_deref();
        let admitted = self
            .admit(entry_point, &mut identity, certificate, None)
            .await;
        Some(match admitted {
            Ok(admission) => Verdict::Admitted(Box::new(identity), admission),
            Err(why) => Verdict::Denied(Box::new(identity), why),
        })
    }
}

/// A ticket as anybody might have one.
fn ticket(principal: &Principal) -> Proof {
    Proof::Ticket(TicketProof {
        service: principal.clone(),
        enctype: Enctype::Aes256CtsHmacSha1_96,
        ticket_flags: TicketFlags::EMPTY,
        is_channel_bound: false,
        is_mutual: true,
        is_delegated: false,
    })
}
