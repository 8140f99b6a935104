//! The master key, which seals every long-term key and never lies in the store.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::{Aes256Gcm, Key as CipherKey};
use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Principal;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::RealmError;
use crate::record_key::RecordKey;
use crate::stored_key::SealedKey;

const LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

/// Tells master keys apart without telling anything about them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(crate) [u8; 32]);

impl Fingerprint {
    /// The first bytes in hex, for people to compare.
    pub fn short(&self) -> String {
        self.0
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.short())
    }
}

/// 32 secret bytes from outside the store: a file of mode 0600 or a systemd credential.
pub struct MasterKey {
    cipher: Aes256Gcm,
    fingerprint: Fingerprint,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint.short())
    }
}

/// What a sealed key belongs to. It is authenticated with the key, so a sealed key opens in its own place only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedFor<'a> {
    pub(crate) principal: &'a Principal,
    /// The name of the principal's record, made once for all of its keys.
    pub(crate) record: &'a RecordKey,
    pub(crate) kvno: u32,
    pub(crate) enctype: Enctype,
}

impl SealedFor<'_> {
    fn associated_data(&self, master_kvno: u32) -> Vec<u8> {
        let name = self.record.as_bytes();
        let mut data = Vec::with_capacity(name.len().saturating_add(24));
        data.extend_from_slice(b"kerbstone 1\0");
        data.extend_from_slice(&master_kvno.to_be_bytes());
        data.extend_from_slice(&self.kvno.to_be_bytes());
        data.extend_from_slice(&self.enctype.number().to_be_bytes());
        data.extend_from_slice(name);
        data
    }
}

impl MasterKey {
    /// The key made of these bytes.
    pub fn new(bytes: &[u8; LENGTH]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"kerbstone master key fingerprint\0")
            .chain_update(bytes)
            .finalize();
        Self {
            cipher: Aes256Gcm::new(&CipherKey::<Aes256Gcm>::from(*bytes)),
            fingerprint: Fingerprint(digest.into()),
        }
    }

    /// A new random key and its bytes, for whoever writes the file.
    pub fn generate(rng: &mut dyn CryptoRng) -> (Self, Zeroizing<[u8; LENGTH]>) {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rng.fill_bytes(&mut *bytes);
        (Self::new(&bytes), bytes)
    }

    /// Reads a key file or credential, which must hold 32 bytes and be closed to group and others.
    pub fn load(path: &Path) -> Result<Self, RealmError> {
        let failed = |error| RealmError::io(path, error);
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(RealmError::MasterKeyExposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        file.take(LENGTH as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        match <&[u8; LENGTH]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Ok(Self::new(bytes)),
            Err(_) => Err(RealmError::MasterKeyLength {
                path: path.to_owned(),
                length: bytes.len(),
            }),
        }
    }

    /// Tells this key from others.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn seal(
        &self,
        secret: &[u8],
        place: &SealedFor<'_>,
        master_kvno: u32,
        rng: &mut dyn CryptoRng,
    ) -> Result<SealedKey, RealmError> {
        let mut nonce = Nonce::<Aes256Gcm>::default();
        rng.fill_bytes(&mut nonce);
        let mut bytes = Vec::with_capacity(NONCE_LENGTH + secret.len() + TAG_LENGTH);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(secret);
        let (_, buffer) = bytes.split_at_mut(NONCE_LENGTH);
        let data = place.associated_data(master_kvno);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce, &data, buffer.into())
            .map_err(|_| RealmError::Unsealable(place.principal.to_string()))?;
        bytes.extend_from_slice(&tag);
        Ok(SealedKey { master_kvno, bytes })
    }

    pub(crate) fn open(
        &self,
        sealed: &SealedKey,
        place: &SealedFor<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, RealmError> {
        self.try_open(sealed, place)
            .ok_or_else(|| RealmError::Unsealable(place.principal.to_string()))
    }

    fn try_open(&self, sealed: &SealedKey, place: &SealedFor<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_LENGTH)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_LENGTH)?)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).ok()?;
        let tag = Tag::<Aes256Gcm>::try_from(tag).ok()?;
        let mut secret = Zeroizing::new(ciphertext.to_vec());
        let data = place.associated_data(sealed.master_kvno);
        self.cipher
            .decrypt_inout_detached(&nonce, &data, secret.as_mut_slice().into(), &tag)
            .ok()?;
        Some(secret)
    }
}
