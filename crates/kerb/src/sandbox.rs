//! Walls around a process: what it does not need, it cannot reach, even when somebody else speaks through it.
//!
//! Landlock leaves it the files that it is given; seccomp takes away calls that it never makes. Neither limits whom it
//! reaches over the network. Walls can only be made tighter, and stand around the thread that puts them up and those
//! that it starts from then on: put them up before the first.

mod system_calls;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
};

pub(crate) use self::system_calls::forbid;

/// Rights of this version and below are taken away where they are not given; later ones, such as connecting to unix
/// sockets, stay as they are, because name services need them.
const VERSION: ABI = ABI::V5;

/// What may be done with a file, or with everything below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Look at it.
    Read,
    /// Everything but running it.
    Write,
    /// Write files and make new ones, and look at none.
    Add,
}

impl Right {
    fn access(self) -> BitFlags<AccessFs> {
        match self {
            Self::Read => AccessFs::ReadFile | AccessFs::ReadDir,
            Self::Write => AccessFs::from_all(VERSION) & !AccessFs::Execute,
            Self::Add => AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::Truncate,
        }
    }
}

/// Read by the C library and its name services.
const READ_BY_EVERYBODY: [&str; 13] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/dev",
    "/sys/devices/system/cpu",
    "/run/NetworkManager",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd",
    "/var/lib/sss",
    "/var/run/nscd",
];

/// Places that the C library and its name services read, to which a process adds its own.
pub(crate) fn read_by_everybody() -> BTreeMap<PathBuf, Right> {
    READ_BY_EVERYBODY
        .iter()
        .map(|path| (PathBuf::from(path), Right::Read))
        .collect()
}

/// The file's folder, where files are replaced; the file alone where its folder is everybody's.
pub(crate) fn place(file: &Path, shared: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != shared => folder.to_owned(),
        _ => file.to_owned(),
    }
}

/// Puts up what the kernel has, around this thread and those that it starts from now on; what is missing is logged.
pub(crate) fn put_up(places: &BTreeMap<PathBuf, Right>) {
    if let Some(why) = reason_for_none() {
        tracing::warn!("no sandbox: {why}");
        return;
    }
    let places = places.iter().map(|(path, right)| (path.as_path(), *right));
    match confine(places) {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("the kernel has no Landlock: files are kept by their permissions only");
        }
        Err(error) => tracing::warn!(%error, "Landlock is not used"),
    }
    if let Err(error) = forbid() {
        tracing::warn!(%error, "seccomp is not used");
    }
}

/// Why nobody wants walls here, if so: whoever runs a process may switch them off, and under LD_PRELOAD nobody knows
/// what the preloaded library needs.
pub(crate) fn reason_for_none() -> Option<&'static str> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("LD_PRELOAD") {
        return Some("LD_PRELOAD is set");
    }
    is_set("KERB_NO_SANDBOX").then_some("KERB_NO_SANDBOX is set")
}

/// Leaves this thread, and those that it starts from now on, nothing but these places. `false` when the kernel has no
/// Landlock.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn confine<'a>(
    places: impl IntoIterator<Item = (&'a Path, Right)>,
) -> Result<bool, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .create()?;
    for (path, right) in places {
        ruleset = allow(ruleset, path, right.access())?;
    }
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Gives rights below a folder; one that is not there gets none.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
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

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::ErrorKind;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_reaches_what_it_was_given_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["given", "added", "kept"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("file"), name).unwrap();
        }
        let root = folder.path().to_owned();
        let confined = thread::spawn(move || {
            let (given, added) = (root.join("given"), root.join("added"));
            let places = [(&*given, Right::Read), (&*added, Right::Add)];
            if !confine(places).unwrap() {
                return;
            }
            let refused = |error: std::io::Error| {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            };
            assert_eq!(fs::read_to_string(given.join("file")).unwrap(), "given");
            refused(fs::write(given.join("file"), "changed").unwrap_err());
            fs::write(added.join("new"), "new").unwrap();
            OpenOptions::new()
                .append(true)
                .open(added.join("file"))
                .unwrap();
            refused(fs::read(added.join("file")).unwrap_err());
            refused(fs::read(root.join("kept/file")).unwrap_err());
            refused(fs::write(root.join("kept/new"), "new").unwrap_err());
        });
        confined.join().unwrap();
        assert!(folder.path().join("kept/file").exists());
    }

    #[test]
    fn the_settings_folder_is_not_given_away_for_a_file_in_it() {
        let shared = Path::new("/srv/site");
        for (file, place_of) in [
            ("/srv/site/tls/server.pem", "/srv/site/tls"),
            ("/srv/site/gateway.jsonl", "/srv/site/gateway.jsonl"),
            ("/var/log/gateway.jsonl", "/var/log"),
        ] {
            assert_eq!(place(Path::new(file), shared), Path::new(place_of));
        }
    }
}
