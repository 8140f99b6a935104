//! What the identity service is left with: its store, its keys, its books, and what the C library reads.
//!
//! In the folder of the settings nothing is given but the files that they name: what else lies there is not for it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::settings::IdentitySettings;
use crate::sandbox::{self, Right};

/// Puts up what the kernel has, around this thread and those that it starts from now on.
pub(super) fn put_up(settings: &IdentitySettings) {
    sandbox::put_up(&places(settings));
}

fn places(settings: &IdentitySettings) -> BTreeMap<PathBuf, Right> {
    let mut places = sandbox::read_by_everybody();
    places.insert(settings.keys.clone(), Right::Read);
    places.insert(settings.credential_keys.clone(), Right::Read);
    places.insert(settings.store.clone(), Right::Write);
    let files = [
        (&settings.keytab, Right::Read),
        (&settings.krb5_conf, Right::Read),
        (&settings.audit, Right::Add),
    ];
    for (file, right) in files {
        let Some(file) = file else { continue };
        places.insert(sandbox::place(file, &settings.folder), right);
    }
    places
}
