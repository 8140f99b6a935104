//! A ticket to another service in the name of a user whose ticket somebody shows (S4U2Proxy, MS-SFU 3.1.5.2).

use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{KrbError, Ticket};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use super::behalf::Behalf;
use super::tgs_exchange::{self, Granted, Pending, Reply, Wanted, inherited};
use super::{MAX_REFERRALS, ObtainedTicket, TicketSettings, failure, issuer, own_tgt};
use crate::clock::Offset;
use crate::error::{BehalfRefusal, ClientError};
use crate::machine::{Input, Machine, Request, Service, Step};

/// Which ticket is wanted in a user's name.
#[derive(Clone, Debug)]
pub struct WantedOnBehalf {
    /// The user that the evidence is of.
    pub user: Principal,
    /// The service to go to. An empty realm leaves it to the KDC where the service lives; another realm than one's own is
    /// reached in this way only.
    pub server: Principal,
    /// The user's ticket to the service that asks, from S4U2Self or from the user.
    pub evidence: Ticket,
    /// Until when the ticket shall be valid; as long as the TGT when absent.
    pub till: Option<KerberosTime>,
    /// Other encryption types than the settings'.
    pub enctypes: Option<Vec<Enctype>>,
    /// Further options of the KDC request.
    pub options: KdcOptions,
}

impl WantedOnBehalf {
    /// A plain ticket.
    pub const fn new(user: Principal, server: Principal, evidence: Ticket) -> Self {
        Self {
            user,
            server,
            evidence,
            till: None,
            enctypes: None,
            options: KdcOptions::EMPTY,
        }
    }
}

/// The machine of S4U2Proxy.
#[derive(Debug)]
pub struct S4u2ProxyRequest {
    settings: TicketSettings,
    wish: WantedOnBehalf,
    service: Principal,
    server: Principal,
    stage: Stage,
    /// The service's own TGT, at last of the realm where the target lives.
    tgt: Credential,
    /// A TGT that a realm gave for the user's evidence.
    proxy_tgt: Option<Credential>,
    pending: Option<Pending>,
    /// The realms of the walk that goes on now.
    seen: Vec<Realm>,
    skew_retried: bool,
    notes: Vec<String>,
    step: Option<Step<ObtainedTicket>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Asking the service's own realm with the evidence.
    Evidence,
    /// The target is elsewhere: walking there without the evidence, to have a TGT of that realm.
    OwnWalk,
    /// Walking there with the TGT that came for the evidence.
    ProxyWalk,
    /// Asking the target's realm, with that TGT as evidence.
    AtTarget,
}

impl S4u2ProxyRequest {
    /// A ticket that `service` gets for `wish`'s user. `held` is what the service's cache holds.
    pub fn new(
        service: Principal,
        wish: WantedOnBehalf,
        held: &[Credential],
        settings: TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let realm = service.realm.clone();
        let mut server = wish.server.clone();
        if server.realm.is_empty() {
            server.realm = realm.clone();
        }
        let now_there = settings.offset.apply(now).time;
        let mut request = Self {
            tgt: own_tgt(held, &service, &realm, now_there)?,
            settings,
            wish,
            service,
            server,
            stage: Stage::Evidence,
            proxy_tgt: None,
            pending: None,
            seen: Vec::new(),
            skew_retried: false,
            notes: Vec::new(),
            step: None,
        };
        let evidence = request.wish.evidence.clone();
        request.ask_with(evidence, now, rng)?;
        Ok(request)
    }

    fn ask_with(
        &mut self,
        evidence: Ticket,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let (user, server) = (&self.wish.user, &self.server);
        self.notes
            .push(format!("Requesting a ticket to {server} for {user}"));
        let wanted = Wanted {
            options: inherited(self.tgt.flags)
                | self.wish.options
                | KdcOptions::CNAME_IN_ADDL_TKT
                | KdcOptions::CANONICALIZE,
            second_ticket: Some(evidence),
            behalf: Behalf::Evidence,
            ..self.plain(self.server.clone())
        };
        let with = self.tgt.clone();
        self.send(&with, wanted, now, rng)
    }

    fn plain(&self, server: Principal) -> Wanted {
        Wanted {
            server,
            options: inherited(self.tgt.flags) | self.wish.options,
            till: self.wish.till,
            enctypes: match &self.wish.enctypes {
                Some(wished) => wished.clone(),
                None => self.settings.enctypes.clone(),
            },
            addresses: None,
            second_ticket: None,
            behalf: Behalf::Own,
        }
    }

    fn send(
        &mut self,
        with: &Credential,
        wanted: Wanted,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let now = self.settings.offset.apply(now);
        let pending = tgs_exchange::request(with, wanted, now, rng)?;
        self.step = Some(Step::Send(Request {
            realm: pending.realm.clone(),
            service: Service::Kdc,
            bytes: pending.bytes.clone(),
        }));
        self.pending = Some(pending);
        Ok(())
    }

    fn handle_ticket(
        &mut self,
        granted: Granted,
        pending: &Pending,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let ticket = granted.credential;
        match self.stage {
            Stage::Evidence if ticket.server.name == self.server.name => self.finish(ticket),
            Stage::Evidence => {
                must_be_resource_based(granted.resource_based, &pending.realm)?;
                // The realm where the service lives is the one that this leads to, or one behind it.
                let first = self.tgt.clone();
                self.check_referral(&ticket, &first)?;
                self.proxy_tgt = Some(ticket);
                self.stage = Stage::OwnWalk;
                self.seen.clear();
                self.walk(now, rng)
            }
            Stage::OwnWalk if ticket.server.name == self.server.name => {
                self.server.realm = issuer(&self.tgt)?;
                self.stage = Stage::ProxyWalk;
                self.seen.clear();
                self.walk_with_evidence(now, rng)
            }
            Stage::OwnWalk => {
                let before = self.tgt.clone();
                self.check_referral(&ticket, &before)?;
                self.tgt = ticket;
                self.walk(now, rng)
            }
            Stage::ProxyWalk => {
                let before = self.proxy_tgt.take().unwrap_or_else(|| self.tgt.clone());
                self.check_referral(&ticket, &before)?;
                self.proxy_tgt = Some(ticket);
                self.walk_with_evidence(now, rng)
            }
            Stage::AtTarget => {
                must_be_resource_based(granted.resource_based, &pending.realm)?;
                if ticket.server != self.server {
                    return Err(ClientError::ReplyModified {
                        what: "the server's name",
                    });
                }
                self.finish(ticket)
            }
        }
    }

    /// A plain request for the target: its ticket is of no use, the TGT that it came with is.
    fn walk(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Result<(), ClientError> {
        let server = Principal::new(self.server.name.clone(), issuer(&self.tgt)?);
        let mut wanted = self.plain(server);
        wanted.options |= KdcOptions::CANONICALIZE;
        let with = self.tgt.clone();
        self.send(&with, wanted, now, rng)
    }

    fn walk_with_evidence(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let Some(proxy_tgt) = self.proxy_tgt.clone() else {
            return Err(ClientError::Misuse("there is no TGT for the evidence"));
        };
        let here = issuer(&proxy_tgt)?;
        let target = self.server.realm.clone();
        if here == target {
            self.stage = Stage::AtTarget;
            return self.ask_with(evidence_in(&proxy_tgt)?, now, rng);
        }
        let mut wanted = self.plain(Principal::new(PrincipalName::krbtgt(&target), here));
        wanted.options |= KdcOptions::CANONICALIZE;
        self.send(&proxy_tgt, wanted, now, rng)
    }

    fn check_referral(
        &mut self,
        ticket: &Credential,
        before: &Credential,
    ) -> Result<(), ClientError> {
        if !ticket.server.is_krbtgt() {
            return Err(ClientError::ReplyModified {
                what: "the server's name",
            });
        }
        let realm = issuer(ticket)?;
        let again = realm == issuer(before)? || self.seen.contains(&realm);
        self.seen.push(realm);
        if again || self.seen.len() > MAX_REFERRALS {
            return Err(ClientError::Looping {
                realms: self.seen.clone(),
            });
        }
        Ok(())
    }

    fn finish(&mut self, mut ticket: Credential) -> Result<(), ClientError> {
        if ticket.client != self.wish.user {
            return Err(ClientError::ReplyModified {
                what: "the user's name in the ticket",
            });
        }
        ticket.server = self.wish.server.clone();
        // What the caller showed, whatever was shown on the way: the ticket is found again by it.
        ticket.second_ticket = self.wish.evidence.to_der();
        self.step = Some(Step::Done(ObtainedTicket {
            credential: ticket,
            intermediate: Vec::new(),
            offset: self.settings.offset,
        }));
        Ok(())
    }

    fn refusal(&self, pending: &Pending, error: &KrbError, now: Timestamp) -> ClientError {
        let with_evidence = matches!(self.stage, Stage::Evidence | Stage::AtTarget);
        match failure(pending, error, now) {
            ClientError::Kdc {
                code: ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
                ..
            } if self.wish.server.realm != self.service.realm => ClientError::DelegationByRealm {
                target: self.wish.server.clone(),
            },
            ClientError::Kdc {
                code, text, realm, ..
            } if with_evidence => ClientError::DelegationRefused(Box::new(BehalfRefusal {
                service: self.service.clone(),
                user: self.wish.user.clone(),
                target: self.server.clone(),
                code,
                text,
                realm,
            })),
            other => other,
        }
    }
}

impl Machine for S4u2ProxyRequest {
    type Output = ObtainedTicket;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let (Some(pending), Input::Reply(reply)) = (self.pending.take(), input) else {
            return Err(ClientError::Misuse("the request did not ask for this"));
        };
        match pending.open(reply, self.settings.clock_skew)? {
            Reply::Error(error)
                if super::is_curable_skew(&error, &self.settings) && !self.skew_retried =>
            {
                self.skew_retried = true;
                self.settings.offset = Offset::between(error.server_time(), now);
                self.send(&pending.with, pending.wanted, now, rng)
            }
            Reply::Error(error) => Err(self.refusal(&pending, &error, now)),
            Reply::Ticket(granted) => self.handle_ticket(*granted, &pending, now, rng),
        }
    }

    fn poll(&mut self) -> Option<Step<ObtainedTicket>> {
        self.step.take()
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

/// A realm that does not know of the evidence refers the service in its own name, and nobody would notice.
fn must_be_resource_based(said: bool, realm: &Realm) -> Result<(), ClientError> {
    match said {
        true => Ok(()),
        false => Err(ClientError::ImpersonationUnsupported {
            realm: realm.clone(),
        }),
    }
}

fn evidence_in(credential: &Credential) -> Result<Ticket, ClientError> {
    Ticket::from_der(&credential.ticket)
        .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))
}
