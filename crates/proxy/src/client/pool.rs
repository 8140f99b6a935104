//! The connections of one process: few, and used again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kerbstone_xdr::Opaque;

use super::{ClientError, Connection};
use crate::wire::{Call, Reply, read_reply, write_call};

/// How long and how often to try, and over how many connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one attempt may take.
    pub patience: Duration,
    /// How many attempts are made when one takes too long, each over a new connection.
    pub attempts: u32,
    /// How many calls of one process may be under way at the same time.
    pub connections: usize,
}

impl Default for Limits {
    /// What Debian's plugin does, but that its threads wait for each other.
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(15),
            attempts: 3,
            connections: 8,
        }
    }
}

/// A way to a daemon that threads share and that outlives forks, changes of user and the daemon.
///
/// A program that makes its calls one after another has one connection; threads that call at the
/// same time have one each. No lock is held while a call is under way, and a forked child begins
/// anew.
#[derive(Debug)]
pub struct Proxy {
    limits: Limits,
    xid: AtomicU32,
    first: Box<Process>,
}

/// The connections of one process, and behind them those of a process forked from it.
#[derive(Debug)]
struct Process {
    id: u32,
    connections: Mutex<Connections>,
    returned: Condvar,
    child: OnceLock<Box<Self>>,
}

#[derive(Debug, Default)]
struct Connections {
    idle: Vec<Connection>,
    lent: usize,
}

impl Proxy {
    /// A way on which nobody has gone yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            // Random, as hash maps are: a reply to another's call is not taken for ours.
            xid: AtomicU32::new(RandomState::new().build_hasher().finish() as u32),
            first: Box::new(Process::current()),
        }
    }

    /// Asks the daemon behind the socket at `path` and waits for its reply.
    pub fn call(&self, path: &Path, call: &Call) -> Result<Reply, ClientError> {
        let xid = self.xid.fetch_add(1, Ordering::Relaxed);
        let request = write_call(xid, call).map_err(ClientError::TooLong)?;
        let lease = self.lease(path)?;
        let (mut lease, message) = self.exchange(lease, path, &request)?;
        let reply = read_reply(&message, xid, call.procedure());
        if reply.is_err() {
            // Whoever answers another call may go on doing so.
            lease.forget();
        }
        Ok(reply?)
    }

    /// Tries until a reply comes: again when an attempt takes too long, and once more when the daemon
    /// went away since it last answered over this connection.
    fn exchange<'p>(
        &self,
        mut lease: Lease<'p>,
        path: &Path,
        request: &[u8],
    ) -> Result<(Lease<'p>, Opaque), ClientError> {
        let mut attempt = 1;
        loop {
            let (was_used, answer) = match lease.connection(path, self.limits.patience) {
                Ok(connection) => (
                    connection.is_used(),
                    connection.exchange(request, self.limits.patience),
                ),
                Err(error) => (false, Err(error)),
            };
            match answer {
                Ok(reply) => return Ok((lease, reply)),
                Err(ClientError::TimedOut) if attempt < self.limits.attempts => attempt += 1,
                Err(ClientError::Closed { mid_reply: false }) if was_used => {}
                Err(error) => {
                    lease.forget();
                    return Err(error);
                }
            }
            lease.forget();
        }
    }

    fn lease(&self, path: &Path) -> Result<Lease<'_>, ClientError> {
        let process = self.process();
        let end = Instant::now().checked_add(self.limits.patience);
        let mut connections = process.lock();
        while connections.lent >= self.limits.connections.max(1) {
            let left = end.map_or(self.limits.patience, |end| {
                end.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                return Err(ClientError::TimedOut);
            }
            connections = process
                .returned
                .wait_timeout(connections, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        connections.lent += 1;
        let position = connections.idle.iter().rposition(|idle| idle.serves(path));
        Ok(Lease {
            process,
            connection: position.map(|index| connections.idle.swap_remove(index)),
        })
    }

    /// The connections of this very process. Those of the process that we were forked from are let go.
    fn process(&self) -> &Process {
        let id = process::id();
        let mut last = &self.first;
        while let Some(child) = last.child.get() {
            last = child;
        }
        if last.id == id {
            return last;
        }
        if let Ok(mut inherited) = last.connections.try_lock() {
            inherited.idle.clear();
        }
        last.child.get_or_init(|| Box::new(Process::current()))
    }
}

impl Process {
    fn current() -> Self {
        Self {
            id: process::id(),
            connections: Mutex::default(),
            returned: Condvar::new(),
            child: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one call, and the connection for it.
struct Lease<'p> {
    process: &'p Process,
    connection: Option<Connection>,
}

impl Lease<'_> {
    fn connection(
        &mut self,
        path: &Path,
        patience: Duration,
    ) -> Result<&mut Connection, ClientError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::connect(path, patience)?,
        };
        Ok(self.connection.insert(connection))
    }

    fn forget(&mut self) {
        self.connection = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut connections = self.process.lock();
        connections.lent = connections.lent.saturating_sub(1);
        // Those of another user or another socket are not kept: their time has passed.
        if let Some(connection) = self.connection.take() {
            connections.idle.retain(|idle| idle.is_like(&connection));
            connections.idle.push(connection);
        }
        drop(connections);
        self.process.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use kerbstone_xdr::rpc::{RECORD_MARK, record_length};
    use tempfile::TempDir;

    use super::*;
    use crate::wire::{GetCallContextArgs, GetCallContextResult, read_call, write_reply};

    /// A daemon that answers everything, and counts its connections.
    struct Answering {
        folder: TempDir,
        connections: Arc<AtomicUsize>,
    }

    impl Answering {
        /// A connection ends after so many answers; each answer waits for `ready`.
        fn start(answers: usize, ready: impl Fn() + Clone + Send + 'static) -> Self {
            let folder = TempDir::new().unwrap();
            let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
            let connections = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&connections);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    count.fetch_add(1, Ordering::Relaxed);
                    let (stream, ready) = (stream.unwrap(), ready.clone());
                    thread::spawn(move || (0..answers).try_for_each(|_| answer(&stream, &ready)));
                }
            });
            Self {
                folder,
                connections,
            }
        }

        fn socket(&self) -> PathBuf {
            self.folder.path().join("socket")
        }

        fn connections(&self) -> usize {
            self.connections.load(Ordering::Relaxed)
        }
    }

    fn answer(mut stream: &UnixStream, ready: &impl Fn()) -> Option<()> {
        let mut mark = [0; RECORD_MARK];
        stream.read_exact(&mut mark).ok()?;
        let mut message = vec![0; record_length(mark).unwrap()];
        stream.read_exact(&mut message).ok()?;
        let (xid, call) = read_call(&message).unwrap();
        ready();
        let result = GetCallContextResult {
            server_call_context: call.context().locale.clone(),
            ..GetCallContextResult::default()
        };
        stream
            .write_all(&write_reply(xid, &result.into()).unwrap())
            .ok()
    }

    fn ask(proxy: &Proxy, socket: &Path, locale: &[u8]) -> Result<Reply, ClientError> {
        let mut args = GetCallContextArgs::default();
        args.call_context.locale = locale.into();
        proxy.call(socket, &args.into())
    }

    fn is_answered(proxy: &Proxy, socket: &Path, locale: &[u8]) -> bool {
        let reply = ask(proxy, socket, locale);
        matches!(reply, Ok(Reply::GetCallContext(result)) if *result.server_call_context == *locale)
    }

    fn limits(connections: usize) -> Limits {
        Limits {
            connections,
            ..Limits::default()
        }
    }

    #[test]
    fn keeps_one_connection_for_calls_one_after_another() {
        let daemon = Answering::start(usize::MAX, || {});
        let proxy = Proxy::new(limits(8));
        for length in [0, 1, 4096, 100_000, 900_000] {
            assert!(
                is_answered(&proxy, &daemon.socket(), &vec![7; length]),
                "{length}"
            );
        }
        assert_eq!(daemon.connections(), 1);
    }

    #[test]
    fn connects_again_when_the_daemon_ended_a_connection_between_calls() {
        let daemon = Answering::start(1, || {});
        let proxy = Proxy::new(limits(8));
        for _ in 0..3 {
            assert!(is_answered(&proxy, &daemon.socket(), b"C"));
        }
        assert_eq!(daemon.connections(), 3);
    }

    #[test]
    fn does_not_ask_again_when_a_new_connection_ends_without_an_answer() {
        let daemon = Answering::start(0, || {});
        let error = ask(&Proxy::new(limits(8)), &daemon.socket(), b"C").unwrap_err();
        assert!(
            matches!(error, ClientError::Closed { mid_reply: false }),
            "{error}"
        );
        assert_eq!(daemon.connections(), 1);
    }

    #[test]
    fn gives_threads_connections_of_their_own_and_no_more_than_allowed() {
        let (go, wait): (Sender<()>, Receiver<()>) = channel();
        let wait = Arc::new(Mutex::new(wait));
        let daemon = Answering::start(usize::MAX, move || {
            wait.lock().unwrap().recv().unwrap();
        });
        let proxy = Proxy::new(limits(3));
        thread::scope(|scope| {
            let callers: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| is_answered(&proxy, &daemon.socket(), b"C")))
                .collect();
            while daemon.connections() < 3 {
                thread::yield_now();
            }
            (0..6).for_each(|_| go.send(()).unwrap());
            assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
        });
        assert_eq!(daemon.connections(), 3);
    }

    #[test]
    fn tries_as_often_as_allowed_when_no_answer_comes() {
        let daemon = Answering::start(1, || {
            loop {
                thread::park();
            }
        });
        let proxy = Proxy::new(Limits {
            patience: Duration::from_millis(50),
            attempts: 3,
            connections: 1,
        });
        let error = ask(&proxy, &daemon.socket(), b"C").unwrap_err();
        assert!(matches!(error, ClientError::TimedOut), "{error}");
        assert_eq!(daemon.connections(), 3);
    }

    #[test]
    fn names_a_socket_that_is_not_there() {
        let error = ask(
            &Proxy::new(limits(1)),
            Path::new("/nonexistent/socket"),
            b"C",
        )
        .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/socket"), "{error}");
        assert_eq!(error.errno(), 2);
    }
}
