//! Walls around the daemon: what it does not need, it cannot reach, even when somebody else speaks through it.
//!
//! Landlock leaves it the files that its configuration names, and what name services and the Kerberos library read;
//! seccomp takes away calls that it never makes. Neither limits whom it reaches over the network: KDCs are anywhere.
//! Walls can only be made tighter, so that a reload that names folders outside of them is told so, and works for those
//! only after a restart. Under LD_PRELOAD no walls are put up: nobody knows what the preloaded library needs.

mod places;

use std::path::PathBuf;

use kerbstone_proxy::daemon::Hall;
use landlock::RulesetError;

use self::places::Places;
use super::flags::Flags;
use super::log::line;
use crate::sandbox::{self, Right};

/// What was put up.
#[derive(Debug, Default)]
pub(super) struct Walls {
    within: Option<Places>,
}

impl Walls {
    /// Puts up what the kernel has, around this thread and those that it starts from now on.
    pub(super) fn put_up(flags: &Flags, hall: &Hall) -> Self {
        if let Some(why) = reason_for_none(flags) {
            line!(debug, "No sandbox: {why}");
            return Self::default();
        }
        let within = (!flags.user).then(|| Places::of(flags, hall));
        let within = within.filter(|places| match confine(places) {
            Ok(true) => true,
            Ok(false) => {
                line!(debug, "The kernel has no Landlock");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "Landlock is not used");
                false
            }
        });
        if let Err(error) = sandbox::forbid() {
            tracing::warn!(%error, "seccomp is not used");
        }
        Self { within }
    }

    /// Folders that a new configuration needs and that are outside.
    pub(super) fn outside(&self, flags: &Flags, hall: &Hall) -> Vec<PathBuf> {
        let Some(within) = &self.within else {
            return Vec::new();
        };
        Places::of(flags, hall).beyond(within)
    }
}

fn reason_for_none(flags: &Flags) -> Option<&'static str> {
    match flags.walls {
        false => Some("--no-sandbox"),
        true => sandbox::reason_for_none(),
    }
}

fn confine(places: &Places) -> Result<bool, RulesetError> {
    let read = places.read().map(|path| (path, Right::Read));
    let write = places.write().map(|path| (path, Right::Write));
    sandbox::confine(read.chain(write))
}
