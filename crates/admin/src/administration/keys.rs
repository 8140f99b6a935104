//! Setting keys, and reading them out for keytabs.

use kerbstone_crypto::{Enctype, Key};
use kerbstone_proto::name::Principal;
use kerbstone_realm::{Keep, KeyChange, Keysalt, NewKeys, PlainKey, Salt, Stamp};
use rand_core::CryptoRng;

use super::{Administration, is_locked_down};
use crate::error::AdminError;
use crate::operation::NewKey;
use crate::reply::{ExportedKey, Reply};
use crate::secret::Secret;

impl Administration {
    #[allow(clippy::too_many_arguments, reason = "kadm5's own list")]
    pub(super) fn change_password(
        &self,
        principal: &Principal,
        password: &Secret,
        keep_old: bool,
        keysalts: Option<Vec<Keysalt>>,
        by_owner: bool,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let change = KeyChange {
            keysalts,
            keep_old,
            by_owner,
            ..KeyChange::password(password.as_bytes())
        };
        let kvno = self.registrar.change_keys(principal, &change, stamp, rng)?;
        Ok(Reply::Kvno(kvno))
    }

    pub(super) fn randomize_keys(
        &self,
        principal: &Principal,
        keep_old: bool,
        keysalts: Option<Vec<Keysalt>>,
        export: bool,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        if export {
            // Before the keys change: they could not be handed out afterwards.
            self.refuse_locked_down(principal)?;
        }
        let change = KeyChange {
            keysalts,
            keep_old,
            ..KeyChange::random()
        };
        let kvno = self.registrar.change_keys(principal, &change, stamp, rng)?;
        if export {
            self.extract_keys(principal, Some(kvno))
        } else {
            Ok(Reply::Kvno(kvno))
        }
    }

    pub(super) fn set_keys(
        &self,
        principal: &Principal,
        keys: &[NewKey],
        keep_old: bool,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let plain: Result<Vec<_>, _> = keys
            .iter()
            .zip(1..)
            .map(|(key, number)| key.open(number))
            .collect();
        let change = KeyChange {
            keep_old,
            ..KeyChange::new(NewKeys::Explicit(plain?))
        };
        let kvno = self.registrar.change_keys(principal, &change, stamp, rng)?;
        Ok(Reply::Kvno(kvno))
    }

    pub(super) fn extract_keys(
        &self,
        principal: &Principal,
        kvno: Option<u32>,
    ) -> Result<Reply, AdminError> {
        let keys = self.registrar.read_keys(principal)?;
        let wanted = keys
            .iter()
            .filter(|key| kvno.is_none_or(|wanted| wanted == key.kvno));
        Ok(Reply::Keys {
            principal: self.own_name(principal),
            keys: wanted.map(ExportedKey::new).collect(),
        })
    }

    pub(super) fn purge_keys(
        &self,
        principal: &Principal,
        keep_from: Option<u32>,
        stamp: &Stamp,
    ) -> Result<Reply, AdminError> {
        let keep = keep_from.map_or(Keep::Newest, Keep::From);
        let removed = self.registrar.purge_keys(principal, keep, stamp)?;
        Ok(Reply::Purged(removed as u64))
    }

    fn refuse_locked_down(&self, principal: &Principal) -> Result<(), AdminError> {
        let entry = self.registrar.show(principal)?.entry.value;
        if is_locked_down(entry.attributes) {
            return Err(AdminError::LockedDown(entry.principal));
        }
        Ok(())
    }
}

impl NewKey {
    fn open(&self, number: usize) -> Result<PlainKey, AdminError> {
        let enctype =
            Enctype::from_number(self.enctype).ok_or(AdminError::UnknownEnctype(self.enctype))?;
        let key = Key::new(enctype, self.key.as_bytes())
            .map_err(|error| AdminError::BadKey(number, error))?;
        Ok(PlainKey {
            kvno: self.kvno,
            key,
            salt: self.salt.clone().map_or(Salt::Normal, Salt::Special),
            s2k_params: None,
        })
    }
}

impl ExportedKey {
    fn new(key: &PlainKey) -> Self {
        Self {
            kvno: key.kvno,
            enctype: key.key.enctype().number(),
            key: Secret::from(key.key.bytes()),
        }
    }
}
