//! `kerb logout`: destroy tickets.

use clap::Args;
use kerbstone_client::{Cache, ClientError};

use crate::console::{Console, out};
use crate::failure::Failure;
use crate::session::Session;

/// The command line of `kerb logout`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Destroy every cache of the collection.
    #[arg(short = 'A', long, conflicts_with = "principal")]
    all: bool,
    /// The cache to destroy.
    #[arg(short, long, value_name = "CACHE")]
    cache: Option<String>,
    /// Destroy the cache of this principal.
    #[arg(short, long, value_name = "PRINCIPAL")]
    principal: Option<String>,
    /// Say nothing.
    #[arg(short, long)]
    quiet: bool,
}

/// Destroys what is asked for. Not being signed in is no failure.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let caches = caches(typed).map_err(|error| Failure::of("cannot sign out", &error))?;
    let mut destroyed = 0;
    for cache in caches {
        let owner = cache.principal();
        match cache.destroy() {
            Ok(()) => destroyed += 1,
            Err(ClientError::NoCache { .. }) => continue,
            Err(error) => {
                return Err(Failure::of(
                    format!("cannot destroy {}", cache.name()),
                    &error,
                ));
            }
        }
        match owner {
            _ if typed.quiet => {}
            Ok(owner) => out!(console, "Signed out {owner} ({})\n", cache.name()),
            Err(_) => out!(console, "Destroyed {}\n", cache.name()),
        }
    }
    if destroyed == 0 && !typed.quiet {
        out!(console, "Nobody was signed in.\n");
    }
    Ok(())
}

fn caches(typed: &Typed) -> Result<Vec<Cache>, ClientError> {
    let session = Session::with_cache(typed.cache.as_deref())?;
    if typed.all {
        return session.collection()?.caches();
    }
    match &typed.principal {
        Some(name) => {
            let owner = session.principal(name, false)?;
            Ok(vec![session.collection()?.cache_of(&owner)?])
        }
        None => Ok(vec![session.default_cache()?]),
    }
}
