//! The side that begins.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;
use std::time::Duration;

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder, PendingApReq};
use kerbstone_proto::flags::{ApOptions, TicketFlags};
use kerbstone_proto::message::{
    AdType, ApRep, AuthorizationData, AuthorizationDataElement, Ticket,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{ServiceTicket, TicketSource, WantedTicket};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::gss_checksum::GssChecksum;
use super::sequence_window::SequenceWindow;
use super::token::{self, Mark};
use super::{ap_rep_leg, delegation, error_token, etype_negotiation, require_modern, user_to_user};
use crate::context::TicketTimes;
use crate::error::about;
use crate::{ChannelBindings, Context, GssError, GssFlags, Name, Oid, Refused, Step};

/// What an initiator may ask for; integrity, confidentiality and export come of themselves.
const ASKABLE: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE)
    .union(GssFlags::DELEG)
    .union(GssFlags::DCE_STYLE)
    .union(GssFlags::IDENTIFY)
    .union(GssFlags::EXTENDED_ERROR);
const PROTECTION: GssFlags = GssFlags::CONF.union(GssFlags::INTEG);
/// The bit of AD-AP-OPTIONS by which a client says that it knows of channel bindings (MS-KILE).
const KNOWS_BINDINGS: u32 = 0x4000;

/// Whom to reach, and how.
#[derive(Clone, Debug)]
pub struct InitiatorOptions {
    /// Whom.
    pub target: Name,
    /// What the context shall do. Integrity and confidentiality come of themselves.
    pub flags: GssFlags,
    /// How long it shall last; as long as the ticket if nothing is said.
    pub lifetime: Option<Duration>,
    /// What the context is bound to.
    pub bindings: Option<ChannelBindings>,
    /// Whether the target's key is that of its own ticket-granting ticket.
    pub user_to_user: UserToUser,
    /// The encryption types that the acceptor's key may have, the best first
    /// (`gss_krb5_set_allowable_enctypes`).
    pub enctypes: Vec<Enctype>,
    /// Integrity and confidentiality are told to the acceptor only if they are among the flags
    /// (`GSS_KRB5_CRED_NO_CI_FLAGS_X`), as servers of LDAP want that would insist on them otherwise.
    pub no_ci_flags: bool,
}

/// Where a ticket for somebody without a long-lived key comes from.
#[derive(Clone, Debug, Default)]
pub enum UserToUser {
    /// The target has a key of its own.
    #[default]
    No,
    /// The target is asked for its ticket-granting ticket first.
    Ask,
    /// This is it.
    With(Ticket),
}

impl InitiatorOptions {
    /// A context with mutual authentication, replay and sequence detection.
    pub fn new(target: Name) -> Self {
        Self {
            target,
            flags: GssFlags::MUTUAL
                .union(GssFlags::REPLAY)
                .union(GssFlags::SEQUENCE),
            lifetime: None,
            bindings: None,
            user_to_user: UserToUser::No,
            enctypes: Enctype::DEFAULT.to_vec(),
            no_ci_flags: false,
        }
    }
}

/// Establishes a context with a target.
#[derive(Debug)]
pub struct Initiator {
    options: InitiatorOptions,
    pub(super) state: State,
    not_delegated: Option<GssError>,
}

#[derive(Debug)]
pub(super) enum State {
    Start,
    /// The target was asked for its ticket-granting ticket.
    Asked(Principal),
    /// An AP-REQ is out.
    Requested(Box<Requested>),
    Done,
}

#[derive(Debug)]
pub(super) struct Requested {
    pub(super) pending: PendingApReq,
    /// As it is before the acceptor has answered.
    pub(super) context: Context,
}

impl Initiator {
    /// A machine that has not begun yet.
    pub const fn new(options: InitiatorOptions) -> Self {
        Self {
            options,
            state: State::Start,
            not_delegated: None,
        }
    }

    /// Why delegation was asked for and did not come about; the context goes on without.
    pub const fn not_delegated(&self) -> Option<&GssError> {
        self.not_delegated.as_ref()
    }

    /// Takes the other side's token, none at first, and says what to do.
    ///
    /// # Errors
    /// No context will come of it. The machine is of no use after that.
    pub fn step(
        &mut self,
        input: Option<&[u8]>,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let input = input.filter(|token| !token.is_empty());
        let outcome = match (mem::replace(&mut self.state, State::Done), input) {
            (State::Start, None) => self.begin(tickets, now, rng),
            (State::Asked(target), Some(input)) => self.take_tgt(target, input, tickets, now, rng),
            (State::Requested(requested), Some(input)) => Self::finish(*requested, input, now, rng),
            (State::Start, Some(_)) => Err(GssError::DefectiveToken {
                what: "first input of an initiator",
                why: "an initiator begins, without a token",
            }),
            (State::Asked(_) | State::Requested(_), None) => Err(GssError::DefectiveToken {
                what: "answer of the acceptor",
                why: "it is empty",
            }),
            (State::Done, _) => Err(GssError::Misuse(
                "the initiator has come to its end, established or refused",
            )),
        };
        outcome.map_err(Refused::from)
    }

    fn begin(
        &mut self,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let target = self.options.target.to_principal()?;
        match mem::take(&mut self.options.user_to_user) {
            UserToUser::No => self.request(target, None, tickets, now, rng),
            UserToUser::With(tgt) => self.request(target, Some(tgt), tickets, now, rng),
            UserToUser::Ask => {
                let token = user_to_user::ask(&target);
                self.state = State::Asked(target);
                Ok(Step::Continue { token })
            }
        }
    }

    fn take_tgt(
        &mut self,
        target: Principal,
        input: &[u8],
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let token = token::read(input)?;
        match token.mark {
            Mark::TgtReply => {
                let tgt = user_to_user::read_reply(token.message)?;
                self.request(target, Some(tgt), tickets, now, rng)
            }
            Mark::Error => Err(error_token::read(token.message, now)),
            Mark::ApReq | Mark::ApRep | Mark::TgtRequest => Err(GssError::DefectiveToken {
                what: "answer with a ticket-granting ticket",
                why: "it is something else",
            }),
        }
    }

    fn request(
        &mut self,
        target: Principal,
        tgt: Option<Ticket>,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let is_user_to_user = tgt.is_some();
        let ticket = self.ticket(target, tgt, tickets, now)?;
        let flags = self.flags(&ticket);
        let (checksum, flags) = self.checksum(flags, &ticket, tickets, rng);
        let subkey = Key::random(ticket.session_key.enctype(), rng)?;
        let sequence = initial_sequence(rng);
        let mut options = ApOptions::EMPTY;
        options.set(ApOptions::MUTUAL_REQUIRED, flags.contains(GssFlags::MUTUAL));
        options.set(ApOptions::USE_SESSION_KEY, is_user_to_user);
        let pending = ApReqBuilder::new(
            &ticket.ticket,
            &ticket.session_key,
            &ticket.client,
            ApPurpose::Application,
        )
        .options(options)
        .checksum(checksum.to_checksum())
        .subkey(subkey.clone())
        .seq_number(sequence)
        .authorization_data(self.authorization_data(flags, ticket.session_key.enctype()))
        .build(now, rng);
        let context = Context {
            is_initiator: true,
            flags: flags | GssFlags::PROT_READY,
            mech: Oid::KRB5,
            initiator: ticket.client,
            acceptor: ticket.server,
            times: TicketTimes {
                authtime: ticket.authtime,
                starttime: ticket.starttime,
                endtime: ticket.endtime,
                renew_till: ticket.renew_till.unwrap_or_default(),
            },
            ticket_flags: ticket.flags,
            grace: Duration::ZERO,
            subkey,
            acceptor_subkey: None,
            send_sequence: u64::from(sequence),
            window: SequenceWindow::new(u64::from(sequence), flags),
            delegated: Vec::new(),
            evidence: None,
            authorization_data: AuthorizationData::default(),
            pac: None,
        };
        Ok(self.sent(pending, context, is_user_to_user))
    }

    /// The AP-REQ as a token, and what comes after it.
    fn sent(&mut self, pending: PendingApReq, context: Context, is_user_to_user: bool) -> Step {
        let message = pending.request.to_der();
        let token = if context.flags.contains(GssFlags::DCE_STYLE) {
            message
        } else if is_user_to_user {
            token::write(&Oid::KRB5_USER_TO_USER, Mark::ApReq, &message)
        } else {
            token::write(&Oid::KRB5, Mark::ApReq, &message)
        };
        if context.flags.contains(GssFlags::MUTUAL) {
            self.state = State::Requested(Box::new(Requested { pending, context }));
            return Step::Continue { token };
        }
        Step::Established {
            token: Some(token),
            context: Box::new(context),
        }
    }

    fn ticket(
        &self,
        server: Principal,
        second_ticket: Option<Ticket>,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
    ) -> Result<ServiceTicket, GssError> {
        let wanted = WantedTicket {
            server,
            second_ticket,
            till: self
                .options
                .lifetime
                .map(|lifetime| now.time.saturating_add(lifetime)),
        };
        let ticket = tickets
            .service_ticket(&wanted)
            .map_err(|source| GssError::Ticket {
                server: self.options.target.to_string(),
                source,
            })?;
        if ticket.endtime < now.time {
            return Err(GssError::CredentialsExpired {
                server: ticket.server.into(),
                at: ticket.endtime,
            });
        }
        require_modern(&ticket.session_key)?;
        Ok(ticket)
    }

    fn flags(&self, ticket: &ServiceTicket) -> GssFlags {
        let wanted = self.options.flags;
        let mut flags = (wanted & ASKABLE.union(PROTECTION)) | GssFlags::TRANS;
        if !self.options.no_ci_flags {
            flags |= PROTECTION;
        }
        if flags.contains(GssFlags::DCE_STYLE) {
            flags |= GssFlags::MUTUAL;
        }
        if wanted.contains(GssFlags::DELEG_POLICY)
            && ticket.flags.contains(TicketFlags::OK_AS_DELEGATE)
        {
            flags |= GssFlags::DELEG | GssFlags::DELEG_POLICY;
        }
        flags
    }

    /// The checksum, and the flags that remain: a context without delegation is better than none.
    fn checksum(
        &mut self,
        flags: GssFlags,
        ticket: &ServiceTicket,
        tickets: &mut dyn TicketSource,
        rng: &mut dyn CryptoRng,
    ) -> (GssChecksum, GssFlags) {
        let bindings = self.options.bindings.as_ref();
        let mut checksum = GssChecksum::new(bindings, flags);
        if !flags.contains(GssFlags::DELEG) {
            return (checksum, flags);
        }
        let source = match tickets.forwarded_tgt(&ticket.server) {
            Ok(tgt) => {
                let credentials = delegation::pack(&tgt, &ticket.session_key, rng);
                if checksum.set_credentials(credentials) {
                    return (checksum, flags);
                }
                "the ticket is too long for a token".into()
            }
            Err(source) => source,
        };
        self.not_delegated = Some(GssError::Delegation {
            server: ticket.server.clone().into(),
            source,
        });
        let flags = flags.difference(GssFlags::DELEG | GssFlags::DELEG_POLICY);
        checksum.flags = flags;
        (checksum, flags)
    }

    fn authorization_data(&self, flags: GssFlags, ticket: Enctype) -> AuthorizationData {
        let mut said = Vec::new();
        if flags.contains(GssFlags::MUTUAL) {
            said.extend(etype_negotiation::offer(&self.options.enctypes, ticket));
        }
        if self.options.flags.contains(GssFlags::CHANNEL_BOUND) {
            said.push(AuthorizationDataElement {
                ad_type: AdType::AP_OPTIONS,
                ad_data: KNOWS_BINDINGS.to_le_bytes().to_vec(),
            });
        }
        if said.is_empty() {
            return AuthorizationData::default();
        }
        AuthorizationData(vec![AuthorizationData(said).if_relevant()])
    }

    fn finish(
        requested: Requested,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, GssError> {
        let Requested {
            pending,
            mut context,
        } = requested;
        let is_dce = context.flags.contains(GssFlags::DCE_STYLE);
        let token = token::read(input)?;
        match token.mark {
            Mark::ApRep if is_dce == token.mech.is_none() => {}
            Mark::Error => return Err(error_token::read(token.message, now)),
            Mark::ApReq => return Err(GssError::Reflected("token")),
            Mark::ApRep | Mark::TgtRequest | Mark::TgtReply => {
                return Err(GssError::DefectiveToken {
                    what: "answer of the acceptor",
                    why: "it is not an AP-REP in the frame that was agreed on",
                });
            }
        }
        let reply = ApRep::from_der(token.message).map_err(about("answer of the acceptor"))?;
        let accepted = pending
            .verify_reply(&reply)
            .map_err(about("answer of the acceptor"))?;
        if let Some(subkey) = &accepted.subkey {
            require_modern(subkey)?;
        }
        let their_sequence = accepted.part.seq_number.map_or(0, |number| number.0);
        context.window = SequenceWindow::new(u64::from(their_sequence), context.flags);
        context.acceptor_subkey = accepted.subkey;
        let token =
            is_dce.then(|| ap_rep_leg::write(&pending.session_key, their_sequence, now, rng));
        Ok(Step::Established {
            token,
            context: Box::new(context),
        })
    }
}

/// A first sequence number. Peers of old take it as signed, and some stumble over high ones, so
/// that MIT leaves out the two highest bits.
pub(super) fn initial_sequence(rng: &mut dyn CryptoRng) -> u32 {
    let mut bytes = [0; 4];
    rng.fill_bytes(&mut bytes);
    u32::from_be_bytes(bytes) & 0x3fff_ffff
}
