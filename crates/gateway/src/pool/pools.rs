//! All pools of a gateway, and the steward who looks after them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::error::BadPool;
use super::pool::Pool;
use super::settings::{CheckKind, MemberSettings, PoolSettings, Timeouts};
use crate::transport::Protocol;

/// How often things are tidied.
const ROUND: Duration = Duration::from_millis(500);
/// A steward looks no oftener than that.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// All pools of a gateway.
#[derive(Debug)]
pub struct Pools(ArcSwap<BTreeMap<String, Arc<Pool>>>);

impl Pools {
    /// Puts them together; nothing is asked of their members before [`Self::steward`] runs or requests come.
    ///
    /// # Errors
    /// [`BadPool`] when they cannot be meant so.
    pub fn new(settings: Vec<PoolSettings>) -> Result<Self, BadPool> {
        let mut pools = BTreeMap::new();
        for settings in settings {
            examine(&settings)?;
            match pools.entry(settings.name.clone()) {
                Entry::Occupied(_) => return Err(BadPool::Twice(settings.name)),
                Entry::Vacant(place) => place.insert(Arc::new(Pool::new(settings))),
            };
        }
        Ok(Self(ArcSwap::from_pointee(pools)))
    }

    /// The pool of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Pool>> {
        self.0.load().get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Pool>> {
        self.0.load().values().cloned().collect()
    }

    /// Takes over what the pools of a gateway know that was in place before: connections, health, people's members and
    /// the requests that wait. Pools of the same name become one, under the new settings; so this comes last, when
    /// nothing can fail any more, and pools that were got before are got anew.
    pub fn adopt(&self, old: &Self) {
        let mut pools = BTreeMap::clone(&self.0.load());
        for (name, pool) in &mut pools {
            if let Some(before) = old.get(name).filter(|before| !Arc::ptr_eq(before, pool)) {
                before.adopt(PoolSettings::clone(&pool.settings()));
                *pool = before;
            }
        }
        self.0.store(Arc::new(pools));
    }

    /// Tries the members and tidies up until `stop` is ready.
    pub async fn steward(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut checks = JoinSet::new();
        let mut next_round = Instant::now();
        loop {
            let pools = self.all();
            for pool in &pools {
                for member in pool.due() {
                    checks.spawn(Arc::clone(pool).check(member));
                }
            }
            let now = Instant::now();
            if next_round <= now {
                pools.iter().for_each(|pool| pool.tidy());
                next_round = now + ROUND;
            }
            let due = pools.iter().filter_map(|pool| pool.next_due()).min();
            let wake = due
                .map_or(next_round, |due| due.min(next_round))
                .max(now + LEAST_PAUSE);
            tokio::select! {
                () = &mut stop => return,
                () = sleep_until(wake) => {}
                Some(_) = checks.join_next() => {}
            }
        }
    }
}

fn examine(settings: &PoolSettings) -> Result<(), BadPool> {
    let pool = || settings.name.clone();
    if settings.members.is_empty() {
        return Err(BadPool::Empty(pool()));
    }
    for (at, member) in settings.members.iter().enumerate() {
        let before = settings.members.iter().take(at);
        if before.into_iter().any(|other| other.name == member.name) {
            return Err(BadPool::MemberTwice {
                pool: pool(),
                member: member.name.clone(),
            });
        }
        examine_member(member, settings).map_err(|why| BadPool::Member {
            pool: pool(),
            member: member.name.clone(),
            why: why.to_owned(),
        })?;
    }
    examine_limits(settings).map_err(|why| BadPool::Settings {
        pool: pool(),
        why: why.to_owned(),
    })
}

fn examine_member(member: &MemberSettings, settings: &PoolSettings) -> Result<(), &'static str> {
    let is_tls = member.address.protocol == Protocol::Https;
    let is_tls_checked = settings
        .check
        .as_ref()
        .is_some_and(|check| check.kind == CheckKind::Tls);
    match member {
        _ if is_tls && member.trust.is_none() => {
            Err("it speaks TLS, so say whom to believe: `ca`, `fingerprint` or `verify = false`")
        }
        _ if !is_tls && member.trust.is_some() => {
            Err("it speaks no TLS, so nobody is believed or not")
        }
        _ if !is_tls && is_tls_checked => Err("it speaks no TLS, and the check tries that"),
        _ if !(1..=MemberSettings::MOST_WEIGHT).contains(&member.weight) => {
            Err("a weight is from 1 to 256")
        }
        _ if member.connections == Some(0) => Err("it may have no connection at all"),
        _ => Ok(()),
    }
}

fn examine_limits(settings: &PoolSettings) -> Result<(), &'static str> {
    let Timeouts {
        queue: _,
        connect,
        tls,
        answer,
        between,
        tunnel,
    } = settings.timeouts;
    let is_zero = |time: &Duration| time.is_zero();
    if [connect, tls, answer, between, tunnel].iter().any(is_zero) {
        return Err("a time-out of no time is none");
    }
    if settings.connections == Some(0) {
        return Err("it may have no connection at all");
    }
    if settings
        .stickiness
        .is_some_and(|one| one.entries < 2 || one.expire.is_zero())
    {
        return Err("nobody can be remembered");
    }
    let Some(check) = &settings.check else {
        return Ok(());
    };
    if check.rise == 0 || check.fall == 0 || check.interval.is_zero() || check.timeout.is_zero() {
        return Err("`rise`, `fall`, `interval` and `timeout` of a check are more than nothing");
    }
    if check.jitter > 50 {
        return Err("more than half of the interval cannot be left to chance");
    }
    match &check.kind {
        CheckKind::Http { path, .. } if !path.starts_with('/') => {
            Err("the path of a check begins with /")
        }
        CheckKind::Http { expect, .. } if expect.is_empty() => Err("a check expects some status"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{CheckSettings, StickBy, Stickiness};
    use super::*;
    use crate::transport::{Trust, TrustBy, TrustSettings};

    fn member(address: &str) -> MemberSettings {
        MemberSettings::at(address.parse().unwrap())
    }

    fn fault(members: Vec<MemberSettings>, adjust: impl FnOnce(&mut PoolSettings)) -> String {
        let mut settings = PoolSettings::new("v3", members);
        adjust(&mut settings);
        Pools::new(vec![settings]).unwrap_err().to_string()
    }

    #[test]
    fn a_pool_that_cannot_be_meant_so_is_refused_with_its_name() {
        let http = || member("http://h:80");
        let weightless = MemberSettings {
            weight: 0,
            ..http()
        };
        let anybody = Trust::new(TrustSettings {
            by: TrustBy::Nothing,
            name: None,
            own: None,
        });
        let believed = MemberSettings {
            trust: Some(anybody.unwrap()),
            ..http()
        };
        for (members, why) in [
            (vec![], "no member"),
            (vec![http(), http()], "two members called http://h:80"),
            (vec![member("https://h:443")], "say whom to believe"),
            (vec![believed], "speaks no TLS"),
            (vec![weightless], "from 1 to 256"),
        ] {
            let fault = fault(members, |_| ());
            assert!(fault.contains(why) && fault.contains("v3"), "{fault}");
        }
    }

    #[test]
    fn limits_of_nothing_are_refused() {
        let refused = |why: &str, adjust: fn(&mut PoolSettings)| {
            let fault = fault(vec![member("http://h:80")], adjust);
            assert!(fault.contains(why), "{fault}");
        };
        refused("time-out", |settings| {
            settings.timeouts.answer = Duration::ZERO
        });
        refused("no connection", |settings| settings.connections = Some(0));
        refused("remembered", |settings| {
            settings.stickiness = Some(Stickiness {
                by: StickBy::User,
                expire: Duration::ZERO,
                entries: 10,
            });
        });
        let check = |settings: &mut PoolSettings, adjust: fn(&mut CheckSettings)| {
            let mut check = CheckSettings::default();
            adjust(&mut check);
            settings.check = Some(check);
        };
        assert!(
            fault(vec![member("http://h:80")], |settings| check(
                settings,
                |one| one.rise = 0
            ))
            .contains("rise")
        );
        assert!(
            fault(vec![member("http://h:80")], |settings| check(
                settings,
                |one| one.jitter = 51
            ))
            .contains("half")
        );
        assert!(
            fault(vec![member("http://h:80")], |settings| check(
                settings,
                |one| one.kind = CheckKind::Tls
            ))
            .contains("speaks no TLS")
        );
    }

    #[test]
    fn two_pools_do_not_share_a_name() {
        let pool = || PoolSettings::new("v3", vec![member("http://h:80")]);
        assert_eq!(
            Pools::new(vec![pool(), pool()]).unwrap_err(),
            BadPool::Twice("v3".to_owned())
        );
    }
}
