//! EXPORT_CRED, IMPORT_CRED, STORE_CRED and RELEASE_HANDLE.
//!
//! A handle is portable as it is: another process of the same service may use it. So exporting
//! gives it out once more, sealed with the key of today, and importing says what is in it.

use kerbstone_client::Cache;
use kerbstone_gss::{MajorStatus, Oid};
use kerbstone_proto::time::Timestamp;

use super::clerk::Clerk;
use super::failure::{Failure, Outcome};
use super::minor::Minor;
use super::policy;
use crate::desk::CacheSource;
use crate::settings::CredUsage;
use crate::wire::{
    self, Credential, ExportCredArgs, ExportCredResult, Handle, ImportCredArgs, ImportCredResult,
    ReleaseHandleArgs, ReleaseHandleResult, StoreCredArgs, StoreCredResult,
};

impl Clerk<'_> {
    /// Makes a credential portable.
    pub(super) fn export_cred(&mut self, args: &ExportCredArgs) -> Outcome<ExportCredResult> {
        let held = self
            .open(&args.credential)?
            .ok_or_else(policy::foreign_handle)?;
        self.note_initiator(&held.credential);
        policy::fits(held.credential.usage(), CredUsage::from(args.usage))?;
        Ok(ExportCredResult {
            usage: held.credential.usage().into(),
            handle: Some(self.desk.seal(&held.sources, &held.credential)?.into()),
            ..ExportCredResult::default()
        })
    }

    /// Takes a portable credential.
    pub(super) fn import_cred(&mut self, args: &ImportCredArgs) -> Outcome<ImportCredResult> {
        let brought = Credential {
            handle: args.handle.clone(),
            ..Credential::default()
        };
        let held = self.open(&brought)?.ok_or_else(policy::foreign_handle)?;
        self.note_initiator(&held.credential);
        Ok(ImportCredResult {
            credential: Some(self.describe(&held, brought.handle)?),
            ..ImportCredResult::default()
        })
    }

    /// Stores a credential in the service's `ccache:` for this caller, where later calls find it.
    ///
    /// Without one there is no place for it here, and the client's library has places of its own.
    pub(super) fn store_cred(&mut self, args: &StoreCredArgs) -> Outcome<StoreCredResult> {
        self.mech(&args.mech)?;
        // Whoever else has the cache locked is waited for.
        self.may_wait()?;
        if args.usage == wire::Usage::Accept {
            return Err(Failure::of_minor(Minor::NO_ACCEPTOR_STORE).into());
        }
        let held = self
            .open(&args.credential)?
            .ok_or_else(policy::foreign_handle)?;
        self.note_initiator(&held.credential);
        policy::fits(held.credential.usage(), CredUsage::Initiate)?;
        let CacheSource::Named(place) = &held.sources.cache else {
            return Err(Failure::of_major(MajorStatus::UNAVAILABLE)
                .because("the service has no ccache: of its own")
                .into());
        };
        policy::store(self.service, self.caller)?;
        // What is in the cache already has no content beside it.
        if let Some(content) = held.credential.content() {
            let cache = Cache::parse(place).map_err(|error| Failure::from(&error))?;
            let is_taken = !args.overwrite && has_tickets(&cache, self.now);
            if is_taken {
                return Err(Failure::of_major(MajorStatus::DUPLICATE_ELEMENT).into());
            }
            let replaced = cache.replace(&content);
            replaced.map_err(|error| Failure::from(&error))?;
        }
        Ok(StoreCredResult {
            elements_stored: vec![Oid::KRB5.contents().into()],
            usage: wire::Usage::Initiate,
            ..StoreCredResult::default()
        })
    }

    /// There is nothing to release: what a handle stands for is in the handle.
    pub(super) fn release_handle(args: &ReleaseHandleArgs) -> Outcome<ReleaseHandleResult> {
        match args.handle {
            Handle::Context(_) | Handle::Credential(_) => Ok(ReleaseHandleResult::default()),
            Handle::Other(..) => Err(Failure::malformed("the handle is of no known kind").into()),
        }
    }
}

fn has_tickets(cache: &Cache, now: Timestamp) -> bool {
    let content = cache.load();
    content.is_ok_and(|content| content.present().any(|ticket| ticket.endtime > now.time))
}
