//! The scheme `Basic` (RFC 7617): a name and a password with every request.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use base64ct::{Base64, Base64Unpadded, Encoding};
use http::header::{self, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

const SCHEME: &str = "Basic";
/// A name, a password and what base64 adds.
const MOST_OCTETS: usize = 2048;

/// What stands in a request's `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing of ours: no header, or another scheme.
    Nothing,
    /// A name and a password.
    Login {
        /// The name, as it was typed.
        name: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// Longer than any name and password together.
    TooLong,
    /// No base64, no colon, not UTF-8, control characters, or two headers where there may be one.
    Malformed,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Login { name, .. } => write!(f, "Login({name:?}, ..)"),
            Self::TooLong => f.write_str("TooLong"),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

/// Reads the offer of a request.
pub fn offer(headers: &HeaderMap) -> Offer {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Offer::Nothing;
    };
    let Some(login) = after_scheme(value) else {
        return Offer::Nothing;
    };
    if values.next().is_some() {
        return Offer::Malformed;
    }
    if login.len() > MOST_OCTETS {
        return Offer::TooLong;
    }
    read(login).unwrap_or(Offer::Malformed)
}

/// `WWW-Authenticate`. The realm is what a browser shows beside its password window.
pub fn challenge(realm: &str) -> HeaderValue {
    let realm: String = realm
        .chars()
        .filter(|letter| !letter.is_control())
        .flat_map(|letter| {
            let escape = matches!(letter, '"' | '\\').then_some('\\');
            escape.into_iter().chain([letter])
        })
        .collect();
    let text = format!("{SCHEME} realm=\"{realm}\", charset=\"UTF-8\"");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(
        "Basic realm=\"Kerberos\", charset=\"UTF-8\"",
    ))
}

fn after_scheme(value: &HeaderValue) -> Option<&[u8]> {
    let octets = value.as_bytes().trim_ascii();
    let (scheme, rest) = octets.split_at_checked(SCHEME.len())?;
    let is_ours = scheme.eq_ignore_ascii_case(SCHEME.as_bytes())
        && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_ours.then(|| rest.trim_ascii())
}

fn read(login: &[u8]) -> Option<Offer> {
    let login = str::from_utf8(login).ok()?;
    let octets = match login.ends_with('=') {
        true => Base64::decode_vec(login),
        false => Base64Unpadded::decode_vec(login),
    };
    let octets = Zeroizing::new(octets.ok()?);
    let login = str::from_utf8(&octets).ok()?;
    if login.contains(char::is_control) {
        return None;
    }
    let (name, password) = login.split_once(':')?;
    Some(Offer::Login {
        name: name.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Offer {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        offer(&headers)
    }

    fn login(name: &str, password: &str) -> Offer {
        Offer::Login {
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    #[test]
    fn names_and_passwords_are_utf8_and_only_the_first_colon_parts_them() {
        // The examples of RFC 7617.
        assert_eq!(
            of(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]),
            login("Aladdin", "open sesame")
        );
        assert_eq!(of(&["basic  dGVzdDoxMjPCow=="]), login("test", "123£"));
        assert_eq!(of(&["Basic dGVzdDoxMjPCow"]), login("test", "123£"));
        let colons = Base64::encode_string(b"alice:a:b:");
        assert_eq!(of(&[&format!("Basic {colons}")]), login("alice", "a:b:"));
    }

    #[test]
    fn what_cannot_be_read_is_malformed_and_what_is_not_ours_is_nothing() {
        assert_eq!(of(&[]), Offer::Nothing);
        assert_eq!(of(&["Negotiate YII="]), Offer::Nothing);
        assert_eq!(of(&["Basically QQ=="]), Offer::Nothing);
        let latin = Base64::encode_string(b"test:123\xa3");
        let control = Base64::encode_string(b"test:12\x003");
        let no_colon = Base64::encode_string(b"test");
        for bad in [
            "Basic",
            "Basic !!!!",
            &format!("Basic {latin}"),
            &format!("Basic {control}"),
            &format!("Basic {no_colon}"),
        ] {
            assert_eq!(of(&[bad]), Offer::Malformed, "{bad}");
        }
        let good = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(of(&[good, good]), Offer::Malformed);
        assert_eq!(
            of(&[&format!("Basic {}", "A".repeat(MOST_OCTETS + 1))]),
            Offer::TooLong
        );
    }

    #[test]
    fn no_realm_breaks_out_of_the_challenge() {
        assert_eq!(
            challenge("a\"b\\c\r\nX: y"),
            "Basic realm=\"a\\\"b\\\\cX: y\", charset=\"UTF-8\""
        );
    }

    proptest! {
        #[test]
        fn every_login_comes_through(name in "[^:\\p{Cc}]{0,40}", password in "[^\\p{Cc}]{0,80}") {
            let text = Base64::encode_string(format!("{name}:{password}").as_bytes());
            prop_assert_eq!(of(&[&format!("Basic {text}")]), login(&name, &password));
        }
    }
}
