//! `kerb gss`: a client and a server that try GSS-API out, compatible on the wire with MIT's gss-client and gss-server.

mod client;
mod message;
mod server;

use clap::{Args, Subcommand};
use kerbstone_gss::{Context, GssError, GssFlags};
use kerbstone_proto::time::Timestamp;

use crate::console::Console;
use crate::failure::Failure;

/// The port of MIT's programs.
const DEFAULT_PORT: u16 = 4444;

/// The command line of `kerb gss`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    #[command(subcommand)]
    side: Side,
}

#[derive(Debug, Subcommand)]
enum Side {
    /// Sign in to a service and say something to it, protected as you like.
    Client(client::Typed),
    /// Accept whoever signs in, say who it is, and prove to have heard what was said.
    Server(server::Typed),
}

/// Runs one side.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    match &typed.side {
        Side::Client(typed) => client::run(typed, console),
        Side::Server(typed) => server::run(typed, console),
    }
}

/// The flags of a context, a line each, as MIT's programs print them.
fn flag_lines(context: &Context) -> String {
    const NAMES: [(GssFlags, &str); 6] = [
        (GssFlags::DELEG, "GSS_C_DELEG_FLAG"),
        (GssFlags::MUTUAL, "GSS_C_MUTUAL_FLAG"),
        (GssFlags::REPLAY, "GSS_C_REPLAY_FLAG"),
        (GssFlags::SEQUENCE, "GSS_C_SEQUENCE_FLAG"),
        (GssFlags::CONF, "GSS_C_CONF_FLAG "),
        (GssFlags::INTEG, "GSS_C_INTEG_FLAG "),
    ];
    let set = NAMES
        .iter()
        .filter(|(flag, _)| context.flags().contains(*flag));
    set.map(|(_, name)| format!("context flag: {name}\n"))
        .collect()
}

/// What there is to do about an error of GSS's.
fn advice(error: &GssError, service: &str) -> String {
    match error {
        GssError::Ticket { .. } => {
            format!("sign in: kerb login; if that is done: kerb doctor {service}")
        }
        GssError::NoAcceptorCredential(_) => {
            "kerb list -k FILE shows a keytab's keys; kerb admin keytab write FILE PRINCIPAL makes one".to_owned()
        }
        other => match other.help() {
            Some(help) => help.to_owned(),
            None => format!("kerb doctor {service} says more"),
        },
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_duration(std::time::UNIX_EPOCH.elapsed().unwrap_or_default())
}
