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
        let other_is_here = self.realms()?.contains(&trust.realm);
        for principal in shared_principals(realm, trust) {
            let entry = Entry::new(principal, stamp.by.clone(), stamp.at);
            match self.create(entry, keys, stamp, rng) {
                Ok(_) => {}
                Err(RealmError::PrincipalExists(_)) if other_is_here => {}
                Err(error) => return Err(error),
            }
        }
        self.change_trusts(realm, |settings| {
            settings.trusts.retain(|known| known.realm != trust.realm);
            settings.trusts.push(trust.clone());
        })
    }

    /// Ends the trust with another realm and deletes the shared keys, which are what the trust is.
    /// Where that realm is in this store too, it ends there as well: the keys are the same.
    pub fn remove_trust(
        &self,
        realm: &Realm,
        other: &Realm,
        stamp: &Stamp,
    ) -> Result<(), RealmError> {
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
        self.forget_trust(realm, other)?;
        match self.forget_trust(other, realm) {
            Err(RealmError::NoSuchRealm(_)) => Ok(()),
            done => done,
        }
    }

    fn forget_trust(&self, realm: &Realm, other: &Realm) -> Result<(), RealmError> {
        self.change_trusts(realm, |settings| {
            settings.trusts.retain(|known| known.realm != *other);
        })
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
