//! EXPORT_CRED, IMPORT_CRED, STORE_CRED and RELEASE_HANDLE.
//!
//! A handle is portable as it is: another process of the same service may use it. So exporting
//! gives it out once more, sealed with the key of today, and importing says what is in it.

use kerbstone_gss::MajorStatus;

use super::clerk::Clerk;
use super::failure::{Failure, Outcome};
use super::policy;
use crate::settings::CredUsage;
use crate::wire::{
    Credential, ExportCredArgs, ExportCredResult, Handle, ImportCredArgs, ImportCredResult,
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

    /// Stores a credential where the service keeps its own.
    pub(super) fn store_cred(&mut self, args: &StoreCredArgs) -> Outcome<StoreCredResult> {
        self.mech(&args.mech)?;
        let held = self
            .open(&args.credential)?
            .ok_or_else(policy::foreign_handle)?;
        self.note_initiator(&held.credential);
        Err(Failure::of_major(MajorStatus::UNAVAILABLE).into())
    }

    /// There is nothing to release: what a handle stands for is in the handle.
    pub(super) fn release_handle(args: &ReleaseHandleArgs) -> Outcome<ReleaseHandleResult> {
        match args.handle {
            Handle::Context(_) | Handle::Credential(_) => Ok(ReleaseHandleResult::default()),
            Handle::Other(..) => Err(Failure::malformed("the handle is of no known kind").into()),
        }
    }
}
