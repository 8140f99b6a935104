//! What a session's cookie holds, in octets.
//!
//! `version, id (16), scope (16), method, began, touched, authenticated_at, ends_at (8 each), principal, cache (u16 length
//! and octets each)`; numbers in network byte order.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use crate::identity::Method;

const VERSION: u8 = 1;
/// Longer names and caches do not go into a cookie.
const MOST_NAME: usize = 1024;
const MOST_CACHE: usize = 512;

/// Which of all sessions it is.
pub(crate) type SessionId = [u8; 16];
/// For which host and path it is good, hashed.
pub(crate) type ScopeMark = [u8; 16];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) id: SessionId,
    pub(crate) scope: ScopeMark,
    pub(crate) method: Method,
    pub(crate) began: KerberosTime,
    pub(crate) touched: KerberosTime,
    pub(crate) authenticated_at: KerberosTime,
    pub(crate) ends_at: KerberosTime,
    pub(crate) principal: Principal,
    pub(crate) cache: Option<String>,
}

impl Contents {
    /// Nothing when the name is too long for a cookie.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let name = self.principal.unparse();
        let cache = self.cache.as_deref().unwrap_or_default().as_bytes();
        if name.len() > MOST_NAME || cache.len() > MOST_CACHE {
            return None;
        }
        let mut octets =
            Vec::with_capacity(name.len().saturating_add(cache.len()).saturating_add(72));
        octets.push(VERSION);
        octets.extend_from_slice(&self.id);
        octets.extend_from_slice(&self.scope);
        octets.push(number_of(self.method));
        for time in [
            self.began,
            self.touched,
            self.authenticated_at,
            self.ends_at,
        ] {
            octets.extend_from_slice(&time.unix().to_be_bytes());
        }
        for text in [&name, cache] {
            octets.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
            octets.extend_from_slice(text);
        }
        Some(octets)
    }

    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let (&version, rest) = octets.split_first()?;
        if version != VERSION {
            return None;
        }
        let (&id, rest) = rest.split_first_chunk()?;
        let (&scope, rest) = rest.split_first_chunk()?;
        let (&method, rest) = rest.split_first()?;
        let (began, rest) = time(rest)?;
        let (touched, rest) = time(rest)?;
        let (authenticated_at, rest) = time(rest)?;
        let (ends_at, rest) = time(rest)?;
        let (name, rest) = text(rest, MOST_NAME)?;
        let (cache, rest) = text(rest, MOST_CACHE)?;
        if !rest.is_empty() {
            return None;
        }
        Some(Self {
            id,
            scope,
            method: method_of(method)?,
            began,
            touched,
            authenticated_at,
            ends_at,
            principal: Principal::parse_bytes(name, None).ok()?,
            cache: match cache {
                [] => None,
                cache => Some(String::from_utf8(cache.to_vec()).ok()?),
            },
        })
    }
}

fn time(octets: &[u8]) -> Option<(KerberosTime, &[u8])> {
    let (time, rest) = octets.split_first_chunk()?;
    Some((KerberosTime::from_unix(i64::from_be_bytes(*time)), rest))
}

fn text(octets: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > most {
        return None;
    }
    rest.split_at_checked(length)
}

const fn number_of(method: Method) -> u8 {
    match method {
        Method::Negotiate => 1,
        Method::Basic => 2,
        Method::Form => 3,
        Method::Certificate => 4,
    }
}

fn method_of(number: u8) -> Option<Method> {
    Method::ALL
        .into_iter()
        .find(|&method| number_of(method) == number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some() -> impl Strategy<Value = Contents> {
        let time = || (0_i64..4_000_000_000).prop_map(KerberosTime::from_unix);
        let name = "[a-z@/\\\\ é]{1,40}".prop_map(|name| {
            let name = kerbstone_proto::name::PrincipalName::new(
                kerbstone_proto::name::NameType::PRINCIPAL,
                [name.as_str()],
            );
            Principal::new(name, "EXAMPLE.TEST".into())
        });
        let cache = proptest::option::of("FILE:/[a-z]{1,40}");
        (
            any::<(SessionId, ScopeMark)>(),
            0_usize..4,
            [time(), time(), time(), time()],
            name,
            cache,
        )
            .prop_map(
                |(
                    (id, scope),
                    method,
                    [began, touched, authenticated_at, ends_at],
                    principal,
                    cache,
                )| Contents {
                    id,
                    scope,
                    method: Method::ALL[method],
                    began,
                    touched,
                    authenticated_at,
                    ends_at,
                    principal,
                    cache,
                },
            )
    }

    proptest! {
        #[test]
        fn contents_come_out_as_they_went_in(contents in some()) {
            let octets = contents.encode().unwrap();
            prop_assert_eq!(Contents::decode(&octets), Some(contents));
            for length in 0..octets.len() {
                prop_assert_eq!(Contents::decode(&octets[..length]), None);
            }
        }

        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(contents) = Contents::decode(&octets) {
                prop_assert!(contents.encode().is_some());
            }
        }
    }
}
