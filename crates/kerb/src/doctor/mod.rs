//! `kerb doctor`: why Kerberos does not work here, and what to do about it.
//!
//! Each module looks at one thing and returns [`Finding`]s; what goes over the network has a deadline and runs beside the rest.
//! Nothing is changed, no ticket is kept, and no failed login is counted but those of a keytab's own keys.

mod account;
mod browser;
mod cache;
mod configuration;
mod deadline;
mod finding;
mod kdc;
mod keytab;
mod names;
mod permissions;
mod report;
mod service;
mod target;
mod witness;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kerbstone_client::{Context, Environment};
use kerbstone_proto::name::{Principal, Realm};

use self::deadline::begin;
use self::finding::{Area, Cause, Finding, Verdict};
use self::kdc::{Survey, Surveyed};
use self::names::{Lookup, Named};
use self::report::Report;
use self::service::Found;
use self::target::Target;
use self::witness::Witness;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};

/// For one request to a realm whose KDCs answer.
const REQUEST: Duration = Duration::from_secs(4);
/// For all that one service, keytab or account needs of the KDCs.
const PATIENCE: Duration = Duration::from_secs(20);
/// More realms of krb5.conf are not asked.
const REALMS: usize = 8;

/// The command line of `kerb doctor`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Services to look at: HTTP/www.example.org, host@server.example.org, https://www.example.org/, or a host.
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
        // Which line it is, stands among the findings.
        return Ok(report);
    };
    let context = Arc::new(context.with_patience(REQUEST));
    report.extend(configuration::values(context.conf()));
    let people = typed.principal.iter().map(|text| {
        let parsed = context.parse_principal(text);
        parsed.map_err(|error| Failure::of(format!("cannot read {text}"), &error))
    });
    let people = people.collect::<Result<Vec<Principal>, Failure>>()?;
    examine_with(typed, targets, people, &context, &mut report);
    Ok(report)
}

fn examine_with(
    typed: &Typed,
    targets: &[Target],
    mut people: Vec<Principal>,
    context: &Arc<Context>,
    report: &mut Report,
) {
    let lookups: Vec<Lookup> = targets.iter().map(|one| Lookup::of(one, context)).collect();
    let cache = cache::read(context);
    report.extend(cache.findings);
    report.extend(cache.file.as_deref().and_then(permissions::cache));
    let held = keytab::read(context, typed.keytab.as_deref(), !targets.is_empty());
    report.extend(held.findings);
    let keytab_path = held.file.as_ref().map(kerbstone_client::KeytabFile::path);
    report.extend(keytab_path.and_then(permissions::keytab));
    if people.is_empty() {
        people.extend(cache.owner.clone());
    }
    let named: Vec<Named> = lookups.into_iter().map(|one| one.read(context)).collect();
    for one in &named {
        report.extend(one.findings.iter().cloned());
    }
    let keys = held
        .content
        .as_ref()
        .map(|(keytab, _)| keytab::principals(keytab));
    let needed = realms(&people, &named, &keys.unwrap_or_default(), context);
    let surveys: Vec<Survey> = needed
        .iter()
        .map(|realm| Survey::of(realm, context))
        .collect();
    let surveyed: Vec<Surveyed> = surveys.into_iter().map(|one| one.read(context)).collect();
    let answering: Vec<Realm> = surveyed
        .iter()
        .filter(|one| one.answers)
        .map(|one| one.realm.clone())
        .collect();
    let witness = Arc::new(Witness::new(context, cache.usable, held.content.clone()));
    let found = services(&named, &answering, context, &witness);
    let misled: Vec<Realm> = misled(&named, &found);
    for one in surveyed {
        report.extend(one.findings.into_iter().map(|finding| {
            match misled.contains(&one.realm) && finding.verdict == Verdict::Problem {
                true => Finding {
                    verdict: Verdict::Warning,
                    ..finding
                },
                false => finding,
            }
        }));
    }
    let principals: Vec<Principal> = found
        .iter()
        .filter_map(|one| one.principal.clone())
        .collect();
    for one in found {
        report.extend(one.findings);
    }
    if let Some((keytab, name)) = held.content {
        let meant = typed.keytab.is_some();
        let without = principals.iter();
        report.extend(without.filter_map(|one| keytab::without_key(&keytab, one, meant)));
        let (realms, witness) = (answering.clone(), Arc::clone(&witness));
        let compared = begin(PATIENCE, move || {
            keytab::compare(&keytab, &principals, &realms, &witness)
        });
        report.extend(
            compared
                .wait()
                .unwrap_or_else(|| vec![unfinished(Area::Keytab, &name)]),
        );
    }
    for person in people {
        report.add(account(person, &answering, context));
    }
    for target in targets.iter().filter(|target| target.is_web()) {
        let home = context.environment().home.as_deref();
        report.extend(browser::check(Path::new("/"), home, &target.host));
    }
}

/// The realms to ask, the one that clients turn to first.
fn realms(
    people: &[Principal],
    named: &[Named],
    keys: &[Principal],
    context: &Context,
) -> Vec<Realm> {
    let mut realms: Vec<Realm> = Vec::new();
    let mapped = named.iter().flat_map(|one| {
        let asked = one.asked.iter().map(|asked| asked.realm.clone());
        asked.chain(one.target.realm.clone())
    });
    // Where a service may be when it is not where krb5.conf says.
    let configured = context.conf().realm_names();
    let others = configured
        .into_iter()
        .map(Realm::from)
        .filter(|_| !named.is_empty());
    let all = people
        .iter()
        .map(|person| person.realm.clone())
        .chain(context.default_realm().ok())
        .chain(mapped)
        .chain(keys.iter().map(|key| key.realm.clone()))
        .chain(others);
    for realm in all {
        if !realm.is_empty() && !realms.contains(&realm) && realms.len() < REALMS {
            realms.push(realm);
        }
    }
    realms
}

/// Every service at once.
fn services(
    named: &[Named],
    realms: &[Realm],
    context: &Arc<Context>,
    witness: &Arc<Witness>,
) -> Vec<Found> {
    let asked: Vec<_> = named
        .iter()
        .map(|one| {
            let (one, realms) = (one.clone(), realms.to_vec());
            let (context, witness) = (Arc::clone(context), Arc::clone(witness));
            begin(PATIENCE, move || {
                service::find(&one, &realms, &context, &witness)
            })
        })
        .collect();
    let outcomes = asked.into_iter().zip(named);
    outcomes
        .map(|(pending, named)| {
            pending.wait().unwrap_or_else(|| Found {
                findings: vec![unfinished(Area::Service, &named.target.shown())],
                principal: None,
            })
        })
        .collect()
}

/// Realms that nobody would ask if krb5.conf were right.
fn misled(named: &[Named], found: &[Found]) -> Vec<Realm> {
    let pairs = named.iter().zip(found);
    let wrong = pairs.filter(|(_, found)| {
        let mut causes = found.findings.iter().map(|finding| finding.cause);
        causes.any(|cause| cause == Some(Cause::RealmMapping))
    });
    wrong
        .flat_map(|(named, _)| named.asked.iter().map(|asked| asked.realm.clone()))
        .collect()
}

fn account(person: Principal, answering: &[Realm], context: &Arc<Context>) -> Finding {
    if !answering.contains(&person.realm) {
        let says = format!("not asked about, as no KDC of {} answers", person.realm);
        return Finding::note(Area::Account, person, says);
    }
    let (context, shown) = (Arc::clone(context), person.to_string());
    let asked = begin(PATIENCE, move || account::check(&person, &context));
    asked
        .wait()
        .unwrap_or_else(|| unfinished(Area::Account, &shown))
}

fn unfinished(area: Area, what: &str) -> Finding {
    Finding::warning(
        area,
        what,
        Cause::NotFinished,
        format!(
            "the KDCs took longer than {} s, and were not waited for",
            PATIENCE.as_secs()
        ),
        "see under KDCs which of them is slow",
    )
}
