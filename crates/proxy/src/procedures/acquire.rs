//! ACQUIRE_CRED.

use kerbstone_gss::{MajorStatus, Oid};

use super::clerk::{Clerk, Drawn};
use super::contexts::unknown_value;
use super::failure::{Failure, Outcome};
use super::minor::Minor;
use super::{names, policy};
use crate::settings::CredUsage;
use crate::wire::{AcquireCredArgs, AcquireCredResult, Credential, options};

impl Clerk<'_> {
    /// Gives a credential to whoever may have one.
    pub(super) fn acquire_cred(&mut self, args: &AcquireCredArgs) -> Outcome<AcquireCredResult> {
        self.check_mechs(args)?;
        if let Some(name) = &args.desired_name {
            self.target = Some(names::shown(name));
        }
        let credential = match (&args.input, is_impersonation(args)?) {
            (Some(input), true) => self.impersonate(input, args)?,
            (None, true) => return Err(Failure::missing("credential to impersonate with").into()),
            (Some(input), false) => self.check_or_renew(input, args)?,
            (None, false) => {
                let drawn = self.draw(args.usage.into(), args.desired_name.as_ref())?;
                self.write_credential(&drawn)?
            }
        };
        self.initiator = Some(names::shown(&credential.desired_name));
        Ok(AcquireCredResult {
            credential: Some(credential),
            ..AcquireCredResult::default()
        })
    }

    /// One mechanism that is spoken here is enough.
    fn check_mechs(&self, args: &AcquireCredArgs) -> Result<(), Failure> {
        let is_any_spoken = args.mechs.is_empty()
            || args.mechs.iter().any(|mech| {
                let is_exact = **mech == *Oid::KRB5.contents() || **mech == *Oid::SPNEGO.contents();
                is_exact && self.mech(mech).is_ok()
            });
        if is_any_spoken {
            return Ok(());
        }
        Err(Failure::of_major(MajorStatus::NO_CRED))
    }

    /// S4U2Self with the credential that the caller brings.
    fn impersonate(&self, input: &Credential, args: &AcquireCredArgs) -> Outcome<Credential> {
        policy::impersonation(self.service, self.caller)?;
        policy::usage(self.service, CredUsage::Initiate)?;
        let Drawn {
            sources,
            credential: impersonator,
        } = self.open(input)?.ok_or_else(policy::foreign_handle)?;
        let user = args.desired_name.as_ref().ok_or_else(names::nameless)?;
        let user = names::canonical(&self.read_name(user)?, self.conf(), self.patience)?;
        let credential = self
            .desk
            .impersonate(&impersonator, &user, self.patience, self.now)?;
        self.write_credential(&Drawn {
            sources,
            credential,
        })
    }

    /// Gives the credential back that the caller brings, as long as it lasts, and a fresh one of the
    /// same name in its place afterwards.
    ///
    /// A handle that does not open counts as none, as upstream has it: the caller is told in the
    /// reply whose credential it gets instead.
    fn check_or_renew(&self, input: &Credential, args: &AcquireCredArgs) -> Outcome<Credential> {
        let desired = args.desired_name.as_ref();
        let usage = policy::usage(self.service, args.usage.into())?;
        let Some(held) = self.open(input)? else {
            return self.write_credential(&self.draw(usage, desired)?);
        };
        if let Some(desired) = desired {
            let wanted = names::canonical(&self.read_name(desired)?, self.conf(), self.patience)?;
            if held
                .credential
                .name()
                .is_some_and(|name| name.principal != wanted)
            {
                return Err(Failure::of_minor(Minor::CACHE_NO_MATCH).into());
            }
        }
        let is_fit = policy::fits(held.credential.usage(), usage).is_ok();
        if is_fit && self.lasts(&held)? {
            return Ok(Credential {
                needs_release: false,
                ..input.clone()
            });
        }
        let fresh = self.draw(usage, desired)?;
        if is_fit && !is_same_name(&held, &fresh) {
            // A user's delegated credential has ended. The service's own is no substitute for it.
            return Err(Failure::of_major(MajorStatus::CREDENTIALS_EXPIRED).into());
        }
        self.write_credential(&fresh)
    }

    fn lasts(&self, held: &Drawn) -> Outcome<bool> {
        let life = self.desk.life(&held.credential, self.now)?;
        Ok(life.is_none_or(|life| !life.is_zero() && life >= self.service.min_lifetime))
    }
}

fn is_same_name(old: &Drawn, fresh: &Drawn) -> bool {
    match (old.credential.name(), fresh.credential.name()) {
        (Some(old), Some(fresh)) => old.principal == fresh.principal,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn is_impersonation(args: &AcquireCredArgs) -> Result<bool, Failure> {
    match options::find(&args.options, options::ACQUIRE_TYPE) {
        None => Ok(false),
        Some(options::IMPERSONATE_NAME) => Ok(true),
        Some(_) => Err(unknown_value("acquire_type")),
    }
}
