//! Realms and the trust between them.

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{KeyChange, Keysalt, RealmSettings, Stamp, Trust};
use rand_core::CryptoRng;

use super::Administration;
use super::policies::retrying;
use crate::error::AdminError;
use crate::operation::{RealmChanges, TrustSecret};
use crate::reply::{RealmView, Reply};
use crate::secret::Secret;

/// 39 characters of 32 different ones: 195 bits, which nobody guesses from a captured ticket.
const RANDOM_PASSWORD_LENGTH: usize = 39;
/// Without letters and digits that people take for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Administration {
    pub(super) fn create_realm(
        &self,
        realm: Realm,
        changes: &RealmChanges,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        let mut settings = RealmSettings::new(realm);
        changes.apply(&mut settings);
        self.registrar.create_realm(&settings, stamp, rng)?;
        Ok(Reply::Done)
    }

    pub(super) fn list_realms(&self) -> Result<Reply, AdminError> {
        let mut realms = self.registrar.realms()?;
        // The store puts short names first.
        realms.sort();
        Ok(Reply::Realms(realms))
    }

    pub(super) fn get_realm(&self, realm: &Realm) -> Result<Reply, AdminError> {
        let settings = self.registrar.realm(realm)?.value;
        Ok(Reply::Realm(Box::new(RealmView::new(settings))))
    }

    pub(super) fn modify_realm(
        &self,
        realm: &Realm,
        changes: &RealmChanges,
    ) -> Result<Reply, AdminError> {
        retrying(|| {
            let mut settings = self.registrar.realm(realm)?;
            changes.apply(&mut settings.value);
            self.registrar.modify_realm(&settings)?;
            Ok(Reply::Done)
        })
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "each is a choice of the administrator"
    )]
    pub(super) fn add_trust(
        &self,
        realm: &Realm,
        trust: &Trust,
        secret: &TrustSecret,
        keysalts: Option<Vec<Keysalt>>,
        kvno: Option<u32>,
        stamp: &Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Reply, AdminError> {
        if *realm == trust.realm || !(trust.inbound || trust.outbound) {
            return Err(AdminError::PointlessTrust);
        }
        let (password, told) = match secret {
            TrustSecret::Password(password) => (password.clone(), None),
            TrustSecret::Random => {
                let random = random_password(rng);
                (random.clone(), Some(random))
            }
        };
        let change = KeyChange {
            keysalts,
            kvno,
            ..KeyChange::password(password.as_bytes())
        };
        self.registrar
            .add_trust(realm, trust, &change, stamp, rng)?;
        let inbound = trust
            .inbound
            .then(|| Principal::krbtgt(realm, &trust.realm));
        let outbound = trust
            .outbound
            .then(|| Principal::krbtgt(&trust.realm, realm));
        Ok(Reply::TrustAdded {
            principals: inbound.into_iter().chain(outbound).collect(),
            kvno: kvno.unwrap_or(1),
            secret: told,
        })
    }
}

impl RealmChanges {
    fn apply(&self, settings: &mut RealmSettings) {
        if let Some(life) = self.max_life {
            settings.max_life = life;
        }
        if let Some(life) = self.max_renewable_life {
            settings.max_renewable_life = life;
        }
        if let Some(keysalts) = &self.keysalts {
            settings.keysalts.clone_from(keysalts);
        }
        if let Some(transit) = self.transit {
            settings.transit = transit;
        }
        if let Some(issues_pac) = self.issues_pac {
            settings.issues_pac = issues_pac;
        }
        settings.user_attributes = self.user_attributes.apply(settings.user_attributes);
        self.default_policy.apply(&mut settings.default_policy);
    }
}

fn random_password(rng: &mut dyn CryptoRng) -> Secret {
    let mut bytes = vec![0; RANDOM_PASSWORD_LENGTH];
    rng.fill_bytes(&mut bytes);
    for byte in &mut bytes {
        // 256 is a multiple of 32, so every character is as likely as every other.
        *byte = ALPHABET
            .get(usize::from(*byte % 32))
            .copied()
            .unwrap_or(b'a');
    }
    Secret::from(bytes)
}
