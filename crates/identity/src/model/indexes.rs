use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::Arc;

use super::{Actor, Assignment, Id, Revocations, Table, Target};

/// Ways to find things other than by id.
#[derive(Debug, Clone, Default)]
pub struct Indexes {
    /// Projects by domain and name; domains under `None`.
    pub projects_by_name: Table<(Option<Id>, String), Id>,
    /// Users by domain and name.
    pub users_by_name: Table<(Id, String), Id>,
    /// Users by the principal that is written with them.
    pub users_by_principal: Table<String, Id>,
    /// Groups by domain and name.
    pub groups_by_name: Table<(Id, String), Id>,
    /// Roles by domain and name; roles of no domain under `None`.
    pub roles_by_name: Table<(Option<Id>, String), Id>,
    /// Projects by the one above them.
    pub children: Many<Id, Id>,
    /// Users by group.
    pub members: Many<Id, Id>,
    /// Groups by user.
    pub groups_of_user: Many<Id, Id>,
    /// Roles by the role that implies them.
    pub implied: Many<Id, Id>,
    /// Assignments by who has them.
    pub assignments_of_actor: Many<Actor, Assignment>,
    /// Assignments by where they hold.
    pub assignments_on_target: Many<Target, Assignment>,
    /// Endpoints by service.
    pub endpoints_of_service: Many<Id, Id>,
    /// Application credentials by user.
    pub application_credentials_of_user: Many<Id, Id>,
    /// Revocation events by what they name.
    pub revocations: Revocations,
}

/// Several values under one key, sorted.
#[derive(Debug, Clone)]
pub struct Many<K, V>(Table<K, Arc<BTreeSet<V>>>);

impl<K, V> Default for Many<K, V> {
    fn default() -> Self {
        Self(Table::default())
    }
}

impl<K: Hash + Eq + Clone, V: Ord + Clone> Many<K, V> {
    /// The values under a key, in order.
    pub fn of<Q>(&self, key: &Q) -> impl Iterator<Item = &V> + Clone
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(key).into_iter().flat_map(|values| values.iter())
    }

    /// Whether a value stands under a key.
    pub fn has<Q>(&self, key: &Q, value: &V) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(key).is_some_and(|values| values.contains(value))
    }

    pub(super) fn add(&mut self, key: &K, value: &V) {
        self.0.update(key.clone(), |values| {
            Arc::make_mut(values).insert(value.clone());
        });
    }

    pub(super) fn remove(&mut self, key: &K, value: &V) {
        let rest = self.0.update(key.clone(), |values| {
            let values = Arc::make_mut(values);
            values.remove(value);
            values.len()
        });
        if rest == Some(0) {
            self.0.remove(key);
        }
    }
}
