//! How other threads speak to an event loop.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use kerbstone_xdr::Opaque;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use super::DaemonError;
use super::event_loop::make_epoll;
use super::report::LoopReport;
use crate::procedures::Decision;

/// The letters for one loop, and the set of descriptors that it waits for.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) epoll: OwnedFd,
    bell: OwnedFd,
    letters: Mutex<Vec<Letter>>,
}

/// What a loop is told.
#[derive(Debug)]
pub(super) enum Letter {
    /// A call of the slow lane has its reply.
    Answered(Answered),
    /// Somebody wants to know who is connected.
    Report(Sender<LoopReport>),
    /// Close everything.
    Stop,
}

/// A reply that comes late.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) connection: u64,
    pub(super) reply: Opaque,
    pub(super) decision: Option<Decision>,
}

impl Mailbox {
    pub(super) fn new() -> Result<Self, DaemonError> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            epoll: make_epoll(&bell)?,
            bell,
            letters: Mutex::default(),
        })
    }

    pub(super) fn send(&self, letter: Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(letter);
        drop(letters);
        // It rings already when it cannot ring once more.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    pub(super) fn take(&self) -> Vec<Letter> {
        let mut rung = [0; 8];
        let _ = rustix::io::read(&self.bell, &mut rung);
        std::mem::take(&mut self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
