//! Dumps of the store while it is in use.

use std::io::Write;
use std::path::Path;

use kerbstone_proto::time::Timestamp;
use kerbstone_realm::{DumpSummary, dump, dump_to_file};

use super::Administration;
use crate::acl::Privilege;
use crate::authority::Caller;
use crate::error::AdminError;
use crate::reply::Reply;

impl Administration {
    /// Writes a dump of the whole store, keys sealed, for a caller who may.
    ///
    /// # Errors
    /// [`AdminError`], also when `out` fails.
    pub fn dump(
        &self,
        caller: &Caller,
        now: Timestamp,
        out: &mut dyn Write,
    ) -> Result<DumpSummary, AdminError> {
        let permitted = self.authority.require_local(caller, Privilege::Propagate);
        let done = permitted.and_then(|()| {
            let store = self.registrar.vault().store();
            Ok(dump(&**store, out)?)
        });
        self.note(caller, "dump", None, done.as_ref(), now);
        done
    }

    pub(super) fn dump_to(&self, path: &Path) -> Result<Reply, AdminError> {
        if !path.is_absolute() {
            return Err(AdminError::RelativePath(path.to_owned()));
        }
        // The KDC may write where the caller may not: nothing is ever replaced, least of all the store.
        if path.symlink_metadata().is_ok() {
            return Err(AdminError::DumpExists(path.to_owned()));
        }
        let summary = dump_to_file(&**self.registrar.vault().store(), path)?;
        Ok(Reply::Dumped(summary.records))
    }
}
