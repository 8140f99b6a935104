//! ACCEPT_SEC_CONTEXT.

use std::sync::Arc;

use kerbstone_gss::{
    AcceptorCredential, ChannelBindings, Context, GssError, GssFlags, MajorStatus, Oid, Refused,
    Step, krb5, spnego,
};
use zeroize::Zeroizing;

use super::clerk::{Clerk, Drawn, Mech};
use super::contexts::{self, ContextForm};
use super::failure::{Failure, Outcome, status};
use super::local_user::LocalUser;
use super::policy;
use crate::desk::HeldCredential;
use crate::settings::CredUsage;
use crate::wire::{self, AcceptSecContextArgs, AcceptSecContextResult, Opaque, RpcOption, options};

/// The machine of a mechanism.
#[derive(Debug)]
enum Acceptor {
    Krb5(krb5::Acceptor),
    Spnego(spnego::Acceptor),
}

/// What of an accepted context goes to the client beside the context.
#[derive(Debug, Default)]
struct Extras {
    delegated: Option<wire::Credential>,
    options: Vec<RpcOption>,
}

impl Clerk<'_> {
    /// Accepts a context, or goes on accepting one.
    pub(super) fn accept_sec_context(
        &mut self,
        args: &AcceptSecContextArgs,
    ) -> Outcome<AcceptSecContextResult> {
        let form = ContextForm::wanted(&args.call_context)?;
        let wants_linux_creds = contexts::wants_linux_creds(&args.call_context)?;
        if wants_linux_creds {
            // A token is accepted once only, and whose user it is cannot be told beforehand.
            self.may_wait()?;
        }
        let drawn = self.draw_for(args.credential.as_ref(), CredUsage::Accept)?;
        let credential = self
            .desk
            .acceptor(&drawn.sources, &drawn.credential, self.now)?;
        let (mut acceptor, mut step) = self.step(args, &drawn, Arc::clone(&credential))?;
        if step
            .as_ref()
            .is_err_and(|refused| lacks_key(&refused.error))
            && let Some(newer) = self.newer(&drawn, &credential)
        {
            (acceptor, step) = self.step(args, &drawn, newer)?;
        }
        let mech = acceptor.mech();
        match step {
            Ok(Step::Established { token, context }) => {
                self.initiator = Some(context.initiator_name().to_string());
                self.target = Some(context.acceptor_name().to_string());
                let extras = self.extras(args, &context, &drawn, wants_linux_creds)?;
                let mut context = contexts::write(*context, form, self.now);
                if extras.delegated.is_some() {
                    context.flags |= u64::from(GssFlags::DELEG.0);
                }
                Ok(AcceptSecContextResult {
                    status: status(&mech.oid(), MajorStatus::COMPLETE, None),
                    context: Some(context),
                    // Upstream's plugin does not look whether there is one.
                    token: Some(token.unwrap_or_default().into()),
                    delegated: extras.delegated,
                    options: extras.options,
                })
            }
            Ok(Step::Continue { token }) => {
                let suspended = acceptor.suspend()?;
                Ok(AcceptSecContextResult {
                    status: status(&mech.oid(), MajorStatus::CONTINUE_NEEDED, None),
                    context: Some(self.suspend(mech, &suspended, false)),
                    token: Some(token.into()),
                    ..AcceptSecContextResult::default()
                })
            }
            Err(Refused { error, token }) => {
                let failure = Failure::from(&error);
                let refusal = AcceptSecContextResult {
                    status: status(&mech.oid(), failure.major, Some(&failure)),
                    token: token.map(Opaque::from),
                    ..AcceptSecContextResult::default()
                };
                self.refusal = Some(failure);
                Ok(refusal)
            }
        }
    }

    /// One step of the machine, which is of no use any more when it refuses.
    fn step(
        &self,
        args: &AcceptSecContextArgs,
        drawn: &Drawn,
        credential: Arc<AcceptorCredential>,
    ) -> Outcome<(Acceptor, Result<Step, Refused>)> {
        let others = options::find_all(&args.options, options::OTHER_BINDINGS);
        let others = others.map(ChannelBindings::application_data);
        let mut acceptor = self.acceptor(args, credential)?.or_bound_to(others);
        if args.return_delegated && drawn.credential.usage() == CredUsage::Both {
            acceptor = acceptor.keep_evidence();
        }
        let step = acceptor.step(&args.token, self);
        Ok((acceptor, step))
    }

    /// The keys of this moment, when they are others than a moment ago.
    fn newer(
        &self,
        drawn: &Drawn,
        known: &Arc<AcceptorCredential>,
    ) -> Option<Arc<AcceptorCredential>> {
        let newer = self
            .desk
            .acceptor_anew(&drawn.sources, &drawn.credential, self.now);
        newer.ok().filter(|newer| !Arc::ptr_eq(newer, known))
    }

    /// The machine that takes the token: at the beginning the token says which, later the context.
    fn acceptor(
        &self,
        args: &AcceptSecContextArgs,
        credential: Arc<AcceptorCredential>,
    ) -> Outcome<Acceptor> {
        let bindings = args.channel_bindings.as_ref();
        let bindings = bindings.map(contexts::read_bindings).transpose()?;
        let brought = args.context.as_ref();
        let mech = match brought {
            Some(context) if !context.exported_token.is_empty() => self.mech(&context.mech)?,
            _ => self.mech_of(&args.token)?,
        };
        let resumed = self.resumed(brought, |suspended| {
            Acceptor::resume(mech, suspended, Arc::clone(&credential), bindings.clone())
        })?;
        Ok(resumed.unwrap_or_else(|| Acceptor::new(mech, credential, bindings)))
    }

    /// The mechanism of a first token. Whoever speaks SPNEGO takes bare tokens of krb5 as well.
    fn mech_of(&self, token: &[u8]) -> Result<Mech, Failure> {
        let spoken = self.service.mechs;
        if spoken.spnego && (is_spnego(token) || !spoken.krb5) {
            return Ok(Mech::Spnego);
        }
        self.mech(&[])
    }

    fn extras(
        &self,
        args: &AcceptSecContextArgs,
        context: &Context,
        drawn: &Drawn,
        wants_linux_creds: bool,
    ) -> Outcome<Extras> {
        let mut extras = Extras::default();
        if let Some(credential) = self.delegated(args, context, drawn)? {
            let delegated = Drawn {
                sources: Arc::clone(&drawn.sources),
                credential,
            };
            extras.delegated = Some(self.write_credential(&delegated)?);
        }
        if wants_linux_creds {
            let user = LocalUser::of(context.initiator_name(), self.conf());
            let creds = RpcOption::new(options::LINUX_CREDS_V1, &user.to_linux_creds());
            extras.options.push(creds);
        }
        let is_new = args.credential.is_none() && policy::initiates(drawn.credential.usage());
        let synchronized = self.synchronized(&args.options, drawn, is_new)?;
        extras.options.extend(synchronized);
        Ok(extras)
    }

    /// What the acceptor may do in the initiator's name, if it wants to: go on with the ticket that
    /// was delegated, or, when its credential is for initiating too, show the KDC the initiator's
    /// ticket.
    fn delegated(
        &self,
        args: &AcceptSecContextArgs,
        context: &Context,
        drawn: &Drawn,
    ) -> Outcome<Option<Arc<HeldCredential>>> {
        if !args.return_delegated {
            return Ok(None);
        }
        if !context.delegated().is_empty() {
            let delegated = HeldCredential::delegated(context.delegated())?;
            return Ok(Some(Arc::new(delegated)));
        }
        // An acceptor that cannot go on is an acceptor still.
        Ok(context
            .evidence()
            .and_then(|evidence| self.desk.impersonated(&drawn.credential, evidence).ok()))
    }
}

impl Acceptor {
    fn new(
        mech: Mech,
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        match mech {
            Mech::Krb5 => Self::Krb5(krb5::Acceptor::new(credential, bindings)),
            Mech::Spnego => Self::Spnego(spnego::Acceptor::new(credential, bindings)),
        }
    }

    fn or_bound_to(self, others: impl Iterator<Item = ChannelBindings>) -> Self {
        match self {
            Self::Krb5(machine) => Self::Krb5(machine.or_bound_to(others)),
            Self::Spnego(machine) => Self::Spnego(machine.or_bound_to(others)),
        }
    }

    fn keep_evidence(self) -> Self {
        match self {
            Self::Krb5(machine) => Self::Krb5(machine.keep_evidence()),
            Self::Spnego(machine) => Self::Spnego(machine.keep_evidence()),
        }
    }

    fn resume(
        mech: Mech,
        suspended: &[u8],
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Result<Self, GssError> {
        Ok(match mech {
            Mech::Krb5 => Self::Krb5(krb5::Acceptor::resume(suspended, credential, bindings)?),
            Mech::Spnego => {
                Self::Spnego(spnego::Acceptor::resume(suspended, credential, bindings)?)
            }
        })
    }

    const fn mech(&self) -> Mech {
        match self {
            Self::Krb5(_) => Mech::Krb5,
            Self::Spnego(_) => Mech::Spnego,
        }
    }

    fn step(&mut self, token: &[u8], clerk: &Clerk<'_>) -> Result<Step, Refused> {
        let rng = &mut rand::rng();
        match self {
            Self::Krb5(machine) => machine.step(token, clerk.now, rng),
            Self::Spnego(machine) => machine.step(token, clerk.now, rng),
        }
    }

    fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        match self {
            Self::Krb5(machine) => machine.suspend(),
            Self::Spnego(machine) => machine.suspend(),
        }
    }
}

/// Whether a token is refused because there is no key for it.
const fn lacks_key(error: &GssError) -> bool {
    matches!(
        error,
        GssError::WrongPrincipal { .. }
            | GssError::KeyVersion { .. }
            | GssError::KeyEnctype { .. }
            | GssError::KeyMismatch { .. }
    )
}

/// Whether a first token is framed as one of SPNEGO, or as none at all: only SPNEGO begins with an
/// empty one.
fn is_spnego(token: &[u8]) -> bool {
    const FRAME: u8 = 0x60;
    let Some((&FRAME, rest)) = token.split_first() else {
        return token.is_empty();
    };
    let long_form = match rest.first() {
        Some(length) if length & 0x80 != 0 => usize::from(length & 0x7f),
        _ => 0,
    };
    let oid = Oid::SPNEGO;
    let framed = rest.get(long_form.saturating_add(1)..).unwrap_or_default();
    framed
        .strip_prefix(&[6, 6])
        .is_some_and(|rest| rest.starts_with(oid.contents()))
}
