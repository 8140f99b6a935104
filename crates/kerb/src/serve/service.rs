//! The service as a whole: opens the store, binds every socket, then serves until told to stop.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use kerbstone_admin::Administration;
use kerbstone_admin::door as admin_door;
use kerbstone_kdc::{HostRealms, Kdc, KdcConfig, Referrals};
use kerbstone_realm::{Directory, MasterKey, RealmError, RedbStore, Vault};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use super::administration::{self, SetupError};
use super::audit::AuditLog;
use super::door::{self, Door, PasswordDoor, TicketDoor};
use super::dumps::Schedule;
use super::settings::{KdcSettings, Settings};
use super::{login_counts, metrics, tcp, udp};
use crate::supervised;

/// Threads for password changes over UDP: each makes keys for milliseconds.
const PASSWORD_WORKERS: usize = 2;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The store or the master key cannot be used.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// A socket cannot be had.
    #[error("cannot listen on {address} ({protocol}): {source}")]
    Listen {
        address: SocketAddr,
        protocol: &'static str,
        source: io::Error,
    },
    /// The audit log cannot be written.
    #[error("cannot write the audit log {path}: {source}", path = path.display())]
    Audit { path: PathBuf, source: io::Error },
    /// Administration cannot be set up as the settings say.
    #[error(transparent)]
    Administration(#[from] SetupError),
    /// The metrics endpoint cannot be had.
    #[error("cannot serve metrics on {address}: {reason}")]
    Metrics { address: SocketAddr, reason: String },
    /// The system refused a thread or a signal handler.
    #[error("the system refused what the service needs: {0}")]
    System(#[from] io::Error),
}

impl ServiceError {
    /// What the administrator can do about it.
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Realm(error) => store_help(error),
            Self::Listen {
                address, source, ..
            } if source.kind() == io::ErrorKind::PermissionDenied => format!(
                "ports below 1024 (here {}) need root or CAP_NET_BIND_SERVICE; or set `listen` in kerbstone.toml",
                address.port()
            ),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another program has the port: stop it, or set `listen` in kerbstone.toml"
                    .to_owned()
            }
            Self::Listen { .. } => {
                "name an address of this host under `listen` in kerbstone.toml".to_owned()
            }
            Self::Audit { .. } => {
                "make the folder, and let the service's user write there".to_owned()
            }
            Self::Administration(error) => error.help(),
            Self::Metrics { .. } => {
                "set another address as `metrics` in kerbstone.toml, or none".to_owned()
            }
            Self::System(_) => "look at the limits of the service (threads, open files)".to_owned(),
        }
    }
}

pub(super) fn store_help(error: &RealmError) -> String {
    match error {
        RealmError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            "make a store and its master key with `kerb kdc init --realm NAME`".to_owned()
        }
        RealmError::NotSetUp => "make the first realm with `kerb kdc init --realm NAME`".to_owned(),
        RealmError::MasterKeyExposed { path, .. } => format!("chmod 600 {}", path.display()),
        RealmError::WrongMasterKey { .. } => "point `master_key` to the file that belongs to this store".to_owned(),
        RealmError::InUse { .. } => "only one process may have the store; `kerb admin` asks the running one".to_owned(),
        _ => "see the page about the store in the book; a dump can be restored with `kerb kdc restore`".to_owned(),
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServiceError`] when something that the settings name cannot be had; nothing is served then.
pub(crate) fn run(settings: &Settings) -> Result<(), ServiceError> {
    let service = Service::open(settings)?;
    let sockets = Sockets::bind(settings)?;
    let stop = Arc::new(AtomicBool::new(false));
    let threads = service.start_threads(&settings.kdc, sockets.udp, sockets.password_udp, &stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(service.serve(&settings.kdc, sockets.streams));
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread ended by a panic");
        }
    }
    login_counts::write(&service.kdc);
    if let Some(audit) = &service.audit {
        audit.flush();
    }
    served
}

struct Service {
    kdc: Arc<Kdc>,
    administration: Arc<Administration>,
    audit: Option<Arc<AuditLog>>,
    tickets: Arc<dyn Door>,
    passwords: Arc<dyn Door>,
}

/// Every socket, bound before the first request is answered.
struct Sockets {
    udp: Vec<UdpSocket>,
    password_udp: Vec<UdpSocket>,
    streams: Streams,
}

/// The sockets that the runtime serves.
struct Streams {
    tcp: Vec<TcpListener>,
    password_tcp: Vec<TcpListener>,
    admin: Option<UnixListener>,
}

impl Service {
    fn open(settings: &Settings) -> Result<Self, ServiceError> {
        let KdcSettings {
            store,
            master_key,
            cache_entries,
            ..
        } = &settings.kdc;
        let master = MasterKey::load(master_key)?;
        let store = Arc::new(RedbStore::open(store)?);
        let vault = Arc::new(Vault::open(store, master)?);
        let directory = Arc::new(Directory::new(Arc::clone(&vault), *cache_entries));
        let audit = settings.kdc.audit.as_ref().map(|path| {
            let opened = AuditLog::open(path).map(Arc::new);
            opened.map_err(|source| ServiceError::Audit {
                path: path.clone(),
                source,
            })
        });
        let audit = audit.transpose()?;
        let administration = administration::open(&settings.admin, vault, audit.clone())?;
        let kdc = Kdc::new(directory, kdc_config(&settings.kdc), door::now())
            .with_password_authority(Arc::clone(&administration) as _);
        let kdc = Arc::new(kdc);
        Ok(Self {
            tickets: Arc::new(TicketDoor {
                kdc: Arc::clone(&kdc),
                audit: audit.clone(),
            }),
            passwords: Arc::new(PasswordDoor {
                kdc: Arc::clone(&kdc),
                audit: audit.clone(),
            }),
            kdc,
            administration,
            audit,
        })
    }

    fn start_threads(
        &self,
        settings: &KdcSettings,
        tickets: Vec<UdpSocket>,
        passwords: Vec<UdpSocket>,
        stop: &Arc<AtomicBool>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let workers = match settings.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            set => set,
        };
        let mut threads = Vec::new();
        for socket in tickets {
            threads.extend(udp::serve(socket, &self.tickets, workers, stop)?);
        }
        for socket in passwords {
            threads.extend(udp::serve(socket, &self.passwords, PASSWORD_WORKERS, stop)?);
        }
        Ok(threads)
    }

    async fn serve(&self, settings: &KdcSettings, streams: Streams) -> Result<(), ServiceError> {
        let slots = Arc::new(Semaphore::new(settings.tcp.max_connections));
        let tickets = streams
            .tcp
            .into_iter()
            .map(|listener| (listener, &self.tickets));
        let passwords = streams
            .password_tcp
            .into_iter()
            .map(|listener| (listener, &self.passwords));
        for (listener, door) in tickets.chain(passwords) {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(tcp::serve(
                listener,
                Arc::clone(door),
                settings.tcp,
                Arc::clone(&slots),
            ));
        }
        if let Some(listener) = streams.admin {
            let listener = tokio::net::UnixListener::from_std(listener)?;
            let administration = Arc::clone(&self.administration);
            let limits = admin_door::Limits::default();
            tokio::spawn(admin_door::serve(listener, administration, limits));
        }
        tokio::spawn(login_counts::keep_writing(Arc::clone(&self.kdc)));
        if let Some(schedule) = Schedule::of(settings) {
            let store = Arc::clone(self.kdc.directory().vault().store());
            tokio::spawn(schedule.follow(store));
        }
        if let Some(audit) = &self.audit {
            let audit = Arc::clone(audit);
            tokio::spawn(async move { audit.sweep().await });
        }
        if let Some(address) = settings.metrics {
            let installed = metrics::listen(address);
            installed.map_err(|error| ServiceError::Metrics {
                address,
                reason: error.to_string(),
            })?;
            tokio::spawn(metrics::refresh(Arc::clone(&self.kdc)));
        }
        tracing::info!(listen = ?settings.listen, store = %settings.store.display(), "ready");
        self.until_stopped().await?;
        Ok(())
    }

    /// Waits for the signal to stop; SIGHUP opens the audit log anew, for log rotation.
    async fn until_stopped(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        supervised::ready();
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => self.reopen_audit(),
            }
        }
    }

    fn reopen_audit(&self) {
        if let Some(Err(error)) = self.audit.as_deref().map(AuditLog::reopen) {
            tracing::error!(%error, "the audit log cannot be opened anew; the old file stays in use");
        }
    }
}

impl Sockets {
    fn bind(settings: &Settings) -> Result<Self, ServiceError> {
        let admin = administration::bind(settings)?;
        let settings = &settings.kdc;
        Ok(Self {
            udp: bind_all(&settings.listen, "UDP", udp::bind)?,
            password_udp: bind_all(&settings.password_listen, "UDP", udp::bind)?,
            streams: Streams {
                tcp: bind_all(&settings.listen, "TCP", tcp::bind)?,
                password_tcp: bind_all(&settings.password_listen, "TCP", tcp::bind)?,
                admin,
            },
        })
    }
}

fn bind_all<S>(
    addresses: &[SocketAddr],
    protocol: &'static str,
    bind: impl Fn(SocketAddr) -> io::Result<S>,
) -> Result<Vec<S>, ServiceError> {
    addresses
        .iter()
        .map(|&address| {
            bind(address).map_err(|source| ServiceError::Listen {
                address,
                protocol,
                source,
            })
        })
        .collect()
}

fn kdc_config(settings: &KdcSettings) -> KdcConfig {
    let mut hosts = HostRealms::new();
    for (host, realm) in &settings.domain_realm {
        hosts.set(host, realm);
    }
    KdcConfig {
        clock_skew: settings.clock_skew,
        referrals: Referrals {
            hosts,
            ..Referrals::default()
        },
        ..KdcConfig::default()
    }
}
