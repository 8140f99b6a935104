//! A request's place at a member, given back when the request is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::dispatch::Outcome;
use super::member::Member;
use super::pool::Pool;
use super::settings::Reuse;
use crate::transport::Link;

/// A request's place at a member.
#[derive(Debug)]
pub(crate) struct Seat {
    pool: Arc<Pool>,
    pub(super) member: Arc<Member>,
    outcome: Outcome,
}

impl Seat {
    pub(super) const fn new(pool: Arc<Pool>, member: Arc<Member>) -> Self {
        Self {
            pool,
            member,
            outcome: Outcome::Unclear,
        }
    }

    /// The head of an answer has come.
    pub(super) fn answered(&mut self) {
        self.outcome = Outcome::Answered;
        self.member.counts.served.fetch_add(1, Ordering::Relaxed);
    }

    /// The member could not be asked, or did not answer.
    pub(super) fn unanswered(mut self, outcome: Outcome) {
        self.outcome = outcome;
        self.failed();
    }

    /// The answer is over; the connection may be kept.
    pub(crate) fn served(self, link: Option<Link>) {
        if let (Some(link), Reuse::Kept { most, .. }) = (link, self.pool.reuse()) {
            self.member.keep(link, most);
        }
    }

    /// The answer broke off.
    pub(crate) fn failed(self) {
        self.member.counts.failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Outcome::Unclear);
        self.pool.release(&self.member, outcome);
    }
}
