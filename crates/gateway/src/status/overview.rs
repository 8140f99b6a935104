//! What a running gateway says of itself, and who asks: the page, the control socket, whoever measures.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_proto::time::Timestamp;

use super::ledger::Ledger;
use super::report::{Facts, ListenerFacts, RouteFacts, Status};
use crate::entry_point::{Destination, EntryPoint};
use crate::gateway::Gateway;
use crate::listener::Listener;
use crate::observer::{MemberChange, Observer};
use crate::pool::{MemberState, NoSuchMember, PoolReport, Wanted};
use crate::tls::ClientCertificates;

/// Nobody goes on with a session here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no entry point goes on with sessions")]
pub struct NoSessions;

impl Gateway {
    /// What it counts.
    pub const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Who keeps its books.
    pub fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// How it is now, as it is shown to somebody.
    pub fn status(&self, viewer: Option<String>, now: SystemTime) -> Status {
        let table = self.table();
        let facts = Facts {
            routes: table.entry_points.iter().map(RouteFacts::of).collect(),
            pools: self.pool_reports(),
            listeners: self.listener_facts(),
            viewer,
        };
        // Where nobody reads the counters once a second, whoever looks does.
        self.ledger.read(&facts.pools, now);
        Status::of(&self.ledger, facts, now)
    }

    /// Its pools.
    pub fn pool_reports(&self) -> Vec<PoolReport> {
        let pools = self.table().pools.all();
        pools.iter().map(|pool| pool.report()).collect()
    }

    /// Uses a member of a pool otherwise from now on.
    ///
    /// # Errors
    /// [`NoSuchMember`]
    pub fn set_member(&self, pool: &str, member: &str, wanted: Wanted) -> Result<(), NoSuchMember> {
        let Some(pool) = self.table().pools.get(pool) else {
            return Err(NoSuchMember {
                pool: pool.to_owned(),
                member: member.to_owned(),
                known: String::new(),
            });
        };
        pool.set(member, wanted)
    }

    /// Makes void every session of somebody that has begun: of a principal, or of everybody of that name in any realm.
    ///
    /// # Errors
    /// There are no sessions here.
    pub fn revoke_sessions(&self, whose: &str, now: Timestamp) -> Result<(), NoSessions> {
        let table = self.table();
        let sessions = table.sessions.as_ref().ok_or(NoSessions)?;
        sessions.revoke(whose, now.time);
        Ok(())
    }

    /// Where it is reached.
    pub fn listener_facts(&self) -> Vec<ListenerFacts> {
        let listeners = self.listeners().iter();
        listeners
            .map(|listener| ListenerFacts::of(listener))
            .collect()
    }

    /// Reads its counters once a second, for ever: the last ten minutes are made of that.
    pub async fn keep_time(&self) {
        let mut known = HashMap::new();
        loop {
            let now = SystemTime::now();
            let pools = self.pool_reports();
            self.ledger.read(&pools, now);
            self.tell_changes(&pools, &mut known);
            // Shortly after the second's end, so that each second is read once.
            let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            let left = Duration::from_millis(1001)
                .saturating_sub(Duration::from_nanos(u64::from(since.subsec_nanos())));
            tokio::time::sleep(left).await;
        }
    }
}

impl Gateway {
    /// Tells whoever keeps the books of members that are in another state than when last looked at.
    fn tell_changes(
        &self,
        pools: &[PoolReport],
        known: &mut HashMap<(String, String), MemberState>,
    ) {
        let mut present = HashMap::with_capacity(known.len());
        for pool in pools {
            for member in &pool.members {
                let name = (pool.name.clone(), member.name.clone());
                if known.get(&name).is_some_and(|state| *state != member.state) {
                    let since = member.since.duration_since(UNIX_EPOCH).unwrap_or_default();
                    self.observer.member_changed(&MemberChange {
                        at: Timestamp::from_unix_duration(since),
                        pool: &pool.name,
                        member: &member.name,
                        state: member.state.name(),
                        why: &member.why,
                    });
                }
                present.insert(name, member.state);
            }
        }
        *known = present;
    }
}

impl RouteFacts {
    fn of(point: &EntryPoint) -> Self {
        Self {
            label: Arc::clone(point.label()),
            ways: point.ways.clone(),
            leads_to: match &point.destination {
                Destination::Pool(pool) => format!("pool {pool}"),
                Destination::SignOut => "page sign-out".to_owned(),
                Destination::Whoami => "page whoami".to_owned(),
                Destination::Status => "this page".to_owned(),
                Destination::WaysIn => "page ways-in".to_owned(),
            },
        }
    }
}

impl ListenerFacts {
    fn of(listener: &Listener) -> Self {
        let settings = listener.settings();
        let asked = settings
            .tls
            .as_ref()
            .map(|tls| match tls.client_certificates {
                ClientCertificates::None => "not asked for",
                ClientCertificates::Optional => "optional",
                ClientCertificates::Required => "required",
            });
        Self {
            name: settings.name.clone(),
            addresses: settings.addresses.iter().map(ToString::to_string).collect(),
            client_certificates: asked,
            certificate_ends: listener.tls().and_then(|tls| tls.ends()),
        }
    }
}
