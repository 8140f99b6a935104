//! INIT_SEC_CONTEXT.

use std::time::Duration;

use kerbstone_gss::krb5::{Initiator, InitiatorOptions};
use kerbstone_gss::{GssFlags, MajorStatus, Name, Refused, Step};
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::{
    ServiceTicket, TicketSource, TicketSourceError, WantedTicket,
};

use super::clerk::{Clerk, Mech};
use super::contexts::{self, ContextForm};
use super::credentials::Wishes;
use super::failure::{Failure, Outcome, Trouble, status};
use super::policy::{self, Reach};
use super::{minor::Minor, names};
use crate::desk::DeskError;
use crate::settings::CredUsage;
use crate::wire::{self, InitSecContextArgs, InitSecContextResult, Opaque, RpcOption};

impl Clerk<'_> {
    /// Begins a context, or goes on with one.
    pub(super) fn init_sec_context(
        &mut self,
        args: &InitSecContextArgs,
    ) -> Outcome<InitSecContextResult> {
        let form = ContextForm::wanted(&args.call_context)?;
        let mech = self.mech(&args.mech)?;
        policy::usage(self.service, CredUsage::Initiate)?;
        if mech == Mech::Spnego {
            return Err(Failure::of_major(MajorStatus::BAD_MECH).into());
        }
        match &args.context {
            Some(begun) if !begun.exported_token.is_empty() => self.go_on(begun, args, form),
            _ => self.begin(args, form),
        }
    }

    /// The first leg.
    fn begin(
        &mut self,
        args: &InitSecContextArgs,
        form: ContextForm,
    ) -> Outcome<InitSecContextResult> {
        let target = args.target.as_ref().ok_or_else(names::nameless)?;
        self.target = Some(String::from_utf8_lossy(&target.display).into_owned());
        let target = self.read_name(target)?;
        let drawn = self.draw_for(args.credential.as_ref(), CredUsage::Initiate)?;
        let credential = &drawn.credential;
        self.note_initiator(credential);
        let target = match policy::reach(self.service, self.caller, credential, &target)? {
            Reach::Anywhere => target,
            Reach::Self_(impersonator) => Name::Principal(impersonator),
        };
        let wishes = Wishes::of(args.credential.as_ref(), credential)?;
        let options = self.options(args, target, &wishes)?;
        let mut tickets = self.desk.tickets(credential, self.patience, self.now)?;
        if let Some(enctypes) = wishes.enctypes {
            tickets = tickets.with_enctypes(enctypes);
        }
        let mut initiator = Initiator::new(options);
        let token = args.token.as_ref().map(|token| &**token);
        let step = initiator.step(token, &mut tickets, self.now, &mut rand::rng());
        if tickets.would_wait() {
            return Err(Trouble::MustWait);
        }
        let is_new = args.credential.is_none();
        let synchronized = self.synchronized(&args.options, &drawn, is_new)?;
        self.finish(initiator, step, form, synchronized)
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
            ..InitiatorOptions::new(target)
        };
        if let Some(enctypes) = &wishes.enctypes {
            options.enctypes.clone_from(enctypes);
        }
        Ok(options)
    }

    /// The legs after the first. The credential has done its part.
    fn go_on(
        &mut self,
        begun: &wire::Context,
        args: &InitSecContextArgs,
        form: ContextForm,
    ) -> Outcome<InitSecContextResult> {
        let suspended = &begun.exported_token;
        let mut initiator = Initiator::resume(suspended).map_err(|error| {
            Failure::new(MajorStatus::NO_CONTEXT, Minor::EINVAL).because(error.to_string())
        })?;
        let token = args.token.as_ref().map(|token| &**token);
        let step = initiator.step(token, &mut NoTickets, self.now, &mut rand::rng());
        self.finish(initiator, step, form, None)
    }

    fn finish(
        &mut self,
        initiator: Initiator,
        step: Result<Step, Refused>,
        form: ContextForm,
        synchronized: Option<RpcOption>,
    ) -> Outcome<InitSecContextResult> {
        let mech = Mech::Krb5.oid();
        let options = synchronized.into_iter().collect();
        match step {
            Ok(Step::Established { token, context }) => {
                self.initiator = Some(context.initiator_name().to_string());
                self.target = Some(context.acceptor_name().to_string());
                Ok(InitSecContextResult {
                    status: status(&mech, MajorStatus::COMPLETE, None),
                    context: Some(contexts::write(*context, form, self.now)),
                    token: token.map(Opaque::from),
                    options,
                })
            }
            Ok(Step::Continue { token }) => {
                let suspended = initiator.suspend()?;
                Ok(InitSecContextResult {
                    status: status(&mech, MajorStatus::CONTINUE_NEEDED, None),
                    context: Some(contexts::write_unfinished(&mech, &suspended, true)),
                    token: Some(token.into()),
                    options,
                })
            }
            Err(Refused { error, token }) => {
                let failure = Failure::from(&error);
                let refusal = InitSecContextResult {
                    status: status(&mech, failure.major, Some(&failure)),
                    token: token.map(Opaque::from),
                    ..InitSecContextResult::default()
                };
                self.refusal = Some(failure);
                Ok(refusal)
            }
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
