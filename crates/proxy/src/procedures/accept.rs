//! ACCEPT_SEC_CONTEXT.

use std::sync::Arc;

use kerbstone_gss::{
    AcceptorCredential, ChannelBindings, Context, MajorStatus, Oid, Refused, Step,
};
use kerbstone_gss::{krb5, spnego};

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
        let bindings = args.channel_bindings.as_ref();
        let bindings = bindings.map(contexts::read_bindings).transpose()?;
        let drawn = self.draw_for(args.credential.as_ref(), CredUsage::Accept)?;
        let acceptor = self
            .desk
            .acceptor(&drawn.sources, &drawn.credential, self.now)?;
        let (mut machine, mech) = self.acceptor(args, acceptor, bindings)?;
        match machine.step(&args.token, self) {
            Ok(Step::Established { token, context }) => {
                self.initiator = Some(context.initiator_name().to_string());
                self.target = Some(context.acceptor_name().to_string());
                let extras = self.extras(args, &context, &drawn, wants_linux_creds)?;
                Ok(AcceptSecContextResult {
                    status: status(&mech.oid(), MajorStatus::COMPLETE, None),
                    context: Some(contexts::write(*context, form, self.now)),
                    // Upstream's plugin does not look whether there is one.
                    token: Some(token.unwrap_or_default().into()),
                    delegated: extras.delegated,
                    options: extras.options,
                })
            }
            Ok(Step::Continue { token }) => {
                drop(token);
                Err(Failure::of_major(MajorStatus::UNAVAILABLE).into())
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

    /// The machine for a token, and what it speaks: at the beginning the token says, later what was
    /// suspended.
    fn acceptor(
        &self,
        args: &AcceptSecContextArgs,
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Result<(Acceptor, Mech), Failure> {
        let spoken = self.service.mechs;
        if spoken.spnego && (is_spnego(&args.token) || !spoken.krb5) {
            let machine = spnego::Acceptor::new(credential, bindings);
            return Ok((Acceptor::Spnego(machine), Mech::Spnego));
        }
        self.mech(&[])?;
        let machine = krb5::Acceptor::new(credential, bindings);
        Ok((Acceptor::Krb5(machine), Mech::Krb5))
    }

    fn extras(
        &self,
        args: &AcceptSecContextArgs,
        context: &Context,
        drawn: &Drawn,
        wants_linux_creds: bool,
    ) -> Outcome<Extras> {
        let mut extras = Extras::default();
        if args.return_delegated && !context.delegated().is_empty() {
            let delegated = Drawn {
                sources: Arc::clone(&drawn.sources),
                credential: Arc::new(HeldCredential::delegated(context.delegated())?),
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
}

impl Acceptor {
    fn step(&mut self, token: &[u8], clerk: &Clerk<'_>) -> Result<Step, Refused> {
        let rng = &mut rand::rng();
        match self {
            Self::Krb5(machine) => machine.step(token, clerk.now, rng),
            Self::Spnego(machine) => machine.step(token, clerk.now, rng),
        }
    }
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
