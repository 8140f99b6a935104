//! Contexts that are not established yet, on their way to the client and back.
//!
//! The session key of a ticket is in them, with which the client could go to the service by itself
//! and leave the flags out that its own service enforces. So they travel sealed, and come back
//! through the same door only: the same service, called by the same user.

use kerbstone_gss::{GssError, MajorStatus};

use super::clerk::{Clerk, Mech};
use super::failure::{Failure, Outcome};
use super::minor::Minor;
use crate::wire;

impl Clerk<'_> {
    /// The context as it goes to the client.
    pub(super) fn suspend(
        &self,
        mech: Mech,
        suspended: &[u8],
        locally_initiated: bool,
    ) -> wire::Context {
        let sealed = self
            .suspension
            .seal(suspended, &self.door(), &mut rand::rng());
        wire::Context {
            exported_token: sealed.into(),
            mech: mech.oid().contents().into(),
            locally_initiated,
            ..wire::Context::default()
        }
    }

    /// What goes on when the client brings it back, if it does.
    pub(super) fn resumed<T>(
        &self,
        brought: Option<&wire::Context>,
        resume: impl FnOnce(&[u8]) -> Result<T, GssError>,
    ) -> Outcome<Option<T>> {
        let Some(context) = brought.filter(|context| !context.exported_token.is_empty()) else {
            return Ok(None);
        };
        let opened = self
            .suspension
            .open(&context.exported_token, &self.door())
            .and_then(|suspended| resume(&suspended));
        let resumed = opened.map_err(|error| {
            Failure::new(MajorStatus::NO_CONTEXT, Minor::EINVAL).because(error.to_string())
        })?;
        Ok(Some(resumed))
    }

    fn door(&self) -> Vec<u8> {
        let uid = self.caller.uid.to_be_bytes();
        [&uid, self.service.name.as_bytes()].concat()
    }
}
