//! Trust between realms: the `krbtgt` keys that two realms share.

use kerbstone_proto::name::{Principal, Realm};
use rand_core::CryptoRng;

use super::{KeyChange, Registrar, Stamp, retrying};
use crate::entry::Entry;
use crate::error::RealmError;
use crate::settings::{RealmSettings, Trust};

impl Registrar {
    /// Shares keys with another realm, in the directions named. Both realms need the same keys
    /// under the same version number, so the change is mostly a password. A key that is there
    /// already, because the other realm is in this store too and made it, stays.
    pub fn add_trust(
        &self,
        realm: &Realm,
        trust: &Trust,
        keys: &KeyChange<'_>,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), RealmError> {
        self.settings(realm)?;
        for principal in shared_principals(realm, trust) {
            let entry = Entry::new(principal, stamp.by.clone(), stamp.at);
            match self.create(entry, keys, stamp, rng) {
                Ok(_) | Err(RealmError::PrincipalExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.change_trusts(realm, |settings| {
            settings.trusts.retain(|known| known.realm != trust.realm);
            settings.trusts.push(trust.clone());
        })
    }

    /// Ends the trust with another realm, and deletes the shared keys unless that realm is in this store too.
    pub fn remove_trust(
        &self,
        realm: &Realm,
        other: &Realm,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
        self.change_trusts(realm, |settings| {
            settings.trusts.retain(|known| known.realm != *other);
        })?;
        if self.realms()?.contains(other) {
            return Ok(());
        }
        let both = Trust {
            realm: other.clone(),
            inbound: true,
            outbound: true,
        };
        for principal in shared_principals(realm, &both) {
            match self.delete(&principal, stamp) {
                Ok(()) | Err(RealmError::NoSuchPrincipal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn change_trusts(
        &self,
        realm: &Realm,
        change: impl Fn(&mut RealmSettings),
    ) -> Result<(), RealmError> {
        retrying(|| {
            let mut settings = self.settings(realm)?;
            change(&mut settings.value);
            self.modify_realm(&settings).map(|_| ())
        })
    }
}

fn shared_principals(realm: &Realm, trust: &Trust) -> impl Iterator<Item = Principal> {
    let inbound = trust
        .inbound
        .then(|| Principal::krbtgt(realm, &trust.realm));
    let outbound = trust
        .outbound
        .then(|| Principal::krbtgt(&trust.realm, realm));
    inbound.into_iter().chain(outbound)
}
