//! Who may act for a client towards whom: constrained delegation (MS-SFU).
//!
//! Both lists are string attributes, so that they go wherever those go: into dumps and over
//! kadmin's `setstr`. Their names are those of MIT's questions to its database.

use std::collections::BTreeMap;

use kerbstone_proto::name::{Principal, Realm};

use crate::error::RealmError;

/// At a service that acts for clients: the services at which it may, separated by blanks.
pub const ALLOWED_TO_DELEGATE_TO: &str = "allowed_to_delegate_to";

/// At a service that is acted at: the services that may do it, separated by blanks.
pub const ALLOWED_TO_DELEGATE_FROM: &str = "allowed_to_delegate_from";

/// A principal's two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegation {
    /// Services at which it may act for clients.
    pub targets: Vec<Principal>,
    /// Services that may act for clients at it.
    pub fronts: Vec<Principal>,
}

impl Delegation {
    /// The lists in a principal's string attributes. One that cannot be read allows nothing.
    pub(crate) fn of(strings: &BTreeMap<String, String>, home: &Realm) -> Self {
        let list = |name| {
            let text = strings.get(name).map_or("", String::as_str);
            parse_list(text, home).unwrap_or_default()
        };
        Self {
            targets: list(ALLOWED_TO_DELEGATE_TO),
            fronts: list(ALLOWED_TO_DELEGATE_FROM),
        }
    }

    /// Writes the lists among a principal's string attributes; an empty one leaves nothing.
    pub(crate) fn write(&self, strings: &mut BTreeMap<String, String>) {
        for (name, list) in [
            (ALLOWED_TO_DELEGATE_TO, &self.targets),
            (ALLOWED_TO_DELEGATE_FROM, &self.fronts),
        ] {
            if list.is_empty() {
                strings.remove(name);
            } else {
                strings.insert(name.to_owned(), write_list(list));
            }
        }
    }
}

/// Refuses a string attribute that is one of the lists and cannot be read.
pub(crate) fn check(name: &str, value: &str, home: &Realm) -> Result<(), RealmError> {
    if matches!(name, ALLOWED_TO_DELEGATE_TO | ALLOWED_TO_DELEGATE_FROM) {
        parse_list(value, home)?;
    }
    Ok(())
}

fn parse_list(text: &str, home: &Realm) -> Result<Vec<Principal>, RealmError> {
    words(text)
        .map(|word| {
            Principal::parse(word, Some(home)).map_err(|error| {
                RealmError::Contradiction(format!("`{word}` is no principal: {error}"))
            })
        })
        .collect()
}

/// The pieces between blanks that no backslash precedes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |character: char| {
        let separates = character.is_whitespace() && !escaped;
        escaped = character == '\\' && !escaped;
        separates
    })
    .filter(|word| !word.is_empty())
}

fn write_list(list: &[Principal]) -> String {
    let mut text = String::new();
    for principal in list {
        if !text.is_empty() {
            text.push(' ');
        }
        for character in principal.to_string().chars() {
            if character.is_whitespace() {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(text: &str) -> Principal {
        Principal::parse(text, None).unwrap()
    }

    #[test]
    fn what_is_written_is_read_whatever_the_names_are() {
        let lists = Delegation {
            targets: vec![
                principal("HTTP/back@R"),
                principal("odd one\\\\@R"),
                principal("a\\/b\\@c@S"),
            ],
            fronts: vec![principal("HTTP/front@R")],
        };
        let mut strings = BTreeMap::new();
        lists.write(&mut strings);
        assert_eq!(Delegation::of(&strings, &Realm::from("HOME")), lists);
        Delegation::default().write(&mut strings);
        assert!(strings.is_empty());
    }

    #[test]
    fn a_name_without_a_realm_is_at_home() {
        let home = Realm::from("R");
        let list = parse_list("  HTTP/back\tHTTP/far@FAR ", &home).unwrap();
        assert_eq!(list, [principal("HTTP/back@R"), principal("HTTP/far@FAR")]);
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_and_allows_nothing() {
        let home = Realm::from("R");
        assert!(check(ALLOWED_TO_DELEGATE_TO, "HTTP/back a@b@c", &home).is_err());
        assert!(check("color", "a@b@c", &home).is_ok());
        let text = "HTTP/back a@b@c".to_owned();
        let strings = BTreeMap::from([(ALLOWED_TO_DELEGATE_TO.to_owned(), text)]);
        assert_eq!(Delegation::of(&strings, &home), Delegation::default());
    }
}
