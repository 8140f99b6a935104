//! The engine of a configuration.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use kerbstone_client::Environment;
use kerbstone_proxy::daemon::{Hall, Limits};
use kerbstone_proxy::desk::{Desk, DeskEnvironment, DeskError};
use kerbstone_proxy::procedures::Engine;
use kerbstone_proxy::settings::{LimitOptions, Settings};

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
        connections: connections.unwrap_or(own.connections),
        connections_per_uid: connections_per_uid.unwrap_or(own.connections_per_uid),
        idle: idle.unwrap_or(own.idle),
        slow_calls: at_once,
        slow_calls_per_uid: slow_calls_per_uid.unwrap_or(share),
        queued_per_uid: queued_per_uid.unwrap_or(own.queued_per_uid),
        ..own
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
