//! What each of the fifteen calls does.
//!
//! An [`Engine`] belongs to one loaded configuration. It answers a [`Call`] of a caller that has
//! met its service with an [`Answer`]: the reply, and the [`Decision`] behind it for audit and
//! metrics. A failure of GSS-API is a reply like any other, whose status says what failed.
//!
//! With [`Patience::Never`] nobody is waited for: where a KDC or a name service would have to be
//! asked, [`WouldWait`] comes instead and nothing has happened, so that the same call may be
//! brought again with more patience.
//!
//! Nothing is remembered between calls. Contexts and credentials travel with the client:
//! credentials and contexts that have only begun are sealed, established contexts are open, because
//! their keys are the client's own.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod accept;
mod acquire;
mod clerk;
mod contexts;
mod credentials;
mod decision;
mod failure;
mod handles;
mod initiate;
mod inquiries;
mod local_user;
mod mechanisms;
mod messages;
mod minor;
mod names;
mod policy;
mod suspension;

pub use self::decision::Decision;

use std::sync::Arc;

use kerbstone_gss::suspended::SuspensionKey;
use kerbstone_gss::{GssError, Oid};
use kerbstone_proto::time::Timestamp;

use self::clerk::Clerk;
use self::failure::{Outcome, Trouble, status};
use crate::desk::{Desk, Patience};
use crate::settings::{Caller, Service};
use crate::wire::{
    AcceptSecContextResult, AcquireCredResult, Call, ExportCredResult, GetMicResult,
    ImportAndCanonNameResult, ImportCredResult, InitSecContextResult, ReleaseHandleResult, Reply,
    Status, StoreCredResult, UnwrapResult, VerifyResult, WrapResult, WrapSizeLimitResult,
};

/// Answers calls.
#[derive(Clone, Debug)]
pub struct Engine {
    desk: Arc<Desk>,
    suspension: SuspensionKey,
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For the client.
    pub reply: Reply,
    /// For the administrator.
    pub decision: Decision,
}

/// A KDC or a name service has to be asked, and the call must not wait. Nothing has happened yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call has to wait for a server")]
pub struct WouldWait;

impl Engine {
    /// An engine that works with these keys.
    ///
    /// # Errors
    /// None that happens: a random key of an encryption type of today can always be made.
    pub fn new(desk: Arc<Desk>) -> Result<Self, GssError> {
        Ok(Self {
            desk,
            suspension: SuspensionKey::random(&mut rand::rng())?,
        })
    }

    /// The engine of the next configuration. Contexts that have begun with this one go on there.
    #[must_use]
    pub fn with_desk(&self, desk: Arc<Desk>) -> Self {
        Self {
            desk,
            suspension: self.suspension.clone(),
        }
    }

    /// The keys that it works with.
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Does what a call asks, as far as the service lets this caller.
    ///
    /// # Errors
    /// [`WouldWait`], with [`Patience::Never`] alone.
    pub fn answer(
        &self,
        caller: &Caller,
        service: &Arc<Service>,
        call: &Call,
        patience: Patience,
        now: Timestamp,
    ) -> Result<Answer, WouldWait> {
        let mut clerk = Clerk {
            desk: &self.desk,
            suspension: &self.suspension,
            context: self.desk.context(),
            caller,
            service,
            patience,
            now,
            initiator: None,
            target: None,
            refusal: None,
        };
        let reply = clerk.serve(call)?;
        let decision = Decision::new(clerk, service, &reply);
        Ok(Answer { reply, decision })
    }
}

impl Clerk<'_> {
    fn serve(&mut self, call: &Call) -> Result<Reply, WouldWait> {
        match call {
            Call::IndicateMechs(_) => Ok(Self::indicate_mechs().into()),
            Call::GetCallContext(_) => Ok(Self::get_call_context().into()),
            Call::ImportAndCanonName(args) => {
                let outcome = self.import_and_canon_name(args);
                self.reply(outcome)
            }
            Call::ExportCred(args) => {
                let outcome = self.export_cred(args);
                self.reply(outcome)
            }
            Call::ImportCred(args) => {
                let outcome = self.import_cred(args);
                self.reply(outcome)
            }
            Call::AcquireCred(args) => {
                let outcome = self.acquire_cred(args);
                self.reply(outcome)
            }
            Call::StoreCred(args) => {
                let outcome = self.store_cred(args);
                self.reply(outcome)
            }
            Call::InitSecContext(args) => {
                let outcome = self.init_sec_context(args);
                self.reply(outcome)
            }
            Call::AcceptSecContext(args) => {
                let outcome = self.accept_sec_context(args);
                self.reply(outcome)
            }
            Call::ReleaseHandle(args) => {
                let outcome = Self::release_handle(args);
                self.reply(outcome)
            }
            Call::GetMic(args) => {
                let outcome = self.get_mic(args);
                self.reply(outcome)
            }
            Call::Verify(args) => {
                let outcome = self.verify(args);
                self.reply(outcome)
            }
            Call::Wrap(args) => {
                let outcome = self.wrap(args);
                self.reply(outcome)
            }
            Call::Unwrap(args) => {
                let outcome = self.unwrap(args);
                self.reply(outcome)
            }
            Call::WrapSizeLimit(args) => {
                let outcome = self.wrap_size_limit(args);
                self.reply(outcome)
            }
        }
    }

    /// A result, or the failure as a result that has nothing but its status.
    fn reply<T: Refusable>(&mut self, outcome: Outcome<T>) -> Result<Reply, WouldWait> {
        match outcome {
            Ok(result) => Ok(result.into()),
            Err(Trouble::MustWait) => Err(WouldWait),
            Err(Trouble::Failed(failure)) => {
                let told = status(&Oid::KRB5, failure.major, Some(&failure));
                self.refusal = Some(failure);
                Ok(T::refused(told).into())
            }
        }
    }
}

/// A procedure's result.
trait Refusable: Into<Reply> {
    /// Nothing but a status.
    fn refused(status: Status) -> Self;
}

macro_rules! results {
    ($($result:ident)+) => {
        $(impl Refusable for $result {
            fn refused(status: Status) -> Self {
                Self { status, ..Self::default() }
            }
        })+
    };
}

results! {
    ImportAndCanonNameResult ExportCredResult ImportCredResult AcquireCredResult StoreCredResult
    InitSecContextResult AcceptSecContextResult GetMicResult VerifyResult WrapResult UnwrapResult
    WrapSizeLimitResult
}

impl Refusable for ReleaseHandleResult {
    fn refused(status: Status) -> Self {
        Self { status }
    }
}
