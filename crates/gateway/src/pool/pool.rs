//! A pool at work.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::check;
use super::dispatch::{Asked, Dispatch, Outcome, Slot, Turn};
use super::error::{NoSuchMember, PoolError};
use super::health::Change;
use super::member::{Member, MemberId};
use super::report::{MemberReport, MemberState, PoolReport, Wanted};
use super::seat::Seat;
use super::settings::{Balance, PoolSettings, Reuse};
use super::stick_table::StickKey;

/// What `Retry-After` says.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// A pool.
#[derive(Debug)]
pub struct Pool {
    name: String,
    settings: ArcSwap<PoolSettings>,
    dispatch: Mutex<Dispatch<oneshot::Sender<Seat>>>,
}

impl Pool {
    pub(super) fn new(settings: PoolSettings) -> Self {
        Self {
            name: settings.name.clone(),
            dispatch: Mutex::new(Dispatch::new(&settings, Instant::now())),
            settings: ArcSwap::from_pointee(settings),
        }
    }

    /// What routes call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Other settings for the same pool.
    pub(super) fn adopt(self: &Arc<Self>, settings: PoolSettings) {
        self.dispatch().adopt(&settings, Instant::now());
        self.settings.store(Arc::new(settings));
        self.grant();
    }

    pub(super) fn settings(&self) -> Arc<PoolSettings> {
        self.settings.load_full()
    }

    pub(super) fn reuse(&self) -> Reuse {
        self.settings.load().reuse
    }

    /// A place for a request at a member, but none of those to avoid; `None` if there is nobody else.
    pub(super) async fn seat(
        self: &Arc<Self>,
        limit: Duration,
        key: Option<&StickKey>,
        avoid: &[MemberId],
    ) -> Result<Option<Seat>, PoolError> {
        let mut waiting = None;
        let asked = self.dispatch().ask(key, avoid, Instant::now(), || {
            let (wake, woken) = oneshot::channel();
            waiting = Some(woken);
            wake
        });
        match (asked, waiting) {
            (Asked::At(member), _) => Ok(Some(Seat::new(Arc::clone(self), member))),
            (Asked::Waits(ticket), Some(woken)) => self.wait(ticket, woken, limit).await.map(Some),
            (Asked::Full, _) => Err(PoolError::QueueFull {
                pool: self.name.clone(),
                retry_after: COME_AGAIN,
            }),
            _ => Ok(None),
        }
    }

    async fn wait(
        self: &Arc<Self>,
        ticket: u64,
        woken: oneshot::Receiver<Seat>,
        limit: Duration,
    ) -> Result<Seat, PoolError> {
        let _place_in_queue = Waiting {
            pool: Arc::clone(self),
            ticket,
        };
        match timeout(limit, woken).await {
            Ok(Ok(seat)) => Ok(seat),
            _ => {
                self.dispatch().turn_away();
                Err(PoolError::QueuedTooLong {
                    pool: self.name.clone(),
                    waited: limit,
                    retry_after: COME_AGAIN,
                })
            }
        }
    }

    pub(super) fn nobody_up(&self) -> PoolError {
        PoolError::NobodyUp {
            pool: self.name.clone(),
            retry_after: COME_AGAIN,
        }
    }

    /// A request is over.
    pub(super) fn release(self: &Arc<Self>, member: &Member, outcome: Outcome) {
        let (turn, has_waiters) = {
            let mut dispatch = self.dispatch();
            let turn = dispatch.learn(member.id, outcome, Instant::now());
            dispatch.release(member.id);
            (turn, dispatch.queued() > 0)
        };
        self.tell(turn);
        if has_waiters {
            self.grant();
        }
    }

    /// Lets those go on who can.
    fn grant(self: &Arc<Self>) {
        let granted = self.dispatch().grant(Instant::now());
        for (wake, member) in granted {
            // Whoever no longer waits gives the place back, here.
            let _gone = wake.send(Seat::new(Arc::clone(self), member));
        }
    }

    fn tell(&self, turn: Option<Turn>) {
        match turn {
            Some(Turn {
                member,
                change: Change::Up,
                why,
            }) => {
                tracing::info!(pool = self.name, member = &*member, why, "a member is up");
            }
            Some(Turn {
                member,
                change: Change::Down,
                why,
            }) => {
                tracing::warn!(pool = self.name, member = &*member, why, "a member is down");
            }
            None => {}
        }
    }

    /// Members whose check is due.
    pub(super) fn due(&self) -> Vec<Arc<Member>> {
        self.dispatch().due(Instant::now())
    }

    /// When the next check is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.dispatch().next_due()
    }

    /// Checks a member and takes note.
    pub(super) async fn check(self: Arc<Self>, member: Arc<Member>) {
        let settings = self.settings();
        let Some(wanted) = &settings.check else {
            return;
        };
        let began = Instant::now();
        let found = check::check(&member, wanted, settings.timeouts).await;
        let pause = check::pause(wanted, &mut rand::rng());
        let turn = {
            let took = began.elapsed();
            self.dispatch()
                .checked(member.id, found, took, pause, Instant::now())
        };
        self.tell(turn);
        self.grant();
    }

    /// Closes connections that are kept for too long, and forgets what is no longer needed.
    pub(super) fn tidy(&self) {
        let members: Vec<Arc<Member>> = {
            let mut dispatch = self.dispatch();
            dispatch.tidy(Instant::now());
            let members = dispatch.slots.iter();
            members.map(|slot| Arc::clone(&slot.member)).collect()
        };
        let idle = match self.reuse() {
            Reuse::Never => Duration::ZERO,
            Reuse::Kept { idle, .. } => idle,
        };
        for member in members {
            member.sweep(idle);
        }
    }

    /// What goes on.
    pub fn report(&self) -> PoolReport {
        let balance = match self.settings.load().balance {
            Balance::RoundRobin => "round-robin",
            Balance::LeastConnections => "least-connections",
        };
        let dispatch = self.dispatch();
        PoolReport {
            name: self.name.clone(),
            balance,
            members: dispatch.slots.iter().map(Slot::report).collect(),
            current: dispatch.current,
            queued: dispatch.queued(),
            turned_away: dispatch.turned_away,
            sticky: dispatch.sticky(),
        }
    }

    /// Takes a member out of service, or back in.
    ///
    /// # Errors
    /// [`NoSuchMember`]
    pub fn set(self: &Arc<Self>, member: &str, wanted: Wanted) -> Result<(), NoSuchMember> {
        let is_there = self.dispatch().set(member, wanted);
        if !is_there {
            let names: Vec<String> = self
                .report()
                .members
                .into_iter()
                .map(|one| one.name)
                .collect();
            return Err(NoSuchMember {
                pool: self.name.clone(),
                member: member.to_owned(),
                known: names.join(", "),
            });
        }
        tracing::info!(
            pool = self.name,
            member,
            wanted = wanted.name(),
            "by command"
        );
        self.grant();
        Ok(())
    }

    fn dispatch(&self) -> MutexGuard<'_, Dispatch<oneshot::Sender<Seat>>> {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; whoever goes away leaves it.
struct Waiting {
    pool: Arc<Pool>,
    ticket: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.dispatch().leave_queue(self.ticket);
    }
}

impl Slot {
    fn report(&self) -> MemberReport {
        let counts = &self.member.counts;
        let state = self.state();
        let (since, why) = match (state, self.ordered) {
            (MemberState::Draining | MemberState::Maintenance, Some(ordered)) => {
                (ordered, "by command".to_owned())
            }
            _ => (self.health.since, self.health.why.clone()),
        };
        MemberReport {
            name: self.member.name.to_string(),
            address: self.member.address.to_string(),
            state,
            since: SystemTime::now()
                .checked_sub(since.elapsed())
                .unwrap_or(SystemTime::UNIX_EPOCH),
            why,
            weight: self.weight,
            is_backup: self.is_backup,
            current: self.current,
            most: self.most,
            idle: self.member.idle(),
            served: counts.served.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            retried: counts.retried.load(Ordering::Relaxed),
            connected: counts.connected.load(Ordering::Relaxed),
            checks: self.health.checks.clone(),
        }
    }
}
