//! Logins whose tickets no cache with a name holds.

use std::sync::{Arc, Mutex, PoisonError};

use kerbstone_gss::Name;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use super::purse::{Purse, Survey};
use super::shelf::Shelf;
use super::{Sources, Wish};

/// So many are kept, for as many services and names.
const MAX_LOGINS: usize = 512;

/// A login that the desk keeps in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLogin {
    /// For which service.
    pub service: String,
    /// Who is signed in.
    pub client: Principal,
    /// Until when.
    pub expires: KerberosTime,
}

/// The logins in memory, and who is signing in.
#[derive(Debug)]
pub(super) struct Logins {
    kept: Mutex<Shelf<TicketsKey, Login>>,
    /// Who signs in waits for whoever signs in already.
    gates: Mutex<Shelf<TicketsKey, Arc<Mutex<()>>>>,
}

/// What stands for the tickets that a wish leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TicketsKey {
    sources: Sources,
    name: Option<Name>,
}

#[derive(Debug)]
struct Login {
    purse: Arc<Purse>,
    /// Whose keys got the tickets.
    keytab: Arc<Keytab>,
    service: String,
}

impl Logins {
    pub(super) fn new() -> Self {
        Self {
            kept: Mutex::new(Shelf::new(MAX_LOGINS)),
            gates: Mutex::new(Shelf::new(MAX_LOGINS)),
        }
    }

    /// The tickets that this wish led to before, unless the keytab is another now.
    pub(super) fn get(&self, wish: &Wish<'_>, keytab: &Arc<Keytab>) -> Option<Arc<Purse>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let login = kept.get(&TicketsKey::of(wish))?;
        Arc::ptr_eq(&login.keytab, keytab).then(|| Arc::clone(&login.purse))
    }

    pub(super) fn put(&self, wish: &Wish<'_>, purse: &Arc<Purse>, keytab: &Arc<Keytab>) {
        let login = Login {
            service: wish.sources.service.clone(),
            purse: Arc::clone(purse),
            keytab: Arc::clone(keytab),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(TicketsKey::of(wish), login, 1);
    }

    /// What is to be held while signing in.
    pub(super) fn gate(&self, wish: &Wish<'_>) -> Arc<Mutex<()>> {
        let key = TicketsKey::of(wish);
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(&key) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Mutex::new(()));
        gates.put(key, Arc::clone(&gate), 1);
        gate
    }

    pub(super) fn list(&self) -> Vec<KeptLogin> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let described = |login: &Login| {
            let survey = login.purse.inspect(Survey::of);
            KeptLogin {
                service: login.service.clone(),
                client: survey.owner,
                expires: survey.expires,
            }
        };
        kept.values().map(described).collect()
    }
}

impl TicketsKey {
    fn of(wish: &Wish<'_>) -> Self {
        Self {
            sources: wish.sources.clone(),
            name: wish.name.cloned(),
        }
    }
}
