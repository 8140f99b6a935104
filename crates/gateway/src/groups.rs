//! The groups that somebody is in: by a table of the site's own, and by the host's group database.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Group, User, getgrouplist};

use crate::identity::Identity;
use crate::pattern::Pattern;
use crate::rule::is_meant;

/// How long what the host said is believed.
const REMEMBERED: Duration = Duration::from_secs(60);
/// People whose groups are remembered.
const MOST_REMEMBERED: usize = 4096;
/// How long a name service may think.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is in which group.
#[derive(Debug, Default)]
pub struct Groups {
    table: BTreeMap<String, Vec<Pattern>>,
    known: Mutex<HashMap<String, Known>>,
}

/// What the host said of somebody, and when.
type Known = (Instant, Arc<[String]>);

/// Which groups are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Whether they are in one of these.
    Some(&'a [String]),
    /// All that they are in.
    All,
}

impl Groups {
    /// With a table of groups and their members: principals, local names, or patterns of them.
    pub fn new(table: BTreeMap<String, Vec<Pattern>>) -> Self {
        Self {
            table,
            known: Mutex::default(),
        }
    }

    /// Whether the table has a group of that name.
    pub fn has(&self, group: &str) -> bool {
        self.table.contains_key(group)
    }

    /// Those of the wanted groups that somebody is in. A group of the table is the table's alone; others are asked of the
    /// host, which knows people by their local names.
    pub async fn of(&self, identity: &Identity, wanted: Wanted<'_>) -> Vec<String> {
        let principal = identity.principal.to_string();
        let local_name = identity.local_name.as_deref();
        let is_wanted = |group: &str| match wanted {
            Wanted::Some(groups) => groups.iter().any(|one| one == group),
            Wanted::All => true,
        };
        let is_member = |members: &Vec<Pattern>| {
            members
                .iter()
                .any(|member| is_meant(member, &principal, local_name))
        };
        let of_table = self
            .table
            .iter()
            .filter(|(group, members)| is_wanted(group) && is_member(members))
            .map(|(group, _)| group.clone());
        let mut groups: BTreeSet<String> = of_table.collect();
        let asks_host = match wanted {
            Wanted::Some(wanted) => wanted.iter().any(|group| !self.has(group)),
            Wanted::All => true,
        };
        if let Some(name) = local_name.filter(|_| asks_host) {
            let of_host = self.of_host(name).await;
            let further = of_host
                .iter()
                .filter(|group| is_wanted(group) && !self.has(group));
            groups.extend(further.cloned());
        }
        groups.into_iter().collect()
    }

    async fn of_host(&self, user: &str) -> Arc<[String]> {
        if let Some(known) = self.remembered(user) {
            return known;
        }
        let name = user.to_owned();
        // Name services may ask servers.
        let asked = tokio::task::spawn_blocking(move || groups_of_host(&name));
        let groups: Arc<[String]> = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(groups)) => groups.into(),
            _ => {
                tracing::warn!(
                    user,
                    "the host's group database does not answer: the user counts as in no group"
                );
                return Arc::from([]);
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(user.to_owned(), (Instant::now(), Arc::clone(&groups)));
        groups
    }

    fn remembered(&self, user: &str) -> Option<Arc<[String]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, groups) = known.get(user)?;
        (since.elapsed() < REMEMBERED).then(|| Arc::clone(groups))
    }
}

/// Asks the host's group database.
pub fn groups_of_host(user: &str) -> Vec<String> {
    let Ok(name) = CString::new(user) else {
        return Vec::new();
    };
    let Ok(Some(account)) = User::from_name(user) else {
        return Vec::new();
    };
    let ids = getgrouplist(&name, account.gid).unwrap_or_default();
    ids.into_iter()
        .filter_map(|id| Group::from_gid(id).ok().flatten())
        .map(|group| group.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::alice;

    fn groups(table: &[(&str, &[&str])]) -> Groups {
        let table = table.iter().map(|(group, members)| {
            let members = members.iter().map(|&member| member.into()).collect();
            ((*group).to_owned(), members)
        });
        Groups::new(table.collect())
    }

    #[tokio::test]
    async fn the_table_knows_people_by_principal_and_by_local_name() {
        let groups = groups(&[
            ("staff", &["alice"]),
            ("admins", &["*/admin@EXAMPLE.TEST"]),
            ("all", &["*@EXAMPLE.TEST"]),
        ]);
        assert_eq!(groups.of(&alice(), Wanted::All).await, ["all", "staff"]);
        let wanted = ["staff".to_owned(), "admins".to_owned()];
        assert_eq!(groups.of(&alice(), Wanted::Some(&wanted)).await, ["staff"]);
    }

    #[tokio::test]
    async fn the_hosts_groups_are_those_of_the_local_name() {
        let mut root = alice();
        root.local_name = Some("root".to_owned());
        let of_host = groups_of_host("root");
        assert!(of_host.contains(&"root".to_owned()), "{of_host:?}");
        let none = groups(&[]);
        let wanted = ["root".to_owned()];
        for _ in 0..2 {
            assert_eq!(none.of(&root, Wanted::Some(&wanted)).await, ["root"]);
        }
        let own = groups(&[("root", &["bob"])]);
        assert!(own.of(&root, Wanted::Some(&wanted)).await.is_empty());
        root.local_name = None;
        assert!(none.of(&root, Wanted::Some(&wanted)).await.is_empty());
    }
}
