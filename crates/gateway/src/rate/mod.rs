//! How often somebody may come, and how long who fails has to wait.
//!
//! A source is an address, or the 64 bits in front of one of IPv6, all of which one host can have. Memory is bounded,
//! however many addresses a flood comes from.

mod back_off;
mod bucket;
mod crowd;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::header::HeaderValue;

pub use self::back_off::BackOff;
use self::back_off::Failures;
pub use self::bucket::Bucket;
use self::bucket::{Level, Pace};
use self::crowd::Crowd;

/// So many sources and users are told apart at a time: about 4 MiB.
const MANY: usize = 32_768;

/// How often who may come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateSettings {
    /// One source, anywhere.
    pub source: Option<Bucket>,
    /// One user, anywhere.
    pub user: Option<Bucket>,
    /// All together, at each entry point by its number.
    pub routes: Vec<Option<Bucket>>,
    /// Whoever fails to show who they are, by where they come from.
    pub failing_source: BackOff,
    /// The same by the name that they try. Shorter, as anybody can fail in somebody else's name.
    pub failing_user: FailingUser,
}

/// The back-off by names, which has other defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailingUser(pub BackOff);

impl Default for BackOff {
    fn default() -> Self {
        Self {
            free: 10,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            forgets: Duration::from_secs(900),
        }
    }
}

impl Default for FailingUser {
    fn default() -> Self {
        Self(BackOff {
            free: 5,
            longest: Duration::from_secs(30),
            ..BackOff::default()
        })
    }
}

/// What somebody has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Excess {
    /// Requests of this source.
    Source,
    /// Requests of this user.
    User,
    /// Requests at this entry point.
    Route,
    /// Failures to show who they are.
    Failures,
}

impl Excess {
    /// In one word, for counting.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "too_many_of_source",
            Self::User => "too_many_of_user",
            Self::Route => "too_many_at_entry",
            Self::Failures => "too_many_failures",
        }
    }
}

/// They came too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; the next may come in {} s", .excess.word(), .retry_after.as_secs_f32().ceil())]
pub struct TooMany {
    /// Of what.
    pub excess: Excess,
    /// When the next may come.
    pub retry_after: Duration,
}

impl TooMany {
    /// `Retry-After`: whole seconds, at least one.
    pub fn header(&self) -> HeaderValue {
        let seconds = self.retry_after.as_millis().div_ceil(1000).clamp(1, 86_400);
        HeaderValue::from(u32::try_from(seconds).unwrap_or(1))
    }
}

/// Counts.
#[derive(Debug)]
pub struct Rates {
    settings: RateSettings,
    source: Option<Pace>,
    user: Option<Pace>,
    began: Instant,
    sources: Crowd<Level>,
    users: Crowd<Level>,
    routes: Crowd<Level>,
    failing_sources: Crowd<Failures>,
    failing_users: Crowd<Failures>,
}

impl Default for Rates {
    fn default() -> Self {
        Self::new(RateSettings::default())
    }
}

impl Rates {
    /// Counts by these settings.
    pub fn new(settings: RateSettings) -> Self {
        let room = |bucket: Option<Bucket>| Crowd::of(if bucket.is_some() { MANY } else { 1 });
        Self {
            source: settings.source.map(Bucket::pace),
            user: settings.user.map(Bucket::pace),
            // So that nothing is ever at zero, which is the time of those who never came.
            began: Instant::now(),
            sources: room(settings.source),
            users: room(settings.user),
            routes: Crowd::of(settings.routes.len().saturating_mul(8).min(MANY)),
            failing_sources: Crowd::of(MANY),
            failing_users: Crowd::of(MANY),
            settings,
        }
    }

    /// By what it counts.
    pub const fn settings(&self) -> &RateSettings {
        &self.settings
    }

    /// Whether a request may be looked at: one of `source`, none for those who come over a unix socket, at an entry point.
    ///
    /// # Errors
    /// [`TooMany`] says when the next may come.
    pub fn admit(&self, source: Option<IpAddr>, route: usize, now: Instant) -> Result<(), TooMany> {
        if let (Some(pace), Some(source)) = (self.source, source) {
            take(
                &self.sources,
                &Source::of(source),
                pace,
                Excess::Source,
                self.at(now),
            )?;
        }
        match self.settings.routes.get(route).copied().flatten() {
            Some(bucket) => take(
                &self.routes,
                &route,
                bucket.pace(),
                Excess::Route,
                self.at(now),
            ),
            None => Ok(()),
        }
    }

    /// Whether a request of somebody who is known may go on.
    ///
    /// # Errors
    /// [`TooMany`] says when the next may come.
    pub fn admit_user(&self, user: &str, now: Instant) -> Result<(), TooMany> {
        match self.user {
            Some(pace) => take(&self.users, &user, pace, Excess::User, self.at(now)),
            None => Ok(()),
        }
    }

    /// Whether a proof may be looked at: to be asked before each, with the name that is tried where there is one.
    ///
    /// # Errors
    /// [`TooMany`] says when to try again.
    pub fn may_try(
        &self,
        source: Option<IpAddr>,
        name: Option<&str>,
        now: Instant,
    ) -> Result<(), TooMany> {
        let now = self.at(now);
        let of_source = source.map(|source| {
            self.failing_sources
                .with(&Source::of(source), now, |failures| failures.may_try(now))
        });
        let of_name = name.map(|name| {
            self.failing_users
                .with(&folded(name), now, |failures| failures.may_try(now))
        });
        let waits = [of_source, of_name]
            .into_iter()
            .flatten()
            .filter_map(Result::err);
        match waits.max() {
            Some(retry_after) => Err(TooMany {
                excess: Excess::Failures,
                retry_after,
            }),
            None => Ok(()),
        }
    }

    /// A proof was bad.
    pub fn failed(&self, source: Option<IpAddr>, name: Option<&str>, now: Instant) {
        let now = self.at(now);
        if let Some(source) = source {
            let rule = self.settings.failing_source;
            self.failing_sources
                .with(&Source::of(source), now, |failures| {
                    failures.failed(rule, now)
                });
        }
        if let Some(name) = name {
            let rule = self.settings.failing_user.0;
            self.failing_users
                .with(&folded(name), now, |failures| failures.failed(rule, now));
        }
    }

    /// A proof was good that had to be looked at: not that of a session, which anybody keeps while they try others.
    pub fn succeeded(&self, source: Option<IpAddr>, name: Option<&str>, now: Instant) {
        let now = self.at(now);
        if let Some(source) = source {
            self.failing_sources
                .with(&Source::of(source), now, Failures::forgive_half);
        }
        if let Some(name) = name {
            self.failing_users
                .with(&folded(name), now, Failures::forgive);
        }
    }

    /// Nanoseconds since a day before it began.
    fn at(&self, now: Instant) -> u64 {
        let since = now
            .saturating_duration_since(self.began)
            .saturating_add(DAY);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// Where somebody comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    V4(u32),
    V6(u64),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or(0)),
        }
    }
}

fn take(
    crowd: &Crowd<Level>,
    who: &impl std::hash::Hash,
    pace: Pace,
    excess: Excess,
    now: u64,
) -> Result<(), TooMany> {
    let taken = crowd.with(who, now, |level| level.take(pace, now));
    taken.map_err(|retry_after| TooMany {
        excess,
        retry_after,
    })
}

/// Who tries `Alice` tries `alice`, as far as patience goes.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn rates(source: f64, user: f64, route: f64) -> Rates {
        let bucket = |per_second| {
            Some(Bucket {
                per_second,
                burst: 2,
            })
        };
        Rates::new(RateSettings {
            source: bucket(source),
            user: bucket(user),
            routes: vec![None, bucket(route)],
            ..RateSettings::default()
        })
    }

    #[test]
    fn each_source_has_a_bucket_of_its_own() {
        let rates = rates(1.0, 1.0, 1.0);
        let now = Instant::now();
        for _ in 0..2 {
            rates.admit(ip(HERE), 0, now).unwrap();
            rates.admit(ip("2001:db8::1"), 0, now).unwrap();
        }
        let error = rates.admit(ip(HERE), 0, now).unwrap_err();
        assert_eq!(
            (error.excess, error.header()),
            (Excess::Source, HeaderValue::from(1))
        );
        assert!(
            rates.admit(ip("::ffff:192.0.2.1"), 0, now).is_err(),
            "the same address"
        );
        assert!(
            rates.admit(ip("2001:db8::ffff"), 0, now).is_err(),
            "the same network"
        );
        rates.admit(ip("2001:db8:0:1::1"), 0, now).unwrap();
        rates.admit(None, 0, now).unwrap();
        rates
            .admit(ip(HERE), 0, now + Duration::from_secs(1))
            .unwrap();
    }

    #[test]
    fn users_and_entry_points_have_theirs() {
        let rates = rates(1000.0, 1.0, 1.0);
        let now = Instant::now();
        for _ in 0..2 {
            rates.admit(ip(HERE), 1, now).unwrap();
            rates.admit_user("alice", now).unwrap();
        }
        assert_eq!(
            rates.admit(ip("192.0.2.9"), 1, now).unwrap_err().excess,
            Excess::Route
        );
        assert_eq!(
            rates.admit_user("alice", now).unwrap_err().excess,
            Excess::User
        );
        rates.admit_user("bob", now).unwrap();
        rates.admit(None, 99, now).unwrap();
    }

    #[test]
    fn who_guesses_one_name_from_everywhere_waits_and_so_does_who_guesses_many_from_here() {
        let rates = Rates::default();
        let mut now = Instant::now();
        for number in 0..6 {
            let elsewhere = ip(&format!("198.51.100.{number}"));
            rates.may_try(elsewhere, Some("alice"), now).unwrap();
            rates.failed(elsewhere, Some("Alice "), now);
        }
        assert!(rates.may_try(ip(HERE), Some("alice"), now).is_err());
        rates.may_try(ip(HERE), Some("bob"), now).unwrap();
        for number in 0..40 {
            rates.failed(ip(HERE), Some(&format!("user{number}")), now);
        }
        let error = rates.may_try(ip(HERE), None, now).unwrap_err();
        assert_eq!(
            (error.excess, error.retry_after),
            (Excess::Failures, Duration::from_secs(300))
        );
        now += Duration::from_secs(300);
        rates.may_try(ip(HERE), Some("alice"), now).unwrap();
    }

    #[test]
    fn success_forgives_the_name_and_half_of_the_source() {
        let rates = Rates::default();
        let now = Instant::now();
        for _ in 0..20 {
            rates.failed(ip(HERE), Some("alice"), now);
        }
        rates.succeeded(ip(HERE), Some("alice"), now);
        rates.may_try(ip(HERE), Some("alice"), now).unwrap();
        rates.failed(ip(HERE), Some("bob"), now);
        assert!(
            rates.may_try(ip(HERE), None, now).is_err(),
            "one's own name does not excuse the others"
        );
    }
}
