//! The command line of `kerb gateway`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;

use super::service;
use super::settings::GatewaySettings;
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::serve::DEFAULT_CONFIG;
use crate::supervised;

const CANNOT: &str = "cannot start the gateway";

/// The command line of `kerb gateway`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The settings file, with a section `[gateway]`.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Check the settings and the files that they name, and serve nothing.
    #[arg(long)]
    check: bool,
}

/// Serves until told to stop.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    supervised::begin("gateway")?;
    let settings = GatewaySettings::read(&typed.config)
        .map_err(|error| Failure::refused(CANNOT, error.to_string(), error.help()))?;
    let refused =
        |error: service::ServiceError| Failure::refused(CANNOT, error.to_string(), error.help());
    if typed.check {
        service::check(&settings).map_err(refused)?;
        out!(console, "{} is in order\n", typed.config.display());
        return Ok(());
    }
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("KERB_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    service::run(&settings).map_err(refused)
}
