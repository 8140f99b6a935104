//! MEMORY: caches of this process.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use kerbstone_proto::ccache::CredentialCache;

static CACHES: LazyLock<Mutex<BTreeMap<String, CredentialCache>>> = LazyLock::new(Mutex::default);

/// The table of all caches. A thread that panicked while it held the table left it whole: each change is one step.
pub(super) fn caches() -> MutexGuard<'static, BTreeMap<String, CredentialCache>> {
    CACHES.lock().unwrap_or_else(PoisonError::into_inner)
}
