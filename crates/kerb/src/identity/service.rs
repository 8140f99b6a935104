//! The service as a whole: reads what the settings name, binds every socket, then serves until told to stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;
use kerbstone_client::ClientError;
use kerbstone_gss::GssError;
use kerbstone_identity::auth::Auth;
use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::http;
use kerbstone_identity::server::{self, Listener};
use kerbstone_identity::service::Service;
use kerbstone_identity::token::{BlobSeal, KeyRepository, MethodCodes, TokenError, TokenSeal};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::books::Books;
use super::bootstrap::{directory_help, keys_help};
use super::passwords::Kerberos;
use super::settings::IdentitySettings;
use super::{door, walls};
use crate::serve::{self, AuditLog};
use crate::supervised;

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The store cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The keys of tokens cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keytab or krb5.conf cannot be read.
    #[error(transparent)]
    Files(#[from] ClientError),
    /// Keys, and somebody who has them.
    #[error("the section [identity] names both of `keytab` and `proxy`")]
    Means,
    /// The keys cannot be used.
    #[error("{keytab}: {source}", keytab = keytab.display())]
    Keys { keytab: PathBuf, source: GssError },
    /// The keytab has no key for the service.
    #[error("{keytab} has no key for {service}", keytab = keytab.display())]
    NoSuchKey { keytab: PathBuf, service: String },
    /// The service's name is none.
    #[error("`service` is no name of a service: {0}")]
    NoSuchService(String),
    /// No socket is named.
    #[error("the section [identity] names neither `listen` nor `socket`")]
    Nowhere,
    /// A TCP socket cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    /// The unix socket cannot be had.
    #[error("cannot listen at {path}: {source}", path = path.display())]
    Socket { path: PathBuf, source: io::Error },
    /// A trusted user is not one of this machine's.
    #[error("`trusted_peers` names {0}, whom this machine does not know")]
    NoSuchUser(String),
    /// The audit log cannot be written.
    #[error("cannot write the audit log {path}: {source}", path = path.display())]
    Audit { path: PathBuf, source: io::Error },
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
            Self::Directory(error) => directory_help(error).to_owned(),
            Self::Token(error) => keys_help(error).to_owned(),
            Self::Files(error) => error.help(),
            Self::Means => "take one away".to_owned(),
            Self::Keys { .. } | Self::NoSuchKey { .. } => "make keys for it: kerb admin principal add HTTP/HOST --random-key, then kerb admin keytab write FILE HTTP/HOST; or name another service under `service`".to_owned(),
            Self::NoSuchService(_) => "write it as HTTP, or as HTTP/www.example.org".to_owned(),
            Self::Nowhere => "set `socket = \"/run/kerbstone/identity\"` for a gateway on this machine, or `listen = [\"127.0.0.1:5000\"]`".to_owned(),
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another program has the port: stop it, or set `listen` under [identity]".to_owned()
            }
            Self::Listen { .. } => "name an address of this host under `listen` in [identity]".to_owned(),
            Self::Socket { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                "another identity service answers there: stop it, or set `socket` under [identity]".to_owned()
            }
            Self::Socket { .. } => "make the folder, and let the service's user write there".to_owned(),
            Self::NoSuchUser(_) => "name users as `id` knows them, or by number".to_owned(),
            Self::Audit { .. } => "make the folder, and let the service's user write there".to_owned(),
            Self::Metrics { .. } => "set another address as `metrics` under [identity], or none".to_owned(),
            Self::System(_) => "look at the limits of the service (threads, open files)".to_owned(),
        }
    }
}

/// Reads everything that the settings name, and serves nothing.
///
/// # Errors
/// [`ServiceError`], as [`run`] would.
pub(crate) fn check(settings: &IdentitySettings) -> Result<(), ServiceError> {
    KeyRepository::open(&settings.keys, settings.max_active_keys)?;
    Kerberos::read(settings)?.passwords(settings).map(drop)
}

/// Serves until SIGTERM or SIGINT; SIGHUP opens the audit log anew. Keys are looked at by themselves.
///
/// # Errors
/// [`ServiceError`] when something that the settings name cannot be had; nothing is served then.
pub(crate) fn run(settings: &IdentitySettings) -> Result<(), ServiceError> {
    let audit = open_audit(settings)?;
    let router = http::router(Arc::new(service(settings)?));
    let listeners = door::open(settings)?;
    walls::put_up(settings);
    let runtime = Builder::new_multi_thread()
        .worker_threads(settings.workers.max(1))
        .thread_name("identity")
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(settings, router, audit.clone(), listeners));
    if let Some(audit) = audit {
        audit.flush();
    }
    served
}

fn service(settings: &IdentitySettings) -> Result<Service, ServiceError> {
    let keys = KeyRepository::open(&settings.keys, settings.max_active_keys)?;
    let blob_keys = KeyRepository::set_up(
        &settings.credential_keys,
        settings.max_active_keys,
        &mut rand::rng(),
    )?;
    let directory = Directory::open(&settings.store)?;
    let kerberos = Kerberos::read(settings)?;
    let seal = TokenSeal::new(Arc::new(keys), MethodCodes::new(&settings.methods));
    let mut auth = Auth::new(settings.auth(&kerberos.realms), seal);
    match kerberos.passwords(settings)? {
        Some(passwords) => auth = auth.with_passwords(Arc::new(passwords)),
        None => tracing::warn!(
            "nobody signs in by password: there is no `keytab` nor `proxy`, or no realm"
        ),
    }
    Ok(Service {
        directory,
        settings: settings.service(),
        tokens: Arc::new(auth),
        blobs: Some(BlobSeal::new(Arc::new(blob_keys))),
        clock: Timestamp::now,
    })
}

async fn serve(
    settings: &IdentitySettings,
    router: Router,
    audit: Option<Arc<AuditLog>>,
    listeners: Vec<Listener>,
) -> Result<(), ServiceError> {
    if let Some(audit) = audit.clone() {
        tokio::spawn(async move { audit.sweep().await });
    }
    if let Some(address) = settings.metrics {
        let installed = serve::listen_for_metrics(address);
        installed.map_err(|error| ServiceError::Metrics {
            address,
            reason: error.to_string(),
        })?;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let books = Arc::new(Books {
        audit: audit.clone(),
    });
    let stop = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = hangup.recv() => read_anew(audit.as_deref()),
            }
        }
    };
    tracing::info!(listen = ?settings.listen, socket = ?settings.socket, "ready");
    supervised::ready();
    server::serve(router, listeners, settings.limits(), books, stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// What cannot be read stays as it was.
fn read_anew(audit: Option<&AuditLog>) {
    if let Some(Err(error)) = audit.map(AuditLog::reopen) {
        tracing::error!(%error, "the audit log cannot be opened anew; the old file stays in use");
    }
}

fn open_audit(settings: &IdentitySettings) -> Result<Option<Arc<AuditLog>>, ServiceError> {
    let opened = settings.audit.as_ref().map(|path| {
        let log = AuditLog::open(path).map(Arc::new);
        log.map_err(|source| ServiceError::Audit {
            path: path.clone(),
            source,
        })
    });
    opened.transpose()
}
