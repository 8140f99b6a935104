//! The service as a whole: reads what the settings name, binds every socket, then serves until told to stop.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kerbstone_admin::door::DoorError;
use kerbstone_client::ClientError;
use kerbstone_gateway::delegation::DelegationFault;
use kerbstone_gateway::listener::{Address, CannotListen};
use kerbstone_gateway::pool::BadPool;
use kerbstone_gateway::server::Workers;
use kerbstone_gateway::session::key_ring::RingFault;
use kerbstone_gateway::{Gateway, Setup, Table};
use kerbstone_gss::GssError;
use kerbstone_gss::replay::ReplayFault;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::books::{Books, NoLog};
use super::control::{self, Control};
use super::doors::{self, Entrance, ListenerFault};
use super::figures;
use super::keys::{Keys, Purpose};
use super::settings::{BadEntry, BadListener, BadMap, BadMember, BadSessions, GatewaySettings};
use super::table;
use super::upkeep;
use super::walls;
use crate::serve;
use crate::supervised;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// A listener cannot be meant so.
    #[error(transparent)]
    Listener(#[from] BadListener),
    /// A certificate, a key or a list of a listener cannot be used.
    #[error(transparent)]
    Tls(#[from] ListenerFault),
    /// A rule about clients' certificates cannot be meant so.
    #[error(transparent)]
    Map(#[from] BadMap),
    /// The keytab or krb5.conf cannot be read.
    #[error(transparent)]
    Files(#[from] ClientError),
    /// Neither keys nor somebody who has them, or both.
    #[error("the section [gateway] names {0} of `keytab` and `proxy`")]
    Means(&'static str),
    /// Keys are somewhere else than when the process began.
    #[error("the keys have moved between `keytab` and `proxy`, or to another proxy")]
    KeysMoved,
    /// A member of a pool cannot be meant so.
    #[error(transparent)]
    Member(#[from] BadMember),
    /// A pool cannot be meant so.
    #[error(transparent)]
    Pool(#[from] BadPool),
    /// The keytab has no key for the service.
    #[error("{keytab}: {source}", keytab = keytab.display())]
    Keys {
        keytab: PathBuf,
        source: Box<GssError>,
    },
    /// The replay cache cannot be used.
    #[error(transparent)]
    Replay(#[from] ReplayFault),
    /// The table of entry points cannot be meant so.
    #[error("{}", listed(.0))]
    Entry(Vec<BadEntry>),
    /// The cookie of sessions cannot be meant so.
    #[error(transparent)]
    Sessions(#[from] BadSessions),
    /// The keys of sessions cannot be had.
    #[error(transparent)]
    Ring(#[from] RingFault),
    /// Nobody knows for which service the KDC is to make a ticket.
    #[error("the KDC cannot be made to prove itself: {0}")]
    OwnService(String),
    /// Tickets that people send along cannot be kept.
    #[error(transparent)]
    Delegation(#[from] DelegationFault),
    /// A socket cannot be had.
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// A log cannot be written.
    #[error(transparent)]
    Log(#[from] NoLog),
    /// The control socket cannot be had.
    #[error(transparent)]
    Control(#[from] DoorError),
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
            Self::Tls(_) => "name the chain of certificates and its key, both in PEM, under `certificate` and `key`".to_owned(),
            Self::Files(error) => error.help(),
            Self::Keys { .. } => "make keys for it: kerb admin principal add HTTP/HOST --random-key, then kerb admin keytab write FILE HTTP/HOST; or name another service under `service`".to_owned(),
            Self::Means(_) => "set `keytab` to a file with keys, or `proxy` to the socket of a proxy that has them".to_owned(),
            Self::Replay(_) => "name a file in a folder of the service's own under `replay_cache`".to_owned(),
            Self::KeysMoved => "start the gateway anew: it has shut itself off from everything else".to_owned(),
            Self::Member(_) | Self::Pool(_) => "the book's page about the gateway explains [[gateway.pool]]".to_owned(),
            Self::Entry(_) => "the book's page about the gateway explains [[gateway.entry]]".to_owned(),
            Self::Sessions(_) => "the book's page about the gateway explains [gateway.sessions]".to_owned(),
            Self::Ring(_) => "name a file in a folder of the service's own, closed to others, as `keys` under [gateway.sessions]".to_owned(),
            Self::OwnService(_) => "name it as `service` under [gateway.passwords], as HTTP/www.example.org".to_owned(),
            Self::Delegation(_) => "name a folder that the gateway may write to as `folder` under [gateway.delegation]".to_owned(),
            Self::Listener(_) | Self::Map(_) => "the book's page about the gateway explains [[gateway.listener]] and [gateway.certificates]".to_owned(),
            Self::Listen(CannotListen { address, source }) => cannot_listen(address, source.kind()),
            Self::Control(_) => "name a path of at most 103 characters under `control`, in a folder where the service's user may write".to_owned(),
            Self::Log(_) => "make the folder, and let the service's user write there".to_owned(),
            Self::Metrics { .. } => "set another address as `metrics` under [gateway], or none".to_owned(),
            Self::System(_) => "look at the limits of the service (threads, open files)".to_owned(),
        }
    }
}

/// Serves until SIGTERM or SIGINT; SIGHUP reads everything anew, and opens the logs anew.
///
/// # Errors
/// [`ServiceError`] when something that the settings name cannot be had; nothing is served then.
pub(crate) fn run(settings: &GatewaySettings) -> Result<(), ServiceError> {
    let books = Arc::new(Books::open(settings)?);
    let keys = Keys::open(settings, Purpose::Serve)?;
    let entrance = Entrance::open(settings)?;
    let gateway = Arc::new(Gateway::new(Setup {
        table: table::table(settings, keys.acceptors(settings)?, Purpose::Serve)?,
        observer: Arc::clone(&books) as _,
    }));
    let control = settings.control.as_deref().map(control::bind).transpose()?;
    doors::allow_all_descriptors();
    let doors = entrance.bind(settings.workers)?;
    if settings.proxy.is_some() {
        walls::put_up(settings);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let workers = Workers::start(&gateway, doors)?;
    let steward = Arc::clone(&gateway.table().pools).steward(std::future::pending());
    let open = Open {
        gateway,
        entrance,
        books: Arc::clone(&books),
        keys,
        steward: runtime.spawn(steward),
    };
    let served = runtime.block_on(serve(settings, open, control));
    let stopped = workers.stop();
    tracing::info!("stopped");
    books.flush();
    served.and(stopped.map_err(ServiceError::System))
}

/// Keeps the books and waits for signals, while the workers serve.
async fn serve(
    settings: &GatewaySettings,
    mut open: Open,
    control: Option<UnixListener>,
) -> Result<(), ServiceError> {
    open.books.sweep();
    let gateway = Arc::clone(&open.gateway);
    tokio::spawn(async move { gateway.keep_time().await });
    if let Some(address) = settings.metrics {
        let installed = serve::listen_for_metrics(address);
        installed.map_err(|error| ServiceError::Metrics {
            address,
            reason: error.to_string(),
        })?;
        figures::describe();
        open.books.count();
        tokio::spawn(figures::refresh(Arc::clone(&open.gateway)));
    }
    let (reloads, mut wanted) = mpsc::channel(1);
    if let Some(listener) = control {
        let control = Control::new(Arc::clone(&open.gateway), reloads);
        tokio::spawn(control.serve(listener));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(open.entrance.clone().watch(Arc::clone(&open.gateway)));
    tokio::spawn(upkeep::look_after(Arc::clone(&open.gateway)));
    tracing::info!(listen = ?open.entrance.addresses(), "ready");
    supervised::ready();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => drop(open.read_anew(&settings.file)),
            Some(told) = wanted.recv() => drop(told.send(open.read_anew(&settings.file))),
        }
    }
    Ok(())
}

fn cannot_listen(address: &Address, kind: io::ErrorKind) -> String {
    match (address, kind) {
        (Address::Tcp(address), io::ErrorKind::PermissionDenied) => format!(
            "ports below 1024 (here {}) need root or CAP_NET_BIND_SERVICE; or set `listen` under [gateway]",
            address.port()
        ),
        (Address::Unix(..), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound) => {
            "make the folder, and let the service's user write there".to_owned()
        }
        (_, io::ErrorKind::AddrInUse) => {
            "another program has it: stop that one, or set `listen` under [gateway]".to_owned()
        }
        _ => "name an address of this host under `listen` in [gateway]".to_owned(),
    }
}

/// One a line.
fn listed(faults: &[BadEntry]) -> String {
    let faults: Vec<String> = faults.iter().map(BadEntry::to_string).collect();
    faults.join("\n")
}

/// What the running service holds open.
struct Open {
    gateway: Arc<Gateway>,
    entrance: Entrance,
    books: Arc<Books>,
    keys: Keys,
    /// Looks after the pools.
    steward: JoinHandle<()>,
}

impl Open {
    /// Goes by what the settings say now, but for what is bound when the process begins. What cannot be read stays as it
    /// was, as a whole.
    ///
    /// # Errors
    /// What is wrong with the settings.
    fn read_anew(&mut self, file: &Path) -> Result<(), String> {
        self.entrance.reload();
        if let Err(error) = self.books.reopen() {
            tracing::error!(%error, "a log cannot be opened anew; the old file stays in use");
        }
        let table = GatewaySettings::read(file)
            .map_err(|error| error.to_string())
            .and_then(|settings| self.table(&settings).map_err(|error| error.to_string()));
        match table {
            Ok(table) => {
                self.replace(table);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the settings stay as they were");
                Err(error)
            }
        }
    }

    fn table(&self, settings: &GatewaySettings) -> Result<Table, ServiceError> {
        if settings.listeners()? != self.entrance.settings() {
            tracing::warn!(
                "listeners have changed: that takes effect when the gateway is started anew"
            );
        }
        table::table(settings, self.keys.acceptors(settings)?, Purpose::Serve)
    }

    fn replace(&mut self, mut table: Table) {
        table.adopt(&self.gateway.table());
        let pools = Arc::clone(&table.pools);
        pools.adopt(&self.gateway.table().pools);
        self.gateway.replace_table(table);
        self.steward.abort();
        self.steward = tokio::spawn(pools.steward(std::future::pending()));
        tracing::info!("settings, certificates and keys read anew");
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn whoever_lacks_a_key_is_told_commands_that_exist() {
        let help = ServiceError::Keys {
            keytab: "HTTP.keytab".into(),
            source: Box::new(GssError::NoAcceptorCredential("none".into())),
        }
        .help();
        let commands: Vec<&str> = help
            .split([',', ';'])
            .filter_map(|part| part.find("kerb ").and_then(|start| part.get(start..)))
            .collect();
        assert_eq!(commands.len(), 2, "{help}");
        for command in commands {
            let parsed = Cli::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}: {:?}", parsed.err());
        }
    }
}
