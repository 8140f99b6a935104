//! Codes of six digits that change every half minute (RFC 6238), by a secret that is kept as a credential.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::Value;
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::lookup::Found;
use super::request::SignIn;
use super::{Auth, lookup};
use crate::http::{ApiError, Visit};
use crate::model::{Credential, Id, User};

const METHOD: &str = "totp";
/// Seconds for which a code is the newest.
const PERIOD: i64 = 30;
/// A code counts for one period more, as Keystone's `[totp] included_previous_windows` has it.
const PERIODS: i64 = 2;
/// So many users' last codes are remembered.
const MOST: usize = 4096;

/// Which code each user has used last: none is taken twice (RFC 6238 5.2).
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<HashMap<Id, i64>>);

impl Auth {
    /// The user whose code was shown.
    pub(super) fn by_totp(
        &self,
        visit: &Visit,
        sign_in: &SignIn,
        now: Timestamp,
    ) -> Result<Arc<User>, ApiError> {
        let shown = sign_in.user(METHOD)?;
        let user = match lookup::claimed(&visit.model, shown)? {
            Found::User { user, .. } => lookup::usable_user(&visit.model, &user)?,
            Found::Nobody { name, domain } => {
                let id = &domain.id;
                return Err(ApiError::unauthorized(format!("no user is {name} in {id}")));
            }
        };
        let code = SignIn::secret(shown.get("passcode").unwrap_or(&Value::Null));
        let period = secrets(visit, &user)
            .iter()
            .find_map(|secret| period_of(secret, &code, now));
        let refused = |why| ApiError::unauthorized(format!("totp of user {}: {why}", user.id));
        let period = period.ok_or_else(|| refused("the code is not right"))?;
        match self.used.take(&user.id, period) {
            true => Ok(user),
            false => Err(refused("the code has been used")),
        }
    }
}

impl Used {
    /// Whether the code of this period is newer than the last that was used; it is the last then.
    fn take(&self, user: &Id, period: i64) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.get(user).is_some_and(|last| *last >= period) {
            return false;
        }
        if last.len() >= MOST {
            last.retain(|_, last| *last > period.saturating_sub(PERIODS));
        }
        last.insert(user.clone(), period);
        true
    }
}

fn secrets(visit: &Visit, user: &User) -> Vec<Zeroizing<Vec<u8>>> {
    let Some(blobs) = &visit.service.blobs else {
        return Vec::new();
    };
    visit
        .model
        .all::<Credential>()
        .into_iter()
        .filter(|credential| credential.kind == METHOD && credential.user_id == user.id)
        .filter_map(|credential| blobs.open(&credential.blob).ok())
        .filter_map(|text| from_base32(&text))
        .collect()
}

/// The period whose code this is, of those that count now.
fn period_of(secret: &[u8], shown: &str, now: Timestamp) -> Option<i64> {
    let newest = now.as_second().div_euclid(PERIOD);
    (0..PERIODS)
        .map(|back| newest.saturating_sub(back))
        .find(|period| {
            code(secret, *period)
                .as_bytes()
                .ct_eq(shown.as_bytes())
                .into()
        })
}

/// RFC 4226 5.3.
fn code(secret: &[u8], period: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else {
        // HMAC has keys of every length.
        return String::new();
    };
    mac.update(&period.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let place = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let chosen = mac
        .get(place..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |octets| u32::from_be_bytes(*octets) & 0x7fff_ffff);
    format!("{:06}", chosen % 1_000_000)
}

/// With padding or without; capitals, as Python's decoder demands.
fn from_base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::new());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let five = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5) | u32::from(five);
        count += 5;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from((bits >> count) & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, of whose eight digits we give six.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert_eq!(**secret, b"12345678901234567890"[..]);
        for (time, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(&secret, time / PERIOD), expected);
            let now = Timestamp::from_second(time).unwrap();
            let period = period_of(&secret, expected, now);
            assert_eq!(period, Some(time / PERIOD));
            let later = Timestamp::from_second(time + 2 * PERIOD).unwrap();
            assert_eq!(period_of(&secret, expected, later), None);
        }
    }

    #[test]
    fn no_code_is_taken_twice() {
        let used = Used::default();
        let alice = Id::from("alice");
        assert!(used.take(&alice, 10));
        assert!(!used.take(&alice, 10));
        assert!(!used.take(&alice, 9));
        assert!(used.take(&alice, 11));
        assert!(used.take(&Id::from("bob"), 10));
    }

    #[test]
    fn what_is_not_base32_is_no_secret() {
        assert!(from_base32("abc").is_none());
        assert!(from_base32("A1").is_none());
        assert_eq!(from_base32("MZXW6===").unwrap().as_slice(), b"foo");
    }
}
