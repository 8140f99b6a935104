//! Passwords, sessions, rates and delegated tickets, as the settings want them.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;

use kerbstone_client::{Context, Environment};
use kerbstone_gateway::Table;
use kerbstone_gateway::delegation::Delegation;
use kerbstone_gateway::entry_point::{Destination, EntryPoint};
use kerbstone_gateway::rate::Rates;
use kerbstone_gateway::session::Sessions;
use kerbstone_gateway::session::key_ring::RingFault;
use kerbstone_gateway::way::Way;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_verify::{AcceptorSource, KdcProof, Passwords, Realms};

use super::keys::Purpose;
use super::service::ServiceError;
use super::settings::{BadEntry, BadSessions, GatewaySettings};
use super::upkeep::now;

/// Puts into a table what lets people in, and keeps them in.
///
/// # Errors
/// [`ServiceError`] for the first thing that cannot be had.
pub(super) fn let_in(
    table: &mut Table,
    settings: &GatewaySettings,
    purpose: Purpose,
) -> Result<(), ServiceError> {
    let lone = lone_forms(table);
    if !lone.is_empty() {
        return Err(ServiceError::Entry(lone));
    }
    if uses(table, |point| point.has(Way::Basic) || point.has(Way::Form)) {
        table.passwords = Some(Arc::new(passwords(settings, &table.acceptors)?));
    }
    let keeps = |point: &EntryPoint| {
        point.has(Way::Session) || matches!(point.destination, Destination::SignOut)
    };
    if uses(table, keeps) {
        table.sessions = Some(Arc::new(sessions(settings, purpose)?));
    }
    if let (Some(delegation), Purpose::Serve) = (&settings.delegation, purpose) {
        let delegation = Delegation::open(delegation.delegation(&settings.folder))?;
        table.delegation = Some(Arc::new(delegation));
    }
    let routes = table.entry_points.iter().map(|point| point.rate).collect();
    table.rates = Arc::new(Rates::new(settings.rates.rates(routes)));
    Ok(())
}

/// The context by which KDCs are found.
///
/// # Errors
/// krb5.conf cannot be read.
pub(super) fn context(settings: &GatewaySettings) -> Result<Context, ServiceError> {
    let mut environment = Environment::of_process();
    if let Some(path) = &settings.krb5_conf {
        environment.krb5_config = Some(path.to_string_lossy().into_owned());
    }
    Ok(Context::new(environment)?)
}

fn uses(table: &Table, is_used: impl Fn(&EntryPoint) -> bool) -> bool {
    table.entry_points.iter().any(is_used)
}

/// Forms after which nobody would be known.
fn lone_forms(table: &Table) -> Vec<BadEntry> {
    let is_lone = |point: &&EntryPoint| point.has(Way::Form) && !point.has(Way::Session);
    let lone = table.entry_points.iter().filter(is_lone);
    lone.map(|point| {
        let why = "the way `form` needs `session` beside it: the form only begins one".to_owned();
        BadEntry::new(point, why)
    })
    .collect()
}

fn passwords(
    settings: &GatewaySettings,
    acceptors: &Arc<AcceptorSource>,
) -> Result<Passwords, ServiceError> {
    let typed = &settings.passwords;
    let context = context(settings)?;
    let realm = match &typed.realm {
        Some(realm) => Realm::from(realm.as_str()),
        None => context.default_realm()?,
    };
    let proof = match typed.verify {
        true => KdcProof::Ticket {
            service: service(settings, acceptors, &realm)?,
            acceptors: Arc::clone(acceptors),
        },
        false => {
            tracing::warn!(
                "verify = false: whoever answers in the KDC's place lets in whom they like"
            );
            KdcProof::Nothing
        }
    };
    let others = typed
        .other_realms
        .iter()
        .map(|realm| Realm::from(realm.as_str()));
    let realms = Realms::only(realm).and(others);
    Ok(Passwords::new(
        Arc::new(context),
        realms,
        proof,
        typed.limits(),
    ))
}

/// Our own service, for which the KDC has to make a ticket.
fn service(
    settings: &GatewaySettings,
    acceptors: &AcceptorSource,
    realm: &Realm,
) -> Result<Principal, ServiceError> {
    match &settings.passwords.service {
        Some(name) => Principal::parse(name, Some(realm))
            .map_err(|error| ServiceError::OwnService(format!("{name}: {error}"))),
        None => acceptors.service().ok_or_else(|| {
            ServiceError::OwnService(
                "the proxy does not say for which service it has keys".to_owned(),
            )
        }),
    }
}

fn sessions(settings: &GatewaySettings, purpose: Purpose) -> Result<Sessions, ServiceError> {
    let typed = &settings.sessions;
    let keys = typed.keys(&settings.folder);
    if settings.proxy.is_some() && keys.parent() == Some(&settings.folder) {
        return Err(BadSessions::SharedFolder.into());
    }
    if purpose == Purpose::Look {
        return Ok(Sessions::in_memory(typed.style()?, typed.lives()?, now()));
    }
    if let Some(folder) = keys.parent().filter(|folder| !folder.is_dir()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| RingFault::Io {
            path: folder.to_owned(),
            source,
        })?;
    }
    Ok(Sessions::open(
        typed.style()?,
        typed.lives()?,
        &keys,
        now(),
    )?)
}
