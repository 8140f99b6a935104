//! `kerb man DIR`: the manual pages, for packaging.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use crate::failure::Failure;

/// The command line of `kerb man`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The folder for the pages.
    dir: PathBuf,
}

/// Writes kerb(1) and a page for each command.
pub(crate) fn run(typed: &Typed, table: &Command) -> Result<(), Failure> {
    write_pages(&typed.dir, table)
        .map_err(|error| Failure::refused("cannot write the manual pages", error.to_string(), ""))
}

fn write_pages(dir: &Path, table: &Command) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    write_page(dir, "kerb", table.clone())?;
    for command in table
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let name = format!("kerb-{}", command.get_name());
        write_page(dir, &name, command.clone().display_name(name.clone()))?;
    }
    Ok(())
}

fn write_page(dir: &Path, name: &str, command: Command) -> io::Result<()> {
    let mut page = Vec::new();
    Man::new(command).title(name).render(&mut page)?;
    fs::write(dir.join(format!("{name}.1")), page)
}
