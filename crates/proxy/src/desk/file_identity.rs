//! Whether a file is still the one that was read.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// File systems date changes by the clock's tick: one that is younger than this may be followed by
/// another that does not show.
const TICK: Duration = Duration::from_millis(20);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileIdentity {
    /// That of the file at `path`. To be taken before the file is read: what is written in between
    /// shows at the next look.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether the last change is so long ago that every later one has another time.
    pub(super) fn is_settled(&self) -> bool {
        let (Ok(seconds), Ok(nanoseconds)) = (self.changed.0.try_into(), self.changed.1.try_into())
        else {
            return false;
        };
        let changed = UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds)));
        changed.is_some_and(|changed| {
            SystemTime::now()
                .duration_since(changed)
                .is_ok_and(|age| age > TICK)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tells_a_file_from_one_that_was_put_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keytab");
        fs::write(&path, b"one").unwrap();
        let before = FileIdentity::of(&path).unwrap();
        assert_eq!(FileIdentity::of(&path).unwrap(), before);
        let other = folder.path().join("other");
        fs::write(&other, b"two").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_ne!(FileIdentity::of(&path).unwrap(), before);
    }

    #[test]
    fn does_not_trust_a_file_that_was_written_just_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keytab");
        fs::write(&path, b"one").unwrap();
        let mut identity = FileIdentity::of(&path).unwrap();
        let soon = SystemTime::now() + Duration::from_secs(1);
        let since = soon.duration_since(UNIX_EPOCH).unwrap();
        identity.changed.0 = since.as_secs().try_into().unwrap();
        assert!(!identity.is_settled());
        identity.changed.0 -= 10;
        assert!(identity.is_settled());
    }
}
