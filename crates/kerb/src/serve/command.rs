//! The command line of `kerb kdc`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kerbstone_proto::name::Realm;
use kerbstone_realm::{DumpSummary, RealmError};

use super::init::FirstRealm;
use super::settings::Settings;
use super::{dumps, service};
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::supervised;

/// Where the settings are, unless the command line says otherwise.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/kerbstone/kerbstone.toml";

/// The command line of `kerb kdc`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The settings file.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a store, its master key and a settings file for a first realm.
    Init {
        /// The realm's name, by custom the site's domain in capitals.
        #[arg(long)]
        realm: String,
        /// Address and port for tickets; may be given again. Without it: port 88 of every address.
        #[arg(long, value_name = "ADDRESS")]
        listen: Vec<SocketAddr>,
        /// Address and port for password changes; may be given again. Without it: port 464 of every address.
        #[arg(long, value_name = "ADDRESS")]
        password_listen: Vec<SocketAddr>,
    },
    /// Write a dump of the store while no KDC runs; of a running one: kerb admin dump.
    Dump {
        /// The file; it is replaced when it is there.
        file: PathBuf,
    },
    /// Restore a dump into a store that is empty or not there yet.
    Restore {
        /// The dump.
        file: PathBuf,
    },
}

/// Runs `kerb kdc`: without a task, the service itself.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    match typed.task {
        None => serve(&typed.config),
        Some(Task::Init {
            realm,
            listen,
            password_listen,
        }) => {
            let first = FirstRealm {
                realm: Realm::from(realm.as_str()),
                config: typed.config,
                listen,
                password_listen,
                metrics: None,
            };
            let what = format!("cannot make the realm {realm}");
            first
                .make()
                .map_err(|error| Failure::refused(what, error.to_string(), error.help()))?;
            let config = first.config.display();
            out!(
                console,
                "realm {realm} made; start its KDC: kerb kdc --config {config}\n"
            );
            Ok(())
        }
        Some(Task::Dump { file }) => {
            let what = format!("cannot dump the store to {}", file.display());
            let settings = read(&typed.config, &what)?;
            let done = dumps::dump_offline(&settings.kdc, &file);
            let DumpSummary { records, .. } = done.map_err(|error| cannot(&what, &error))?;
            out!(console, "{records} records dumped to {}\n", file.display());
            Ok(())
        }
        Some(Task::Restore { file }) => {
            let what = format!("cannot restore {}", file.display());
            let settings = read(&typed.config, &what)?;
            let done = dumps::restore_offline(&settings.kdc, &file);
            let DumpSummary { records, .. } = done.map_err(|error| cannot(&what, &error))?;
            let store = settings.kdc.store.display();
            out!(console, "{records} records restored to {store}\n");
            Ok(())
        }
    }
}

fn read(config: &Path, what: &str) -> Result<Settings, Failure> {
    Settings::read(config).map_err(|error| Failure::refused(what, error.to_string(), error.help()))
}

fn cannot(what: &str, error: &RealmError) -> Failure {
    let help = match error {
        RealmError::InUse { .. } => "stop the KDC first, or ask it: kerb admin dump".to_owned(),
        RealmError::NotEmpty | RealmError::Conflict(_) => {
            "move the store's file away first; nothing was changed".to_owned()
        }
        RealmError::BadDump(_) => "take an older dump; nothing was changed".to_owned(),
        RealmError::WrongMasterKey { .. } => {
            "point `master_key` to the file that belongs to this dump".to_owned()
        }
        other => service::store_help(other),
    };
    Failure::refused(what, error.to_string(), help)
}

/// Runs the service that a settings file describes.
pub(crate) fn serve(config: &Path) -> Result<(), Failure> {
    let cannot = "cannot start the KDC";
    supervised::begin("kdc")?;
    let settings = Settings::read(config)
        .map_err(|error| Failure::refused(cannot, error.to_string(), error.help()))?;
    tracing_subscriber::fmt()
        .with_env_filter(log_filter())
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    service::run(&settings)
        .map_err(|error| Failure::refused(cannot, error.to_string(), error.help()))
}

fn log_filter() -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::try_from_env("KERB_LOG").unwrap_or_else(|_| "info".into())
}
