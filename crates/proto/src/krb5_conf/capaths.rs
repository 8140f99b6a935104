//! `[capaths]`: the realms between a client's and a server's.

use super::Krb5Conf;
use crate::name::Realm;

impl Krb5Conf {
    /// The intermediate realms that `[capaths]` writes down between two realms, from the client's
    /// side; none for `.` (they trust each other directly). `None` when it says nothing: then
    /// [`hierarchical_path`] holds.
    #[must_use]
    pub fn capath(&self, client: &str, server: &str) -> Option<Vec<Realm>> {
        let mut values = self
            .profile()
            .relations(&["capaths", client, server])
            .map(|relation| relation.value.as_str())
            .peekable();
        if values.peek()?.starts_with('.') {
            return Some(Vec::new());
        }
        Some(
            values
                .map(|value| Realm::from(value.split([' ', '\t']).next().unwrap_or_default()))
                .collect(),
        )
    }

    /// The intermediate realms between two realms, written down or by hierarchy.
    #[must_use]
    pub fn realm_path(&self, client: &str, server: &str) -> Vec<Realm> {
        self.capath(client, server)
            .unwrap_or_else(|| hierarchical_path(client, server))
    }
}

/// The intermediate realms by RFC 4120 1.2: from the client's realm up to the nearest domain that
/// both have in common, and down to the server's; over the two top domains if they have none.
#[must_use]
pub fn hierarchical_path(client: &str, server: &str) -> Vec<Realm> {
    if client == server {
        return Vec::new();
    }
    let ancestors = |realm| {
        core::iter::successors(Some(realm), |realm: &&str| {
            realm.split_once('.').map(|(_, parent)| parent)
        })
    };
    let common =
        ancestors(client).find(|up| !up.is_empty() && ancestors(server).any(|other| other == *up));
    let up: Vec<&str> = match common {
        Some(common) => ancestors(client)
            .take_while(|&realm| realm != common)
            .chain([common])
            .collect(),
        None => ancestors(client).collect(),
    };
    let mut down: Vec<&str> = ancestors(server)
        .take_while(|&realm| Some(realm) != common)
        .collect();
    down.reverse();
    up.into_iter()
        .chain(down)
        .filter(|&realm| realm != client && realm != server)
        .map(Realm::from)
        .collect()
}
