//! The order in which things are looked at: what is here first, then names and KDCs at once, then what depends on their answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::{Context, KeytabFile};
use kerbstone_proto::name::{Principal, Realm};

use super::deadline::begin;
use super::finding::{Area, Cause, Finding, Verdict};
use super::kdc::{Survey, Surveyed};
use super::key_comparison::{self, Compared};
use super::names::{Lookup, Named};
use super::service::{self, Found};
use super::target::Target;
use super::witness::Witness;
use super::{account, browser, cache, keytab, permissions};

/// For all that one service, keytab or account needs of the KDCs.
const PATIENCE: Duration = Duration::from_secs(20);
/// More realms of krb5.conf are not asked.
const REALMS: usize = 8;

/// What somebody wants looked at.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) targets: Vec<Target>,
    /// A keytab by name.
    pub(super) keytab: Option<String>,
    /// Who cannot sign in; whoever is signed in when empty.
    pub(super) people: Vec<Principal>,
}

/// Looks at everything but krb5.conf itself.
pub(super) fn examine(wish: Wish, context: &Arc<Context>) -> Vec<Finding> {
    let targets = &wish.targets;
    let lookups: Vec<Lookup> = targets.iter().map(|one| Lookup::of(one, context)).collect();
    let cache = cache::read(context);
    let mut findings = cache.findings;
    findings.extend(cache.file.as_deref().and_then(permissions::cache));
    let mut people = wish.people;
    if people.is_empty() {
        people.extend(cache.owner);
    }
    let mut surveys = Surveys::default();
    surveys.begin(&realms(&people, &[], &[], context), context);
    let named: Vec<Named> = lookups.into_iter().map(|one| one.read(context)).collect();
    findings.extend(named.iter().flat_map(|one| one.findings.iter().cloned()));
    let (held, keys) = keytab(wish.keytab.as_deref(), &named, context, &mut findings);
    surveys.begin(&realms(&people, &named, &keys, context), context);
    let surveyed = surveys.read(context);
    let with_answer = surveyed.iter().filter(|one| one.answers);
    let answering: Vec<Realm> = with_answer.map(|one| one.realm.clone()).collect();
    let witness = Arc::new(Witness::new(context, cache.usable, held.content.clone()));
    let found = services(&named, &answering, context, &witness);
    findings.extend(weighed(surveyed, &misled(&named, &found)));
    let principals: Vec<Principal> = found
        .iter()
        .filter_map(|one| one.principal.clone())
        .collect();
    findings.extend(found.into_iter().flat_map(|one| one.findings));
    findings.extend(keys_compared(
        &held,
        wish.keytab.is_some(),
        principals,
        &answering,
        &witness,
    ));
    findings.extend(
        people
            .into_iter()
            .map(|one| account(one, &answering, context)),
    );
    let home = context.environment().home.as_deref();
    let web = targets.iter().filter(|target| target.is_web());
    findings.extend(web.flat_map(|target| browser::check(Path::new("/"), home, &target.host)));
    findings
}

/// The keytab, and whose keys it has.
fn keytab(
    name: Option<&str>,
    named: &[Named],
    context: &Context,
    findings: &mut Vec<Finding>,
) -> (keytab::Held, Vec<Principal>) {
    let is_here = named.iter().any(|one| one.is_here);
    let mut held = keytab::read(context, name, is_here);
    findings.append(&mut held.findings);
    let content = held.content.as_ref();
    let keys = content.map_or_else(Vec::new, |(keytab, _)| keytab::principals(keytab));
    let path = held.file.as_ref().map(KeytabFile::path);
    findings.extend(path.and_then(|path| permissions::keytab(path, &keys)));
    (held, keys)
}

/// Every realm at once.
#[derive(Debug, Default)]
struct Surveys {
    begun: Vec<(Realm, Survey)>,
}

impl Surveys {
    /// Begins with those that were not begun yet.
    fn begin(&mut self, realms: &[Realm], context: &Arc<Context>) {
        for realm in realms {
            if !self.begun.iter().any(|(known, _)| known == realm) {
                let survey = Survey::of(realm, context);
                self.begun.push((realm.clone(), survey));
            }
        }
    }

    fn read(self, context: &Context) -> Vec<Surveyed> {
        let surveys = self.begun.into_iter();
        surveys.map(|(_, one)| one.read(context)).collect()
    }
}

/// What is wrong with a realm that nobody should ask is no problem of its own.
fn weighed(surveyed: Vec<Surveyed>, misled: &[Realm]) -> impl Iterator<Item = Finding> {
    surveyed.into_iter().flat_map(move |one| {
        let is_misled = misled.contains(&one.realm);
        one.findings.into_iter().map(move |mut finding| {
            if is_misled {
                finding.verdict = finding.verdict.min(Verdict::Warning);
            }
            finding
        })
    })
}

fn keys_compared(
    held: &keytab::Held,
    meant: bool,
    first: Vec<Principal>,
    realms: &[Realm],
    witness: &Arc<Witness>,
) -> Vec<Finding> {
    let Some((keytab, name)) = &held.content else {
        return Vec::new();
    };
    let without = first.iter();
    let mut findings: Vec<Finding> = without
        .filter_map(|one| keytab::without_key(keytab, one, meant))
        .collect();
    let path = name.strip_prefix("FILE:").unwrap_or(name).to_owned();
    let (keytab, realms, witness) = (Arc::clone(keytab), realms.to_vec(), Arc::clone(witness));
    let compared = begin(PATIENCE, move || {
        let compared = Compared {
            keytab: &keytab,
            path: &path,
            witness: &witness,
        };
        key_comparison::compare(&compared, &first, &realms)
    });
    let slow = || vec![unfinished(Area::Keytab, name)];
    findings.extend(compared.wait().unwrap_or_else(slow));
    findings
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
