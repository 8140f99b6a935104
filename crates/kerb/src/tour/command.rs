//! The command line of `kerb tour`, and what is put in order at its end.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::clients::Clients;
use super::grounds::Grounds;
use super::password_change::OpenChange;
use super::report::{Place, Report, Verdict};
use super::walk::{Means, Walk};
use crate::console::{Console, err};
use crate::failure::{Exit, Failure};
use crate::up::{Signals, asked_for};

/// Chromium adds 49 octets to a folder of the tour for its socket, which may have 107.
const LONGEST_PATH: usize = 40;
/// How long clients that were killed may go on writing.
const LAST_WRITES: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

/// The command line of `kerb tour`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing failed; 1 something did, or the tour was interrupted; 2 the command line is wrong."
)]
pub(crate) struct Typed {
    /// The site's folder [default: $KERBSTONE_SITE, else kerb-site]. Where none runs, the tour starts one of its own in
    /// a temporary folder.
    folder: Option<PathBuf>,
    /// Print JSON at the end.
    #[arg(long)]
    json: bool,
    /// How long a client may take before it is killed.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
}

/// Walks every way in; fails when one of them is not open.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let begun = Instant::now();
    let scratch = scratch().map_err(|error| refused(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))?;
    let walked = runtime.block_on(tour(typed, scratch.path(), begun, console));
    // What still hangs in the name service is not waited for.
    runtime.shutdown_background();
    let removed = remove(scratch).map_err(|error| refused(&error));
    match walked? {
        Verdict::Passed => removed,
        Verdict::Failed | Verdict::Interrupted => Err(Failure::silent(Exit::Refused)),
    }
}

/// The folder that goes with the tour. There will be sockets in it, whose paths must not be long.
fn scratch() -> io::Result<TempDir> {
    let usual = env::temp_dir();
    let is_short = usual.as_os_str().len() <= LONGEST_PATH;
    let place = if is_short { usual } else { "/tmp".into() };
    TempDir::with_prefix_in("kerb-tour-", place)
}

fn refused(error: &io::Error) -> Failure {
    let help = "point TMPDIR to a folder that can be written to and has room";
    Failure::refused("cannot make a tour", error.to_string(), help)
}

/// Removes the folder that goes with the tour. Clients that were killed may write for a moment yet.
fn remove(scratch: TempDir) -> io::Result<()> {
    let deadline = Instant::now() + LAST_WRITES;
    while fs::remove_dir_all(&scratch).is_err() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    match scratch.path().exists() {
        true => scratch.close(),
        false => Ok(()),
    }
}

async fn tour(
    typed: &Typed,
    scratch: &Path,
    begun: Instant,
    console: &mut Console,
) -> Result<Verdict, Failure> {
    let signals = Signals::new().map_err(|error| refused(&error))?;
    let (interrupt, mut interrupted) = unbounded_channel();
    tokio::spawn(signals.pass_on(interrupt));
    let folder = asked_for(typed.folder.as_deref());
    let mut grounds = Grounds::open(&folder, scratch)?;
    let place = Place {
        site: grounds.site().folder().to_owned(),
        realm: grounds.site().realm().to_owned(),
        asked_for: folder,
        own_site: grounds.is_own(),
    };
    let mut report = Report::new(console, typed.json);
    let patience = Duration::from_secs(typed.patience);
    let walked = walk(
        &mut grounds,
        scratch,
        patience,
        &mut report,
        &place,
        &mut interrupted,
    )
    .await;
    let closed = grounds.close(&mut interrupted).await;
    let verdict = walked.verdict;
    closed?;
    report.end(&place, verdict, begun.elapsed());
    if let Some(warning) = walked.left_behind {
        err!(console, "kerb: {warning}\nhelp: kerb password changes it\n");
    }
    Ok(verdict)
}

/// How the walk ended.
struct Walked {
    verdict: Verdict,
    /// What could not be put in order.
    left_behind: Option<String>,
}

async fn walk(
    grounds: &mut Grounds,
    scratch: &Path,
    patience: Duration,
    report: &mut Report<'_>,
    place: &Place,
    interrupted: &mut UnboundedReceiver<()>,
) -> Walked {
    let change = OpenChange::default();
    let going = async {
        grounds.heard_of().await;
        report.begin(place);
        let clients = Clients::find().await;
        let means = Means {
            site: grounds.site(),
            clients: &clients,
            scratch,
            patience,
            is_own: grounds.is_own(),
            change: &change,
        };
        Walk::new(means, report).go().await;
    };
    let is_interrupted = tokio::select! {
        () = going => false,
        Some(()) = interrupted.recv() => true,
    };
    let left_behind = match grounds.is_own() {
        true => None,
        false => change.undo(grounds.site(), scratch).await.err(),
    };
    let verdict = match is_interrupted {
        true => Verdict::Interrupted,
        false => report.verdict(),
    };
    Walked {
        verdict,
        left_behind,
    }
}
