//! What the gateway goes by, made of the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use kerbstone_client::{Context, Environment};
use kerbstone_gateway::entry_point::Destination;
use kerbstone_gateway::entry_points::EntryPoints;
use kerbstone_gateway::pool::{MemberSettings, PoolSettings, Pools, Timeouts};
use kerbstone_gateway::{LocalNames, Table};
use kerbstone_verify::AcceptorSource;

use super::keys::Purpose;
use super::people;
use super::service::ServiceError;
use super::settings::{BadEntry, BadMember, GatewaySettings};

/// Makes the table. Nothing of one that is in force is changed by it.
///
/// # Errors
/// [`ServiceError`] for the first thing that the settings name and that cannot be had.
pub(super) fn table(
    settings: &GatewaySettings,
    acceptors: AcceptorSource,
    purpose: Purpose,
) -> Result<Table, ServiceError> {
    let entry_points = settings.entry_points().map_err(ServiceError::Entry)?;
    let pools: Vec<PoolSettings> = each_pool(settings).collect::<Result<_, _>>()?;
    let unknown = unknown_pools(&entry_points, &pools);
    if !unknown.is_empty() {
        return Err(ServiceError::Entry(unknown));
    }
    let pools = Arc::new(Pools::new(pools)?);
    let mut table = Table::new(entry_points, pools, Arc::new(acceptors));
    table.headers = Arc::new(settings.headers());
    table.local_names = local_names(settings)?;
    table.groups = settings.groups();
    table.domains = settings.domains.clone();
    table.certificates = settings.certificates.map(&settings.folder)?;
    table.limits = settings.limits();
    people::let_in(&mut table, settings, purpose)?;
    Ok(table)
}

/// All pools: those that are written, and one of one member for each `back_end`.
pub(super) fn each_pool(
    settings: &GatewaySettings,
) -> impl Iterator<Item = Result<PoolSettings, BadMember>> {
    let limits = settings.limits();
    let timeouts = Timeouts {
        connect: limits.connect,
        answer: limits.answer,
        between: limits.body,
        tunnel: limits.tunnel,
        ..Timeouts::default()
    };
    let lone = settings.entries().iter();
    let lone = lone.filter_map(|entry| entry.lone_member());
    let lone: BTreeMap<String, _> = lone
        .map(|address| (address.to_string(), address.within(&settings.folder)))
        .collect();
    let lone = lone.into_iter().map(move |(name, address)| {
        let mut pool = PoolSettings::new(name, vec![MemberSettings::at(address)]);
        pool.timeouts = timeouts;
        Ok(pool)
    });
    settings.each_pool().chain(lone)
}

/// Entries that lead to pools that are not there.
pub(super) fn unknown_pools(entry_points: &EntryPoints, pools: &[PoolSettings]) -> Vec<BadEntry> {
    let unknown = entry_points.iter().filter_map(|point| {
        let Destination::Pool(name) = &point.destination else {
            return None;
        };
        if pools.iter().any(|pool| *pool.name == **name) {
            return None;
        }
        let known: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
        Some(BadEntry::new(
            point,
            match known.as_slice() {
                [] => format!("it leads to the pool `{name}`, and there is no [[gateway.pool]]"),
                known => format!(
                    "it leads to the pool `{name}`, and there are only {}",
                    known.join(", ")
                ),
            },
        ))
    });
    unknown.collect()
}

/// By the configuration that the settings name, or that of the environment.
pub(super) fn local_names(settings: &GatewaySettings) -> Result<LocalNames, ServiceError> {
    let mut environment = Environment::of_process();
    if let Some(path) = &settings.krb5_conf {
        environment.krb5_config = Some(path.to_string_lossy().into_owned());
    }
    let context = Context::new(environment)?;
    Ok(LocalNames::new(context.conf().clone()))
}
