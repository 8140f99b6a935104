//! What the identity service is left with: its store, its keys, its books, and what the C library reads.
//!
//! In the folder of the settings nothing is given but the files that they name: what else lies there is not for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::IdentitySettings;
use crate::sandbox::{self, READ_BY_EVERYBODY, Right};

/// Puts up what the kernel has, around this thread and those that it starts from now on.
pub(super) fn put_up(settings: &IdentitySettings) {
    let places = places(settings);
    sandbox::put_up(places.iter().map(|(path, right)| (path.as_path(), *right)));
}

fn places(settings: &IdentitySettings) -> BTreeMap<PathBuf, Right> {
    let mut places: BTreeMap<PathBuf, Right> = READ_BY_EVERYBODY
        .iter()
        .map(|path| (PathBuf::from(path), Right::Read))
        .collect();
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
