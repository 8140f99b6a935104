//! `kerb gateway check FILE`: everything that is wrong with the settings, and what may not be meant so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::entry_points::EntryPoints;
use kerbstone_gateway::groups::Groups;
use kerbstone_gateway::listener::{Address, Listener, ListenerSettings};
use kerbstone_gateway::pool::{PoolSettings, Pools};
use kerbstone_gateway::rule::Rule;
use kerbstone_gateway::tls::ClientCertificates;
use kerbstone_gateway::variables::{Domain, Variable};
use kerbstone_gateway::way::Way;
use kerbstone_verify::AcceptorSource;
use nix::unistd::Group;

use super::keys::{Keys, Purpose};
use super::settings::GatewaySettings;
use super::table;
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::serve::DEFAULT_CONFIG;

/// The command line of `kerb gateway check`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The settings file.
    #[arg(value_name = "FILE", default_value = DEFAULT_CONFIG)]
    file: PathBuf,
}

/// What a check finds.
#[derive(Debug, Default)]
struct Findings {
    /// With any of these the gateway does not start.
    problems: Vec<String>,
    /// These may be meant so.
    warnings: Vec<String>,
}

/// Says everything that is wrong with a settings file.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    check(&typed.file, console)
}

/// The same for `kerb gateway --check`.
pub(super) fn check(file: &Path, console: &mut Console) -> Result<(), Failure> {
    let what = format!("{} is not in order", file.display());
    let settings = GatewaySettings::read(file)
        .map_err(|error| Failure::refused(what.clone(), error.to_string(), error.help()))?;
    let Findings { problems, warnings } = Findings::of(&settings);
    for warning in &warnings {
        out!(console, "warning: {warning}\n");
    }
    if problems.is_empty() {
        out!(console, "{} is in order\n", file.display());
        return Ok(());
    }
    let help = "the book's page on kerbstone.toml has every name, and what it means";
    Err(Failure::refused(what, problems.join("\n  "), help))
}

impl Findings {
    fn of(settings: &GatewaySettings) -> Self {
        let mut findings = Self::default();
        let listeners = findings.listeners(settings);
        let acceptors = findings.keys(settings);
        let pools = findings.pools(settings);
        let entry_points = match settings.entry_points() {
            Ok(entry_points) => Some(entry_points),
            Err(faults) => {
                let faults = faults.iter().map(ToString::to_string);
                findings.problems.extend(faults);
                None
            }
        };
        if let Err(error) = settings.certificates.map(&settings.folder) {
            findings.problem(&error);
        }
        if let Err(error) = table::local_names(settings) {
            findings.problem(&error);
        }
        if let Some(entry_points) = entry_points {
            let unknown = table::unknown_pools(&entry_points, &pools);
            let unknown = unknown.iter().map(ToString::to_string);
            findings.problems.extend(unknown);
            let doubts = entry_points.doubts();
            let doubts = doubts.iter().map(ToString::to_string);
            findings.warnings.extend(doubts);
            findings.unused(&entry_points, &pools);
            findings.doors(&entry_points, &listeners);
            findings.people(&entry_points, settings);
        }
        // What remains is found by doing it.
        if let (true, Some(acceptors)) = (findings.problems.is_empty(), acceptors)
            && let Err(error) = table::table(settings, acceptors, Purpose::Look)
        {
            findings.problem(&error);
        }
        findings
    }

    fn problem(&mut self, error: &dyn std::error::Error) {
        self.problems.push(error.to_string());
    }

    fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }

    fn listeners(&mut self, settings: &GatewaySettings) -> Vec<ListenerSettings> {
        let listeners = match settings.listeners() {
            Ok(listeners) => listeners,
            Err(error) => {
                self.problem(&error);
                return Vec::new();
            }
        };
        for listener in &listeners {
            if let Err(error) = Listener::open(listener.clone()) {
                self.problems
                    .push(format!("the listener {}: {error}", listener.name));
            }
        }
        listeners
    }

    fn keys(&mut self, settings: &GatewaySettings) -> Option<AcceptorSource> {
        let acceptors =
            Keys::open(settings, Purpose::Look).and_then(|keys| keys.acceptors(settings));
        // A file without a folder in its name is in the one that we are in.
        let is_there = |folder: &Path| folder.as_os_str().is_empty() || folder.is_dir();
        let replays = settings.replay_cache.parent();
        if settings.keytab.is_some() && !replays.is_some_and(is_there) {
            self.problems.push(format!(
                "there is no folder for the replay cache {}",
                settings.replay_cache.display()
            ));
        }
        acceptors.map_err(|error| self.problem(&error)).ok()
    }

    fn pools(&mut self, settings: &GatewaySettings) -> Vec<PoolSettings> {
        let mut pools = Vec::new();
        for pool in table::each_pool(settings) {
            match pool {
                Ok(pool) => pools.push(pool),
                Err(error) => self.problem(&error),
            }
        }
        let faults: BTreeSet<String> = pools
            .iter()
            .map(|pool| vec![pool.clone()])
            .chain([pools.clone()])
            .filter_map(|pools| Pools::new(pools).err())
            .map(|error| error.to_string())
            .collect();
        self.problems.extend(faults);
        pools
    }

    /// Pools that nobody uses.
    fn unused(&mut self, entry_points: &EntryPoints, pools: &[PoolSettings]) {
        let leads = |name: &str| {
            entry_points.iter().any(
                |point| matches!(&point.destination, Destination::Pool(pool) if **pool == *name),
            )
        };
        for pool in pools.iter().filter(|pool| !leads(&pool.name)) {
            self.warning(format!("no entry leads to the pool {}", pool.name));
        }
    }

    /// Entry points beside listeners.
    fn doors(&mut self, entry_points: &EntryPoints, listeners: &[ListenerSettings]) {
        let names: Vec<&str> = listeners.iter().map(|one| one.name.as_str()).collect();
        for point in entry_points.iter() {
            for name in &point.place.listeners {
                if !names.contains(&name.as_str()) && !names.is_empty() {
                    self.problems.push(format!(
                        "{point} is at the listener `{name}`, and there are only {}",
                        names.join(", ")
                    ));
                }
            }
            let own: Vec<&ListenerSettings> = listeners
                .iter()
                .filter(|one| {
                    point.place.listeners.is_empty() || point.place.listeners.contains(&one.name)
                })
                .collect();
            let asks = |one: &&ListenerSettings| {
                let asked = one.tls.as_ref().map(|tls| tls.client_certificates);
                asked.is_some_and(|asked| asked != ClientCertificates::None)
            };
            let needs = point.has(Way::Certificate) || point.rule.asks_for_a_certificate();
            if needs && !own.iter().any(asks) && !own.is_empty() {
                self.warning(format!(
                    "nobody can show a certificate at {point}: no listener that it is at asks for one (`client_certificates`)"
                ));
            }
            let in_clear = |one: &&ListenerSettings| one.tls.is_none();
            let has_tcp = |one: &&ListenerSettings| {
                let mut addresses = one.addresses.iter();
                addresses.any(|address| matches!(address, Address::Tcp(_)))
            };
            let passwords = point.has(Way::Basic) || point.has(Way::Form);
            if passwords && own.iter().any(|one| in_clear(one) && has_tcp(one)) {
                self.warning(format!(
                    "passwords and cookies for {point} may come over a listener without TLS"
                ));
            }
            for name in &names {
                if let Some(other) = entry_points.shadow_of(point, name) {
                    self.warning(format!(
                        "no request by the listener {name} reaches {point}: {other} takes them all"
                    ));
                }
            }
        }
    }

    /// Rules that nobody can meet.
    fn people(&mut self, entry_points: &EntryPoints, settings: &GatewaySettings) {
        let groups = settings.groups();
        for point in entry_points.iter() {
            self.rule(point, &point.rule, &groups);
            let tells_domain = point.tell.contains(&Variable::Domain);
            let is_by_realm = point.domain == Domain::OfRealm;
            if tells_domain && is_by_realm && settings.domains.is_empty() {
                self.warning(format!(
                    "nobody comes in at {point}: it tells `domain`, and neither the entry has one nor [gateway.domains]"
                ));
            }
        }
    }

    fn rule(&mut self, point: &EntryPoint, rule: &Rule, groups: &Groups) {
        for user in &rule.users {
            let Some((_, realm)) = user.as_str().rsplit_once('@') else {
                continue;
            };
            let is_of = !realm.contains('*');
            if is_of && !rule.realms.is_empty() && !rule.realms.iter().any(|one| one.matches(realm))
            {
                self.warning(format!(
                    "`{user}` never comes in at {point}: the realm is not among its `realms`"
                ));
            }
        }
        for group in rule.groups.iter().filter(|group| !groups.has(group)) {
            if Group::from_name(group).ok().flatten().is_none() {
                self.warning(format!(
                    "nobody is in the group `{group}` of {point}: neither [gateway.groups] nor the host's group database has it"
                ));
            }
        }
    }
}
