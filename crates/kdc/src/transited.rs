//! The realms that a ticket has crossed: DOMAIN-X500-COMPRESS, RFC 4120 3.3.3.2.

use kerbstone_realm::Capath;

use crate::realm_path::{self, MAX_REALM_LENGTH, RealmBytes, hierarchical_path};

/// The only transited encoding that exists.
pub(crate) const DOMAIN_X500_COMPRESS: i32 = 1;

/// Longest transited field that we read or write.
const MAX_ENCODED: usize = 4096;

/// Most realms that a transited field may name.
const MAX_REALMS: usize = 64;

/// The transited field says nothing that can be understood, or more than anybody should say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IllegibleTransited;

/// One comma-separated part of the field, unquoted.
struct Subfield {
    text: Vec<u8>,
    /// A leading blank: the name stands alone, whatever its first and last characters are.
    alone: bool,
    /// Its last character is a `.` that was not quoted.
    ends_with_dot: bool,
    /// Its first character is a `/` that was not quoted.
    starts_with_slash: bool,
}

/// Lists the realms of an encoded transited field.
pub(crate) fn expand(
    encoded: &[u8],
    client_realm: &[u8],
    server_realm: &[u8],
) -> Result<Vec<RealmBytes>, IllegibleTransited> {
    // Old peers count a NUL at the end.
    let encoded = encoded.strip_suffix(&[0]).unwrap_or(encoded);
    if encoded.len() > MAX_ENCODED {
        return Err(IllegibleTransited);
    }
    if encoded.is_empty() {
        return Ok(Vec::new());
    }
    let mut realms: Vec<RealmBytes> = Vec::new();
    let mut previous: RealmBytes = client_realm.to_vec();
    let mut gap = false;
    let mut first = true;
    for subfield in subfields(encoded) {
        if subfield.text.is_empty() {
            gap = true;
            first = false;
            continue;
        }
        // Before the first named realm nothing precedes, unless the field begins with a comma.
        let before: &[u8] = if first { b"" } else { &previous };
        let realm = join(before, subfield)?;
        if gap {
            push_between(&mut realms, &previous, &realm)?;
            gap = false;
        }
        push(&mut realms, realm.clone())?;
        previous = realm;
        first = false;
    }
    if gap {
        push_between(&mut realms, &previous, server_realm)?;
    }
    Ok(realms)
}

/// The transited field with `realm` added, unless it is there or is one of the two ends, which are
/// never listed.
pub(crate) fn add(
    encoded: &[u8],
    realm: &[u8],
    client_realm: &[u8],
    server_realm: &[u8],
) -> Result<Vec<u8>, IllegibleTransited> {
    let mut realms = expand(encoded, client_realm, server_realm)?;
    let listed = realms.iter().any(|known| known == realm);
    if !listed && realm != client_realm && realm != server_realm {
        push(&mut realms, realm.to_vec())?;
    }
    encode(&realms)
}

/// Whether every realm of the field lies on the path that is permitted between the two ends.
pub(crate) fn is_allowed(
    encoded: &[u8],
    client_realm: &[u8],
    server_realm: &[u8],
    capaths: &[Capath],
) -> bool {
    if encoded.is_empty() {
        return true;
    }
    let Ok(realms) = expand(encoded, client_realm, server_realm) else {
        return false;
    };
    let path = realm_path::path(capaths, client_realm, server_realm);
    realms.iter().all(|realm| path.contains(realm))
}

/// Writes the list, each realm abbreviated by the one before it where that is possible.
fn encode(realms: &[RealmBytes]) -> Result<Vec<u8>, IllegibleTransited> {
    let mut encoded = Vec::new();
    let mut previous: &[u8] = b"";
    for realm in realms {
        if !encoded.is_empty() {
            encoded.push(b',');
        }
        let below_domain = realm
            .strip_suffix(previous)
            .filter(|left| !previous.is_empty() && left.len() > 1 && left.ends_with(b"."));
        let below_x500 = realm
            .strip_prefix(previous)
            .filter(|left| previous.starts_with(b"/") && left.len() > 1 && left.starts_with(b"/"));
        match (below_domain, below_x500) {
            (Some(left), _) if !realm.starts_with(b"/") => quote(left, &mut encoded),
            (_, Some(left)) => quote(left, &mut encoded),
            _ => {
                if realm.ends_with(b".") || (realm.starts_with(b"/") && !previous.is_empty()) {
                    encoded.push(b' ');
                }
                quote(realm, &mut encoded);
            }
        }
        previous = realm;
    }
    if encoded.len() > MAX_ENCODED {
        return Err(IllegibleTransited);
    }
    Ok(encoded)
}

fn quote(text: &[u8], encoded: &mut Vec<u8>) {
    for (at, byte) in text.iter().enumerate() {
        if matches!(byte, b',' | b'\\') || (at == 0 && *byte == b' ') {
            encoded.push(b'\\');
        }
        encoded.push(*byte);
    }
}

fn subfields(encoded: &[u8]) -> Vec<Subfield> {
    let mut all = Vec::new();
    let mut bytes = encoded.iter().copied();
    let mut more = true;
    while more {
        let mut subfield = Subfield {
            text: Vec::new(),
            alone: false,
            ends_with_dot: false,
            starts_with_slash: false,
        };
        more = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b',' => {
                    more = true;
                    break;
                }
                b'\\' => {
                    if let Some(quoted) = bytes.next() {
                        subfield.text.push(quoted);
                        subfield.ends_with_dot = false;
                    }
                }
                b' ' if subfield.text.is_empty() && !subfield.alone => subfield.alone = true,
                _ => {
                    subfield.starts_with_slash |= subfield.text.is_empty() && byte == b'/';
                    subfield.ends_with_dot = byte == b'.';
                    subfield.text.push(byte);
                }
            }
        }
        all.push(subfield);
    }
    all
}

fn join(previous: &[u8], subfield: Subfield) -> Result<RealmBytes, IllegibleTransited> {
    let realm = if subfield.alone {
        subfield.text
    } else if subfield.starts_with_slash && previous.starts_with(b"/") {
        [previous, &subfield.text].concat()
    } else if subfield.ends_with_dot {
        [&subfield.text, previous].concat()
    } else {
        subfield.text
    };
    if realm.len() > MAX_REALM_LENGTH {
        return Err(IllegibleTransited);
    }
    Ok(realm)
}

fn push(realms: &mut Vec<RealmBytes>, realm: RealmBytes) -> Result<(), IllegibleTransited> {
    if realms.len() >= MAX_REALMS {
        return Err(IllegibleTransited);
    }
    realms.push(realm);
    Ok(())
}

/// An empty subfield stands for all realms strictly between its neighbours, one of which must be
/// above the other.
fn push_between(
    realms: &mut Vec<RealmBytes>,
    from: &[u8],
    to: &[u8],
) -> Result<(), IllegibleTransited> {
    let path = hierarchical_path(from, to);
    let shortest = from.len().min(to.len());
    if path.iter().any(|realm| realm.len() < shortest) {
        return Err(IllegibleTransited);
    }
    for realm in path {
        if realm != from && realm != to {
            push(realms, realm)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(encoded: &str, client: &str, server: &str) -> Vec<String> {
        expand(encoded.as_bytes(), client.as_bytes(), server.as_bytes())
            .unwrap()
            .into_iter()
            .map(|realm| String::from_utf8(realm).unwrap())
            .collect()
    }

    #[test]
    fn reads_the_examples_of_rfc_4120() {
        assert_eq!(
            expanded("EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.", "A", "B"),
            [
                "EDU",
                "MIT.EDU",
                "ATHENA.MIT.EDU",
                "WASHINGTON.EDU",
                "CS.WASHINGTON.EDU"
            ]
        );
        assert_eq!(
            expanded("/COM,/HP,/APOLLO, /COM/DEC", "A", "B"),
            ["/COM", "/COM/HP", "/COM/HP/APOLLO", "/COM/DEC"]
        );
        assert_eq!(
            expanded(",EDU, /COM,", "ATHENA.MIT.EDU", "/COM/HP/APOLLO"),
            ["MIT.EDU", "EDU", "/COM", "/COM/HP"]
        );
    }

    #[test]
    fn unquotes_commas_and_backslashes() {
        assert_eq!(expanded(r"A\,B,C\\D", "X", "Y"), ["A,B", r"C\D"]);
    }

    #[test]
    fn abbreviates_by_the_realm_before() {
        let mut field = Vec::new();
        for realm in ["EDU", "MIT.EDU", "ATHENA.MIT.EDU", "WASHINGTON.EDU"] {
            field = add(&field, realm.as_bytes(), b"A", b"B").unwrap();
        }
        assert_eq!(field, b"EDU,MIT.,ATHENA.,WASHINGTON.EDU");
        assert_eq!(
            expanded(std::str::from_utf8(&field).unwrap(), "A", "B").len(),
            4
        );
    }

    #[test]
    fn reads_back_whatever_it_writes() {
        let names: [&[u8]; 7] = [
            b"/COM", b"/COM/HP", b"/DE", b"X.Y.", b" BLANK", b"A,B", b"Q.A,B",
        ];
        let mut field = Vec::new();
        for name in names {
            field = add(&field, name, b"C", b"S").unwrap();
        }
        assert_eq!(expand(&field, b"C", b"S").unwrap(), names);
    }

    #[test]
    fn never_lists_an_end_or_a_realm_twice() {
        let field = add(b"", b"CLIENT", b"CLIENT", b"SERVER").unwrap();
        assert!(field.is_empty());
        let field = add(b"B", b"B", b"CLIENT", b"SERVER").unwrap();
        assert_eq!(field, b"B");
    }

    #[test]
    fn allows_only_realms_on_the_path() {
        let capaths = [Capath {
            client: "A".into(),
            server: "C".into(),
            through: vec!["B".into()],
        }];
        assert!(is_allowed(b"", b"A", b"C", &capaths));
        assert!(is_allowed(b"B", b"A", b"C", &capaths));
        assert!(!is_allowed(b"B,EVIL", b"A", b"C", &capaths));
        assert!(!is_allowed(b"B", b"A", b"D", &capaths));
    }

    #[test]
    fn refuses_fields_that_are_too_long() {
        let many = vec![b','; MAX_ENCODED + 1];
        assert_eq!(expand(&many, b"A", b"B"), Err(IllegibleTransited));
        let realms = b"A,".repeat(MAX_REALMS + 1);
        assert_eq!(expand(&realms, b"C", b"B"), Err(IllegibleTransited));
        // Each part doubles nothing: lengths add up and are bounded.
        let growing = b"ABCDEFGH.,".repeat(200);
        assert_eq!(expand(&growing, b"A", b"B"), Err(IllegibleTransited));
    }
}
