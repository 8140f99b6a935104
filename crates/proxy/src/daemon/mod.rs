//! The daemon: sockets, event loops, the queue for calls that need a KDC, reload.
//!
//! A [`Daemon`] opens the sockets that its settings name ([`Daemon::open`]) while it may, and serves them
//! ([`Daemon::start`]) when privileges are dropped and walls are up: one thread with an epoll set for each core, each
//! with the connections that it accepted. A call that needs nobody else is answered there. One that needs a KDC goes
//! to the slow lane, a bounded set of threads, where each uid has its share. [`Daemon::reload`] replaces a [`Hall`],
//! that is the settings with their engine, at once and for all connections: which service a caller meets is decided
//! anew for each call.

mod calls;
mod census;
mod connection;
mod counts;
mod door;
mod doorkeeper;
mod event_loop;
mod framing;
mod hall;
mod limits;
mod mailbox;
mod peer;
mod report;
mod slow_lane;

pub use self::counts::{Answers, Counts};
pub use self::door::DoorError;
pub use self::hall::Hall;
pub use self::limits::Limits;
pub use self::report::{Connected, Report};

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventFlags};

use self::census::Census;
use self::door::Door;
use self::doorkeeper::Doorkeeper;
use self::event_loop::{EventLoop, door_event};
use self::mailbox::{Letter, Mailbox};
use self::slow_lane::SlowLane;
use crate::procedures::Decision;
use crate::settings::{Settings, SocketAccess};

/// A loop needs little: what is big lies on the heap.
const STACK: usize = 512 << 10;
/// How long a loop may take to say what it knows.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the daemon cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A socket cannot be had.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// A folder for sockets cannot be had.
    #[error("cannot make the folder {path}: {source}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused a thread or a descriptor.
    #[error("the system refused what the daemon needs: {0}")]
    System(#[from] io::Error),
}

impl From<rustix::io::Errno> for DaemonError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::System(error.into())
    }
}

impl DaemonError {
    /// What the administrator can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Door(error) => error.help(),
            Self::Folder { path, .. } => {
                format!("make {} yourself, or name another", path.display())
            }
            Self::System(_) => "look at the limits of the daemon (threads, open files)".to_owned(),
        }
    }
}

/// Somebody who is told of every decision, such as an audit log. Called on the loops: it must not wait.
pub trait Witness: fmt::Debug + Send + Sync {
    /// A call was answered.
    fn decided(&self, decision: &Decision);
}

/// Sockets, and the loops that serve them. Dropping it ends them.
#[derive(Debug)]
pub struct Daemon {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What all loops use.
#[derive(Debug)]
struct Shared {
    limits: Limits,
    witness: Option<Arc<dyn Witness>>,
    doorkeeper: OnceLock<Doorkeeper>,
    hall: RwLock<Arc<Hall>>,
    doors: Mutex<HashMap<u64, Arc<Door>>>,
    mailboxes: Vec<Arc<Mailbox>>,
    census: Census,
    slow_lane: SlowLane,
    begun: Instant,
    /// Milliseconds between the beginning and the latest sign of a caller.
    stirred: AtomicU64,
}

impl Daemon {
    /// Opens every socket of the settings; one of `handed_over` by a supervisor serves where it has the name.
    ///
    /// # Errors
    /// [`DaemonError`]; nothing is open then.
    pub fn open(
        hall: Hall,
        limits: Limits,
        handed_over: Vec<UnixListener>,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<Self, DaemonError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mailboxes: Result<Vec<_>, _> =
            (0..cores).map(|_| Mailbox::new().map(Arc::new)).collect();
        let wanted = wanted_sockets(&hall.settings);
        make_folders(&hall.settings)?;
        let shared = Arc::new(Shared {
            limits,
            witness,
            doorkeeper: OnceLock::new(),
            hall: RwLock::new(Arc::new(hall)),
            doors: Mutex::default(),
            mailboxes: mailboxes?,
            census: Census::new(limits),
            slow_lane: SlowLane::new(limits),
            begun: Instant::now(),
            stirred: AtomicU64::new(0),
        });
        let mut handed_over = by_path(handed_over);
        let mut doors = Vec::new();
        for (id, (path, access)) in (1..).zip(wanted) {
            doors.push(match handed_over.remove(&path) {
                Some(listener) => Door::handed_over(id, listener, &path)?,
                None => Door::open(id, &path, access)?,
            });
        }
        shared.add_doors(doors)?;
        Ok(Self {
            shared,
            threads: Mutex::default(),
        })
    }

    /// Starts the thread that sees which programs callers run. To be called when privileges are dropped, but before
    /// Landlock walls are put up: inside of them, nobody sees it. Without it, services with `program` serve nobody.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn station_doorkeeper(&self) -> Result<(), DaemonError> {
        if self.shared.doorkeeper.get().is_none() {
            let _stationed = self.shared.doorkeeper.set(Doorkeeper::station()?);
        }
        Ok(())
    }

    /// Starts the loops.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(&self) -> Result<(), DaemonError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, mailbox) in self.shared.mailboxes.iter().enumerate() {
            let served = EventLoop::new(Arc::clone(&self.shared), Arc::clone(mailbox));
            let thread = thread::Builder::new()
                .name(format!("loop-{at}"))
                .stack_size(STACK)
                .spawn(move || served.run())?;
            threads.push(thread);
        }
        Ok(())
    }

    /// Goes over to another configuration: opens its new sockets, then closes those that it lacks.
    ///
    /// # Errors
    /// A new socket cannot be had; everything stays as it was then.
    pub fn reload(&self, hall: Hall) -> Result<(), DaemonError> {
        let wanted = wanted_sockets(&hall.settings);
        make_folders(&hall.settings)?;
        let present: Vec<(u64, PathBuf)> = self
            .shared
            .doors()
            .values()
            .map(|door| (door.id, door.path.clone()))
            .collect();
        let next = present.iter().map(|(id, _)| *id).max().unwrap_or_default();
        let mut new = Vec::new();
        for (path, access) in &wanted {
            if !present.iter().any(|(_, known)| known == path) {
                let id = next.saturating_add(1).saturating_add(new.len() as u64);
                new.push(Door::open(id, path, *access)?);
            }
        }
        self.shared.add_doors(new)?;
        *self
            .shared
            .hall
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(hall);
        for (id, path) in present {
            if !wanted.iter().any(|(known, _)| *known == path) {
                self.shared.close_door(id);
            }
        }
        Ok(())
    }

    /// The configuration that is served.
    #[must_use]
    pub fn hall(&self) -> Arc<Hall> {
        self.shared.hall()
    }

    /// How long nobody has sent anything.
    #[must_use]
    pub fn idle_for(&self) -> Duration {
        let stirred = Duration::from_millis(self.shared.stirred.load(Ordering::Relaxed));
        self.shared.begun.elapsed().saturating_sub(stirred)
    }

    /// Who is connected, and what was counted.
    #[must_use]
    pub fn report(&self) -> Report {
        let (tell, told) = mpsc::channel();
        for mailbox in &self.shared.mailboxes {
            mailbox.send(Letter::Report(tell.clone()));
        }
        drop(tell);
        let (queued, waiting) = self.shared.slow_lane.depth();
        let mut report = Report {
            queued,
            waiting,
            ..Report::default()
        };
        while let Ok(one) = told.recv_timeout(PATIENCE) {
            report.connected.extend(one.connected);
            report.counts.add(one.counts);
        }
        report
    }

    /// Ends the loops and closes every socket. Calls that wait for a KDC are given up.
    pub fn stop(&self) {
        for mailbox in &self.shared.mailboxes {
            mailbox.send(Letter::Stop);
        }
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("an event loop ended by a panic");
            }
        }
        self.shared.doors().clear();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn hall(&self) -> Arc<Hall> {
        Arc::clone(&self.hall.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<u64, Arc<Door>>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self, id: u64) -> Option<Arc<Door>> {
        self.doors().get(&id).map(Arc::clone)
    }

    /// The socket that services know a door by: none when it is the default one.
    fn own_socket(&self, door: &Door) -> Option<PathBuf> {
        let hall = self.hall.read().unwrap_or_else(PoisonError::into_inner);
        (hall.settings.default_socket != door.path).then(|| door.path.clone())
    }

    /// Lets every loop hear of new doors; of a newcomer, one loop is told.
    fn add_doors(&self, doors: Vec<Door>) -> Result<(), DaemonError> {
        let doors: Vec<Arc<Door>> = doors.into_iter().map(Arc::new).collect();
        for door in &doors {
            self.doors().insert(door.id, Arc::clone(door));
        }
        for door in &doors {
            for mailbox in &self.mailboxes {
                let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
                if let Err(error) =
                    epoll::add(&mailbox.epoll, &door.listener, door_event(door), flags)
                {
                    doors.iter().for_each(|door| self.close_door(door.id));
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    fn close_door(&self, id: u64) {
        let Some(door) = self.doors().remove(&id) else {
            return;
        };
        for mailbox in &self.mailboxes {
            let _not_there = epoll::delete(&mailbox.epoll, &door.listener);
        }
    }

    /// A caller has shown itself.
    fn stir(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.stirred.store(since, Ordering::Relaxed);
    }
}

/// Every socket once: the default one, and those of services.
fn wanted_sockets(settings: &Settings) -> Vec<(PathBuf, SocketAccess)> {
    let mut wanted = vec![(settings.default_socket.clone(), SocketAccess::default())];
    for service in &settings.services {
        let Some(socket) = &service.socket else {
            continue;
        };
        if !wanted.iter().any(|(known, _)| known == socket) {
            wanted.push((socket.clone(), service.socket_access));
        }
    }
    wanted
}

/// Folders of the directory model.
fn make_folders(settings: &Settings) -> Result<(), DaemonError> {
    use std::fs::{DirBuilder, Permissions, set_permissions};
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
    for directory in &settings.directories {
        let path = &directory.path;
        let refused = |source| DaemonError::Folder {
            path: path.clone(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(refused)?;
        if directory.owner.is_some() || directory.group.is_some() {
            chown(path, directory.owner, directory.group).map_err(refused)?;
        }
        set_permissions(path, Permissions::from_mode(directory.mode)).map_err(refused)?;
    }
    Ok(())
}

fn by_path(listeners: Vec<UnixListener>) -> HashMap<PathBuf, UnixListener> {
    let named = listeners.into_iter().filter_map(|listener| {
        let address = listener.local_addr().ok()?;
        Some((address.as_pathname()?.to_owned(), listener))
    });
    named.collect()
}
