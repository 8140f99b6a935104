//! The one table of `kerb`'s commands and flags: help, manual pages and completions come from it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{compat, completions, list, login, logout, man, password, renew, ticket};
use crate::console::{Console, err};
use crate::failure::{Exit, Failure};
use crate::{admin_cli, doctor, gateway, gss, identity, proxy, serve, tour, up};

/// Kerberos single sign-on: sign in once, then show tickets instead of passwords.
#[derive(Debug, Parser)]
#[command(name = "kerb", version, max_term_width = 100, after_help = EXIT_CODES)]
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
    /// Run a site of your own on loopback: a realm with people in it, and everything they sign in to.
    Up(up::Typed),
    /// Print what points a shell's Kerberos programs at such a site: eval "$(kerb env)".
    Env(up::TypedEnv),
    /// Show how such a site is: its roles, their health, what they have counted.
    Status(up::TypedStatus),
    /// Try every Kerberos client of this machine on every way into such a site.
    Tour(tour::Typed),
    /// Find out why Kerberos does not work here, at any site, and what to do.
    Doctor(doctor::Typed),
    /// Serve realms: tickets, password changes and administration.
    Kdc(serve::command::Typed),
    /// Stand before web applications: TLS, sign-in with Kerberos, and their back ends told who is there.
    Gateway(gateway::command::Typed),
    /// Know projects and roles, and make tokens: Keystone's API for people whom Kerberos knows.
    Identity(identity::command::Typed),
    /// Keep keys for applications that cannot read them: gssproxy, with its configuration and its clients.
    Proxy(proxy::Typed),
    /// Try GSS-API out with a client or a server that MIT's gss-server and gss-client understand.
    Gss(gss::Typed),
    /// Administer the realms of a running KDC: principals, policies, keytabs, trusts.
    Admin(admin_cli::Typed),
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
    let mut console = Console::of_process();
    let outcome = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli.command.run(&mut console),
        Err(told) if is_help(&told) => {
            let _closed_pipe = told.print();
            let asked_for = !told.use_stderr();
            return if asked_for {
                ExitCode::SUCCESS
            } else {
                Exit::Usage.into()
            };
        }
        Err(told) => Err(mistake(&told, &arguments)),
    };
    match outcome {
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
            Self::Up(typed) => up::run(&typed, console),
            Self::Env(typed) => up::env(&typed, console),
            Self::Status(typed) => up::status(&typed, console),
            Self::Tour(typed) => tour::run(&typed, console),
            Self::Doctor(typed) => doctor::run(&typed, console),
            Self::Kdc(typed) => serve::command::run(typed, console),
            Self::Gateway(typed) => gateway::command::run(&typed, console),
            Self::Identity(typed) => identity::command::run(typed, console),
            Self::Proxy(typed) => proxy::run(typed, console),
            Self::Gss(typed) => gss::run(&typed, console),
            Self::Admin(typed) => admin_cli::run(typed, console),
            Self::Compat(typed) => compat::run(&typed, console),
            Self::Completions(typed) => completions::run(&typed, &mut command(), console),
            Self::Man(typed) => man::run(&typed, &command()),
        }
    }
}

/// Help, the version, or help in place of a missing command.
fn is_help(told: &clap::Error) -> bool {
    matches!(
        told.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// clap's message as one of ours: its first paragraph says what is wrong, a tip in it what would be right.
fn mistake(told: &clap::Error, arguments: &[OsString]) -> Failure {
    let text = told.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let why = words.join(" ");
    let tip = paragraphs
        .next()
        .and_then(|next| next.trim().strip_prefix("tip: "));
    let command = arguments.get(1).map(|word| word.to_string_lossy());
    let known = command.filter(|word| {
        Cli::command()
            .get_subcommands()
            .any(|one| one.get_name() == word.as_ref())
    });
    let help = match (tip, known) {
        (Some(tip), _) => tip.lines().next().unwrap_or_default().to_owned(),
        (None, Some(command)) => format!("kerb {command} --help lists the options"),
        (None, None) => "kerb --help lists the commands".to_owned(),
    };
    Failure {
        what: "the command line is wrong".to_owned(),
        why: why.strip_prefix("error: ").unwrap_or(&why).to_owned(),
        help,
        exit: Exit::Usage,
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
