//! The section `[gateway.rates]`: how often one client may come, and fail.

use std::time::Duration;

use kerbstone_gateway::rate::{BackOff, Bucket, FailingUser, RateSettings};
use kerbstone_proto::delta_time::parse_duration;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TypedRates {
    source: Option<TypedBucket>,
    user: Option<TypedBucket>,
    failing_source: TypedBackOff,
    failing_user: TypedBackOff,
}

/// `{ per_second = 10, burst = 50 }`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedBucket {
    #[serde(deserialize_with = "positive")]
    per_second: f64,
    /// As many as come in a second without it.
    burst: Option<u32>,
}

/// `{ free = 5, first = "1s", longest = "30s", forgets = "15m" }`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TypedBackOff {
    free: Option<u32>,
    #[serde(deserialize_with = "optional")]
    first: Option<Duration>,
    #[serde(deserialize_with = "optional")]
    longest: Option<Duration>,
    #[serde(deserialize_with = "optional")]
    forgets: Option<Duration>,
}

impl TypedRates {
    /// With the buckets of entry points, by their numbers.
    pub(crate) fn rates(&self, routes: Vec<Option<Bucket>>) -> RateSettings {
        RateSettings {
            source: self.source.map(TypedBucket::bucket),
            user: self.user.map(TypedBucket::bucket),
            routes,
            failing_source: self.failing_source.over(BackOff::default()),
            failing_user: FailingUser(self.failing_user.over(FailingUser::default().0)),
        }
    }
}

impl TypedBucket {
    pub(crate) fn bucket(self) -> Bucket {
        // A whole number of a few billions is no other one as a float.
        let in_a_second = self.per_second.ceil().min(f64::from(u32::MAX));
        Bucket {
            per_second: self.per_second,
            burst: self.burst.unwrap_or(in_a_second as u32).max(1),
        }
    }
}

impl TypedBackOff {
    fn over(self, usual: BackOff) -> BackOff {
        BackOff {
            free: self.free.unwrap_or(usual.free),
            first: self.first.unwrap_or(usual.first),
            longest: self.longest.unwrap_or(usual.longest),
            forgets: self.forgets.unwrap_or(usual.forgets),
        }
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    match number.is_finite() && number > 0.0 {
        true => Ok(number),
        false => Err(D::Error::custom("`per_second` is a number above zero")),
    }
}

fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<RateSettings, toml::de::Error> {
        toml::from_str::<TypedRates>(text).map(|typed| typed.rates(Vec::new()))
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        assert_eq!(parsed("").unwrap(), RateSettings::default());
        let some = parsed(
            "source = { per_second = 2.5 }\nuser = { per_second = 10, burst = 50 }\n\
             failing_user = { free = 1, longest = \"1m\" }\n",
        )
        .unwrap();
        assert_eq!(some.source.unwrap().burst, 3);
        assert_eq!(some.user.unwrap().burst, 50);
        let FailingUser(user) = some.failing_user;
        assert_eq!(
            (user.free, user.first, user.longest),
            (1, Duration::from_secs(1), Duration::from_secs(60))
        );
    }

    #[test]
    fn rates_that_let_nobody_in_are_refused() {
        for text in [
            "source = { per_second = 0 }",
            "source = { per_second = -1.0 }",
            "source = { per_second = nan }",
            "source = { burst = 1 }",
            "sources = 1",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
