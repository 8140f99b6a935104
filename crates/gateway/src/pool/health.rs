//! Whether a member works, as far as checks and requests have shown.

use std::time::Duration;

use tokio::time::Instant;

use super::report::CheckReport;

/// How long a member is left alone that refused a connection, where no checks tell when it is back.
const ASIDE: Duration = Duration::from_secs(1);

/// What is known of a member.
#[derive(Debug)]
pub(super) struct Health {
    condition: Condition,
    good: u32,
    bad: u32,
    pub(super) since: Instant,
    pub(super) why: String,
    pub(super) checks: CheckReport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Untried,
    Up,
    /// Checks have failed; so many must pass.
    Failing {
        rise: u32,
    },
    /// A request was refused at that time.
    Refusing {
        at: Instant,
    },
}

/// How often checks must agree before they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) rise: u32,
    pub(super) fall: u32,
}

/// How much one may hope for from a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hope {
    /// Nothing.
    None,
    /// That it is better than nobody.
    Last,
    /// That it works; nobody knows yet.
    Untried,
    /// That it works as it did.
    Works,
}

/// A member went up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Up,
    Down,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            condition: Condition::Untried,
            good: 0,
            bad: 0,
            since: now,
            why: "nothing has been asked of it yet".to_owned(),
            checks: CheckReport::default(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.condition == Condition::Up
    }

    pub(super) fn is_untried(&self) -> bool {
        self.condition == Condition::Untried
    }

    /// Whether it is worth while to look soon whether it is back.
    pub(super) const fn is_doubtful(&self) -> bool {
        matches!(
            self.condition,
            Condition::Refusing { .. } | Condition::Failing { rise: 1 }
        )
    }

    pub(super) fn hope(&self, has_checks: bool, now: Instant) -> Hope {
        match self.condition {
            Condition::Up => Hope::Works,
            // Where nobody checks, requests are the only way to find out.
            Condition::Untried if has_checks => Hope::Untried,
            Condition::Untried => Hope::Works,
            Condition::Failing { .. } => Hope::None,
            Condition::Refusing { at }
                if !has_checks && now.saturating_duration_since(at) >= ASIDE =>
            {
                Hope::Works
            }
            Condition::Refusing { .. } => Hope::Last,
        }
    }

    /// A check has passed.
    pub(super) fn passed(&mut self, took: Duration, now: Instant) -> Option<Change> {
        self.checks.passed = self.checks.passed.saturating_add(1);
        self.checks.took = Some(took);
        self.bad = 0;
        self.good = self.good.saturating_add(1);
        match self.condition {
            Condition::Up => None,
            Condition::Failing { rise } if self.good < rise => None,
            _ => self.become_up("a check has passed", now),
        }
    }

    /// A check has failed.
    pub(super) fn failed(
        &mut self,
        why: String,
        took: Duration,
        patience: Patience,
        now: Instant,
    ) -> Option<Change> {
        self.checks.failed = self.checks.failed.saturating_add(1);
        self.checks.took = Some(took);
        self.checks.fault = Some(why.clone());
        self.good = 0;
        self.bad = self.bad.saturating_add(1);
        let failing = |rise| Condition::Failing { rise };
        match self.condition {
            // It may be about to start, so that one check is enough to believe in it.
            Condition::Untried => self.become_down(failing(1), why, now),
            Condition::Up if self.bad < patience.fall => None,
            Condition::Up => self.become_down(failing(patience.rise), why, now),
            Condition::Refusing { .. } if self.bad >= patience.fall => {
                self.condition = failing(1);
                None
            }
            Condition::Refusing { .. } | Condition::Failing { .. } => None,
        }
    }

    /// A request has been answered.
    pub(super) fn worked(&mut self, now: Instant) -> Option<Change> {
        match self.condition {
            Condition::Untried | Condition::Refusing { .. } => {
                self.bad = 0;
                self.become_up("a request was answered", now)
            }
            Condition::Up | Condition::Failing { .. } => None,
        }
    }

    /// A connection for a request was refused.
    pub(super) fn refused(&mut self, why: String, now: Instant) -> Option<Change> {
        match &mut self.condition {
            Condition::Failing { .. } => None,
            Condition::Refusing { at } => {
                *at = now;
                None
            }
            _ => self.become_down(Condition::Refusing { at: now }, why, now),
        }
    }

    /// A connection for a request took too long, which may be the network's fault.
    pub(super) fn dawdled(
        &mut self,
        why: String,
        patience: Patience,
        now: Instant,
    ) -> Option<Change> {
        self.good = 0;
        self.bad = self.bad.saturating_add(1);
        match self.bad >= patience.fall {
            true => self.refused(why, now),
            false => None,
        }
    }

    fn become_up(&mut self, why: &str, now: Instant) -> Option<Change> {
        self.condition = Condition::Up;
        self.since = now;
        self.why = why.to_owned();
        Some(Change::Up)
    }

    fn become_down(&mut self, condition: Condition, why: String, now: Instant) -> Option<Change> {
        self.condition = condition;
        self.good = 0;
        self.bad = 0;
        self.since = now;
        self.why = why;
        Some(Change::Down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { rise: 2, fall: 3 };
    const TOOK: Duration = Duration::from_millis(1);

    fn pass(health: &mut Health) -> Option<Change> {
        health.passed(TOOK, Instant::now())
    }

    fn fail(health: &mut Health) -> Option<Change> {
        health.failed("refused".to_owned(), TOOK, PATIENCE, Instant::now())
    }

    fn refuse(health: &mut Health) -> Option<Change> {
        health.refused("refused".to_owned(), Instant::now())
    }

    fn hope(health: &Health) -> Hope {
        health.hope(true, Instant::now())
    }

    fn up() -> Health {
        let mut health = Health::new(Instant::now());
        assert_eq!(hope(&health), Hope::Untried);
        assert_eq!(pass(&mut health), Some(Change::Up));
        health
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_as_many_failures_in_a_row_as_settings_say() {
        let mut health = up();
        for _ in 0..2 {
            assert_eq!(fail(&mut health), None);
            assert_eq!(fail(&mut health), None);
            assert_eq!(pass(&mut health), None);
        }
        assert_eq!(fail(&mut health), None);
        assert_eq!(fail(&mut health), None);
        assert_eq!(hope(&health), Hope::Works);
        assert_eq!(fail(&mut health), Some(Change::Down));
        assert_eq!(hope(&health), Hope::None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_as_many_passes_in_a_row_to_come_back() {
        let mut health = up();
        for _ in 0..3 {
            fail(&mut health);
        }
        assert_eq!(pass(&mut health), None);
        assert_eq!(fail(&mut health), None);
        assert_eq!(pass(&mut health), None);
        assert_eq!(pass(&mut health), Some(Change::Up));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_connection_takes_a_member_out_until_one_check_passes() {
        let mut health = up();
        assert_eq!(refuse(&mut health), Some(Change::Down));
        assert_eq!(refuse(&mut health), None);
        assert_eq!(hope(&health), Hope::Last);
        assert_eq!(pass(&mut health), Some(Change::Up));
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_refused_and_fails_checks_is_nobodys_last_hope() {
        let mut health = up();
        refuse(&mut health);
        for _ in 0..3 {
            assert_eq!(hope(&health), Hope::Last);
            assert_eq!(fail(&mut health), None);
        }
        assert_eq!(hope(&health), Hope::None);
        assert!(health.is_doubtful());
        assert_eq!(pass(&mut health), Some(Change::Up));
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_that_starts_late_is_believed_at_its_first_pass() {
        let mut health = Health::new(Instant::now());
        assert_eq!(fail(&mut health), Some(Change::Down));
        assert!(health.is_doubtful());
        assert_eq!(pass(&mut health), Some(Change::Up));
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_checks_time_heals() {
        let mut health = Health::new(Instant::now());
        assert_eq!(health.hope(false, Instant::now()), Hope::Works);
        refuse(&mut health);
        assert_eq!(health.hope(false, Instant::now()), Hope::Last);
        tokio::time::advance(ASIDE).await;
        assert_eq!(health.hope(false, Instant::now()), Hope::Works);
        assert_eq!(health.worked(Instant::now()), Some(Change::Up));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_no_proof_against_failing_checks() {
        let mut health = up();
        for _ in 0..3 {
            fail(&mut health);
        }
        assert_eq!(health.worked(Instant::now()), None);
        assert_eq!(hope(&health), Hope::None);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_connections_count_as_failed_checks() {
        let mut health = up();
        let mut dawdle = || health.dawdled("slow".to_owned(), PATIENCE, Instant::now());
        assert_eq!(dawdle(), None);
        assert_eq!(dawdle(), None);
        assert_eq!(dawdle(), Some(Change::Down));
    }
}
