//! What administrators do.

use kerbstone_proto::name::{Principal, Realm};
use kerbstone_realm::{Entry, KeyChange, Policy, RealmSettings, Registrar, Stamp, Trust};

use super::VirtualSite;

impl VirtualSite {
    /// Changes the records of a realm.
    ///
    /// # Panics
    /// When the site has no such realm.
    #[must_use]
    pub fn registrar(&self, realm: &str) -> &Registrar {
        &self.realms[self.realm_index(realm)].registrar
    }

    /// Who changes records, at the true time.
    ///
    /// # Panics
    /// Never: the name is one.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            by: Principal::parse("root/admin@SITE", None).expect("a name with a realm"),
            at: self.now().time,
        }
    }

    /// Adds a user with a password.
    pub fn add_user(&mut self, name: &str, password: &str) -> Principal {
        self.add(name, &KeyChange::password(password.as_bytes()), |_| {})
    }

    /// Adds a service with random keys.
    pub fn add_service(&mut self, name: &str) -> Principal {
        self.add(name, &KeyChange::random(), |_| {})
    }

    /// Adds a principal, its record changed by `adjust`. The name carries its realm.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn add(
        &mut self,
        name: &str,
        keys: &KeyChange<'_>,
        adjust: impl FnOnce(&mut Entry),
    ) -> Principal {
        let name = principal(name);
        let stamp = self.stamp();
        let registrar = self.registrar_of(&name);
        let mut entry = registrar.template(&name, &stamp).expect("a template");
        adjust(&mut entry);
        registrar
            .create(entry, keys, &stamp, &mut self.rng)
            .expect("a new principal");
        name
    }

    /// Changes a principal's record.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn modify(&self, name: &str, adjust: impl Fn(&mut Entry)) {
        let name = principal(name);
        let change = |entry: &mut Entry| {
            adjust(entry);
            Ok(())
        };
        self.registrar_of(&name)
            .modify(&name, None, &self.stamp(), change)
            .expect("a changed principal");
    }

    /// Changes a principal's keys and returns their version.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn change_keys(&mut self, name: &Principal, change: &KeyChange<'_>) -> u32 {
        let registrar = self.registrar_of(name);
        registrar
            .change_keys(name, change, &self.stamp(), &mut self.rng)
            .expect("new keys")
    }

    /// Creates a policy and gives it to everybody who is added from now on.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn set_default_policy(&mut self, realm: &str, policy: &Policy) {
        self.registrar(realm)
            .create_policy(&Realm::from(realm), policy)
            .expect("a new policy");
        let name = policy.name.clone();
        self.modify_realm(realm, |settings| settings.default_policy = Some(name));
    }

    /// Changes a realm's settings.
    ///
    /// # Panics
    /// When the realm refuses it.
    pub fn modify_realm(&mut self, realm: &str, adjust: impl FnOnce(&mut RealmSettings)) {
        let registrar = self.registrar(realm);
        let mut settings = registrar
            .realm(&Realm::from(realm))
            .expect("the realm's settings");
        adjust(&mut settings.value);
        registrar.modify_realm(&settings).expect("changed settings");
    }

    /// Trust of two realms in each other. Both stores get the keys.
    ///
    /// # Panics
    /// When a realm refuses it.
    pub fn trust(&mut self, one: &str, other: &str) {
        let password = format!("between {one} and {other}");
        let keys = KeyChange::password(password.as_bytes());
        let stamp = self.stamp();
        for (ours, theirs) in [(one, other), (other, one)] {
            let trust = Trust {
                realm: Realm::from(theirs),
                inbound: true,
                outbound: true,
            };
            let registrar = &self.realms[self.realm_index(ours)].registrar;
            registrar
                .add_trust(&Realm::from(ours), &trust, &keys, &stamp, &mut self.rng)
                .expect("a new trust");
        }
    }

    fn registrar_of(&self, name: &Principal) -> Registrar {
        self.registrar(&name.realm.to_string_lossy()).clone()
    }
}

/// Reads a name that carries its realm.
pub(super) fn principal(name: &str) -> Principal {
    Principal::parse(name, None).unwrap_or_else(|error| panic!("{name}: {error}"))
}
