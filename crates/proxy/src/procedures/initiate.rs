//! INIT_SEC_CONTEXT.

use std::time::Duration;

use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{GssError, GssFlags, MajorStatus, Name, Refused, Step, krb5, spnego};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};
use zeroize::Zeroizing;

use super::clerk::{Clerk, Drawn, Mech};
use super::contexts::{self, ContextForm};
use super::credentials::Wishes;
use super::failure::{Failure, Outcome, Trouble, status};
use super::names;
use super::policy::{self, Reach};
use crate::desk::DeskError;
use crate::settings::CredUsage;
use crate::wire::{InitSecContextArgs, InitSecContextResult, Opaque, RpcOption};

/// The machine of a mechanism.
#[derive(Debug)]
enum Initiator {
    Krb5(Box<krb5::Initiator>),
    Spnego(Box<spnego::Initiator>),
}

/// A leg of an initiator.
#[derive(Debug)]
struct Leg {
    initiator: Initiator,
    step: Result<Step, Refused>,
    /// For a client that wants to keep the tickets that the leg has brought.
    synchronized: Option<RpcOption>,
}

impl Clerk<'_> {
    /// Begins a context, or goes on with one.
    pub(super) fn init_sec_context(
        &mut self,
        args: &InitSecContextArgs,
    ) -> Outcome<InitSecContextResult> {
        let form = ContextForm::wanted(&args.call_context)?;
        let mech = self.mech(&args.mech)?;
        policy::usage(self.service, CredUsage::Initiate)?;
        let begun = args.context.as_ref();
        let leg = match mech {
            Mech::Krb5 => match self.resumed(begun, krb5::Initiator::resume)? {
                Some(initiator) => self.go_on(initiator, args),
                None => self.begin(mech, args)?,
            },
            Mech::Spnego => self.begin(mech, args)?,
        };
        self.finish(mech, leg, form)
    }

    /// A leg that may need a ticket: the first one, and any of a negotiation.
    fn begin(&mut self, mech: Mech, args: &InitSecContextArgs) -> Outcome<Leg> {
        let target = args.target.as_ref().ok_or_else(names::nameless)?;
        self.target = Some(names::shown(target));
        let target = self.read_name(target)?;
        let drawn = self.draw_for(args.credential.as_ref(), CredUsage::Initiate)?;
        let Drawn { credential, .. } = &drawn;
        self.note_initiator(credential);
        let target = match policy::reach(self.service, self.caller, credential, &target)? {
            Reach::Anywhere => target,
            Reach::Self_(impersonator) => Name::Principal(impersonator),
        };
        let wishes = Wishes::of(args.credential.as_ref(), credential)?;
        let options = self.options(args, target, &wishes)?;
        let mut initiator = self.initiator(mech, args, options)?;
        let mut tickets = self.desk.tickets(credential, self.patience, self.now)?;
        if let Some(enctypes) = wishes.enctypes {
            tickets = tickets.with_enctypes(enctypes);
        }
        let step = initiator.step(args.token.as_deref(), &mut tickets, self);
        // An initiator goes on without delegation when there is no ticket for it: that has waited
        // for nobody yet.
        if tickets.would_wait() {
            return Err(Trouble::MustWait);
        }
        let is_new = args.credential.is_none();
        Ok(Leg {
            initiator,
            step,
            synchronized: self.synchronized(&args.options, &drawn, is_new)?,
        })
    }

    fn initiator(
        &self,
        mech: Mech,
        args: &InitSecContextArgs,
        options: InitiatorOptions,
    ) -> Outcome<Initiator> {
        if mech == Mech::Krb5 {
            return Ok(Initiator::Krb5(Box::new(krb5::Initiator::new(options))));
        }
        let resumed = self.resumed(args.context.as_ref(), |suspended| {
            spnego::Initiator::resume(suspended, options.clone())
        })?;
        let initiator = resumed.unwrap_or_else(|| spnego::Initiator::new(options));
        Ok(Initiator::Spnego(Box::new(initiator)))
    }

    fn options(
        &self,
        args: &InitSecContextArgs,
        target: Name,
        wishes: &Wishes,
    ) -> Outcome<InitiatorOptions> {
        let [.., a, b, c, d] = args.flags.to_be_bytes();
        let flags = policy::flags(self.service, u32::from_be_bytes([a, b, c, d]));
        let bindings = args.channel_bindings.as_ref();
        let mut options = InitiatorOptions {
            flags: GssFlags(flags),
            lifetime: Some(args.time)
                .filter(|time| (1..u64::from(u32::MAX)).contains(time))
                .map(Duration::from_secs),
            bindings: bindings.map(contexts::read_bindings).transpose()?,
            no_ci_flags: wishes.no_ci_flags,
            ..InitiatorOptions::new(target)
        };
        if let Some(enctypes) = &wishes.enctypes {
            options.enctypes.clone_from(enctypes);
        }
        Ok(options)
    }

    /// The answer of the acceptor. The credential has done its part.
    fn go_on(&self, initiator: krb5::Initiator, args: &InitSecContextArgs) -> Leg {
        let mut initiator = Initiator::Krb5(Box::new(initiator));
        let step = initiator.step(args.token.as_deref(), &mut NoTickets, self);
        Leg {
            initiator,
            step,
            synchronized: None,
        }
    }

    fn finish(&mut self, mech: Mech, leg: Leg, form: ContextForm) -> Outcome<InitSecContextResult> {
        let options = leg.synchronized.into_iter().collect();
        match leg.step {
            Ok(Step::Established { token, context }) => {
                self.initiator = Some(context.initiator_name().to_string());
                self.target = Some(context.acceptor_name().to_string());
                Ok(InitSecContextResult {
                    status: status(&mech.oid(), MajorStatus::COMPLETE, None),
                    context: Some(contexts::write(*context, form, self.now)),
                    token: token.map(Opaque::from),
                    options,
                })
            }
            Ok(Step::Continue { token }) => {
                let suspended = leg.initiator.suspend()?;
                Ok(InitSecContextResult {
                    status: status(&mech.oid(), MajorStatus::CONTINUE_NEEDED, None),
                    context: Some(self.suspend(mech, &suspended, true)),
                    token: Some(token.into()),
                    options,
                })
            }
            Err(Refused { error, token }) => {
                let failure = Failure::from(&error);
                let refusal = InitSecContextResult {
                    status: status(&mech.oid(), failure.major, Some(&failure)),
                    token: token.map(Opaque::from),
                    ..InitSecContextResult::default()
                };
                self.refusal = Some(failure);
                Ok(refusal)
            }
        }
    }
}

impl Initiator {
    fn step(
        &mut self,
        token: Option<&[u8]>,
        tickets: &mut dyn TicketSource,
        clerk: &Clerk<'_>,
    ) -> Result<Step, Refused> {
        let rng = &mut rand::rng();
        match self {
            Self::Krb5(machine) => machine.step(token, tickets, clerk.now, rng),
            Self::Spnego(machine) => machine.step(token, tickets, clerk.now, rng),
        }
    }

    fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        match self {
            Self::Krb5(machine) => machine.suspend(),
            Self::Spnego(machine) => machine.suspend(),
        }
    }
}

/// For legs that need no ticket.
#[derive(Debug)]
struct NoTickets;

impl TicketSource for NoTickets {
    fn client(&self) -> Result<Principal, TicketSourceError> {
        Err(DeskError::EmptyCache.into())
    }

    fn service_ticket(&mut self, _: &WantedTicket) -> Result<ServiceTicket, TicketSourceError> {
        Err(DeskError::EmptyCache.into())
    }

    fn forwarded_tgt(&mut self, _: &Principal) -> Result<ServiceTicket, TicketSourceError> {
        Err(DeskError::EmptyCache.into())
    }
}
