//! How a site is, for people.

use std::time::Duration;

use super::report::{Report, RoleReport};
use crate::admin_cli::table;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};
use crate::up::board::State;

/// Prints a table of the roles, and what is wrong below it.
///
/// # Errors
/// The site does not run.
pub(super) fn print(report: &Report, console: &mut Console) -> Result<(), Failure> {
    let folder = report.site.display();
    let Some(supervisor) = &report.supervisor else {
        return Err(Failure {
            what: format!("the site in {folder} does not run"),
            why: "no supervisor answers there".to_owned(),
            help: format!("start it: kerb up {folder}"),
            exit: Exit::NoAnswer,
        });
    };
    out!(
        console,
        "The site of the realm {} in {folder}: process {}, up {}, {} of memory in all.\n\n",
        report.realm,
        supervisor.pid,
        time(supervisor.uptime_seconds),
        mebibytes(report.rss_bytes)
    );
    let rows = report.roles.iter().map(|role| {
        [
            role.name.clone(),
            health(role).to_owned(),
            role.process
                .pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            role.process
                .uptime_seconds
                .map_or_else(|| "-".to_owned(), time),
            role.restarts.to_string(),
            role.process
                .rss_bytes
                .map_or_else(|| "-".to_owned(), mebibytes),
            addresses(role),
        ]
    });
    let header = [
        "ROLE",
        "HEALTH",
        "PID",
        "UP",
        "RESTARTS",
        "MEMORY",
        "ADDRESSES",
    ];
    table::print(header, rows, console);
    for role in &report.roles {
        print_counters(role, console);
    }
    for role in report.roles.iter().filter(|role| !role.healthy) {
        print_problem(role, console);
    }
    Ok(())
}

const fn health(role: &RoleReport) -> &'static str {
    match (role.healthy, role.state) {
        (true, _) => "ok",
        (false, State::Starting) => "starting",
        (false, State::Ready) => "no answer",
        (false, State::Waiting) => "ended",
        (false, State::Stopping) => "stopping",
        (false, State::Stopped) => "stopped",
    }
}

fn addresses(role: &RoleReport) -> String {
    let addresses: Vec<String> = role
        .addresses
        .iter()
        .map(|(name, address)| format!("{name} {address}"))
        .collect();
    addresses.join(", ")
}

/// What has happened at all since the role was started.
fn print_counters(role: &RoleReport, console: &mut Console) {
    for (kind, outcomes) in role.counters.iter().flatten() {
        let counted: Vec<String> = outcomes
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(outcome, count)| format!("{count} {outcome}"))
            .collect();
        if !counted.is_empty() {
            out!(console, "{} {kind}: {}\n", role.name, counted.join(", "));
        }
    }
}

fn print_problem(role: &RoleReport, console: &mut Console) {
    let problem = role.problem.as_deref().unwrap_or_default();
    out!(console, "\n{}: {problem}", role.name);
    if let Some(seconds) = role.next_start_seconds {
        out!(console, "; it is started again in {seconds} s");
    }
    out!(console, "\n");
    let words = role.last_end.iter().map(|end| end.last_words.as_str());
    for line in words.flat_map(str::lines) {
        out!(console, "    {line}\n");
    }
    out!(console, "help: its log is {}\n", role.log.display());
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// The two greatest units: `3 d 4 h`, `12 s`.
pub(crate) fn time(seconds: u64) -> String {
    let duration = Duration::from_secs(seconds).as_secs();
    let (days, hours, minutes) = (duration / 86_400, duration / 3600 % 24, duration / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{duration} s"),
        (0, 0, _) => format!("{minutes} min {} s", duration % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_show_their_two_greatest_units() {
        let shown = [5, 61, 3_700, 100_000].map(time);
        assert_eq!(shown, ["5 s", "1 min 1 s", "1 h 1 min", "1 d 3 h"]);
    }
}
