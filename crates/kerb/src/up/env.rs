//! `kerb env`: what points a shell's Kerberos programs, ours and others', at a site.

use std::path::PathBuf;

use clap::Args;

use super::folder::{asked_for, quoted};
use super::site::Site;
use crate::console::{Console, out};
use crate::failure::Failure;

/// The command line of `kerb env`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The site's folder [default: $KERBSTONE_SITE, else kerb-site].
    folder: Option<PathBuf>,
}

/// Prints what a shell must know: `eval "$(kerb env)"`.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let folder = asked_for(typed.folder.as_deref());
    let site = Site::find(&folder, "cannot point at a site")?;
    for (name, path) in site.environment() {
        out!(console, "export {name}={}\n", quoted(&path));
    }
    Ok(())
}
