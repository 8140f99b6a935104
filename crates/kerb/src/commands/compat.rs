//! `kerb compat DIR`: links under the names of MIT's programs.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::compat::Program;
use crate::console::{Console, out};
use crate::failure::Failure;

/// The command line of `kerb compat`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The folder for the links; it is made if it does not exist.
    dir: PathBuf,
    /// Replace what stands there under these names.
    #[arg(long)]
    force: bool,
}

/// Makes the links and prints each.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let binary = std::env::current_exe().map_err(|error| failed("this binary's place", &error))?;
    fs::create_dir_all(&typed.dir)
        .map_err(|error| failed(&typed.dir.display().to_string(), &error))?;
    for program in Program::ALL {
        let link = typed.dir.join(program.name());
        make(&binary, &link, typed.force)
            .map_err(|error| failed(&link.display().to_string(), &error))?;
        out!(console, "{} -> {}\n", link.display(), binary.display());
    }
    Ok(())
}

/// Makes one link. A link that leads to this binary already is left alone.
fn make(binary: &Path, link: &Path, force: bool) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|target| target == binary) {
        return Ok(());
    }
    if !force {
        return symlink(binary, link);
    }
    // In one step, so that nobody finds the name missing.
    let beside = link.with_extension("kerb-new");
    symlink(binary, &beside)?;
    fs::rename(&beside, link)
}

fn failed(place: &str, error: &io::Error) -> Failure {
    let help = match error.kind() {
        io::ErrorKind::AlreadyExists => "choose another folder, or replace it with --force",
        io::ErrorKind::PermissionDenied => "choose a folder of your own that stands early in PATH",
        _ => "",
    };
    Failure::refused(format!("cannot link {place}"), error.to_string(), help)
}
