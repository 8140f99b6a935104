//! `kerb doctor`: why Kerberos does not work here, and what to do about it.
//!
//! Each module looks at one thing and returns [`Finding`]s; what goes over the network has a deadline and runs beside the rest.
//! Nothing is changed, no ticket is kept, and no failed login is counted but those of a keytab's own keys.

mod account;
mod browser;
mod cache;
mod configuration;
mod deadline;
mod examination;
mod finding;
mod kdc;
mod key_comparison;
mod keytab;
mod names;
mod permissions;
mod report;
mod service;
mod target;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kerbstone_client::{Context, Environment};

use self::examination::Wish;
use self::finding::{Area, Finding, Verdict};
use self::report::Report;
use self::target::Target;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};

/// For one request to a realm whose KDCs answer.
const REQUEST: Duration = Duration::from_secs(4);
/// The command line of `kerb doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is a problem; 1 something is; 2 the command line is wrong."
)]
pub(crate) struct Typed {
    /// Services to look at: HTTP/www.example.org, host@server.example.org, `https://www.example.org/`, or a host.
    services: Vec<String>,
    /// The keytab of the services here, to compare with the KDC.
    #[arg(short, long, value_name = "FILE")]
    keytab: Option<String>,
    /// The cache with the ticket-granting ticket.
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<String>,
    /// Somebody who cannot sign in.
    #[arg(short, long, value_name = "PRINCIPAL")]
    principal: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks at everything and says what it is; fails when something is a problem.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let targets: Result<Vec<Target>, Failure> =
        typed.services.iter().map(|text| target(text)).collect();
    let report = examine(typed, &targets?)?;
    if typed.json {
        out!(console, "{}\n", report.to_json());
    } else {
        out!(console, "{report}");
    }
    match report.verdict() {
        Verdict::Problem => Err(Failure::silent(Exit::Refused)),
        Verdict::Ok | Verdict::Note | Verdict::Warning => Ok(()),
    }
}

fn target(text: &str) -> Result<Target, Failure> {
    Target::parse(text).map_err(|error| Failure {
        what: "the command line is wrong".to_owned(),
        why: format!("{text} is no service: {error}"),
        help: "name services as HTTP/www.example.org".to_owned(),
        exit: Exit::Usage,
    })
}

fn examine(typed: &Typed, targets: &[Target]) -> Result<Report, Failure> {
    let mut environment = Environment::of_process();
    if typed.cache.is_some() {
        environment.ccname.clone_from(&typed.cache);
    }
    let mut report = Report::default();
    let configuration = configuration::files(&environment);
    report.extend(configuration.findings);
    report.extend(permissions::configuration(&configuration.files));
    report.extend(permissions::site(&configuration.files));
    let Ok(context) = Context::new(environment) else {
        let says = "was not looked at, as no Kerberos program gets past this";
        report.extend([Finding::note(Area::Configuration, "everything else", says)]);
        return Ok(report);
    };
    let context = Arc::new(context.with_patience(REQUEST));
    report.extend(configuration::values(context.conf()));
    let people = typed.principal.iter().map(|text| {
        let parsed = context.parse_principal(text);
        parsed.map_err(|error| Failure::of(format!("cannot read {text}"), &error))
    });
    let wish = Wish {
        targets: targets.to_vec(),
        keytab: typed.keytab.clone(),
        people: people.collect::<Result<_, Failure>>()?,
    };
    report.extend(examination::examine(wish, &context));
    Ok(report)
}
