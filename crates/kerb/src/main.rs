//! `kerb`: one binary for a realm, its administration and its users.
//!
//! Started under its own name it has subcommands (module [`cli`]); started under a name of
//! [`compat::Program`] (kinit, klist, ...) it behaves as that program of MIT krb5 does. No protocol
//! stands here: this is configuration, conversation and words.

mod admin_cli;
mod cli;
mod commands;
mod compat;
mod console;
mod doctor;
mod failure;
mod gateway;
mod gss;
mod identity;
mod proxy;
mod sandbox;
mod serve;
mod session;
mod settings_file;
mod supervised;
mod terminal;
mod tour;
mod up;

use std::env;
use std::process::ExitCode;

use crate::console::Console;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().collect();
    match compat::Program::of(&arguments) {
        Some(program) => program.run(&arguments, &mut Console::of_process()),
        None => cli::run(arguments),
    }
}
