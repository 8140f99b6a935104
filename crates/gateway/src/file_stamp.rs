//! By what one sees that a file has been replaced or written to.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the system says about files; two that are alike mean that nothing has happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<[i64; 4]>>);

impl Stamp {
    /// That of these files, of which some may not be there.
    pub(crate) fn of<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        let stamps = paths.into_iter().map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some([
                file.mtime(),
                file.mtime_nsec(),
                i64::try_from(file.size()).unwrap_or(i64::MAX),
                file.ino().cast_signed(),
            ])
        });
        Self(stamps.collect())
    }
}
