//! `kerb identity fernet`: the keys that tokens are made with, in a folder as Keystone keeps it.

use clap::Subcommand;
use kerbstone_identity::token::KeyRepository;

use super::bootstrap::no_keys;
use super::settings::IdentitySettings;
use crate::console::{Console, out};
use crate::failure::Failure;

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Make the folder with a first and a next key, unless there are keys.
    Setup,
    /// Make tokens with the next key from now on, make one for the time after, and forget the oldest.
    Rotate,
}

/// Does it; a running service sees it within a second.
pub(super) fn run(
    task: &Task,
    settings: &IdentitySettings,
    console: &mut Console,
) -> Result<(), Failure> {
    let folder = settings.keys.display();
    match task {
        Task::Setup => {
            let keys =
                KeyRepository::set_up(&settings.keys, settings.max_active_keys, &mut rand::rng());
            let count = keys.and_then(|keys| keys.current().map(|keys| keys.count()));
            let count = count.map_err(|error| no_keys("cannot make keys", &error))?;
            out!(console, "{folder} has {count} keys\n");
        }
        Task::Rotate => {
            let keys = KeyRepository::open(&settings.keys, settings.max_active_keys);
            let rotated = keys.and_then(|keys| {
                keys.rotate(&mut rand::rng())?;
                keys.current().map(|keys| keys.count())
            });
            let count = rotated.map_err(|error| no_keys("cannot rotate the keys", &error))?;
            out!(
                console,
                "{folder} has {count} keys; tokens made with those that are gone hold no longer\n"
            );
        }
    }
    Ok(())
}
