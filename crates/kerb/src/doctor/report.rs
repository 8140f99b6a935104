//! Findings in order, for people and for scripts.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::finding::{Area, Cause, Finding, Verdict};

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

/// What `--json` prints. Keys and codes stay; more may come.
#[derive(Serialize)]
struct Json<'a> {
    verdict: Verdict,
    most_probable_cause: Option<Cause>,
    findings: Vec<&'a Finding>,
}

impl Report {
    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// The worst that was seen.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.max().unwrap_or(Verdict::Ok)
    }

    /// The worst finding; of several, the one whose cause explains the others.
    pub(crate) fn most_probable(&self) -> Option<&Finding> {
        let worst = self.verdict();
        self.findings
            .iter()
            .filter(|finding| worst >= Verdict::Warning && finding.verdict == worst)
            .min_by_key(|finding| finding.cause)
    }

    /// One object.
    pub(crate) fn to_json(&self) -> String {
        let json = Json {
            verdict: self.verdict(),
            most_probable_cause: self.most_probable().and_then(|finding| finding.cause),
            findings: self.in_order(),
        };
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }

    fn in_order(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.findings.iter().collect();
        findings.sort_by_key(|finding| finding.area);
        findings
    }

    fn count(&self, verdict: Verdict) -> usize {
        let same = |finding: &&Finding| finding.verdict == verdict;
        self.findings.iter().filter(same).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut area: Option<Area> = None;
        for finding in self.in_order() {
            if area != Some(finding.area) {
                if area.is_some() {
                    f.write_char('\n')?;
                }
                writeln!(f, "{}", finding.area)?;
                area = Some(finding.area);
            }
            let Finding {
                looked_at, says, ..
            } = finding;
            writeln!(f, "  {}  {looked_at}: {says}", finding.verdict.word())?;
            if let Some(help) = &finding.help {
                writeln!(f, "           help: {help}")?;
            }
        }
        f.write_char('\n')?;
        self.summary(f)
    }
}

impl Report {
    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (problems, warnings) = (self.count(Verdict::Problem), self.count(Verdict::Warning));
        let Some(first) = self.most_probable() else {
            return writeln!(
                f,
                "Summary: nothing is wrong, as far as can be seen from here."
            );
        };
        writeln!(
            f,
            "Summary: {}, {}.",
            counted(problems, "problem"),
            counted(warnings, "warning")
        )?;
        let code = first.cause.map(Cause::code).unwrap_or_default();
        let what = match first.verdict {
            Verdict::Problem => "Most probable cause",
            _ => "Nothing fails yet; first",
        };
        writeln!(f, "{what} ({code}): {}: {}", first.looked_at, first.says)?;
        match &first.help {
            Some(help) => writeln!(f, "help: {help}"),
            None => Ok(()),
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_problems_the_one_that_explains_the_other_is_named_first() {
        let mut report = Report::default();
        let problem =
            |cause, what: &str| Finding::problem(Area::Kdc, what, cause, "is bad", "mend it");
        report.extend([
            problem(Cause::MissingService, "HTTP/www"),
            problem(Cause::KdcDown, "R"),
            Finding::warning(Area::Clock, "clock", Cause::ClockSkew, "is off", "set it"),
        ]);
        let shown = report.to_string();
        let end = "Summary: 2 problems, 1 warning.\n\
                   Most probable cause (kdc-down): R: is bad\nhelp: mend it\n";
        assert!(shown.ends_with(end), "{shown}");
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["most_probable_cause"], "kdc-down");
        assert_eq!(json["verdict"], "problem");
    }

    #[test]
    fn notes_alone_are_nothing_wrong() {
        let mut report = Report::default();
        report.extend([Finding::note(Area::Cache, "cache", "is empty")]);
        assert!(report.most_probable().is_none());
        assert!(report.to_string().contains("nothing is wrong"));
    }
}
