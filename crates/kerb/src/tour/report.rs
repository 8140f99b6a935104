//! The lines of a tour, for people as it goes and for scripts at its end.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::verdict::{NotPassed, Outcome, Way};
use crate::console::{Console, out};

/// The format of the JSON: keys may be added within a version, none changes its meaning or goes.
const VERSION: u32 = 1;

/// Everything that was tried.
pub(super) struct Report<'a> {
    console: &'a mut Console,
    is_json: bool,
    steps: Vec<Step>,
}

/// Where the tour went.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Place {
    /// The site's folder.
    pub(super) site: PathBuf,
    /// Where a site that runs was looked for.
    #[serde(skip)]
    pub(super) asked_for: PathBuf,
    /// Its realm.
    pub(super) realm: String,
    /// Whether it was started for the tour.
    pub(super) own_site: bool,
}

/// How the tour ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Nothing failed.
    Passed,
    /// Something failed.
    Failed,
    /// Somebody did not want to wait for the end.
    Interrupted,
}

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Step {
    way: Way,
    client: String,
    what: String,
    verdict: StepVerdict,
    seconds: f64,
    why: Option<String>,
    help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StepVerdict {
    Passed,
    Failed,
    LeftOut,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    #[serde(flatten)]
    place: &'a Place,
    verdict: Verdict,
    seconds: f64,
    passed: usize,
    failed: usize,
    left_out: usize,
    steps: &'a [Step],
}

impl<'a> Report<'a> {
    /// A report without lines.
    pub(super) const fn new(console: &'a mut Console, is_json: bool) -> Self {
        Self {
            console,
            is_json,
            steps: Vec::new(),
        }
    }

    /// Says where the tour goes.
    pub(super) fn begin(&mut self, place: &Place) {
        if self.is_json {
            return;
        }
        let Place { realm, .. } = place;
        match place.own_site {
            true => out!(
                self.console,
                "No site runs in {}, so the tour has one of its own, with the realm {realm}.\n",
                place.asked_for.display()
            ),
            false => out!(
                self.console,
                "A tour of the site in {}, with the realm {realm}.\n",
                place.site.display()
            ),
        }
    }

    /// Adds a line.
    pub(super) fn add(
        &mut self,
        way: Way,
        client: &str,
        what: &str,
        took: Duration,
        outcome: Outcome,
    ) {
        let (verdict, why, help) = match outcome {
            Ok(()) => (StepVerdict::Passed, None, None),
            Err(NotPassed::Failed { why, help }) => (StepVerdict::Failed, Some(why), Some(help)),
            Err(NotPassed::LeftOut { why }) => (StepVerdict::LeftOut, Some(why), None),
        };
        let step = Step {
            way,
            client: client.to_owned(),
            what: what.to_owned(),
            verdict,
            seconds: hundredths(took),
            why,
            help: help.filter(|help| !help.is_empty()),
        };
        if !self.is_json {
            self.print(&step);
        }
        self.steps.push(step);
    }

    fn print(&mut self, step: &Step) {
        if self.steps.last().is_none_or(|last| last.way != step.way) {
            out!(self.console, "\n{}\n", step.way.title());
        }
        let Step {
            client,
            what,
            seconds,
            ..
        } = step;
        let word = step.verdict.word();
        match step.verdict {
            StepVerdict::LeftOut => out!(self.console, "  {word}  {client:<9}  {what}\n"),
            _ => out!(
                self.console,
                "  {word}  {client:<9}  {what:<47}  {seconds:>5.2} s\n"
            ),
        }
        if let Some(why) = &step.why {
            out!(self.console, "            {why}\n");
        }
        let said_before = self.steps.last().and_then(|last| last.help.as_ref());
        if let Some(help) = step.help.as_ref().filter(|help| said_before != Some(help)) {
            out!(self.console, "            help: {help}\n");
        }
    }

    /// How it was, as far as it came.
    pub(super) fn verdict(&self) -> Verdict {
        match self.count(StepVerdict::Failed) {
            0 => Verdict::Passed,
            _ => Verdict::Failed,
        }
    }

    /// Says how it was altogether.
    pub(super) fn end(&mut self, place: &Place, verdict: Verdict, took: Duration) {
        let [passed, failed, left_out] = [
            StepVerdict::Passed,
            StepVerdict::Failed,
            StepVerdict::LeftOut,
        ]
        .map(|verdict| self.count(verdict));
        let seconds = hundredths(took);
        if self.is_json {
            let json = Json {
                version: VERSION,
                place,
                verdict,
                seconds,
                passed,
                failed,
                left_out,
                steps: &self.steps,
            };
            let text = serde_json::to_string_pretty(&json).unwrap_or_default();
            out!(self.console, "{text}\n");
            return;
        }
        let first = match verdict {
            Verdict::Passed => "Summary: every way in is open",
            Verdict::Failed => "Summary: not every way in is open",
            Verdict::Interrupted => "Summary: interrupted",
        };
        out!(
            self.console,
            "\n{first}: {passed} passed, {failed} failed, {left_out} left out, in {seconds:.1} s.\n"
        );
    }

    fn count(&self, verdict: StepVerdict) -> usize {
        let same = |step: &&Step| step.verdict == verdict;
        self.steps.iter().filter(same).count()
    }
}

impl StepVerdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed  ",
            Self::Failed => "failed  ",
            Self::LeftOut => "left out",
        }
    }
}

fn hundredths(took: Duration) -> f64 {
    (took.as_secs_f64() * 100.0).round() / 100.0
}
