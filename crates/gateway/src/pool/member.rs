//! A member: how it is reached, and the connections that are kept to it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::settings::MemberSettings;
use crate::transport::{ConnectFault, ConnectLimits, Link, MemberAddress, Stream, Trust};

/// Lists of kept connections. Each thread has one to itself unless there are more threads than that; its connections
/// wake nobody else.
const LISTS: usize = 64;

/// Tells members apart that have come and gone under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MemberId(u64);

/// A member.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) name: Arc<str>,
    pub(super) address: MemberAddress,
    trust: RwLock<Option<Arc<Trust>>>,
    kept: Vec<Mutex<Vec<Link>>>,
    /// It is no longer in the settings.
    is_leaving: AtomicBool,
    pub(super) counts: Counts,
}

/// What has happened at a member so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) served: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) connected: AtomicU64,
}

impl Member {
    pub(super) fn new(settings: &MemberSettings) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: MemberId(NEXT.fetch_add(1, Ordering::Relaxed)),
            name: settings.name.as_str().into(),
            address: settings.address.clone(),
            trust: RwLock::new(settings.trust.clone().map(Arc::new)),
            kept: (0..LISTS).map(|_| Mutex::default()).collect(),
            is_leaving: AtomicBool::new(false),
            counts: Counts::default(),
        }
    }

    /// Whether the settings are about this very server.
    pub(super) fn is(&self, settings: &MemberSettings) -> bool {
        let believed = self.trust();
        *self.name == *settings.name
            && self.address == settings.address
            && believed.as_deref().map(Trust::settings)
                == settings.trust.as_ref().map(Trust::settings)
    }

    /// The files that the settings name may say something else now.
    pub(super) fn believe(&self, trust: Option<Trust>) {
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = trust.map(Arc::new);
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A new connection.
    pub(super) async fn connect(&self, limits: ConnectLimits) -> Result<Link, ConnectFault> {
        let trust = self.trust();
        let stream = Stream::connect(&self.address, trust.as_deref(), limits).await?;
        self.counts.connected.fetch_add(1, Ordering::Relaxed);
        Ok(Link::new(stream))
    }

    /// A kept connection of this thread, idle for no longer than that.
    pub(super) fn take(&self, idle: Duration) -> Option<Link> {
        let mut kept = self.list();
        let now = Instant::now();
        while let Some(mut link) = kept.pop() {
            if now.saturating_duration_since(link.idle_since) >= idle {
                // Those before it are older still; the sweep gets them.
                kept.push(link);
                return None;
            }
            if link.is_quiet() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps a connection for this thread's next request.
    pub(super) fn keep(&self, mut link: Link, most: usize) {
        link.rest();
        let mut kept = self.list();
        if kept.len() < most && !self.is_leaving.load(Ordering::Relaxed) {
            kept.push(link);
        }
    }

    /// Closes connections that have been idle for that long.
    pub(super) fn sweep(&self, idle: Duration) {
        let now = Instant::now();
        for kept in &self.kept {
            lock(kept).retain(|link| now.saturating_duration_since(link.idle_since) < idle);
        }
    }

    /// Keeps no connection any more.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.sweep(Duration::ZERO);
    }

    /// How many connections are kept.
    pub(super) fn idle(&self) -> usize {
        self.kept.iter().map(|kept| lock(kept).len()).sum()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Link>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % LISTS;
        }
        let own = OWN.with(|own| *own);
        lock(&self.kept[own])
    }
}

fn lock(kept: &Mutex<Vec<Link>>) -> MutexGuard<'_, Vec<Link>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
