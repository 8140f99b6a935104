//! The one table of `kerb`'s commands and flags: help, manual pages and completions come from it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{compat, completions, list, login, logout, man, password, renew, ticket};
use crate::console::{Console, err};
use crate::failure::{Exit, Failure};
use crate::serve;

/// Kerberos single sign-on: sign in once, then show tickets instead of passwords.
#[derive(Debug, Parser)]
#[command(name = "kerb", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 refused or failed; 2 the command line is wrong; \
                          3 no usable ticket; 4 nobody answered.";

/// What `kerb` does.
#[derive(Debug, Subcommand)]
enum Command {
    /// Sign in: get a ticket-granting ticket with a password or a keytab.
    Login(login::Typed),
    /// Show the tickets in a cache, every cache, or the keys in a keytab.
    List(list::Typed),
    /// Sign out: destroy the tickets.
    Logout(logout::Typed),
    /// Renew the ticket-granting ticket without a password.
    Renew(renew::Typed),
    /// Get tickets for services, or prove that a keytab opens them.
    Ticket(ticket::Typed),
    /// Change your password.
    Password(password::Typed),
    /// Serve realms: tickets, password changes and administration.
    Kdc(serve::command::Typed),
    /// Make links under the names of MIT's programs (kinit, klist, ...) that lead to this binary.
    Compat(compat::Typed),
    /// Print a completion script for a shell.
    Completions(completions::Typed),
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Man(man::Typed),
}

/// Runs one command line and returns its exit code.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => {
            let _closed_pipe = told.print();
            return if told.use_stderr() {
                Exit::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let mut console = Console::of_process();
    match cli.command.run(&mut console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            err!(console, "{failure}");
            failure.exit.into()
        }
    }
}

impl Command {
    fn run(self, console: &mut Console) -> Result<(), Failure> {
        match self {
            Self::Login(typed) => login::run(typed, console),
            Self::List(typed) => list::run(&typed, console),
            Self::Logout(typed) => logout::run(&typed, console),
            Self::Renew(typed) => renew::run(&typed, console),
            Self::Ticket(typed) => ticket::run(typed, console),
            Self::Password(typed) => password::run(&typed, console),
            Self::Kdc(typed) => serve::command::run(typed, console),
            Self::Compat(typed) => compat::run(&typed, console),
            Self::Completions(typed) => completions::run(&typed, &mut command(), console),
            Self::Man(typed) => man::run(&typed, &command()),
        }
    }
}

/// The table as clap has built it.
fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_consistent() {
        super::command().debug_assert();
    }
}
