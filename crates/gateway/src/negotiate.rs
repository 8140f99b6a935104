//! The scheme `Negotiate` (RFC 4559): what a request offers, and what an answer says to it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use base64ct::{Base64, Encoding};
use http::header::{self, HeaderMap, HeaderValue};

const SCHEME: &str = "Negotiate";
/// How every message of NTLM begins; in base64 it is the `TlRMTVNT` that administrators know.
const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

/// What stands in a request's `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing of ours: no header, or another scheme.
    Nothing,
    /// A token.
    Token(Vec<u8>),
    /// NTLM, alone or under the name Negotiate: the client has no ticket and tries a password.
    Ntlm,
    /// A header longer than any that can be right.
    TooLong,
    /// Something that is no token, or two headers where there may be one.
    Malformed,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Token(token) => write!(f, "Token({} bytes)", token.len()),
            Self::Ntlm => f.write_str("Ntlm"),
            Self::TooLong => f.write_str("TooLong"),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

/// Reads the offer of a request. `most` is the longest header that is looked at.
pub fn offer(headers: &HeaderMap, most: usize) -> Offer {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Offer::Nothing;
    };
    if values.next().is_some() {
        return Offer::Malformed;
    }
    if value.len() > most {
        return Offer::TooLong;
    }
    let Ok(value) = value.to_str() else {
        return Offer::Malformed;
    };
    let (scheme, token) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
    if scheme.eq_ignore_ascii_case("NTLM") {
        return Offer::Ntlm;
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Offer::Nothing;
    }
    match Base64::decode_vec(token.trim()) {
        Ok(token) if token.starts_with(NTLM_SIGNATURE) => Offer::Ntlm,
        Ok(token) if !token.is_empty() => Offer::Token(token),
        _ => Offer::Malformed,
    }
}

/// Whether the header belongs to a scheme that vouches for a connection, which must not reach a back end:
/// connections to it are shared by everybody.
pub fn is_connection_bound(value: &HeaderValue) -> bool {
    let octets = value.as_bytes().trim_ascii_start();
    ["negotiate", "ntlm", "kerberos", "nego2"]
        .iter()
        .any(|scheme| {
            octets
                .split_at_checked(scheme.len())
                .is_some_and(|(head, rest)| {
                    head.eq_ignore_ascii_case(scheme.as_bytes())
                        && rest
                            .first()
                            .is_none_or(|octet| !octet.is_ascii_alphanumeric())
                })
        })
}

/// `WWW-Authenticate`: the invitation alone, or with a token for the client.
pub fn challenge(token: Option<&[u8]>) -> HeaderValue {
    let Some(token) = token else {
        return HeaderValue::from_static(SCHEME);
    };
    let text = format!("{SCHEME} {}", Base64::encode_string(token));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(SCHEME))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64 << 10;

    fn of(values: &[&str]) -> Offer {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        offer(&headers, MOST)
    }

    #[test]
    fn a_token_is_taken_whatever_the_case_of_the_scheme() {
        assert_eq!(
            of(&["Negotiate YIIB"]),
            Offer::Token(vec![0x60, 0x82, 0x01])
        );
        assert_eq!(
            of(&["negotiate  YIIB "]),
            Offer::Token(vec![0x60, 0x82, 0x01])
        );
    }

    #[test]
    fn other_schemes_offer_nothing() {
        assert_eq!(of(&[]), Offer::Nothing);
        assert_eq!(of(&["Basic YWxpY2U6eA=="]), Offer::Nothing);
        assert_eq!(of(&["Bearer abc"]), Offer::Nothing);
    }

    #[test]
    fn ntlm_is_recognised_under_both_names() {
        assert_eq!(of(&["Negotiate TlRMTVNTUAABAAAAB4IIogAAAAA="]), Offer::Ntlm);
        assert_eq!(of(&["NTLM TlRMTVNTUAABAAAAB4IIogAAAAA="]), Offer::Ntlm);
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        for value in [
            "Negotiate",
            "Negotiate ",
            "Negotiate !!!",
            "Negotiate YII",
            "Negotiate YIIB YIIB",
        ] {
            assert_eq!(of(&[value]), Offer::Malformed, "{value}");
        }
        assert_eq!(of(&["Negotiate YIIB", "Negotiate YIIB"]), Offer::Malformed);
    }

    #[test]
    fn an_endless_header_is_not_decoded() {
        assert_eq!(
            of(&[&format!("Negotiate {}", "A".repeat(MOST))]),
            Offer::TooLong
        );
    }

    #[test]
    fn schemes_that_vouch_for_a_connection_are_known() {
        for value in ["Negotiate YII", "NEGOTIATE", "NTLM x", " negotiate x"] {
            let value = HeaderValue::from_str(value).unwrap();
            assert!(is_connection_bound(&value), "{value:?}");
        }
        for value in ["Basic x", "Bearer negotiate", "Negotiated x"] {
            assert!(
                !is_connection_bound(&HeaderValue::from_str(value).unwrap()),
                "{value}"
            );
        }
    }

    #[test]
    fn a_challenge_carries_the_token() {
        assert_eq!(challenge(None), "Negotiate");
        assert_eq!(challenge(Some(&[0x60, 0x82, 0x01])), "Negotiate YIIB");
    }

    #[test]
    fn a_token_never_shows_in_what_is_printed() {
        assert_eq!(format!("{:?}", of(&["Negotiate YIIB"])), "Token(3 bytes)");
    }
}
