//! One step after the other: each with its time, its deadline, and its line in the report.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::clients::Clients;
use super::password_change::OpenChange;
use super::report::Report;
use super::shell::Shell;
use super::verdict::{NotPassed, Outcome, Way, failed, left_out};
use super::{gateway, gss, identity, kdc};
use crate::up::{Site, problem_of, quoted};

/// What a tour works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    /// The site.
    pub(super) site: &'a Site,
    /// The programs.
    pub(super) clients: &'a Clients,
    /// The folder that goes with the tour.
    pub(super) scratch: &'a Path,
    /// How long a step may take.
    pub(super) patience: Duration,
    /// Whether the site goes with the tour.
    pub(super) is_own: bool,
    /// What has to be undone.
    pub(super) change: &'a OpenChange,
}

/// Somebody who has signed in and goes on from there.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// The principal without its realm.
    pub(super) name: String,
    /// Where the ticket is.
    pub(super) shell: Shell,
}

impl Visitor {
    /// Those who show a ticket need one first.
    pub(super) fn signed_in(visitor: Option<&Self>) -> Result<&Self, NotPassed> {
        visitor.ok_or_else(|| left_out("it takes a sign-in, and none passed"))
    }
}

/// A tour under way.
pub(super) struct Walk<'a, 'r, 'c> {
    /// What it works with.
    pub(super) means: Means<'a>,
    report: &'r mut Report<'c>,
}

impl<'a, 'r, 'c> Walk<'a, 'r, 'c> {
    /// A tour that has not begun.
    pub(super) const fn new(means: Means<'a>, report: &'r mut Report<'c>) -> Self {
        Self { means, report }
    }

    /// Goes every way.
    pub(super) async fn go(&mut self) {
        let visitor = kdc::walk(self).await;
        gss::walk(self, visitor.as_ref()).await;
        gateway::walk(self, visitor.as_ref()).await;
        identity::walk(self, visitor.as_ref()).await;
    }

    /// Takes a step, and tells whether it passed.
    pub(super) async fn step(
        &mut self,
        way: Way,
        client: &str,
        what: &str,
        doing: impl Future<Output = Outcome>,
    ) -> bool {
        let begun = Instant::now();
        let patience = self.means.patience;
        let outcome = timeout(patience, doing).await.unwrap_or_else(|_late| {
            let seconds = patience.as_secs();
            Err(failed(format!(
                "{client} was not done after {seconds} s and was killed"
            )))
        });
        let took = begun.elapsed();
        let outcome = match outcome {
            Err(trouble) => Err(self.explained(way, trouble).await),
            passed => passed,
        };
        let has_passed = outcome.is_ok();
        self.report.add(way, client, what, took, outcome);
        has_passed
    }

    /// Puts a password back in place that a step has left changed. What remains to be done is seen at the tour's end.
    pub(super) async fn put_back(&self) {
        let Means {
            site,
            scratch,
            change,
            ..
        } = self.means;
        let _tried_again_at_the_end = change.undo(site, scratch).await;
    }

    /// Notes what could not be tried.
    pub(super) fn leave_out(&mut self, way: Way, client: &str, what: &str, why: NotPassed) {
        self.report.add(way, client, what, Duration::ZERO, Err(why));
    }

    /// A shell with that name, for a step.
    pub(super) fn shell(&self, name: &str) -> Result<Shell, NotPassed> {
        let shell = Shell::new(self.means.site, self.means.scratch, name);
        shell.map_err(|error: io::Error| {
            let folder = self.means.scratch.display();
            failed(format!("{folder} cannot be written to: {error}"))
        })
    }

    /// A client only sees that something does not answer; what is wrong with it, the supervisor knows.
    async fn explained(&self, way: Way, trouble: NotPassed) -> NotPassed {
        let (site, role) = (self.means.site, way.role());
        let NotPassed::Failed { why, help } = trouble else {
            return trouble;
        };
        // An own site's supervisor runs on this thread.
        let asked = site.clone();
        let problem = spawn_blocking(move || problem_of(&asked, role)).await;
        let told = match problem.ok().flatten() {
            Some(problem) => failed(format!("the role {role}: {problem}; {why}")),
            None => NotPassed::Failed { why, help },
        };
        match self.means.is_own {
            true => told,
            false => told.or_help(examine(way, site)),
        }
    }
}

/// A command that finds out more.
fn examine(way: Way, site: &Site) -> String {
    let service = way.service();
    let (folder, keytab) = (quoted(site.folder()), quoted(&site.keytab(service)));
    format!(
        "eval \"$(kerb env {folder})\"; kerb status; kerb doctor -k {keytab} {service}/localhost"
    )
}
