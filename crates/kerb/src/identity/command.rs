//! The command line of `kerb identity`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::settings::IdentitySettings;
use super::{bootstrap, fernet, import, service, token};
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::serve::DEFAULT_CONFIG;
use crate::supervised;

const CANNOT: &str = "cannot start the identity service";

/// The command line of `kerb identity`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The settings file, with a section `[identity]`.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Serve Keystone's API, version 3, until told to stop.
    Serve {
        /// Check the settings and the files that they name, and serve nothing.
        #[arg(long)]
        check: bool,
    },
    /// Make the administrator, their project and roles, the service's entry in the catalog, and keys: what is missing of it.
    Bootstrap(bootstrap::Typed),
    /// Make the keys that tokens are made with, or let the next one take its turn.
    #[command(subcommand)]
    Fernet(fernet::Task),
    /// Take over what another Keystone knows, with its ids, while the service does not run.
    Import(import::Typed),
    /// Say what stands in a token.
    Token(token::Typed),
}

/// Runs `kerb identity`.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    let settings = |what| read(&typed.config, what);
    match typed.task {
        Task::Serve { check: true } => check(&typed.config, console),
        Task::Serve { check: false } => serve(&typed.config),
        Task::Bootstrap(typed) => {
            bootstrap::run(&typed, &settings("cannot make a beginning")?, console)
        }
        Task::Fernet(task) => fernet::run(&task, &settings("cannot see to the keys")?, console),
        Task::Import(typed) => import::run(
            &typed,
            &settings("cannot take over what that Keystone knows")?,
            console,
        ),
        Task::Token(typed) => token::run(typed, &settings("cannot read the token")?, console),
    }
}

fn check(config: &Path, console: &mut Console) -> Result<(), Failure> {
    let settings = read(config, CANNOT)?;
    service::check(&settings).map_err(refused)?;
    out!(console, "{} is in order\n", config.display());
    Ok(())
}

fn serve(config: &Path) -> Result<(), Failure> {
    supervised::begin("identity")?;
    let settings = read(config, CANNOT)?;
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("KERB_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    service::run(&settings).map_err(refused)
}

fn read(config: &Path, what: &str) -> Result<IdentitySettings, Failure> {
    IdentitySettings::read(config)
        .map_err(|error| Failure::refused(what, error.to_string(), error.help()))
}

fn refused(error: service::ServiceError) -> Failure {
    Failure::refused(CANNOT, error.to_string(), error.help())
}
