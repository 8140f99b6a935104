//! The command line of `kerb proxy`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use kerbstone_proxy::wire;

use super::extract::extract;
use super::flags::{Flags, IDLE_TIMEOUT};
use super::{check, service, who};
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::supervised;

/// The command line of `kerb proxy`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Leave the terminal; returns when the daemon serves.
    #[arg(short = 'D', long, global = true, conflicts_with = "interactive")]
    daemon: bool,
    /// Stay in the foreground, as without it.
    #[arg(short, long, global = true)]
    interactive: bool,
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder whose NN-*.conf are read as well.
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    configdir: Option<PathBuf>,
    /// The socket of services that name none.
    #[arg(short, long, global = true, value_name = "SOCKET")]
    socket: Option<PathBuf>,
    /// Serve your own session, without a configuration.
    #[arg(short, long, global = true)]
    userproxy: bool,
    /// Say what happens.
    #[arg(short, long, global = true)]
    debug: bool,
    /// How much: 1, 2 or 3.
    #[arg(long, global = true, value_name = "LEVEL")]
    debug_level: Option<i32>,
    /// Log the status of every call that fails.
    #[arg(long, global = true)]
    syslog_status: bool,
    /// Seconds without work after which a user's proxy that systemd has started ends; 0 is never.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = IDLE_TIMEOUT)]
    idle_timeout: u64,
    /// Append every decision to this file, a JSON object a line.
    #[arg(long, global = true, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Let Prometheus read counters at this address.
    #[arg(long, global = true, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Put up no walls (Landlock, seccomp): for programs preloaded into the daemon.
    #[arg(long, global = true)]
    no_sandbox: bool,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Serve, as without a task.
    Run,
    /// Show who is connected to a running daemon, what it serves and what it has counted.
    Who {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with a configuration, and which caller gets which key.
    Check(check::Typed),
    /// Write a credential that the proxy has sealed into a user's cache to a plain cache; needs the service's keytab.
    #[command(hide = true)]
    Extract {
        /// The cache with the sealed credential.
        from: String,
        /// The cache to write; the default one without it.
        into: Option<String>,
    },
    /// Print the protocol as an interface file (XDR, RFC 4506).
    Interface,
}

/// Runs `kerb proxy`.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    match &typed.task {
        None | Some(Task::Run) => {
            supervised::begin("proxy")?;
            let flags = typed.flags();
            service::serve(&flags).map_err(|error| {
                Failure::refused("cannot serve as proxy", error.to_string(), error.help())
            })
        }
        Some(Task::Who { json }) => {
            let json = *json;
            who::show(&typed.flags(), json, console)
        }
        Some(Task::Check(task)) => check::run(task, &typed.flags(), console),
        Some(Task::Extract { from, into }) => extract(from, into.as_deref()),
        Some(Task::Interface) => {
            out!(console, "{}", wire::interface());
            Ok(())
        }
    }
}

impl Typed {
    fn flags(&self) -> Flags {
        let level = self.debug_level.unwrap_or(i32::from(self.debug));
        Flags {
            background: self.daemon,
            config: self.config.clone(),
            config_dir: self.configdir.clone(),
            socket: self.socket.clone(),
            user: self.userproxy,
            debug_level: level.max(i32::from(self.debug)),
            syslog_status: self.syslog_status,
            idle_timeout: Duration::from_secs(self.idle_timeout),
            audit: self.audit.clone(),
            metrics: self.metrics,
            walls: !self.no_sandbox,
        }
        .absolute()
    }
}
