//! The engine of a configuration.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use kerbstone_client::Environment;
use kerbstone_proxy::daemon::{Hall, Limits};
use kerbstone_proxy::desk::{Desk, DeskEnvironment, DeskError};
use kerbstone_proxy::procedures::Engine;
use kerbstone_proxy::settings::{LimitOptions, Settings};
use rustix::process::{Resource, getrlimit};

/// Descriptors that connections leave for everything else.
const OTHER_DESCRIPTORS: usize = 256;

/// Settings with an engine of their own: what an earlier one has in memory is not carried over.
pub(super) fn hall(settings: Settings) -> Result<Hall, DeskError> {
    let environment = DeskEnvironment {
        kerberos: Environment::of_process(),
        replay_cache: variable("KRB5RCACHENAME"),
        replay_cache_dir: variable("KRB5RCACHEDIR").map(PathBuf::from),
    };
    let desk = Desk::new(environment)?;
    Ok(Hall::new(settings, Engine::new(Arc::new(desk))?))
}

/// The daemon's own limits with those that the files set.
pub(super) fn limits(settings: &Settings) -> Limits {
    let LimitOptions {
        connections,
        connections_per_uid,
        idle,
        slow_calls,
        slow_calls_per_uid,
        queued_per_uid,
    } = settings.global.limits;
    let own = Limits::default();
    let threads = settings.global.worker_threads;
    let threads = threads.and_then(|number| usize::try_from(number).ok());
    let at_once = slow_calls.or(threads).unwrap_or(own.slow_calls);
    // A uid leaves others some threads, however few there are.
    let share = own.slow_calls_per_uid.min((at_once / 4).max(2));
    Limits {
        connections: connections
            .unwrap_or(own.connections)
            .min(most_connections()),
        connections_per_uid: connections_per_uid.unwrap_or(own.connections_per_uid),
        idle: idle.unwrap_or(own.idle),
        slow_calls: at_once,
        slow_calls_per_uid: slow_calls_per_uid.unwrap_or(share),
        queued_per_uid: queued_per_uid.unwrap_or(own.queued_per_uid),
        ..own
    }
}

/// As many as there are descriptors for, with some left for files, KDCs and name services.
fn most_connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current;
    let descriptors = descriptors.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    descriptors.saturating_sub(OTHER_DESCRIPTORS).max(1)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
