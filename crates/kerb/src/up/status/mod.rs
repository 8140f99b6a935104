//! `kerb status`: what every role of a site is doing, asked of the supervisor and of the roles themselves.

mod counters;
mod for_people;
pub(super) mod probe;
mod report;

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use clap::Args;

pub(crate) use self::for_people::time;
pub(crate) use self::probe::client_config;
use self::report::Report;
use super::folder::asked_for;
use super::site::Site;
use super::site_lock::LOCK;
use super::status_door;
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
    let report = Report::of(&site).map_err(|error| unanswered(what, &error, &site))?;
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

/// Whether somebody looks after the site.
///
/// # Errors
/// The supervisor cannot be asked, so `what` cannot be done.
pub(crate) fn is_running(site: &Site, what: &str) -> Result<bool, Failure> {
    let asked = status_door::ask(&site.run_folder());
    let snapshot = asked.map_err(|error| unanswered(what, &error, site))?;
    Ok(snapshot.is_some())
}

/// What is wrong with a role of a running site, with the last line that it wrote if it ended.
pub(crate) fn problem_of(site: &Site, role: &str) -> Option<String> {
    let report = Report::of(site).ok()?;
    if !report.running {
        return Some("nobody looks after the site any more".to_owned());
    }
    let role = report.roles.into_iter().find(|own| own.name == role)?;
    let last_words = role.last_end.map(|end| end.last_words);
    let last_line = last_words.iter().flat_map(|words| words.lines()).last();
    match (role.problem?, last_line, role.process.pid) {
        (problem, Some(line), None) => Some(format!("{problem}: {line}")),
        (problem, _, _) => Some(problem),
    }
}

/// There is a supervisor, and it does not say how the roles are.
fn unanswered(what: &str, error: &io::Error, site: &Site) -> Failure {
    match error.kind() {
        ErrorKind::PermissionDenied => Failure::refused(
            what,
            format!("{}: {error}", site.run_folder().display()),
            "ask as the user who runs the site, or as root",
        ),
        _ => Failure {
            what: what.to_owned(),
            why: format!("its supervisor does not answer: {error}"),
            help: format!(
                "is it stopped (Ctrl-Z)? Its process is in {}",
                site.run_folder().join(LOCK).display()
            ),
            exit: Exit::NoAnswer,
        },
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
