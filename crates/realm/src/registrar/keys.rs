//! Setting, keeping, purging and reading out keys.

use kerbstone_crypto::{IterationLimit, Key};
use kerbstone_proto::name::Principal;
use rand_core::CryptoRng;

use super::old_passwords::{remember, was_used_before};
use super::{Registrar, Stamp, retrying};
use crate::attributes::Attributes;
use crate::entry::Entry;
use crate::error::RealmError;
use crate::password_policy::{Candidate, PolicyViolation, check_not_empty};
use crate::policy::Policy;
use crate::store::Versioned;
use crate::stored_key::{Keysalt, Salt, SaltKind, StoredKey};
use crate::vault::PlainKey;

/// Where new keys come from.
#[derive(Clone, Debug)]
pub enum NewKeys<'a> {
    /// From a password, one for each keysalt.
    Password(&'a [u8]),
    /// At random, one for each enctype.
    Random,
    /// These, with the version numbers they carry.
    Explicit(Vec<PlainKey>),
    /// There are none: the principal cannot log in or serve.
    None,
}

/// A change of a principal's keys.
#[derive(Clone, Debug)]
pub struct KeyChange<'a> {
    /// Where the new keys come from.
    pub keys: NewKeys<'a>,
    /// Which keys to make; `None` for the policy's or the realm's choice.
    pub keysalts: Option<Vec<Keysalt>>,
    /// Whether older versions stay usable.
    pub keep_old: bool,
    /// Whether its owner makes the change, whom the policy's minimum age binds.
    pub by_owner: bool,
    /// The version number of the new keys; `None` for the next.
    pub kvno: Option<u32>,
}

impl<'a> KeyChange<'a> {
    /// Keys as an administrator sets them, without keeping old ones.
    pub const fn new(keys: NewKeys<'a>) -> Self {
        Self {
            keys,
            keysalts: None,
            keep_old: false,
            by_owner: false,
            kvno: None,
        }
    }

    /// A password as an administrator sets it.
    pub const fn password(password: &'a [u8]) -> Self {
        Self::new(NewKeys::Password(password))
    }

    /// A password as its owner changes it.
    pub const fn own_password(password: &'a [u8]) -> Self {
        let mut change = Self::password(password);
        change.by_owner = true;
        change
    }

    /// Random keys.
    pub const fn random() -> Self {
        Self::new(NewKeys::Random)
    }

    /// The same change, with older versions kept usable.
    #[must_use]
    pub const fn keeping_old(mut self) -> Self {
        self.keep_old = true;
        self
    }

    /// The same change, with these keysalts.
    #[must_use]
    pub fn with_keysalts(mut self, keysalts: Vec<Keysalt>) -> Self {
        self.keysalts = Some(keysalts);
        self
    }
}

/// Which versions a purge leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The newest.
    Newest,
    /// This one and newer ones.
    From(u32),
}

impl Registrar {
    /// Changes a principal's keys and returns the new version number.
    pub fn change_keys(
        &self,
        name: &Principal,
        change: &KeyChange<'_>,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<u32, RealmError> {
        retrying(|| {
            let Versioned { version, value } = self.entry(name)?;
            let mut entry = value;
            self.apply_keys(&mut entry, change, stamp, rng)?;
            Ok(self.save(entry, version, stamp)?.value.kvno())
        })
    }

    /// Removes old versions and counts the keys that went.
    pub fn purge_keys(
        &self,
        name: &Principal,
        keep: Keep,
        stamp: &Stamp,
    ) -> Result<usize, RealmError> {
        retrying(|| {
            let Versioned { version, value } = self.entry(name)?;
            let mut entry = value;
            let newest = entry.kvno();
            let oldest = match keep {
                Keep::Newest => newest,
                // The newest stays in any case: a principal without keys is no one's wish.
                Keep::From(kvno) => kvno.min(newest),
            };
            let before = entry.keys.len();
            entry.keys.retain(|key| key.kvno >= oldest);
            let removed = before.saturating_sub(entry.keys.len());
            if removed > 0 {
                self.save(entry, version, stamp)?;
            }
            Ok(removed)
        })
    }

    /// The open keys, for a keytab. Refused for principals with locked-down keys.
    pub fn read_keys(&self, name: &Principal) -> Result<Vec<PlainKey>, RealmError> {
        let entry = self.entry(name)?.value;
        if entry.attributes.contains(Attributes::LOCKDOWN_KEYS) {
            return Err(RealmError::LockedDown(entry.principal.to_string()));
        }
        entry
            .keys
            .iter()
            .map(|stored| self.open(&entry, stored))
            .collect()
    }

    fn open(&self, entry: &Entry, stored: &StoredKey) -> Result<PlainKey, RealmError> {
        Ok(PlainKey {
            kvno: stored.kvno,
            key: self.vault().unseal(&entry.principal, stored)?,
            salt: stored.salt.clone(),
            s2k_params: stored.s2k_params.clone(),
        })
    }

    /// Gives the entry its new keys, as far as its policy permits.
    pub(super) fn apply_keys(
        &self,
        entry: &mut Entry,
        change: &KeyChange<'_>,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), RealmError> {
        let policy = self.policy_of(entry)?;
        if let NewKeys::Password(password) = change.keys {
            self.judge(entry, policy.as_ref(), password, change.by_owner, stamp)?;
        }
        let kvno = change
            .kvno
            .unwrap_or_else(|| entry.kvno().saturating_add(1));
        let keysalts = self.keysalts_for(entry, policy.as_ref(), change)?;
        let mut keys = self.make_keys(entry, &change.keys, &keysalts, kvno, rng)?;
        let depth = policy.as_ref().map_or(0, |policy| policy.password.history);
        remember(entry, depth);
        if change.keep_old {
            let replaced = |old: &StoredKey| keys.iter().any(|new| new.kvno == old.kvno);
            let kept: Vec<_> = entry.keys.drain(..).filter(|old| !replaced(old)).collect();
            keys.extend(kept);
            keys.sort_by_key(|key| std::cmp::Reverse(key.kvno));
        }
        entry.keys = keys;
        entry.last_password_change = Some(stamp.at);
        entry.password_expiration = policy.and_then(|policy| policy.password.expiration(stamp.at));
        entry.attributes = entry.attributes - Attributes::NEEDCHANGE;
        entry.lockout = None;
        entry.unlocked_at = Some(stamp.at);
        Ok(())
    }

    fn judge(
        &self,
        entry: &Entry,
        policy: Option<&Policy>,
        password: &[u8],
        by_owner: bool,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
        check_not_empty(password)?;
        let Some(policy) = policy else {
            return Ok(());
        };
        let candidate = Candidate {
            principal: &entry.principal,
            password,
            last_change: entry.last_password_change,
            must_change: entry.attributes.contains(Attributes::NEEDCHANGE),
            by_administrator: !by_owner,
        };
        policy.password.check(&candidate, stamp.at)?;
        if was_used_before(self.vault(), entry, policy.password.history, password)? {
            return Err(PolicyViolation::Reused.into());
        }
        Ok(())
    }

    fn keysalts_for(
        &self,
        entry: &Entry,
        policy: Option<&Policy>,
        change: &KeyChange<'_>,
    ) -> Result<Vec<Keysalt>, RealmError> {
        if matches!(change.keys, NewKeys::Explicit(_) | NewKeys::None) {
            return Ok(Vec::new());
        }
        let allowed =
            policy.and_then(|policy| Some((&policy.name, policy.allowed_keysalts.as_ref()?)));
        match (&change.keysalts, allowed) {
            (Some(wanted), Some((name, allowed))) => {
                if wanted.iter().all(|keysalt| allowed.contains(keysalt)) {
                    Ok(wanted.clone())
                } else {
                    Err(RealmError::KeysaltsRefused(name.clone()))
                }
            }
            (Some(wanted), None) => Ok(wanted.clone()),
            (None, Some((_, allowed))) => Ok(allowed.clone()),
            (None, None) => {
                let home = self.home_of(&entry.principal)?;
                Ok(self.settings(&home)?.value.keysalts)
            }
        }
    }

    pub(super) fn make_keys(
        &self,
        entry: &Entry,
        keys: &NewKeys<'_>,
        keysalts: &[Keysalt],
        kvno: u32,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<StoredKey>, RealmError> {
        let principal = &entry.principal;
        let plain = match keys {
            NewKeys::None => Vec::new(),
            NewKeys::Explicit(keys) => keys.clone(),
            NewKeys::Random => random_keys(keysalts, kvno, rng)?,
            NewKeys::Password(password) => {
                keys_of_password(principal, password, keysalts, kvno, rng)?
            }
        };
        let mut stored = Vec::with_capacity(plain.len());
        for key in plain {
            stored.push(self.vault().seal(principal, key, rng)?);
        }
        stored.sort_by_key(|key: &StoredKey| std::cmp::Reverse(key.kvno));
        Ok(stored)
    }
}

fn random_keys(
    keysalts: &[Keysalt],
    kvno: u32,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<PlainKey>, RealmError> {
    let mut keys: Vec<PlainKey> = Vec::with_capacity(keysalts.len());
    for Keysalt { enctype, .. } in keysalts {
        if keys.iter().any(|made| made.key.enctype() == *enctype) {
            continue;
        }
        keys.push(PlainKey {
            kvno,
            key: Key::random(*enctype, rng)?,
            salt: Salt::Normal,
            s2k_params: None,
        });
    }
    Ok(keys)
}

fn keys_of_password(
    principal: &Principal,
    password: &[u8],
    keysalts: &[Keysalt],
    kvno: u32,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<PlainKey>, RealmError> {
    let mut keys = Vec::with_capacity(keysalts.len());
    for Keysalt { enctype, salt } in keysalts {
        let salt = make_salt(*salt, rng);
        let key = Key::from_password(
            *enctype,
            password,
            &salt.resolve(principal),
            None,
            IterationLimit::DEFAULT,
        )?;
        keys.push(PlainKey {
            kvno,
            key,
            salt,
            s2k_params: None,
        });
    }
    Ok(keys)
}

fn make_salt(kind: SaltKind, rng: &mut dyn CryptoRng) -> Salt {
    match kind {
        SaltKind::Normal => Salt::Normal,
        SaltKind::NoRealm => Salt::NoRealm,
        SaltKind::OnlyRealm => Salt::OnlyRealm,
        SaltKind::Special => {
            let mut random = [0; 8];
            rng.fill_bytes(&mut random);
            let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            Salt::Special(text.into_bytes())
        }
    }
}
