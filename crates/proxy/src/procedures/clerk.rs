//! One call at the desk: who asks, what its service lets it do, and which credentials it gets.

use std::sync::Arc;

use kerbstone_client::Context;
use kerbstone_gss::suspended::SuspensionKey;
use kerbstone_gss::{MajorStatus, Name, Oid};
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::time::Timestamp;

use super::failure::{Failure, Outcome, Trouble};
use super::{names, policy};
use crate::desk::{Desk, HeldCredential, Patience, SignIn, Sources, Wish};
use crate::settings::{Caller, CredUsage, Service};
use crate::wire;

/// Serves one call.
#[derive(Debug)]
pub(super) struct Clerk<'a> {
    pub(super) desk: &'a Desk,
    pub(super) suspension: &'a SuspensionKey,
    pub(super) context: Arc<Context>,
    pub(super) caller: &'a Caller,
    pub(super) service: &'a Service,
    pub(super) patience: Patience,
    pub(super) now: Timestamp,
    /// Who begins, as far as the call tells.
    pub(super) initiator: Option<String>,
    /// Whom it is about or for.
    pub(super) target: Option<String>,
    /// Why the call is refused, if it is.
    pub(super) refusal: Option<Failure>,
}

/// A credential and where it comes from.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) sources: Arc<Sources>,
    pub(super) credential: Arc<HeldCredential>,
}

/// Whose files are looked at, and with whose keys.
#[derive(Debug)]
struct Standing {
    uid: u32,
    sign_in: SignIn,
    /// The caller, or whom it acts for, is not the service's own user.
    is_guest: bool,
    name: Option<Name>,
}

impl Clerk<'_> {
    /// krb5.conf.
    pub(super) fn conf(&self) -> &Krb5Conf {
        self.context.conf()
    }

    /// A name that the call brings.
    pub(super) fn read_name(&self, name: &wire::Name) -> Outcome<Name> {
        names::read(name, self.conf(), self.patience)
    }

    /// Keeps in mind whose credential the call is about.
    pub(super) fn note_initiator(&mut self, credential: &HeldCredential) {
        self.initiator = credential.name().map(|name| name.principal.to_string());
    }

    /// Lets nobody wait who must not.
    pub(super) fn may_wait(&self) -> Outcome<()> {
        if self.patience == Patience::Never {
            return Err(Trouble::MustWait);
        }
        Ok(())
    }

    /// Where the service's credentials are for this caller, as far as handles are concerned.
    pub(super) fn sources(&self) -> Outcome<Arc<Sources>> {
        self.sources_of(self.caller.uid, SignIn::User)
    }

    fn sources_of(&self, uid: u32, sign_in: SignIn) -> Outcome<Arc<Sources>> {
        let sources = self.desk.sources(self.service, uid, sign_in, self.patience);
        Ok(sources?)
    }

    /// The credential that the service has for this caller.
    pub(super) fn draw(&self, usage: CredUsage, desired: Option<&wire::Name>) -> Outcome<Drawn> {
        let usage = policy::usage(self.service, usage)?;
        let impersonates = self.service.impersonate && policy::initiates(usage);
        let standing = self.standing(desired, impersonates)?;
        let sources = self.sources_of(standing.uid, standing.sign_in)?;
        let credential = if impersonates {
            self.draw_impersonated(&sources, standing.name.as_ref(), usage)?
        } else {
            self.acquire(&sources, standing.name.as_ref(), usage)?
        };
        Ok(Drawn {
            sources,
            credential,
        })
    }

    fn standing(&self, desired: Option<&wire::Name>, impersonates: bool) -> Outcome<Standing> {
        let is_own = policy::is_own(self.service, self.caller);
        let mut standing = Standing {
            uid: self.caller.uid,
            sign_in: SignIn::User,
            is_guest: !is_own,
            name: None,
        };
        let by_name = |is_service| {
            if is_service {
                SignIn::Service
            } else {
                SignIn::User
            }
        };
        match desired {
            None => standing.sign_in = by_name(is_own && self.service.trusted),
            Some(desired) => {
                let named_uid = names::uid_in(&desired.display, &names::type_of(desired))?;
                match named_uid.filter(|_| is_own && self.service.trusted) {
                    Some(uid) => {
                        standing.uid = uid;
                        standing.is_guest = true;
                    }
                    None => {
                        standing.sign_in = by_name(is_own);
                        standing.name = Some(self.read_name(desired)?);
                    }
                }
            }
        }
        if standing.is_guest && impersonates {
            // Guests come as themselves, whatever name they would like better.
            let realm = names::default_realm(self.conf());
            standing.name = Some(names::user(standing.uid, realm.as_ref(), self.patience)?);
            standing.sign_in = SignIn::Service;
        }
        if standing.sign_in == SignIn::Service && standing.name.is_none() {
            standing.name = self.service_name()?;
        }
        Ok(standing)
    }

    /// `krb5_principal`.
    fn service_name(&self) -> Outcome<Option<Name>> {
        let Some(text) = &self.service.krb5_principal else {
            return Ok(None);
        };
        let realm = names::default_realm(self.conf());
        let name = Name::user(text, realm.as_ref()).map_err(|error| Failure::from(&error))?;
        Ok(Some(name))
    }

    fn acquire(
        &self,
        sources: &Sources,
        name: Option<&Name>,
        usage: CredUsage,
    ) -> Outcome<Arc<HeldCredential>> {
        let wish = Wish {
            sources,
            name,
            usage,
        };
        Ok(self.desk.acquire(&wish, self.patience, self.now)?)
    }

    /// The service signs in, and gets a ticket to itself in the name of whoever is wanted.
    fn draw_impersonated(
        &self,
        sources: &Sources,
        name: Option<&Name>,
        usage: CredUsage,
    ) -> Outcome<Arc<HeldCredential>> {
        let Some(name) = name else {
            return self.acquire(sources, None, usage);
        };
        let service = self.service_name()?;
        let impersonator = self.acquire(sources, service.as_ref(), CredUsage::Both)?;
        let user = names::canonical(name, self.conf(), self.patience)?;
        if impersonator.name().is_some_and(|own| own.principal == user) {
            return self.acquire(sources, Some(name), usage);
        }
        let credential = self
            .desk
            .impersonate(&impersonator, &user, self.patience, self.now)?;
        Ok(credential)
    }

    /// The credential in a handle; nothing when the service cannot open it.
    pub(super) fn open(&self, credential: &wire::Credential) -> Outcome<Option<Drawn>> {
        if credential.handle.is_empty() {
            return Ok(None);
        }
        let sources = self.sources()?;
        let opened = self.desk.open(&sources, &credential.handle);
        Ok(opened.map(|credential| Drawn {
            sources,
            credential,
        }))
    }

    /// The credential that the call brings, or the service's own when it brings none.
    ///
    /// A handle that does not open was made with a key that is no longer in the keytab, or by
    /// another service. Upstream takes the service's own credential instead in both cases, so that
    /// an application that was given alice's acts as itself without knowing. Here it gets the
    /// service's own only if that is of the same name as the one it holds, which is what a changed
    /// keytab comes to; otherwise it is told that its credential is defective.
    pub(super) fn draw_for(
        &self,
        brought: Option<&wire::Credential>,
        usage: CredUsage,
    ) -> Outcome<Drawn> {
        let Some(brought) = brought else {
            return self.draw(usage, None);
        };
        if let Some(opened) = self.open(brought)? {
            policy::usage(self.service, usage)?;
            policy::fits(opened.credential.usage(), usage)?;
            return Ok(opened);
        }
        let own = self.draw(usage, None)?;
        if self.is_named_as(&own, brought)? {
            return Ok(own);
        }
        Err(policy::foreign_handle().into())
    }

    /// Whether a credential is of the name that the caller holds one of.
    fn is_named_as(&self, own: &Drawn, brought: &wire::Credential) -> Outcome<bool> {
        let claimed = &brought.desired_name;
        if claimed.display.is_empty() && claimed.exported.is_empty() {
            return Ok(true);
        }
        let claimed = self.read_name(claimed)?;
        let claimed = names::canonical(&claimed, self.conf(), self.patience)?;
        Ok(match own.credential.name() {
            Some(name) => name.principal == claimed,
            None => self
                .desk
                .acceptor(&own.sources, &own.credential, self.now)?
                .keys()
                .iter()
                .any(|key| key.principal == claimed),
        })
    }

    /// Which mechanism a call means; krb5 when it does not say.
    pub(super) fn mech(&self, oid: &[u8]) -> Result<Mech, Failure> {
        let mech = Oid::from_contents(oid);
        let spoken = self.service.mechs;
        if spoken.krb5 && (oid.is_empty() || mech.is_krb5()) {
            return Ok(Mech::Krb5);
        }
        if spoken.spnego && mech == Oid::SPNEGO {
            return Ok(Mech::Spnego);
        }
        Err(Failure::of_major(MajorStatus::BAD_MECH))
    }
}

/// A mechanism that services speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mech {
    Krb5,
    Spnego,
}

impl Mech {
    /// Its number.
    pub(super) const fn oid(self) -> Oid {
        match self {
            Self::Krb5 => Oid::KRB5,
            Self::Spnego => Oid::SPNEGO,
        }
    }
}
