//! What a gateway is left with that has no keys of its own: certificates, its audit log, and what the C library reads.
//!
//! The keys of the site are not among it, so that a request which takes the process over finds none. In the folder of
//! the settings nothing is given but the files that they name: what else lies there is not for the gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::GatewaySettings;
use crate::sandbox::{self, Right};

/// Puts up what the kernel has, around this thread and those that it starts from now on.
pub(super) fn put_up(settings: &GatewaySettings) {
    sandbox::put_up(&places(settings));
}

fn places(settings: &GatewaySettings) -> BTreeMap<PathBuf, Right> {
    let mut places = sandbox::read_by_everybody();
    for file in settings.tls_files() {
        places.insert(sandbox::place(&file, &settings.folder), Right::Read);
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
        places.insert(sandbox::place(file, &settings.folder), right);
    }
    places
}
