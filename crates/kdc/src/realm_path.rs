//! Which realms lie between two realms: `capaths`, else the hierarchy of names.

use kerbstone_realm::Capath;

/// Realm names as they are on the wire.
pub(crate) type RealmBytes = Vec<u8>;

/// Longest realm name that takes part in cross-realm work.
pub(crate) const MAX_REALM_LENGTH: usize = 512;

/// The path from `client` to `server`, both included. A stated path without realms between (krb5.conf's `.`) means
/// that the two share a key; where nothing is stated, the path follows the hierarchy.
pub(crate) fn path(capaths: &[Capath], client: &[u8], server: &[u8]) -> Vec<RealmBytes> {
    let stated = capaths
        .iter()
        .find(|path| path.client.as_bytes() == client && path.server.as_bytes() == server);
    match stated {
        Some(stated) => {
            let mut path = vec![client.to_vec()];
            path.extend(stated.through.iter().map(|realm| realm.as_bytes().to_vec()));
            path.push(server.to_vec());
            path
        }
        None => hierarchical_path(client, server),
    }
}

/// Up from `client` to the nearest common ancestor and down to `server`, both included. Without a
/// common ancestor the path goes over both top realms, as MIT's does.
pub(crate) fn hierarchical_path(client: &[u8], server: &[u8]) -> Vec<RealmBytes> {
    let mut up = ancestors(client);
    let down = ancestors(server);
    let meeting = up
        .iter()
        .position(|realm| down.contains(realm))
        .and_then(|at| up.get(at).cloned());
    let below: Vec<_> = match &meeting {
        Some(common) => {
            let keep = up
                .iter()
                .position(|realm| realm == common)
                .map_or(up.len(), |at| at.saturating_add(1));
            up.truncate(keep);
            down.into_iter()
                .take_while(|realm| realm != common)
                .collect()
        }
        None => down,
    };
    up.extend(below.into_iter().rev());
    up
}

/// The realm and all above it, nearest first: `A.B.C`, `B.C`, `C`, or `/COM/HP`, `/COM`.
pub(crate) fn ancestors(realm: &[u8]) -> Vec<RealmBytes> {
    let mut chain = Vec::new();
    let mut rest = realm;
    if realm.first() == Some(&b'/') {
        while !rest.is_empty() {
            chain.push(rest.to_vec());
            let cut = rest.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            rest = rest.get(..cut).unwrap_or_default();
        }
    } else {
        loop {
            chain.push(rest.to_vec());
            let Some(dot) = rest.iter().position(|byte| *byte == b'.') else {
                break;
            };
            rest = rest.get(dot.saturating_add(1)..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: Vec<RealmBytes>) -> Vec<String> {
        path.into_iter()
            .map(|realm| String::from_utf8(realm).unwrap())
            .collect()
    }

    #[test]
    fn climbs_to_the_common_ancestor_and_down_again() {
        let path = hierarchical_path(b"A.B.EXAMPLE.COM", b"C.EXAMPLE.COM");
        assert_eq!(
            texts(path),
            [
                "A.B.EXAMPLE.COM",
                "B.EXAMPLE.COM",
                "EXAMPLE.COM",
                "C.EXAMPLE.COM"
            ]
        );
    }

    #[test]
    fn goes_straight_up_or_straight_down() {
        assert_eq!(
            texts(hierarchical_path(b"A.B.C", b"C")),
            ["A.B.C", "B.C", "C"]
        );
        assert_eq!(
            texts(hierarchical_path(b"C", b"A.B.C")),
            ["C", "B.C", "A.B.C"]
        );
    }

    #[test]
    fn does_not_take_a_name_that_merely_ends_alike_for_a_parent() {
        let path = hierarchical_path(b"ABC.EXAMPLE.COM", b"BC.EXAMPLE.COM");
        assert_eq!(
            texts(path),
            ["ABC.EXAMPLE.COM", "EXAMPLE.COM", "BC.EXAMPLE.COM"]
        );
    }

    #[test]
    fn goes_over_both_tops_when_nothing_is_shared() {
        assert_eq!(
            texts(hierarchical_path(b"A.ORG", b"B.COM")),
            ["A.ORG", "ORG", "COM", "B.COM"]
        );
    }

    #[test]
    fn reads_x500_names_from_the_left() {
        assert_eq!(
            texts(hierarchical_path(b"/COM/HP/APOLLO", b"/COM/DEC")),
            ["/COM/HP/APOLLO", "/COM/HP", "/COM", "/COM/DEC"]
        );
    }

    #[test]
    fn prefers_capaths_to_the_hierarchy() {
        let capath = |server: &str, through: &[&str]| Capath {
            client: "ANL.GOV".into(),
            server: server.into(),
            through: through.iter().map(|realm| (*realm).into()).collect(),
        };
        let capaths = [capath("HAL.COM", &["K5.MOON"]), capath("ES.NET", &[])];
        assert_eq!(
            texts(path(&capaths, b"ANL.GOV", b"HAL.COM")),
            ["ANL.GOV", "K5.MOON", "HAL.COM"]
        );
        assert_eq!(
            texts(path(&capaths, b"ANL.GOV", b"ES.NET")),
            ["ANL.GOV", "ES.NET"]
        );
    }
}
