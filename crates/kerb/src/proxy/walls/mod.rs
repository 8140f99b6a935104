//! Walls around the daemon: what it does not need, it cannot reach, even when somebody else speaks through it.
//!
//! Landlock leaves it the files that its configuration names, and what name services and the Kerberos library read;
//! seccomp takes away calls that it never makes. Neither limits whom it reaches over the network: KDCs are anywhere.
//! Walls can only be made tighter, so that a reload that names folders outside of them is told so, and works for those
//! only after a restart. Under LD_PRELOAD no walls are put up: nobody knows what the preloaded library needs.

mod places;
mod system_calls;

use std::env;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

use self::places::Places;
use super::flags::Flags;
use super::log::line;
use kerbstone_proxy::daemon::Hall;

/// Rights of this version and below are taken away where they are not given; later ones, such as connecting to unix
/// sockets, stay as they are, because name services need them.
const VERSION: ABI = ABI::V5;

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
            Ok(RulesetStatus::NotEnforced) => {
                line!(debug, "The kernel has no Landlock");
                false
            }
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "Landlock is not used");
                false
            }
        });
        if let Err(error) = system_calls::forbid() {
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
    if !flags.walls {
        return Some("--no-sandbox");
    }
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("LD_PRELOAD") {
        return Some("LD_PRELOAD is set");
    }
    is_set("KERB_NO_SANDBOX").then_some("KERB_NO_SANDBOX is set")
}

fn confine(places: &Places) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(VERSION) & !AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .create()?;
    for path in places.read() {
        ruleset = allow(ruleset, path, read)?;
    }
    for path in places.write() {
        ruleset = allow(ruleset, path, write)?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Gives rights below a folder; one that is not there gets none.
fn allow(
    ruleset: landlock::RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, RulesetError> {
    let Ok(place) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(VERSION)
    };
    ruleset.add_rule(PathBeneath::new(place, access))
}
