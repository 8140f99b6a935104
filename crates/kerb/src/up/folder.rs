//! What happens to files of a site's folder, and what to say when it does not.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The folder of a site, unless another is named.
pub(super) const DEFAULT: &str = "kerb-site";
/// Names the folder in a shell that `kerb env` has pointed at a site.
pub(super) const VARIABLE: &str = "KERBSTONE_SITE";

/// Where the site is that somebody asks about: as typed, or where the shell points, or in the usual place.
pub(crate) fn asked_for(typed: Option<&Path>) -> PathBuf {
    typed
        .map(Path::to_owned)
        .or_else(|| env::var_os(VARIABLE).map(PathBuf::from))
        .unwrap_or_else(|| DEFAULT.into())
}

/// A folder that cannot be used as a site's.
pub(super) fn unusable(folder: &Path, error: &io::Error) -> Failure {
    let help = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "make room there, or name a folder on another disk: kerb up DIR"
        }
        _ => "name a folder that you may write to: kerb up DIR",
    };
    let why = format!("{}: {error}", folder.display());
    Failure::refused("cannot set up the site", why, help)
}

/// Writes a file in one step: it has the old content or the new one, whatever happens.
pub(super) fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let _left_over = fs::remove_file(&unfinished);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// A path as a shell takes it for one word.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_path_with_a_quote_stays_one_word_of_the_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }

    #[test]
    fn a_replaced_file_has_its_mode_from_the_start_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for content in [b"old", b"new"] {
            replace(&path, 0o600, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
