//! Where calls wait that need a KDC: on threads of their own, first come first served for each uid, and the uids in
//! turn.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Limits;

/// How long a thread without work stays for the next.
const LINGER: Duration = Duration::from_secs(10);
/// A datagram from a KDC is 64 KiB at most and lies on the heap.
const STACK: usize = 512 << 10;

/// A call with everything that it takes to answer it, told by when.
pub(super) type Job = Box<dyn FnOnce(Instant) + Send>;

/// The lane; a clone is another handle on it.
#[derive(Clone)]
pub(super) struct SlowLane {
    limits: Limits,
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

/// Calls that wait, and how many run.
#[derive(Default)]
struct Queue {
    waiting: HashMap<u32, VecDeque<Waiting>>,
    /// Whose turn it is: each uid with waiting calls once.
    turns: VecDeque<u32>,
    running: HashMap<u32, usize>,
    threads: usize,
    idle: usize,
}

struct Waiting {
    job: Job,
    until: Instant,
}

impl SlowLane {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                work: Condvar::new(),
            }),
        }
    }

    /// Queues a call; `false` when its uid has too many in the queue already, or when there is no thread to be had.
    pub(super) fn enter(&self, uid: u32, job: Job) -> bool {
        let until = Instant::now()
            .checked_add(self.limits.patience)
            .unwrap_or_else(Instant::now);
        let mut queue = self.shared.lock();
        let own = queue.waiting.get(&uid).map_or(0, VecDeque::len);
        if own >= self.limits.queued_per_uid || !self.has_thread(&mut queue) {
            return false;
        }
        queue.push(uid, Waiting { job, until });
        drop(queue);
        self.shared.work.notify_one();
        true
    }

    /// Calls that wait for a thread, and those that have one.
    pub(super) fn depth(&self) -> (usize, usize) {
        let queue = self.shared.lock();
        let waiting = queue.waiting.values().map(VecDeque::len).sum();
        (waiting, queue.running.values().sum())
    }

    /// Sees to it that somebody will take the next call.
    fn has_thread(&self, queue: &mut Queue) -> bool {
        let waiting: usize = queue.waiting.values().map(VecDeque::len).sum();
        if queue.idle > waiting || queue.threads >= self.limits.slow_calls.max(1) {
            return true;
        }
        let lane = self.clone();
        let started = thread::Builder::new()
            .name("slow".to_owned())
            .stack_size(STACK)
            .spawn(move || lane.work());
        if started.is_ok() {
            queue.threads = queue.threads.saturating_add(1);
        }
        queue.threads > 0
    }

    fn work(&self) {
        let mut queue = self.shared.lock();
        loop {
            let next = queue.pop(self.limits.slow_calls_per_uid.max(1));
            let Some((uid, waiting)) = next else {
                queue.idle = queue.idle.saturating_add(1);
                let (woken, slept) = self
                    .shared
                    .work
                    .wait_timeout(queue, LINGER)
                    .unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                queue.idle = queue.idle.saturating_sub(1);
                if slept.timed_out() && queue.turns.is_empty() {
                    queue.threads = queue.threads.saturating_sub(1);
                    return;
                }
                continue;
            };
            drop(queue);
            (waiting.job)(waiting.until);
            queue = self.shared.lock();
            queue.done(uid);
        }
    }
}

impl fmt::Debug for SlowLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, running) = self.depth();
        f.debug_struct("SlowLane")
            .field("waiting", &waiting)
            .field("running", &running)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, uid: u32, waiting: Waiting) {
        let own = self.waiting.entry(uid).or_default();
        if own.is_empty() {
            self.turns.push_back(uid);
        }
        own.push_back(waiting);
    }

    /// The next call of the first uid in turn that may have one more running.
    fn pop(&mut self, most: usize) -> Option<(u32, Waiting)> {
        let may = |uid: &u32| self.running.get(uid).is_none_or(|running| *running < most);
        let at = self.turns.iter().position(may)?;
        let uid = self.turns.remove(at)?;
        let own = self.waiting.get_mut(&uid)?;
        let next = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&uid);
        } else {
            self.turns.push_back(uid);
        }
        let running = self.running.entry(uid).or_default();
        *running = running.saturating_add(1);
        next.map(|waiting| (uid, waiting))
    }

    fn done(&mut self, uid: u32) {
        if let Some(running) = self.running.get_mut(&uid) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn waiting() -> Waiting {
        Waiting {
            job: Box::new(|_| {}),
            until: Instant::now(),
        }
    }

    #[test]
    fn uids_take_turns_and_none_runs_more_than_its_share() {
        let mut queue = Queue::default();
        for uid in [1, 1, 1, 1, 2, 3, 3] {
            queue.push(uid, waiting());
        }
        let mut order = Vec::new();
        while let Some((uid, _)) = queue.pop(2) {
            order.push(uid);
        }
        assert_eq!(order, [1, 2, 3, 1, 3]);
        queue.done(1);
        assert_eq!(queue.pop(2).map(|(uid, _)| uid), Some(1));
        assert!(queue.pop(2).is_none());
    }

    #[test]
    fn calls_that_hang_leave_threads_to_other_uids() {
        let lane = SlowLane::new(Limits {
            slow_calls: 4,
            slow_calls_per_uid: 2,
            ..Limits::default()
        });
        let (release, hang) = mpsc::channel::<()>();
        let hang = Arc::new(Mutex::new(hang));
        for _ in 0..50 {
            let hang = Arc::clone(&hang);
            assert!(lane.enter(
                1,
                Box::new(move |_| {
                    let _ = hang.lock().unwrap().recv();
                })
            ));
        }
        let (tell, told) = mpsc::channel();
        assert!(lane.enter(
            2,
            Box::new(move |until| tell.send(until > Instant::now()).unwrap())
        ));
        assert!(told.recv().unwrap());
        drop(release);
    }

    #[test]
    fn a_uid_that_queues_without_end_is_told_so() {
        let lane = SlowLane::new(Limits {
            slow_calls: 1,
            queued_per_uid: 3,
            ..Limits::default()
        });
        let (release, hang) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        lane.enter(
            1,
            Box::new(move |_| {
                begun.send(()).unwrap();
                let _ = hang.recv();
            }),
        );
        begins.recv().unwrap();
        let entered = (0..5).filter(|_| lane.enter(1, Box::new(|_| {}))).count();
        assert_eq!(entered, 3);
        drop(release);
    }
}
