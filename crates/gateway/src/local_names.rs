//! Local names of principals by krb5.conf's `auth_to_local`, remembered because rules are regular expressions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::localname::{LocalNameError, local_name};
use kerbstone_proto::name::{Principal, Realm};

/// Principals whose names are remembered.
const MOST_REMEMBERED: usize = 4096;

/// The rules, and what came of them.
#[derive(Debug)]
pub struct LocalNames {
    conf: Krb5Conf,
    known: Mutex<HashMap<Principal, Option<String>>>,
}

impl LocalNames {
    /// By the rules of that configuration.
    pub fn new(conf: Krb5Conf) -> Self {
        Self {
            conf,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The realm of names without one, where the configuration names it.
    pub fn default_realm(&self) -> Option<Realm> {
        self.conf.libdefaults().default_realm()
    }

    /// The local name, if the principal is a user here.
    pub fn of(&self, principal: &Principal) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(principal) {
            return name.clone();
        }
        let name = self.ask(principal);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(principal.clone(), name.clone());
        name
    }

    fn ask(&self, principal: &Principal) -> Option<String> {
        match local_name(&self.conf, principal) {
            Ok(name) => Some(name),
            Err(LocalNameError::NoTranslation(_)) => None,
            Err(error) => {
                tracing::error!(%error, "a rule of auth_to_local cannot be read, so nobody behind it has a name");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_the_default_realm_have_names_and_strangers_have_none() {
        let conf = Krb5Conf::parse("[libdefaults]\ndefault_realm = EXAMPLE.TEST\n").unwrap();
        let names = LocalNames::new(conf);
        let of = |text: &str| names.of(&Principal::parse(text, None).unwrap());
        for _ in 0..2 {
            assert_eq!(of("alice@EXAMPLE.TEST").unwrap(), "alice");
            assert_eq!(of("alice@OTHER.TEST"), None);
        }
    }
}
