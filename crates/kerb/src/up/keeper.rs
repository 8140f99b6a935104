//! Keeps one role running: starts it, reads what it writes, starts it again when it ends, stops it when told to.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal as SignalName;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::back_off::BackOff;
use super::board::{Board, End};
use super::role::Role;
use super::role_log::RoleLog;
use super::site::Site;
use crate::supervised::{NOTIFY_SOCKET, SUPERVISOR};

/// This program, also when its file has been replaced since it was started.
const PROGRAM: &str = "/proc/self/exe";
/// What a role may know of the environment; everything else stays with the supervisor.
const INHERITED: [&str; 6] = [
    "KERB_LOG",
    "LANG",
    "LC_ALL",
    "RUST_BACKTRACE",
    "TMPDIR",
    "TZ",
];
/// After how long whoever waits for a role hears that it is not ready.
const TIME_TO_BE_READY: Duration = Duration::from_secs(5);
/// How long a role may take to finish what it is doing.
const TIME_TO_FINISH: Duration = Duration::from_secs(5);
/// How long the last output of an ended role may take, if something else still holds its pipe.
const TIME_FOR_LAST_WORDS: Duration = Duration::from_millis(500);

/// What the keepers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Keep the role running.
    Run,
    /// Let it finish.
    Stop,
    /// Do not wait for it any longer.
    Kill,
}

/// What happens to roles.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// It is ready.
    Ready(&'static Role),
    /// It was started a while ago and is not ready.
    Slow(&'static Role),
    /// It ended by itself and is started again after a pause.
    Ended {
        /// Which.
        role: &'static Role,
        /// How.
        end: End,
        /// The pause.
        pause: Duration,
    },
    /// It did not finish in time and was killed.
    Killed(&'static Role),
}

/// Looks after one role.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) role: &'static Role,
    pub(super) site: Arc<Site>,
    pub(super) board: Arc<Board>,
    pub(super) notify_socket: String,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) orders: watch::Receiver<Order>,
}

impl Keeper {
    /// Keeps the role running until told to stop, and returns when it is gone.
    pub(super) async fn keep(mut self) {
        let mut back_off = BackOff::default();
        let mut log = RoleLog::new(self.site.log(self.role.name));
        while *self.orders.borrow() == Order::Run {
            let started = Instant::now();
            let how = match self.start() {
                Ok((child, output)) => self.attend(child, output, &mut log).await,
                Err(error) => format!("it could not be started: {error}"),
            };
            if *self.orders.borrow() != Order::Run {
                break;
            }
            let end = End {
                how,
                last_words: log.last_words(),
            };
            let pause = back_off.pause_after(started.elapsed());
            self.board.waiting(self.role, end.clone(), pause);
            let role = self.role;
            self.tell(Event::Ended { role, end, pause });
            let _time_is_up = timeout(pause, self.told_to_stop()).await;
        }
        self.board.stopped(self.role);
    }

    fn start(&self) -> io::Result<(Child, pipe::Receiver)> {
        let (output, input) = io::pipe()?;
        let child = self
            .command(input.try_clone()?.into(), input.into())
            .spawn()?;
        self.board
            .started(self.role, child.id().unwrap_or_default());
        Ok((child, pipe::Receiver::from_owned_fd(OwnedFd::from(output))?))
    }

    fn command(&self, out: OwnedFd, err: OwnedFd) -> Command {
        let mut command = Command::new(PROGRAM);
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some((name, env::var_os(name)?)));
        command
            .arg0("kerb")
            .args((self.role.arguments)(&self.site))
            .env_clear()
            .envs(inherited)
            .env("KRB5_CONFIG", self.site.path(super::site::KRB5_CONF))
            .env(NOTIFY_SOCKET, &self.notify_socket)
            .env(SUPERVISOR, std::process::id().to_string())
            .envs((self.role.environment)(&self.site))
            .current_dir(self.site.folder())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // Ctrl-C is for the supervisor, which then stops the roles in order.
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Waits for the end of the process, whoever brings it about, and says how it ended.
    async fn attend(
        &mut self,
        mut child: Child,
        mut output: pipe::Receiver,
        log: &mut RoleLog,
    ) -> String {
        log.begin();
        let delay = Delay {
            role: self.role,
            board: Arc::clone(&self.board),
            events: self.events.clone(),
        };
        let ended = {
            let read = drain(&mut output, log);
            let meanwhile = async { tokio::join!(read, delay.watch()) };
            let end = self.end_of(&mut child);
            tokio::pin!(meanwhile, end);
            tokio::select! {
                ended = &mut end => ended,
                _ = &mut meanwhile => end.await,
            }
        };
        let _still_held = timeout(TIME_FOR_LAST_WORDS, drain(&mut output, log)).await;
        match ended {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        }
    }

    async fn end_of(&mut self, child: &mut Child) -> io::Result<ExitStatus> {
        tokio::select! {
            ended = child.wait() => return ended,
            () = self.told_to_stop() => {}
        }
        self.board.stopping(self.role);
        let process = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let _gone = process.map(|process| kill_process(process, Signal::TERM));
        tokio::select! {
            ended = child.wait() => return ended,
            () = tokio::time::sleep(TIME_TO_FINISH) => {}
            _ = self.orders.wait_for(|order| *order == Order::Kill) => {}
        }
        self.tell(Event::Killed(self.role));
        child.start_kill()?;
        child.wait().await
    }

    async fn told_to_stop(&mut self) {
        // An error means that the supervisor is gone, and nobody is left to keep the role for.
        let _ = self.orders.wait_for(|order| *order != Order::Run).await;
    }

    fn tell(&self, event: Event) {
        let _nobody_listens = self.events.send(event);
    }
}

/// Says once that a role takes long to be ready.
struct Delay {
    role: &'static Role,
    board: Arc<Board>,
    events: mpsc::UnboundedSender<Event>,
}

impl Delay {
    async fn watch(self) {
        tokio::time::sleep(TIME_TO_BE_READY).await;
        if self.board.is_starting(self.role) {
            let _nobody_listens = self.events.send(Event::Slow(self.role));
        }
    }
}

/// Reads a role's output to its end.
async fn drain(output: &mut pipe::Receiver, log: &mut RoleLog) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        log.write(buffer.get(..length).unwrap_or_default());
    }
}

/// How a process ended: `exit code 1`, `signal 9 (SIGKILL)`.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => match SignalName::try_from(signal) {
            Ok(name) => format!("signal {signal} ({name})"),
            Err(_) => format!("signal {signal}"),
        },
        (None, None) => status.to_string(),
    }
}
