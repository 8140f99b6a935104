//! What a loop counts.

use std::collections::{BTreeMap, HashMap};

use crate::procedures::Decision;

/// Counters of one loop, or of all of them together.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Answered calls, by the service's name and the procedure's number.
    pub calls: HashMap<String, BTreeMap<u32, Answers>>,
    /// Calls refused before their arguments were looked at, and connections closed for that.
    pub refused: u64,
    /// Calls that had to wait for a KDC.
    pub slow: u64,
    /// Connections and messages for which there was no room.
    pub turned_away: u64,
    /// Connections closed because their caller let too much time pass.
    pub timed_out: u64,
    /// Octets read.
    pub received: u64,
    /// Octets written.
    pub sent: u64,
}

/// How calls ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// As the caller wished.
    pub granted: u64,
    /// With an error.
    pub failed: u64,
}

impl Counts {
    /// Counts a reply: a procedure's, or a refusal.
    pub(super) fn count(&mut self, decision: Option<&Decision>) {
        let Some(decision) = decision else {
            self.refused = self.refused.saturating_add(1);
            return;
        };
        let number = decision.procedure.number();
        let name = &decision.service.name;
        let answers = match self.calls.get_mut(name) {
            Some(known) => known.entry(number).or_default(),
            None => {
                let new = self.calls.entry(name.clone()).or_default();
                new.entry(number).or_default()
            }
        };
        let place = if decision.is_granted() {
            &mut answers.granted
        } else {
            &mut answers.failed
        };
        *place = place.saturating_add(1);
    }

    /// Adds another loop's.
    pub(super) fn add(&mut self, other: Self) {
        for (service, procedures) in other.calls {
            let own = self.calls.entry(service).or_default();
            for (number, answers) in procedures {
                let own = own.entry(number).or_default();
                own.granted = own.granted.saturating_add(answers.granted);
                own.failed = own.failed.saturating_add(answers.failed);
            }
        }
        let pairs = [
            (&mut self.refused, other.refused),
            (&mut self.slow, other.slow),
            (&mut self.turned_away, other.turned_away),
            (&mut self.timed_out, other.timed_out),
            (&mut self.received, other.received),
            (&mut self.sent, other.sent),
        ];
        for (own, other) in pairs {
            *own = own.saturating_add(other);
        }
    }
}
