//! A replay cache in a file that all workers of a service share, and that outlives them.
//!
//! The file is a hash table in levels, of buckets of a KiB. A check takes the lock of one sixty-
//! fourth of the table, reads a bucket, writes it back and lets go: four system calls, and no
//! waiting for the disk. A bucket that is full of requests that can still be replayed passes on to
//! the next level, four times as large, until the burst is over and its requests have expired.
//!
//! | what happens | what follows |
//! |---|---|
//! | a worker is killed | nothing: what it wrote is there, what it locked is free |
//! | more requests than fit into the allowed size | further ones are refused until the oldest expire |
//! | the disk is full | requests are refused once no place is free in what the file has |
//! | the file is damaged, cut or removed in use | it is made anew, and requests from before are refused |
//! | the machine was started anew | what is there counts, and requests from before are refused |
//! | the file is something else, or others may write to it | it is left alone, and all requests are refused |
//!
//! What is refused for a reason of the cache's is refused with that reason
//! ([`ReplayFault`]); nothing is ever accepted because the cache does not work.

mod bucket;
mod checksum;
mod damage;
mod header;
mod layout;
mod lock;
mod state;

pub use damage::Damage;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use self::bucket::{Bucket, Seconds};
use self::lock::{LockFailure, RangeLock};
use self::state::{Obstacle, State};
use super::tag::Tag;
use super::{Freshness, ReplayCache, ReplayCacheError, ReplayEntry, ReplayFault};

/// A replay cache in a file, as one process sees it. Its threads share it by reference; a process
/// opens its own after it was forked.
#[derive(Debug)]
pub struct SharedReplayCache {
    path: PathBuf,
    max_bytes: u64,
    state: RwLock<State>,
    stripes: Vec<Mutex<()>>,
    path_seen_at: AtomicU32,
    no_growth_before: AtomicU32,
}

/// How much of the cache is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Requests that can still be replayed.
    pub live: u64,
    /// Requests that there is room for without growing.
    pub room: u64,
    /// The file's size.
    pub bytes: u64,
}

/// So often a check is begun again because another worker changed the file's shape meanwhile.
const ATTEMPTS: u32 = 16;
/// A disk that was full is asked again after so many seconds.
const GROWTH_PAUSE: Seconds = 10;
/// How much further than needed a bucket says that it overflows, so that it is not written for it
/// with every request.
const OVERFLOW_SLACK: Seconds = 64;

impl SharedReplayCache {
    /// How large a file may grow unless another limit is set: 21.3 MiB are used of it, for 1.37
    /// million requests, which are 4,500 a second when each is kept five minutes.
    pub const DEFAULT_MAX_BYTES: u64 = 32 << 20;

    /// Opens the file, or makes it when there is none.
    ///
    /// # Errors
    /// When the file cannot be had, is not ours, or is no replay cache; see [`ReplayFault`].
    pub fn open(
        path: impl Into<PathBuf>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ReplayFault> {
        let path = path.into();
        let mut seed = [0; 16];
        rng.fill_bytes(&mut seed);
        let now = seconds(now.time);
        let state = State::open(&path, seed, None, now)?;
        Ok(Self {
            path,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            state: RwLock::new(state),
            stripes: (0..layout::FIRST_BUCKETS).map(|_| Mutex::new(())).collect(),
            path_seen_at: AtomicU32::new(now),
            no_growth_before: AtomicU32::new(0),
        })
    }

    /// Lets the file grow to so many bytes; 68 KiB are the least.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts what is remembered. Reads the whole file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn occupancy(&self, now: Timestamp) -> Result<Occupancy, ReplayFault> {
        let state = self.read();
        let now = seconds(now.time);
        let mut occupancy = Occupancy {
            live: 0,
            room: 0,
            bytes: layout::file_size(state.header().levels),
        };
        for level in 0..state.header().levels {
            for place in 0..layout::buckets(level) {
                // What is damaged is found and mended when it is needed.
                if let Ok(bucket) = state.bucket(layout::bucket_offset(level, place)) {
                    occupancy.live += bucket.live(now) as u64;
                }
                occupancy.room += bucket::RECORDS as u64;
            }
        }
        Ok(occupancy)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in the file's terms.
struct Request<'a> {
    ciphertext: &'a [u8],
    time: Seconds,
    keep_until: Seconds,
    now: Seconds,
}

impl ReplayCache for SharedReplayCache {
    fn check_and_store(
        &self,
        entry: &ReplayEntry<'_>,
        now: Timestamp,
    ) -> Result<Freshness, ReplayCacheError> {
        let now = seconds(now.time);
        let request = Request {
            ciphertext: entry.ciphertext,
            time: seconds(entry.time.time),
            // What would be forgotten at once is kept for this second.
            keep_until: seconds(entry.keep_until).max(now).max(1),
            now,
        };
        Ok(self.check(&request)?)
    }
}

impl SharedReplayCache {
    fn check(&self, request: &Request<'_>) -> Result<Freshness, ReplayFault> {
        self.look_after_path(request.now)?;
        for _ in 0..ATTEMPTS {
            let state = self.read();
            let obstacle = match self.attempt(&state, request) {
                Ok(freshness) => return Ok(freshness),
                Err(obstacle) => obstacle,
            };
            let generation = state.header().generation;
            let levels = state.header().levels;
            drop(state);
            self.overcome(obstacle, (generation, levels), request.now)?;
        }
        Err(ReplayFault::Busy(self.path.clone()))
    }

    fn attempt(&self, state: &State, request: &Request<'_>) -> Result<Freshness, Obstacle> {
        let header = state.header();
        let tag = Tag::new(&header.seed, request.ciphertext);
        let stripe = layout::stripe(tag.place);
        let mutex = usize::try_from(stripe)
            .ok()
            .and_then(|index| self.stripes.get(index));
        let _thread = mutex.map(|mutex| mutex.lock().unwrap_or_else(PoisonError::into_inner));
        let start = layout::bucket_offset(0, stripe);
        let _process = RangeLock::range(state.file(), start, bucket::BUCKET_BYTES as u64)?;

        let mut place: Option<(u64, Bucket)> = None;
        for level in 0..layout::MAX_LEVELS {
            let offset = layout::bucket_offset(level, tag.place);
            let mut bucket = state.bucket(offset)?;
            if bucket.generation() != header.generation {
                return Err(Obstacle::Stale);
            }
            if request.time < header.refuse_before {
                return Err(Obstacle::Fault(self.lost_memory(state)));
            }
            if bucket.holds(&tag.bytes) {
                return Ok(Freshness::Replayed);
            }
            let goes_on = bucket.overflows_until() >= request.now;
            let is_last = level + 1 >= header.levels;
            if place.is_none() {
                if bucket.put(&tag.bytes, request.keep_until, request.now) {
                    place = Some((offset, bucket));
                } else if is_last {
                    return Err(Obstacle::NoRoom);
                } else if bucket.overflows_until() < request.keep_until {
                    bucket.overflow_until(request.keep_until.saturating_add(OVERFLOW_SLACK));
                    state.put_bucket(offset, &bucket)?;
                }
            }
            if let Some((offset, bucket)) = &place
                && !goes_on
            {
                state.put_bucket(*offset, bucket)?;
                return Ok(Freshness::Fresh);
            }
            if is_last {
                return Err(Obstacle::Stale);
            }
        }
        Err(Obstacle::Stale)
    }

    fn lost_memory(&self, state: &State) -> ReplayFault {
        let header = state.header();
        ReplayFault::LostMemory {
            path: self.path.clone(),
            damage: header.damage.unwrap_or(Damage::Corrupt),
            since: KerberosTime::from_unix(i64::from(header.refuse_before)),
        }
    }

    /// Makes the next attempt better than the one that met the obstacle with the header as `seen`.
    fn overcome(
        &self,
        obstacle: Obstacle,
        seen: (u32, u32),
        now: Seconds,
    ) -> Result<(), ReplayFault> {
        match obstacle {
            Obstacle::Fault(fault) => return Err(fault),
            Obstacle::Busy => return Err(ReplayFault::Busy(self.path.clone())),
            Obstacle::Io(action, source) => return Err(state::io(&self.path, action, source)),
            Obstacle::NoRoom if now < self.no_growth_before.load(Ordering::Relaxed) => {
                return Err(self.full(seen.1));
            }
            Obstacle::NoRoom | Obstacle::Stale | Obstacle::Damaged(_) => {}
        }
        let mut state = self.write();
        if (state.header().generation, state.header().levels) != seen {
            return Ok(());
        }
        let damage = match obstacle {
            Obstacle::Damaged(damage) => damage,
            _ => Damage::Corrupt,
        };
        if state.refresh(&self.path, now)? {
            return Ok(());
        }
        if matches!(obstacle, Obstacle::NoRoom) {
            return self.grow(&mut state, now);
        }
        state.rebuild(&self.path, damage, now)
    }

    fn grow(&self, state: &mut State, now: Seconds) -> Result<(), ReplayFault> {
        let levels = state.header().levels;
        if levels >= layout::levels_within(self.max_bytes) {
            return Err(self.full(levels));
        }
        state.grow(&self.path).inspect_err(|_| {
            self.no_growth_before
                .store(now.saturating_add(GROWTH_PAUSE), Ordering::Relaxed);
        })
    }

    fn full(&self, levels: u32) -> ReplayFault {
        ReplayFault::Full {
            what: self.path.display().to_string(),
            limit: layout::file_size(levels),
            unit: "bytes",
        }
    }

    /// Notices, once a second, that the file was removed or another one lies there.
    fn look_after_path(&self, now: Seconds) -> Result<(), ReplayFault> {
        if self.path_seen_at.swap(now, Ordering::Relaxed) == now || self.read().lies_at(&self.path)
        {
            return Ok(());
        }
        let mut state = self.write();
        if !state.lies_at(&self.path) {
            let seed = state.chance();
            *state = State::open(&self.path, seed, Some(Damage::Replaced), now)?;
        }
        Ok(())
    }
}

fn seconds(time: KerberosTime) -> Seconds {
    let seconds = time.unix().clamp(0, i64::from(Seconds::MAX));
    Seconds::try_from(seconds).unwrap_or(Seconds::MAX)
}

impl From<LockFailure> for Obstacle {
    fn from(failure: LockFailure) -> Self {
        match failure {
            LockFailure::Busy => Self::Busy,
            LockFailure::Io(source) => Self::Io("cannot be locked", source),
        }
    }
}
