//! Who gets the next request, and who waits: a machine that knows no sockets and is told the time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::health::{Change, Health, Hope, Patience};
use super::member::{Member, MemberId};
use super::report::{MemberState, Wanted};
use super::settings::{Balance, MemberSettings, PoolSettings};
use super::stick_table::{StickKey, StickTable};

/// A doubtful member is checked that often.
const HURRIED: Duration = Duration::from_millis(500);

/// A pool's state. `W` is how a request that waits is woken.
#[derive(Debug)]
pub(super) struct Dispatch<W> {
    pub(super) slots: Vec<Slot>,
    balance: Balance,
    has_checks: bool,
    patience: Patience,
    most: usize,
    most_queued: usize,
    queue: VecDeque<Waiter<W>>,
    sticky: Option<StickTable<MemberId>>,
    pub(super) current: usize,
    pub(super) turned_away: u64,
    next_ticket: u64,
    /// All members are new, and none has shown yet that it works.
    is_handover: bool,
}

/// A member's place in the pool.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) member: Arc<Member>,
    pub(super) weight: u16,
    pub(super) is_backup: bool,
    pub(super) most: Option<usize>,
    pub(super) current: usize,
    pub(super) health: Health,
    pub(super) wanted: Wanted,
    /// Since when that is wanted, if somebody has said so.
    pub(super) ordered: Option<Instant>,
    is_leaving: bool,
    /// Whether it may get the request that is being placed.
    is_candidate: bool,
    /// What it is owed of the turns that went to others.
    credit: i64,
    next_check: Instant,
    is_checking: bool,
}

#[derive(Debug)]
struct Waiter<W> {
    ticket: u64,
    /// The member that keeps this person.
    only: Option<MemberId>,
    key: Option<StickKey>,
    avoid: Vec<MemberId>,
    wake: W,
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Asked {
    /// It goes there.
    At(Arc<Member>),
    /// It waits, under this number.
    Waits(u64),
    /// As many wait as may.
    Full,
    /// No member can be hoped for.
    Nobody,
}

/// How a request ended, as far as its member is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has shown neither that the member works nor that it does not.
    Unclear,
    /// It was answered.
    Answered,
    /// It could not be brought there.
    Refused(String),
    /// Connecting took too long.
    Dawdled(String),
}

/// A member went up or down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) member: Arc<str>,
    pub(super) change: Change,
    pub(super) why: String,
}

/// Where a request may go at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    At(usize),
    /// To one without room, or to any of several.
    Busy(Option<MemberId>),
    Nobody,
}

/// Members are tried in this order of classes, all of one before any of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Works,
    Untried,
    Backup,
    Leaving,
    Last,
}

impl Class {
    const ALL: [Self; 5] = [
        Self::Works,
        Self::Untried,
        Self::Backup,
        Self::Leaving,
        Self::Last,
    ];
}

impl<W> Dispatch<W> {
    pub(super) fn new(settings: &PoolSettings, now: Instant) -> Self {
        let mut dispatch = Self {
            slots: Vec::new(),
            balance: settings.balance,
            has_checks: false,
            patience: Patience { rise: 1, fall: 1 },
            most: usize::MAX,
            most_queued: 0,
            queue: VecDeque::new(),
            sticky: None,
            current: 0,
            turned_away: 0,
            next_ticket: 0,
            is_handover: false,
        };
        dispatch.adopt(settings, now);
        dispatch
    }

    /// Other settings: members that stay keep what is known of them, others finish what is under way.
    pub(super) fn adopt(&mut self, settings: &PoolSettings, now: Instant) {
        self.balance = settings.balance;
        self.has_checks = settings.check.is_some();
        self.patience = match &settings.check {
            Some(check) => Patience {
                rise: check.rise,
                fall: check.fall,
            },
            None => Patience { rise: 1, fall: 3 },
        };
        self.most = settings.connections.unwrap_or(usize::MAX);
        self.most_queued = settings.queue;
        self.adopt_table(settings, now);
        let mut before = std::mem::take(&mut self.slots);
        for wanted in &settings.members {
            let known = before
                .iter()
                .position(|slot| !slot.is_leaving && slot.member.is(wanted));
            let slot = match known {
                Some(at) => before.remove(at).under(wanted),
                None => Slot::new(wanted, now),
            };
            self.slots.push(slot);
        }
        self.is_handover = self.slots.iter().all(|slot| slot.health.is_untried());
        for mut slot in before {
            slot.is_leaving = true;
            slot.member.leave();
            if let Some(sticky) = &mut self.sticky {
                sticky.forget(slot.member.id);
            }
            if slot.current > 0 || self.is_handover {
                self.slots.push(slot);
            }
        }
    }

    fn adopt_table(&mut self, settings: &PoolSettings, now: Instant) {
        match (&mut self.sticky, settings.stickiness) {
            (Some(table), Some(wanted)) => table.limit(wanted.expire, wanted.entries),
            (table, wanted) => {
                *table = wanted.map(|wanted| StickTable::new(wanted.expire, wanted.entries, now));
            }
        }
    }

    /// Finds a member for a request, but none of those to avoid.
    pub(super) fn ask(
        &mut self,
        key: Option<&StickKey>,
        avoid: &[MemberId],
        now: Instant,
        wake: impl FnOnce() -> W,
    ) -> Asked {
        let only = match self.choose(key, avoid, now) {
            Choice::At(at) => return Asked::At(self.seat(at, key, now)),
            Choice::Busy(only) => only,
            Choice::Nobody => {
                self.turned_away = self.turned_away.saturating_add(1);
                return Asked::Nobody;
            }
        };
        if self.queue.len() >= self.most_queued {
            self.turned_away = self.turned_away.saturating_add(1);
            return Asked::Full;
        }
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        self.queue.push_back(Waiter {
            ticket,
            only,
            key: key.cloned(),
            avoid: avoid.to_vec(),
            wake: wake(),
        });
        Asked::Waits(ticket)
    }

    /// A request waits no longer; tells whether it still did.
    pub(super) fn leave_queue(&mut self, ticket: u64) -> bool {
        let at = self.queue.iter().position(|waiter| waiter.ticket == ticket);
        at.and_then(|at| self.queue.remove(at)).is_some()
    }

    pub(super) fn turn_away(&mut self) {
        self.turned_away = self.turned_away.saturating_add(1);
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn sticky(&self) -> usize {
        self.sticky.as_ref().map_or(0, StickTable::len)
    }

    /// Takes note of how a request ends, whose place stays taken.
    pub(super) fn learn(&mut self, id: MemberId, outcome: Outcome, now: Instant) -> Option<Turn> {
        let patience = self.patience;
        let slot = self.slot(id)?;
        let change = match outcome {
            Outcome::Unclear => None,
            Outcome::Answered if slot.health.is_up() => return None,
            Outcome::Answered => slot.health.worked(now),
            Outcome::Refused(why) => slot.health.refused(why, now),
            Outcome::Dawdled(why) => slot.health.dawdled(why, patience, now),
        };
        if slot.health.is_doubtful() && !slot.is_checking {
            slot.next_check = slot.next_check.min(now);
        }
        self.turned(id, change)
    }

    /// A request is over.
    pub(super) fn release(&mut self, id: MemberId) {
        self.current = self.current.saturating_sub(1);
        let keeps = self.is_handover;
        self.slots.retain_mut(|slot| {
            if slot.member.id == id {
                slot.current = slot.current.saturating_sub(1);
            }
            !slot.is_leaving || slot.current > 0 || keeps
        });
    }

    /// Those who wait and can go now, first come, first served.
    pub(super) fn grant(&mut self, now: Instant) -> Vec<(W, Arc<Member>)> {
        let mut granted = Vec::new();
        let mut at = 0;
        while self.has_room()
            && let Some(waiter) = self.queue.get(at)
        {
            let (key, avoid) = (waiter.key.clone(), waiter.avoid.clone());
            match self.choose(key.as_ref(), &avoid, now) {
                Choice::At(slot) => {
                    if let Some(waiter) = self.queue.remove(at) {
                        granted.push((waiter.wake, self.seat(slot, key.as_ref(), now)));
                    }
                }
                Choice::Busy(only) => {
                    if let Some(waiter) = self.queue.get_mut(at) {
                        waiter.only = only;
                    }
                    at += 1;
                }
                Choice::Nobody => at += 1,
            }
        }
        granted
    }

    /// Takes a member out or back in; tells whether there is one of that name.
    pub(super) fn set(&mut self, name: &str, wanted: Wanted) -> bool {
        let slot = self
            .slots
            .iter_mut()
            .find(|slot| *slot.member.name == *name && !slot.is_leaving);
        slot.map(|slot| {
            slot.wanted = wanted;
            slot.ordered = Some(Instant::now());
        })
        .is_some()
    }

    /// Members whose check is due; they are taken to be under check.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Arc<Member>> {
        if !self.has_checks {
            return Vec::new();
        }
        let due = self.slots.iter_mut().filter(|slot| slot.is_due(now));
        due.map(|slot| {
            slot.is_checking = true;
            Arc::clone(&slot.member)
        })
        .collect()
    }

    /// When the next check is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waiting = self.slots.iter().filter(|slot| !slot.is_checking);
        let due = waiting
            .filter(|_| self.has_checks)
            .map(|slot| slot.next_check);
        due.min()
    }

    /// What a check has found, and when to look again if all stays as it is.
    pub(super) fn checked(
        &mut self,
        id: MemberId,
        found: Result<(), String>,
        took: Duration,
        pause: Duration,
        now: Instant,
    ) -> Option<Turn> {
        let patience = self.patience;
        let slot = self.slot(id)?;
        slot.is_checking = false;
        let change = match found {
            Ok(()) => slot.health.passed(took, now),
            Err(why) => slot.health.failed(why, took, patience, now),
        };
        let pause = match slot.health.is_doubtful() {
            true => pause.min(HURRIED),
            false => pause,
        };
        slot.next_check = now + pause;
        self.turned(id, change)
    }

    /// Forgets what is no longer needed.
    pub(super) fn tidy(&mut self, now: Instant) {
        if let Some(sticky) = &mut self.sticky {
            sticky.tidy(now);
        }
    }

    fn turned(&mut self, id: MemberId, change: Option<Change>) -> Option<Turn> {
        let change = change?;
        let slot = self.slot(id)?;
        let turn = Turn {
            member: slot.member.name.clone(),
            change,
            why: slot.health.why.clone(),
        };
        if change == Change::Up && !slot.is_leaving && self.is_handover {
            self.is_handover = false;
            self.slots
                .retain(|slot| !slot.is_leaving || slot.current > 0);
        }
        Some(turn)
    }

    fn slot(&mut self, id: MemberId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.member.id == id)
    }

    fn has_room(&self) -> bool {
        self.current < self.most && self.slots.iter().any(Slot::has_room)
    }

    fn choose(&mut self, key: Option<&StickKey>, avoid: &[MemberId], now: Instant) -> Choice {
        if let Some(at) = self.kept_at(key, avoid, now) {
            return match self.slots.get(at) {
                Some(slot) if self.current < self.most && slot.has_room() => Choice::At(at),
                Some(slot) => Choice::Busy(Some(slot.member.id)),
                None => Choice::Nobody,
            };
        }
        let (has_checks, is_handover) = (self.has_checks, self.is_handover);
        let class_of = |slot: &Slot| {
            let class = slot.class(has_checks, is_handover, now)?;
            (!avoid.contains(&slot.member.id)).then_some(class)
        };
        let best = Class::ALL
            .into_iter()
            .find(|class| self.slots.iter().any(|slot| class_of(slot) == Some(*class)));
        let Some(best) = best else {
            return Choice::Nobody;
        };
        if self.current >= self.most {
            return Choice::Busy(None);
        }
        for slot in &mut self.slots {
            slot.is_candidate = class_of(slot) == Some(best) && slot.has_room();
        }
        match self.pick() {
            Some(at) => Choice::At(at),
            None => Choice::Busy(None),
        }
    }

    /// The member that this person is kept at, if it may be asked.
    fn kept_at(&self, key: Option<&StickKey>, avoid: &[MemberId], now: Instant) -> Option<usize> {
        let id = self.sticky.as_ref()?.get(key?, now)?;
        let at = self.slots.iter().position(|slot| slot.member.id == id)?;
        let slot = self.slots.get(at)?;
        let may = slot.wanted != Wanted::Maintenance
            && !slot.is_leaving
            && !avoid.contains(&id)
            && slot.health.hope(self.has_checks, now) > Hope::Last;
        may.then_some(at)
    }

    /// One of the candidates, in turn by weight; with fewest requests, of those who have equally few.
    fn pick(&mut self) -> Option<usize> {
        let least = match self.balance {
            Balance::RoundRobin => u64::MAX,
            Balance::LeastConnections => {
                let candidates = self.slots.iter().filter(|slot| slot.is_candidate);
                candidates.map(Slot::load).min()?
            }
        };
        let mut total = 0;
        let mut best: Option<(i64, usize)> = None;
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if !slot.is_candidate || slot.load() > least {
                continue;
            }
            slot.credit += i64::from(slot.weight);
            total += i64::from(slot.weight);
            if best.is_none_or(|(credit, _)| slot.credit > credit) {
                best = Some((slot.credit, at));
            }
        }
        let (_, at) = best?;
        self.slots.get_mut(at)?.credit -= total;
        Some(at)
    }

    /// Puts a request there. The slot was just chosen.
    fn seat(&mut self, at: usize, key: Option<&StickKey>, now: Instant) -> Arc<Member> {
        let slot = &mut self.slots[at];
        slot.current += 1;
        self.current += 1;
        let member = Arc::clone(&slot.member);
        if let (Some(sticky), Some(key), false) = (&mut self.sticky, key, slot.is_leaving) {
            sticky.put(key, member.id, now);
        }
        member
    }
}

impl Slot {
    fn new(settings: &MemberSettings, now: Instant) -> Self {
        Self {
            member: Arc::new(Member::new(settings)),
            weight: settings.weight,
            is_backup: settings.is_backup,
            most: settings.connections,
            current: 0,
            health: Health::new(now),
            wanted: Wanted::Ready,
            ordered: None,
            is_leaving: false,
            is_candidate: false,
            credit: 0,
            next_check: now,
            is_checking: false,
        }
    }

    /// The same member under other settings.
    fn under(self, settings: &MemberSettings) -> Self {
        self.member.believe(settings.trust.clone());
        Self {
            weight: settings.weight,
            is_backup: settings.is_backup,
            most: settings.connections,
            ..self
        }
    }

    pub(super) fn state(&self) -> MemberState {
        match self.wanted {
            _ if self.is_leaving => MemberState::Leaving,
            Wanted::Maintenance => MemberState::Maintenance,
            _ if self.health.is_untried() => MemberState::Untried,
            _ if !self.health.is_up() => MemberState::Down,
            Wanted::Drain => MemberState::Draining,
            Wanted::Ready => MemberState::Up,
        }
    }

    fn has_room(&self) -> bool {
        self.most.is_none_or(|most| self.current < most)
    }

    /// Requests for its weight.
    fn load(&self) -> u64 {
        let current = u64::try_from(self.current).unwrap_or(u64::MAX);
        current.saturating_mul(1 << 16) / u64::from(self.weight.max(1))
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.is_checking
            && !self.is_leaving
            && self.wanted != Wanted::Maintenance
            && self.next_check <= now
    }

    /// Whether it may get a request of somebody new.
    fn class(&self, has_checks: bool, is_handover: bool, now: Instant) -> Option<Class> {
        if self.is_leaving {
            return is_handover.then_some(Class::Leaving);
        }
        if self.wanted != Wanted::Ready {
            return None;
        }
        match self.health.hope(has_checks, now) {
            Hope::None => None,
            Hope::Last => Some(Class::Last),
            _ if self.is_backup => Some(Class::Backup),
            Hope::Untried => Some(Class::Untried),
            Hope::Works => Some(Class::Works),
        }
    }
}
