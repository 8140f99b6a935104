//! Work that may hang in the system's library or on the network, and an end to waiting for it.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Work on its way. What is not done in time goes on in its thread until the process ends, and nobody waits for it.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    receiver: Receiver<T>,
    end: Option<Instant>,
}

/// Begins work that is waited for no longer than `patience`.
pub(crate) fn begin<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Pending<T> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        // Nobody may be there any more.
        let _ = sender.send(work());
    });
    Pending {
        receiver,
        end: Instant::now().checked_add(patience),
    }
}

impl<T> Pending<T> {
    /// What came of it, if it was done in time.
    pub(crate) fn wait(self) -> Option<T> {
        let left = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        self.receiver.recv_timeout(left.unwrap_or_default()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_not_waited_for() {
        let hangs = begin(Duration::from_millis(10), || {
            loop {
                thread::park();
            }
        });
        let quick = begin(Duration::from_secs(60), || 7);
        assert_eq!(quick.wait(), Some(7));
        let hung: Option<()> = hangs.wait();
        assert_eq!(hung, None);
    }
}
