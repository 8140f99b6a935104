//! The side that is asked.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::cell::Cell;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::ap_exchange::{AcceptedApReq, ApPurpose, ApReqCheck, verify_ap_req};
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::flags::{ApOptions, TicketFlags};
use kerbstone_proto::message::{AdType, ApReq};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};

use super::gss_checksum::{CHECKSUM_TYPE, GssChecksum};
use super::initiator::initial_sequence;
use super::sequence_window::SequenceWindow;
use super::token::{self, Mark, Token};
use super::{
    ap_rep_leg, delegation, error_token, etype_negotiation, pac, require_modern, service_key,
    user_to_user,
};
use crate::context::TicketTimes;
use crate::error::about;
use crate::{
    AcceptorCredential, ChannelBindings, Context, Freshness, GssError, GssFlags, Oid, Refused,
    ReplayEntry, Step,
};

/// What an initiator may choose by itself.
const CHOOSABLE: GssFlags = GssFlags::INTEG
    .union(GssFlags::CONF)
    .union(GssFlags::MUTUAL)
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE)
    .union(GssFlags::DCE_STYLE)
    .union(GssFlags::IDENTIFY)
    .union(GssFlags::EXTENDED_ERROR);
const KNOWS_BINDINGS: u32 = 0x4000;

/// Accepts one context.
#[derive(Debug)]
pub struct Acceptor {
    credential: Arc<AcceptorCredential>,
    bindings: Option<ChannelBindings>,
    other_bindings: Vec<ChannelBindings>,
    keeps_evidence: bool,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Start,
    /// An answer in DCE style is out.
    Answered(Box<Answered>),
    Done,
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) session_key: Key,
    pub(super) our_sequence: u32,
    pub(super) context: Context,
}

/// Whose key opened a ticket.
#[derive(Debug)]
struct Opener {
    principal: Principal,
    key: Option<Key>,
}

/// What the authenticator's checksum says.
#[derive(Debug, Default)]
struct Said {
    flags: GssFlags,
    delegated: Vec<ServiceTicket>,
}

impl Acceptor {
    /// A machine that waits for the first token.
    ///
    /// Bindings, if there are any, must be those of the initiator, or the initiator must have
    /// none.
    pub const fn new(
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        Self {
            credential,
            bindings,
            other_bindings: Vec::new(),
            keeps_evidence: false,
            state: State::Start,
        }
    }

    /// Lets the initiator be bound to one of these instead: a channel may have several names, of which it chooses one
    /// (RFC 5929, RFC 9266).
    #[must_use]
    pub fn or_bound_to(mut self, others: impl IntoIterator<Item = ChannelBindings>) -> Self {
        self.other_bindings.extend(others);
        self
    }

    /// Keeps the initiator's ticket when it is forwardable: with it as evidence, a KDC may let this
    /// side go on in the initiator's name (S4U2Proxy).
    #[must_use]
    pub const fn keep_evidence(mut self) -> Self {
        self.keeps_evidence = true;
        self
    }

    /// Takes the initiator's token and says what to do.
    ///
    /// # Errors
    /// No context will come of it. The machine is of no use after that.
    pub fn step(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        match mem::replace(&mut self.state, State::Done) {
            State::Start => self.begin(input, now, rng),
            State::Answered(answered) => Ok(finish_dce(*answered, input)?),
            State::Done => Err(GssError::Misuse(
                "the acceptor has come to its end, established or refused",
            )
            .into()),
        }
    }

    fn begin(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let token = token::read(input)?;
        match token.mark {
            Mark::ApReq => {}
            Mark::TgtRequest => return Ok(self.give_tgt(&token)?),
            Mark::Error => return Err(error_token::read(token.message, now).into()),
            Mark::ApRep | Mark::TgtReply => {
                return Err(GssError::DefectiveToken {
                    what: "first token of an initiator",
                    why: "it is an answer, as an acceptor gives it: it may have been sent back to us",
                }
                .into());
            }
        }
        let request = ApReq::from_der(token.message).map_err(about("AP-REQ"))?;
        self.accept(&request, &token, now, rng).map_err(|error| {
            let expects_answer = request.ap_options.contains(ApOptions::MUTUAL_REQUIRED);
            let token = expects_answer.then(|| {
                let mech = token.mech.as_ref().unwrap_or(&Oid::KRB5);
                error_token::tell(&error, request.ticket.server(), now, mech)
            });
            Refused { error, token }
        })
    }

    /// The initiator wants to reach somebody without a long-lived key: us.
    fn give_tgt(&mut self, token: &Token<'_>) -> Result<Step, GssError> {
        let asked = user_to_user::read_request(token.message)?;
        let tgt = self.own_tgt()?;
        if let Some(name) = asked
            && name != tgt.client.name
        {
            return Err(GssError::WrongPrincipal {
                ticket: Principal::new(name, tgt.client.realm.clone()).into(),
                have: tgt.client.to_string(),
            });
        }
        let token = user_to_user::answer(&tgt.ticket);
        self.state = State::Start;
        Ok(Step::Continue { token })
    }

    fn own_tgt(&self) -> Result<&ServiceTicket, GssError> {
        self.credential.tgt.as_ref().ok_or_else(|| {
            GssError::NoAcceptorCredential(
                "the initiator asks for user-to-user, and this acceptor has no ticket-granting ticket"
                    .into(),
            )
        })
    }

    fn accept(
        &mut self,
        request: &ApReq,
        token: &Token<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let (accepted, own) = self.verify(request, now)?;
        let server = own.principal;
        self.check_replay(request, &accepted, &server, now)?;
        let mut said = self.read_checksum(&accepted)?;
        let is_dce = said.flags.contains(GssFlags::DCE_STYLE);
        if is_dce != token.mech.is_none() {
            return Err(GssError::DefectiveToken {
                what: "first token of the initiator",
                why: "tokens in DCE style have no frame, and all others have one",
            });
        }
        if is_dce {
            said.flags |= GssFlags::MUTUAL;
        }
        let mech = match &token.mech {
            Some(mech) if mech.is_krb5() => mech.clone(),
            _ => Oid::KRB5,
        };
        let mut context = self.context(&accepted, said, server, mech);
        context.pac = own.key.and_then(|key| pac::proved(&accepted.ticket, &key));
        if self.keeps_evidence {
            context.evidence = evidence(request, &accepted, &context.acceptor);
        }
        require_modern(&context.subkey)?;
        if !context.flags.contains(GssFlags::MUTUAL) {
            return Ok(Step::Established {
                token: None,
                context: Box::new(context),
            });
        }
        self.answer(&accepted, context, token, rng)
    }

    /// Checks the AP-REQ, and says whose key opened its ticket. The name in the ticket is in clear,
    /// and anybody may have written it.
    fn verify(&self, request: &ApReq, now: Timestamp) -> Result<(AcceptedApReq, Opener), GssError> {
        let check = ApReqCheck {
            now,
            skew: self.credential.clock_skew,
            from: None,
            purpose: ApPurpose::Application,
            accept_invalid: false,
        };
        if request.ap_options.contains(ApOptions::USE_SESSION_KEY) {
            let tgt = self.own_tgt()?;
            let accepted = verify_ap_req(request, |_| Ok([tgt.session_key.clone()]), &check)
                .map_err(|source| self.refusal(source))?;
            let own = Opener {
                principal: tgt.client.clone(),
                key: Some(tgt.session_key.clone()),
            };
            return Ok((accepted, own));
        }
        let ticket = &request.ticket;
        let keys = service_key::candidates(&self.credential, ticket);
        let tried = Cell::new(None);
        let keys = keys.into_iter().map(|own| {
            tried.set(Some(own));
            own.key.clone()
        });
        let accepted = verify_ap_req(request, |_| Ok(keys), &check).map_err(|source| {
            let is_key_trouble = matches!(
                source,
                ProtoError::BadIntegrity | ProtoError::NoKey | ProtoError::Enctype(_)
            );
            if is_key_trouble && !service_key::is_ticket_open(&self.credential, ticket) {
                service_key::diagnose(&self.credential, ticket)
            } else {
                self.refusal(source)
            }
        })?;
        let own = match tried.get() {
            Some(own) => Opener {
                principal: own.principal.clone(),
                key: Some(own.key.clone()),
            },
            None => Opener {
                principal: ticket.server(),
                key: None,
            },
        };
        Ok((accepted, own))
    }

    fn refusal(&self, source: ProtoError) -> GssError {
        match source {
            ProtoError::Skew { theirs, ours } => GssError::Skew {
                whose: "the initiator's",
                theirs,
                ours,
                allowed: self.credential.clock_skew.as_secs(),
            },
            source => about("AP-REQ")(source),
        }
    }

    fn check_replay(
        &self,
        request: &ApReq,
        accepted: &AcceptedApReq,
        server: &Principal,
        now: Timestamp,
    ) -> Result<(), GssError> {
        let Some(cache) = &self.credential.replay_cache else {
            return Ok(());
        };
        let client = accepted.authenticator.client();
        let time = accepted.authenticator.timestamp();
        let beyond = self
            .credential
            .clock_skew
            .saturating_add(Duration::from_secs(1));
        let entry = ReplayEntry {
            client: &client,
            server,
            time,
            ciphertext: &request.authenticator.cipher,
            enctype: accepted.session_key.enctype(),
            keep_until: time.time.saturating_add(beyond),
        };
        match cache.check_and_store(&entry, now)? {
            Freshness::Fresh => Ok(()),
            Freshness::Replayed => Err(GssError::Replay {
                client: client.into(),
                server: server.clone().into(),
            }),
        }
    }

    fn read_checksum(&self, accepted: &AcceptedApReq) -> Result<Said, GssError> {
        let (said, is_bound) = match &accepted.authenticator.cksum {
            // Handwritten SMB clients send none, and Windows lets them (MS-KILE 3.4.5.2).
            None => (Said::default(), false),
            Some(checksum) if checksum.cksumtype == CHECKSUM_TYPE => {
                let checksum = GssChecksum::parse(&checksum.checksum)?;
                let is_bound = self.check_bindings(&checksum)?;
                (
                    self.read_gss_checksum(checksum, accepted, is_bound)?,
                    is_bound,
                )
            }
            // Samba sends an ordinary one over nothing; others must not pass for it.
            Some(_) => {
                let checked = accepted.verify_checksum(b"");
                checked.map_err(about("checksum in the authenticator"))?;
                let mut flags = GssFlags::REPLAY | GssFlags::SEQUENCE;
                if accepted.options.contains(ApOptions::MUTUAL_REQUIRED) {
                    flags |= GssFlags::MUTUAL;
                }
                let delegated = Vec::new();
                (Said { flags, delegated }, false)
            }
        };
        if self.knows_channel() && !is_bound {
            if self.credential.requires_bindings {
                return Err(GssError::MissingBindings);
            }
            if knows_bindings(accepted)? {
                return Err(GssError::BadBindings);
            }
        }
        Ok(said)
    }

    fn read_gss_checksum(
        &self,
        checksum: GssChecksum,
        accepted: &AcceptedApReq,
        is_bound: bool,
    ) -> Result<Said, GssError> {
        let mut flags = checksum.flags & CHOOSABLE;
        if is_bound {
            flags |= GssFlags::CHANNEL_BOUND;
        }
        let mut delegated = Vec::new();
        if let Some(credentials) = &checksum.credentials {
            delegated = delegation::unpack(
                credentials,
                &accepted.authenticator.client(),
                accepted.subkey.as_ref(),
                &accepted.session_key,
            )
            .map_err(about("delegated credentials"))?;
            flags |= GssFlags::DELEG;
        }
        Ok(Said { flags, delegated })
    }

    /// Whether both sides are bound to the same; refuses an initiator bound to something else.
    fn check_bindings(&self, checksum: &GssChecksum) -> Result<bool, GssError> {
        if !self.knows_channel() {
            return Ok(false);
        }
        // All of them are looked at, so that the time does not tell which it was.
        let own = self.bindings.iter().chain(&self.other_bindings);
        let is_same = own.fold(Choice::from(0), |is_same, own| {
            is_same | own.digest().ct_eq(&checksum.bindings)
        });
        let is_same = bool::from(is_same);
        if !is_same && checksum.has_bindings() {
            return Err(GssError::BadBindings);
        }
        Ok(is_same)
    }

    const fn knows_channel(&self) -> bool {
        self.bindings.is_some() || !self.other_bindings.is_empty()
    }

    fn context(
        &self,
        accepted: &AcceptedApReq,
        said: Said,
        server: Principal,
        mech: Oid,
    ) -> Context {
        let ticket = &accepted.ticket;
        let sequence = accepted
            .authenticator
            .seq_number
            .map_or(0, |number| number.0);
        let flags = said.flags | GssFlags::TRANS;
        Context {
            is_initiator: false,
            flags: flags | GssFlags::PROT_READY,
            mech,
            initiator: ticket.client(),
            acceptor: server,
            times: TicketTimes {
                authtime: ticket.authtime,
                starttime: ticket.starts(),
                endtime: ticket.endtime,
                renew_till: ticket.renew_till.unwrap_or_default(),
            },
            ticket_flags: ticket.flags,
            grace: self.credential.clock_skew,
            subkey: accepted.key().clone(),
            acceptor_subkey: None,
            send_sequence: u64::from(sequence),
            window: SequenceWindow::new(u64::from(sequence), flags),
            delegated: said.delegated,
            evidence: None,
            authorization_data: ticket.authorization_data.clone(),
            pac: None,
        }
    }

    fn answer(
        &mut self,
        accepted: &AcceptedApReq,
        mut context: Context,
        token: &Token<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let enctype: Enctype = etype_negotiation::choose(
            &accepted.authenticator.authorization_data,
            context.subkey.enctype(),
        );
        let subkey = Key::random(enctype, rng)?;
        let our_sequence = initial_sequence(rng);
        let message = accepted
            .reply(Some(&subkey), Some(our_sequence), rng)
            .to_der();
        context.acceptor_subkey = Some(subkey);
        context.send_sequence = u64::from(our_sequence);
        let Some(mech) = &token.mech else {
            self.state = State::Answered(Box::new(Answered {
                session_key: accepted.session_key.clone(),
                our_sequence,
                context,
            }));
            return Ok(Step::Continue { token: message });
        };
        Ok(Step::Established {
            token: Some(token::write(mech, Mark::ApRep, &message)),
            context: Box::new(context),
        })
    }
}

/// The initiator's ticket, if it may be shown to a KDC.
fn evidence(
    request: &ApReq,
    accepted: &AcceptedApReq,
    server: &Principal,
) -> Option<Box<ServiceTicket>> {
    let ticket = &accepted.ticket;
    ticket.flags.contains(TicketFlags::FORWARDABLE).then(|| {
        Box::new(ServiceTicket {
            client: ticket.client(),
            server: server.clone(),
            ticket: request.ticket.clone(),
            session_key: accepted.session_key.clone(),
            flags: ticket.flags,
            authtime: ticket.authtime,
            starttime: ticket.starts(),
            endtime: ticket.endtime,
            renew_till: ticket.renew_till,
            addresses: ticket.caddr.clone(),
        })
    })
}

fn finish_dce(answered: Answered, input: &[u8]) -> Result<Step, GssError> {
    let token = token::read(input)?;
    if token.mark != Mark::ApRep || token.mech.is_some() {
        return Err(GssError::DefectiveToken {
            what: "third token of the initiator",
            why: "it is not an AP-REP without a frame, as DCE style has it",
        });
    }
    ap_rep_leg::check(token.message, &answered.session_key, answered.our_sequence)
        .map_err(about("third token of the initiator"))?;
    Ok(Step::Established {
        token: None,
        context: Box::new(answered.context),
    })
}

/// Whether the client says that it would have sent bindings, had it been in a channel (MS-KILE).
fn knows_bindings(accepted: &AcceptedApReq) -> Result<bool, GssError> {
    const WHAT: &str = "authorization data in the authenticator";
    let said = &accepted.authenticator.authorization_data;
    let options = said.find(AdType::AP_OPTIONS).map_err(about(WHAT))?;
    match options.as_slice() {
        [] => Ok(false),
        [options] => match options.first_chunk() {
            Some(bits) if options.len() == 4 => Ok(u32::from_le_bytes(*bits) & KNOWS_BINDINGS != 0),
            _ => Err(GssError::DefectiveToken {
                what: WHAT,
                why: "its options are not four bytes",
            }),
        },
        _ => Err(GssError::DefectiveToken {
            what: WHAT,
            why: "its options come twice",
        }),
    }
}
