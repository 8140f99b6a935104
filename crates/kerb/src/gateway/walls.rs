//! What a gateway is left with that has no keys of its own: certificates, its audit log, and what the C library reads.
//!
//! The keys of the site are not among it, so that a request which takes the process over finds none. In the folder of
//! the settings nothing is given but the files that they name: what else lies there is not for the gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::GatewaySettings;
use crate::sandbox::{self, Right};

/// Read by the C library and its name services.
const READ: [&str; 13] = [
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

/// Puts up what the kernel has, around this thread and those that it starts from now on.
pub(super) fn put_up(settings: &GatewaySettings) {
    if let Some(why) = sandbox::reason_for_none() {
        tracing::warn!("no sandbox: {why}");
        return;
    }
    let places = places(settings);
    let places = places.iter().map(|(path, right)| (path.as_path(), *right));
    match sandbox::confine(places) {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "the kernel has no Landlock: keys are kept from the gateway by their permissions only"
        ),
        Err(error) => tracing::warn!(%error, "Landlock is not used"),
    }
    if let Err(error) = sandbox::forbid() {
        tracing::warn!(%error, "seccomp is not used");
    }
}

fn places(settings: &GatewaySettings) -> BTreeMap<PathBuf, Right> {
    let mut places: BTreeMap<PathBuf, Right> = READ
        .iter()
        .map(|path| (PathBuf::from(path), Right::Read))
        .collect();
    for file in settings.tls_files() {
        places.insert(place(&file, &settings.folder), Right::Read);
    }
    let keys = settings.sessions.keys(&settings.folder);
    let folders = [
        keys.parent().map(Path::to_owned),
        settings
            .delegation
            .as_ref()
            .map(|delegation| delegation.delegation(&settings.folder).folder),
    ];
    let own = |folder: &PathBuf| *folder != settings.folder;
    let folders = folders.into_iter().flatten().filter(own);
    places.extend(folders.map(|folder| (folder, Right::Write)));
    let files = [
        // For SIGHUP, as long as it is written to, not replaced: its folder is not for the gateway.
        (Some(&settings.file), Right::Read),
        (settings.krb5_conf.as_ref(), Right::Read),
        (settings.audit.as_ref(), Right::Add),
        (
            settings.access_log.as_ref().map(|log| &log.file),
            Right::Add,
        ),
    ];
    for (file, right) in files {
        let Some(file) = file else { continue };
        places.insert(place(file, &settings.folder), right);
    }
    places
}

/// The file's folder, where files are replaced; the file alone where its folder is everybody's.
fn place(file: &Path, shared: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != shared => folder.to_owned(),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
