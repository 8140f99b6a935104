//! Refusing passwords that were used before.

use kerbstone_crypto::{CryptoError, IterationLimit, Key};

use crate::entry::Entry;
use crate::error::RealmError;
use crate::stored_key::StoredKey;
use crate::vault::Vault;

/// Moves the current keys to the history and cuts it to what a policy of that depth looks at.
pub(super) fn remember(entry: &mut Entry, depth: u32) {
    // The current password is one of `depth`, and is looked at where it is.
    let Some(kept) = depth.checked_sub(1).filter(|kept| *kept > 0) else {
        entry.history.clear();
        return;
    };
    let mut history: Vec<StoredKey> = entry.current_keys().cloned().collect();
    history.append(&mut entry.history);
    let mut passwords = 0;
    let mut last = None;
    history.retain(|key| {
        if last != Some(key.kvno) {
            last = Some(key.kvno);
            passwords += 1;
        }
        passwords <= kept
    });
    entry.history = history;
}

/// Whether the password makes the current keys or remembered ones.
pub(super) fn was_used_before(
    vault: &Vault,
    entry: &Entry,
    depth: u32,
    password: &[u8],
) -> Result<bool, RealmError> {
    if depth == 0 {
        return Ok(false);
    }
    let current: Vec<&StoredKey> = entry.current_keys().collect();
    let remembered: Vec<&StoredKey> = entry.history.iter().collect();
    let passwords = std::iter::once(current.as_slice())
        .chain(remembered.chunk_by(|one, next| one.kvno == next.kvno))
        .take(depth as usize);
    for keys in passwords {
        if made_by(vault, entry, keys, password)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tries the first key of a password that this build can make.
fn made_by(
    vault: &Vault,
    entry: &Entry,
    keys: &[&StoredKey],
    password: &[u8],
) -> Result<bool, RealmError> {
    for stored in keys {
        let salt = stored.salt.resolve(&entry.principal);
        let params = stored.s2k_params.as_deref();
        let limit = IterationLimit::DEFAULT;
        match Key::from_password(stored.enctype, password, &salt, params, limit) {
            Ok(key) => return Ok(key == vault.unseal(&entry.principal, stored)?),
            Err(CryptoError::LegacyDisabled(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
