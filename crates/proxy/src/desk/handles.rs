//! Handles: sealed, opened, and kept open so that the next call with them costs a hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kerbstone_client::KeytabFile;
use kerbstone_crypto::Key;
use sha2::{Digest, Sha256};

use super::held::HeldTickets;
use super::shelf::Shelf;
use super::{Desk, DeskError, HeldCredential, Sources, belonging, k5c1, sealing};

/// So many bytes of credentials are kept, about.
const MAX_BYTES: usize = 4 << 20;
/// What a credential takes beside its tickets.
const FRAME: usize = 1024;
/// What tickets in memory count at least: more of them may come.
const ROOM_TO_GROW: usize = 3 * FRAME;

/// Longer handles are not kept with their credentials.
const MAX_KEPT: usize = 8 << 10;

type Fingerprint = [u8; 32];

/// What is in the handles that are in use, and what seals them.
#[derive(Debug)]
pub(super) struct Handles {
    /// By service.
    keys: Mutex<HashMap<String, Key>>,
    /// By service and handle: services with one keytab open each other's, each within its own bounds.
    shelf: Mutex<Shelf<Fingerprint, Arc<HeldCredential>>>,
}

/// A handle that a credential was given, good as long as no tickets have come to it.
#[derive(Debug)]
pub(super) struct Sealed {
    service: String,
    added: usize,
    handle: Vec<u8>,
}

impl Handles {
    pub(super) fn new() -> Self {
        Self {
            keys: Mutex::default(),
            shelf: Mutex::new(Shelf::new(MAX_BYTES)),
        }
    }

    fn get(&self, service: &str, handle: &[u8]) -> Option<Arc<HeldCredential>> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(&fingerprint(service, handle)).cloned()
    }

    fn put(&self, service: &str, handle: &[u8], credential: Arc<HeldCredential>) {
        let weight = match &credential.tickets {
            Some(HeldTickets::Memory(purse, _)) => purse.size().max(ROOM_TO_GROW),
            Some(HeldTickets::Named(_)) | None => 0,
        };
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = weight.saturating_add(FRAME);
        shelf.put(fingerprint(service, handle), credential, weight);
    }
}

impl Desk {
    /// Makes a handle of a credential that only services with this one's keytab open again.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal(
        &self,
        sources: &Sources,
        credential: &HeldCredential,
    ) -> Result<Vec<u8>, DeskError> {
        let added = match &credential.tickets {
            Some(HeldTickets::Memory(purse, _)) => purse.added(),
            Some(HeldTickets::Named(_)) | None => 0,
        };
        let kept = credential.sealed.get(|sealed| {
            let is_same = sealed.added == added && sealed.service == sources.service;
            is_same.then(|| sealed.handle.clone())
        });
        if let Some(handle) = kept {
            return Ok(handle);
        }
        let key = self.seal_of(sources)?;
        let mut opened = credential.clone();
        let text = match &mut opened.tickets {
            Some(HeldTickets::Memory(purse, sealed)) => {
                *sealed = added;
                let content = purse.content_to_seal();
                k5c1::write(&credential.exported(Some(&content)))
            }
            Some(HeldTickets::Named(_)) | None => k5c1::write(&credential.exported(None)),
        };
        let handle = sealing::seal(&key, &text, &mut rand::rng());
        self.handles
            .put(&sources.service, &handle, Arc::new(opened));
        if handle.len() <= MAX_KEPT {
            credential.sealed.put(Sealed {
                service: sources.service.clone(),
                added,
                handle: handle.clone(),
            });
        }
        Ok(handle)
    }

    /// The credential in a handle. Nothing when it does not decrypt, or names files that are another
    /// service's.
    pub fn open(&self, sources: &Sources, handle: &[u8]) -> Option<Arc<HeldCredential>> {
        let known = self.handles.get(&sources.service, handle);
        if known.is_some() {
            return known;
        }
        let key = self.seal_of(sources).ok()?;
        let credential = sealing::open(&key, handle)?
            .and_then(|text| k5c1::read(&text))
            .and_then(HeldCredential::imported);
        let credential = match credential {
            Ok(credential) => Arc::new(credential),
            Err(error) => {
                tracing::warn!(service = sources.service, %error, "a handle is sealed with our key and cannot be read");
                return None;
            }
        };
        if !belonging::is_of(sources, &credential, &self.context()) {
            tracing::warn!(
                service = sources.service,
                "a handle names files that are not the service's"
            );
            return None;
        }
        self.handles
            .put(&sources.service, handle, Arc::clone(&credential));
        Some(credential)
    }

    /// The key of a service's handles. It stays what it was when it was needed first, so that handles
    /// outlive a change of the keytab as they do with upstream.
    fn seal_of(&self, sources: &Sources) -> Result<Key, DeskError> {
        let mut keys = self
            .handles
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&sources.service) {
            return Ok(key.clone());
        }
        let context = self.context();
        let named = sources.keytab.as_deref().map(KeytabFile::parse);
        let file = match named {
            Some(Ok(file)) => Ok(file),
            Some(Err(_)) | None => context.keytab(None),
        };
        let keytab = file.and_then(|file| self.keytabs.load(&file));
        let key = keytab
            .ok()
            .and_then(|keytab| sealing::key_in(&keytab, &context));
        let key = match key {
            Some(key) => key,
            None => sealing::random_key(&mut rand::rng())?,
        };
        keys.insert(sources.service.clone(), key.clone());
        Ok(key)
    }
}

fn fingerprint(service: &str, handle: &[u8]) -> Fingerprint {
    let mut digest = Sha256::new_with_prefix(service);
    // No name of a service has it.
    digest.update([0]);
    digest.update(handle);
    digest.finalize().into()
}
