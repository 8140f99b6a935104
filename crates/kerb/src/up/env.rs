//! `kerb env`: what points a shell's Kerberos programs, ours and others', at a site.

use std::path::PathBuf;

use clap::Args;

use super::certificates::BUNDLE;
use super::folder::{VARIABLE, asked_for, quoted};
use super::site::{KRB5_CONF, Site, TLS};
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
    let variables = [
        (VARIABLE, site.folder().to_owned()),
        ("KRB5_CONFIG", site.path(KRB5_CONF)),
        ("KRB5CCNAME", site.path("ccache")),
        ("KRB5_KTNAME", site.keytab("host")),
        ("KERBSTONE_CA", site.ca()),
        // The site's authority beside those of the system: curl reaches everything that it reached before.
        ("CURL_CA_BUNDLE", site.path(TLS).join(BUNDLE)),
    ];
    for (name, path) in variables {
        out!(console, "export {name}={}\n", quoted(&path));
    }
    Ok(())
}
