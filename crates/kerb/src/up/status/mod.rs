//! `kerb status`: what every role of a site is doing, asked of the supervisor and of the roles themselves.

mod counters;
mod for_people;
pub(super) mod probe;
mod report;

use std::path::PathBuf;

use clap::Args;

use self::report::Report;
use super::folder::asked_for;
use super::site::Site;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};

/// The command line of `kerb status`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The site's folder [default: $KERBSTONE_SITE, else kerb-site].
    folder: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints how the site is; the exit code is 0 when every role is healthy.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let what = "cannot tell how the site is";
    let site = Site::find(&asked_for(typed.folder.as_deref()), what)?;
    let report = Report::of(&site).map_err(|error| {
        let help = "ask as the user who runs the site, or as root";
        Failure::refused(what, error.to_string(), help)
    })?;
    match typed.json {
        true => {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|error| Failure::refused(what, error.to_string(), ""))?;
            out!(console, "{text}\n");
        }
        false => for_people::print(&report, console)?,
    }
    match report.healthy {
        true => Ok(()),
        false => Err(Failure::silent(report.exit())),
    }
}

impl Report {
    const fn exit(&self) -> Exit {
        match self.running {
            true => Exit::Refused,
            false => Exit::NoAnswer,
        }
    }
}
