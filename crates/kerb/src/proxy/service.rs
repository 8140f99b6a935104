//! The daemon as a whole: reads its configuration, opens its sockets, gives up what it does not need, then serves
//! until told to stop.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kerbstone_proxy::daemon::{Daemon, DaemonError, Hall};
use kerbstone_proxy::desk::DeskError;
use kerbstone_proxy::settings::{Settings, SettingsError};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, geteuid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::activation::{self, ActivationError};
use super::audit::Scribe;
use super::flags::Flags;
use super::kernel_nfsd::{self, Kernel};
use super::log::{Log, line};
use super::privileges::{self, PrivilegeError};
use super::walls::Walls;
use super::who::WhoDoor;
use super::{background, engine, metrics};
use crate::serve::{AuditLog, listen_for_metrics};
use crate::supervised;

const PID_FILE: &str = "/var/run/gssproxy.pid";
/// How often a user's proxy looks whether it has become idle.
const IDLE_CHECK: Duration = Duration::from_millis(250);

/// Why the daemon cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// The configuration is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// krb5.conf is.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A socket or a thread cannot be had.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// What systemd handed over is of no use.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// `run_as_user` cannot be followed.
    #[error(transparent)]
    Privileges(#[from] PrivilegeError),
    /// A user's proxy does not know where its socket goes.
    #[error("XDG_RUNTIME_DIR is not set")]
    NoRuntimeFolder,
    /// The folder for a user's socket cannot be had.
    #[error("cannot make {path}: {source}", path = path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// The audit log cannot be written.
    #[error("cannot write the audit log {path}: {source}", path = path.display())]
    Audit { path: PathBuf, source: io::Error },
    /// The metrics endpoint cannot be had.
    #[error("cannot serve metrics: {0}")]
    Metrics(String),
    /// The process in the background ended before it served; it has said why.
    #[error("the daemon ended before it served")]
    Background,
    /// The system refused something else.
    #[error("the system refused what the daemon needs: {0}")]
    System(#[from] io::Error),
}

impl ProxyError {
    /// What the administrator can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Settings(error) => error.help(),
            Self::Daemon(error) => error.help(),
            Self::Privileges(_) => {
                "start the daemon as root, and set run_as_user to a user whom `getent passwd` knows"
                    .to_owned()
            }
            Self::NoRuntimeFolder => "name the socket with --socket".to_owned(),
            Self::Audit { .. } => {
                "make the folder, and let the daemon's user write there".to_owned()
            }
            Self::Metrics(_) => "name another address with --metrics".to_owned(),
            Self::Background => "its own message stands above".to_owned(),
            Self::Desk(_) => "kerb doctor says what is wrong with krb5.conf".to_owned(),
            _ => String::new(),
        }
    }
}

/// Serves as the flags say, until told to stop; with [`Flags::background`], until the daemon serves in the background.
///
/// # Errors
/// [`ProxyError`]
pub(crate) fn serve(flags: &Flags) -> Result<(), ProxyError> {
    if flags.background && !background::is_second() {
        return match background::start()? {
            true => Ok(()),
            false => Err(ProxyError::Background),
        };
    }
    let is_second = flags.background;
    if is_second {
        background::leave_session()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Before there are sockets: whoever can connect can send SIGHUP.
    let signals = {
        let _entered = runtime.enter();
        Signals::catch()?
    };
    let service = Service::prepare(flags.clone())?;
    runtime.block_on(service.run(signals, is_second))
}

struct Service {
    flags: Flags,
    daemon: Arc<Daemon>,
    scribe: Arc<Scribe>,
    log: Log,
    kernel: Kernel,
    kernel_waits: bool,
    walls: Walls,
    who: Option<WhoSocket>,
    /// Whether an idle time ends it.
    ends_idle: bool,
}

type WhoSocket = (UnixListener, PathBuf);

impl Service {
    /// Everything up to the first thread.
    fn prepare(flags: Flags) -> Result<Self, ProxyError> {
        let mut log = Log::begin(flags.debug_level);
        raise_file_limit();
        let handed_over = match flags.user {
            true => activation::only_socket()?.into_iter().collect(),
            false => activation::sockets()?,
        };
        let ends_idle =
            flags.user && !handed_over.is_empty() && flags.idle_timeout > Duration::ZERO;
        let settings = match flags.user {
            true => users_settings(&flags, handed_over.first())?,
            false => read_settings(&flags)?,
        };
        if !flags.user {
            chdir("/").map_err(io::Error::from)?;
            umask(Mode::from_bits_truncate(0o177));
            if !supervised::is_supervised() {
                write_pid();
            }
        }
        log.set(level(&flags, &settings));
        let scribe = Arc::new(open_scribe(&flags)?);
        scribe.tell_status(tells_status(&flags, &settings));
        let limits = engine::limits(&settings);
        let user = settings.global.run_as_user.clone();
        let who = bind_who(&settings.default_socket);
        let hall = engine::hall(settings)?;
        let daemon = Daemon::open(hall, limits, handed_over, Some(Arc::clone(&scribe) as _))?;
        let mut kernel = Kernel::default();
        let kernel_waits = kernel.tell(daemon.hall().settings());
        if let Some((name, uid)) = user {
            privileges::become_user(&name, uid)?;
        }
        daemon.station_doorkeeper()?;
        let walls = Walls::put_up(&flags, &daemon.hall());
        Ok(Self {
            flags,
            daemon: Arc::new(daemon),
            scribe,
            log,
            kernel,
            kernel_waits,
            walls,
            who,
            ends_idle,
        })
    }

    /// Serves until a signal or idleness ends it.
    async fn run(mut self, mut signals: Signals, is_second: bool) -> Result<(), ProxyError> {
        self.daemon.start()?;
        self.spawn_helpers()?;
        if is_second {
            background::say_ready()?;
        }
        supervised::tell(&format!("READY=1\n{}", self.status("")));
        line!(info, "Initialization complete.");
        let mut next_try = Instant::now() + kernel_nfsd::PAUSE;
        loop {
            tokio::select! {
                heard = signals.next() => match heard {
                    Heard::HangUp => self.hang_up(),
                    Heard::Stop => {
                        supervised::tell("STOPPING=1\nSTATUS=Signal received, stopping\n");
                        line!(info, "Exiting after receiving a signal");
                        break;
                    }
                },
                () = sleep_until(next_try), if self.kernel_waits => {
                    self.kernel_waits = self.kernel.tell(self.daemon.hall().settings());
                    next_try = Instant::now() + kernel_nfsd::PAUSE;
                }
                () = self.idle(), if self.ends_idle => {
                    let seconds = self.flags.idle_timeout.as_secs();
                    supervised::tell(&format!("STOPPING=1\nSTATUS=Idle for {seconds} seconds, stopping\n"));
                    line!(info, "Terminating, after idling for {seconds} seconds!");
                    break;
                }
            }
        }
        self.daemon.stop();
        if let Some(audit) = self.scribe.log() {
            audit.flush();
        }
        Ok(())
    }

    fn spawn_helpers(&mut self) -> Result<(), ProxyError> {
        if let Some(socket) = self.who.take() {
            tokio::spawn(WhoDoor::open(socket)?.serve(Arc::clone(&self.daemon)));
        }
        if let Some(audit) = self.scribe.log().map(Arc::clone) {
            tokio::spawn(async move { audit.sweep().await });
        }
        if let Some(address) = self.flags.metrics {
            listen_for_metrics(address).map_err(|error| ProxyError::Metrics(error.to_string()))?;
            tokio::spawn(metrics::refresh(Arc::clone(&self.daemon)));
        }
        Ok(())
    }

    /// SIGHUP: another configuration, or the old one with the reason why; a user's proxy has none.
    fn hang_up(&mut self) {
        if let Some(Err(error)) = self.scribe.log().map(|audit| audit.reopen()) {
            tracing::error!(%error, "the audit log cannot be opened anew; the old file stays in use");
        }
        if self.flags.user {
            return;
        }
        let now = clock_gettime(ClockId::Monotonic);
        let now = Duration::try_from(now).unwrap_or_default().as_micros();
        supervised::tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Reloading configuration\n"
        ));
        line!(info, "Received SIGHUP; re-reading config.");
        match self.reload() {
            Ok(()) => {
                supervised::tell(&format!("READY=1\n{}", self.status("")));
                line!(info, "New config loaded successfully.");
            }
            Err(error) => {
                let note = " (failed to re-read config)";
                supervised::tell(&format!("READY=1\n{}", self.status(note)));
                tracing::error!(
                    "Error reading new configuration on SIGHUP; keeping old configuration instead! {error}; {}",
                    error.help()
                );
            }
        }
    }

    fn reload(&mut self) -> Result<(), ProxyError> {
        let settings = read_settings(&self.flags)?;
        let level = level(&self.flags, &settings);
        let tells_status = tells_status(&self.flags, &settings);
        let hall = engine::hall(settings)?;
        for path in self.walls.outside(&self.flags, &hall) {
            tracing::warn!(
                "{} is outside of the sandbox: services that need it work after a restart of the daemon",
                path.display()
            );
        }
        self.daemon.reload(hall)?;
        self.log.set(level);
        self.scribe.tell_status(tells_status);
        self.kernel_waits = self.kernel.tell(self.daemon.hall().settings());
        Ok(())
    }

    /// Returns when nobody has asked for long enough.
    async fn idle(&self) {
        loop {
            let left = self
                .flags
                .idle_timeout
                .saturating_sub(self.daemon.idle_for());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.max(IDLE_CHECK)).await;
        }
    }

    fn status(&self, note: &str) -> String {
        let hall: Arc<Hall> = self.daemon.hall();
        let services = hall.settings().services.len();
        format!("STATUS=Running, {services} service(s) configured{note}\n")
    }
}

/// What a signal means.
enum Heard {
    Stop,
    HangUp,
}

/// The signals that concern a daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.quit.recv() => Heard::Stop,
            _ = self.hangup.recv() => Heard::HangUp,
        }
    }
}

/// The configuration; what is questionable in it is logged.
fn read_settings(flags: &Flags) -> Result<Settings, SettingsError> {
    let (settings, warnings) = Settings::load(&flags.sources())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

/// What stands for a configuration in a user's own session.
fn users_settings(flags: &Flags, socket: Option<&UnixListener>) -> Result<Settings, ProxyError> {
    let handed_over = socket
        .and_then(|socket| socket.local_addr().ok())
        .and_then(|address| address.as_pathname().map(Path::to_owned));
    let socket = match (handed_over, &flags.socket) {
        (Some(path), _) => path,
        (None, Some(path)) => path.clone(),
        (None, None) => users_socket()?,
    };
    Ok(Settings::for_user(geteuid().as_raw(), socket))
}

fn users_socket() -> Result<PathBuf, ProxyError> {
    let folder = env::var_os("XDG_RUNTIME_DIR").ok_or(ProxyError::NoRuntimeFolder)?;
    let folder = Path::new(&folder).join("gssproxy");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|source| ProxyError::Folder {
            path: folder.clone(),
            source,
        })?;
    Ok(folder.join("default.sock"))
}

fn level(flags: &Flags, settings: &Settings) -> i32 {
    flags.debug_level.max(settings.global.debug_level)
}

fn tells_status(flags: &Flags, settings: &Settings) -> bool {
    settings.global.syslog_status.unwrap_or(flags.syslog_status)
}

fn open_scribe(flags: &Flags) -> Result<Scribe, ProxyError> {
    let log = flags.audit.as_ref().map(|path| {
        AuditLog::open(path)
            .map(Arc::new)
            .map_err(|source| ProxyError::Audit {
                path: path.clone(),
                source,
            })
    });
    Ok(Scribe::new(log.transpose()?))
}

/// A daemon that nobody can ask serves all the same.
fn bind_who(default_socket: &Path) -> Option<WhoSocket> {
    WhoDoor::bind(default_socket)
        .inspect_err(|error| {
            line!(info, "kerb proxy who will get no answer: {error}");
        })
        .ok()
}

/// As upstream, for scripts that look there; it is no matter when it cannot be written.
fn write_pid() {
    if let Err(error) = fs::write(PID_FILE, format!("{}\n", std::process::id())) {
        line!(info, "Failed to open {PID_FILE}: {error}");
    }
}

/// Each connection is a descriptor.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _as_it_was = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
