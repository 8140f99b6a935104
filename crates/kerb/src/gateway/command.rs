//! The command line of `kerb gateway`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::operation::{self, Operation};
use super::settings::GatewaySettings;
use super::{check, explain, service};
use crate::console::Console;
use crate::failure::Failure;
use crate::serve::DEFAULT_CONFIG;
use crate::supervised;

const CANNOT: &str = "cannot start the gateway";

/// The command line of `kerb gateway`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Typed {
    #[command(subcommand)]
    errand: Option<Errand>,
    /// The settings file, with a section `[gateway]`.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Check the settings and the files that they name, and serve nothing.
    #[arg(long)]
    check: bool,
}

/// What else than serving can be done.
#[derive(Debug, Subcommand)]
enum Errand {
    /// Say everything that is wrong with a settings file, and what may not be meant so.
    Check(check::Typed),
    /// Say what would become of a request: who comes in where, by which way, and what is told behind.
    Explain(explain::Typed),
    #[command(flatten)]
    Operation(Operation),
}

/// Serves until told to stop, or does something else.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    match &typed.errand {
        None => {}
        Some(Errand::Check(typed)) => return check::run(typed, console),
        Some(Errand::Explain(typed)) => return explain::run(typed, console),
        Some(Errand::Operation(operation)) => return operation::run(operation, console),
    }
    if typed.check {
        return check::check(&typed.config, console);
    }
    supervised::begin("gateway")?;
    let settings = GatewaySettings::read(&typed.config)
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), error.help()))?;
    let refused =
        |error: service::ServiceError| Failure::refused(CANNOT, error.to_string(), error.help());
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("KERB_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    service::run(&settings).map_err(refused)
}
