//! `kerb completions SHELL`.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::console::Console;
use crate::failure::Failure;

/// The command line of `kerb completions`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(
    typed: &Typed,
    table: &mut Command,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, table, "kerb", &mut script);
    console.out_bytes(&script);
    Ok(())
}
