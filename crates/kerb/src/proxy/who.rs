//! `kerb proxy who`: who is connected to a running daemon, what it serves and what it has counted.
//!
//! The daemon answers on a socket of its own beside the default one. Root and the daemon's own user see everything;
//! others see themselves.

use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use kerbstone_proto::time::Timestamp;
use kerbstone_proxy::daemon::{Connected, Daemon, Hall, Report};
use kerbstone_proxy::settings::Service;
use kerbstone_proxy::wire::Procedure;
use nix::unistd::{Uid, User, geteuid};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::flags::Flags;
use crate::admin_cli::table;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};
use crate::up;

/// Answers are small and both ends are on this machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the daemon says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    pid: u32,
    socket: PathBuf,
    services: Vec<ServiceState>,
    logins: Vec<LoginState>,
    callers: Vec<CallerState>,
    calls: Vec<CallCount>,
    queued_calls: usize,
    waiting_calls: usize,
    refused_messages: u64,
    turned_away: u64,
    timed_out: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ServiceState {
    name: String,
    euid: u32,
    any_uid: bool,
    program: Option<PathBuf>,
    socket: Option<PathBuf>,
    credentials: Vec<String>,
}

/// Tickets that the daemon has acquired for a service and keeps in memory.
#[derive(Debug, Serialize, Deserialize)]
struct LoginState {
    service: String,
    client: String,
    seconds_left: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct CallerState {
    uid: u32,
    pid: i32,
    program: Option<PathBuf>,
    socket: Option<PathBuf>,
    calls: u64,
    waits: bool,
    idle_seconds: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct CallCount {
    service: String,
    procedure: String,
    granted: u64,
    refused: u64,
}

/// The daemon's end.
#[derive(Debug)]
pub(super) struct WhoDoor {
    listener: UnixListener,
    path: PathBuf,
}

impl WhoDoor {
    /// Makes the socket; to be called before privileges are dropped.
    pub(super) fn bind(default_socket: &Path) -> io::Result<(StdListener, PathBuf)> {
        let path = beside(default_socket);
        let _none_left = fs::remove_file(&path);
        let listener = StdListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
        listener.set_nonblocking(true)?;
        Ok((listener, path))
    }

    /// To be called within a runtime.
    pub(super) fn open((listener, path): (StdListener, PathBuf)) -> io::Result<Self> {
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            path,
        })
    }

    /// Answers for ever, one asker after the other.
    pub(super) async fn serve(self, daemon: Arc<Daemon>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let _slow_reader = timeout(PATIENCE, answer(stream, &daemon)).await;
                }
                // Too many open files, most likely: later there may be fewer.
                Err(_) => tokio::time::sleep(PATIENCE).await,
            }
        }
    }
}

impl Drop for WhoDoor {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn beside(default_socket: &Path) -> PathBuf {
    let mut name = default_socket.as_os_str().to_owned();
    name.push(".who");
    PathBuf::from(name)
}

async fn answer(mut stream: UnixStream, daemon: &Daemon) -> io::Result<()> {
    let asker = stream.peer_cred()?.uid();
    let sees_all = asker == 0 || asker == geteuid().as_raw();
    let state = State::of(daemon, (!sees_all).then_some(asker));
    stream.write_all(&serde_json::to_vec(&state)?).await?;
    stream.shutdown().await
}

impl State {
    /// Everything, or what concerns one user.
    fn of(daemon: &Daemon, only: Option<u32>) -> Self {
        let shows = |uid| only.is_none_or(|only| only == uid);
        let hall = daemon.hall();
        let settings = hall.settings();
        let Report {
            connected,
            counts,
            queued,
            waiting,
        } = daemon.report();
        let services = settings
            .services
            .iter()
            .filter(|one| shows(one.euid) || one.allow_any_uid);
        let services: Vec<_> = services.map(|one| ServiceState::of(one)).collect();
        let logins = match only {
            None => logins(&hall),
            Some(_) => Vec::new(),
        };
        let callers = connected.into_iter().filter(|one| shows(one.uid));
        let mut calls: Vec<CallCount> = counts
            .calls
            .iter()
            .filter(|_| only.is_none())
            .flat_map(|(service, procedures)| {
                procedures.iter().map(move |(number, answers)| CallCount {
                    service: service.clone(),
                    procedure: Procedure::from_number(*number)
                        .map_or("", Procedure::name)
                        .to_owned(),
                    granted: answers.granted,
                    refused: answers.failed,
                })
            })
            .collect();
        calls.sort_by(|one, other| {
            (&one.service, &one.procedure).cmp(&(&other.service, &other.procedure))
        });
        Self {
            pid: std::process::id(),
            socket: settings.default_socket.clone(),
            services,
            logins,
            callers: callers.map(CallerState::from).collect(),
            calls,
            queued_calls: queued,
            waiting_calls: waiting,
            refused_messages: counts.refused,
            turned_away: counts.turned_away,
            timed_out: counts.timed_out,
        }
    }
}

fn logins(hall: &Hall) -> Vec<LoginState> {
    let now = Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default()).time;
    let kept = hall.engine().desk().logins().into_iter();
    let mut logins: Vec<_> = kept
        .map(|login| LoginState {
            client: login.client.to_string(),
            seconds_left: login.expires.duration_since(now).as_secs(),
            service: login.service,
        })
        .collect();
    logins.sort_by(|one, other| (&one.service, &one.client).cmp(&(&other.service, &other.client)));
    logins
}

impl ServiceState {
    fn of(service: &Service) -> Self {
        Self {
            name: service.name.clone(),
            euid: service.euid,
            any_uid: service.allow_any_uid,
            program: service.program.clone(),
            socket: service.socket.clone(),
            credentials: service
                .cred_store
                .iter()
                .map(|element| format!("{}:{}", element.key, element.value))
                .collect(),
        }
    }
}

impl From<Connected> for CallerState {
    fn from(one: Connected) -> Self {
        Self {
            uid: one.uid,
            pid: one.pid,
            program: one.program,
            socket: one.socket,
            calls: one.calls,
            waits: one.waits,
            idle_seconds: one.idle.as_secs(),
        }
    }
}

/// Asks the daemon at the default socket, or at the one that `--socket` names.
///
/// # Errors
/// None answers there.
pub(super) fn show(flags: &Flags, json: bool, console: &mut Console) -> Result<(), Failure> {
    let socket = flags.sources().socket;
    let state = ask(&socket).map_err(|error| Failure {
        what: format!("no proxy answers at {}", socket.display()),
        why: error.to_string(),
        help: "name its default socket with --socket, or start it: kerb proxy".to_owned(),
        exit: Exit::NoAnswer,
    })?;
    if json {
        return table::json(&state, console);
    }
    print(&state, console);
    Ok(())
}

fn ask(socket: &Path) -> io::Result<State> {
    let mut stream = StdStream::connect(beside(socket))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn print(state: &State, console: &mut Console) {
    out!(
        console,
        "The proxy at {}: process {}, {} connected, {} calls wait for a KDC, {} queue behind them.\n\n",
        state.socket.display(),
        state.pid,
        state.callers.len(),
        state.waiting_calls,
        state.queued_calls
    );
    let rows = state.services.iter().map(|one| {
        [
            one.name.clone(),
            if one.any_uid {
                "any user".to_owned()
            } else {
                user(one.euid)
            },
            shown(one.program.as_deref(), "any"),
            shown(one.socket.as_deref(), "default"),
            one.credentials.join(" "),
        ]
    });
    let header = ["SERVICE", "USER", "PROGRAM", "SOCKET", "CREDENTIALS"];
    table::print(header, rows, console);
    if !state.logins.is_empty() {
        out!(console, "\n");
        let rows = state.logins.iter().map(|one| {
            let left = match one.seconds_left {
                0 => "expired".to_owned(),
                seconds => up::time(seconds),
            };
            [one.service.clone(), one.client.clone(), left]
        });
        table::print(["SERVICE", "SIGNED IN AS", "LIFE LEFT"], rows, console);
    }
    if !state.callers.is_empty() {
        out!(console, "\n");
        let rows = state.callers.iter().map(|one| {
            [
                user(one.uid),
                one.pid.to_string(),
                shown(one.program.as_deref(), "-"),
                shown(one.socket.as_deref(), "default"),
                one.calls.to_string(),
                match (one.waits, one.idle_seconds) {
                    (true, _) => "waits for a KDC".to_owned(),
                    (false, seconds) => format!("idle for {seconds} s"),
                },
            ]
        });
        let header = ["CALLER", "PID", "PROGRAM", "SOCKET", "CALLS", "STATE"];
        table::print(header, rows, console);
    }
    if !state.calls.is_empty() {
        out!(console, "\n");
        let rows = state.calls.iter().map(|one| {
            [
                one.service.clone(),
                one.procedure.clone(),
                one.granted.to_string(),
                one.refused.to_string(),
            ]
        });
        table::print(["SERVICE", "CALL", "GRANTED", "REFUSED"], rows, console);
    }
}

fn user(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| user.name)
}

fn shown(path: Option<&Path>, otherwise: &str) -> String {
    path.map_or_else(|| otherwise.to_owned(), |path| path.display().to_string())
}
