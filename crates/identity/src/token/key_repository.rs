use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rand::CryptoRng;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::TokenError;
use super::fernet::{Envelope, FernetKey, Opened};

/// How long the folder is not looked at again.
const FRESH: Duration = Duration::from_secs(1);
/// After a token that no key opens: an attacker who sends such tokens shall not keep us reading the folder.
const IMPATIENT: Duration = Duration::from_millis(10);

/// A folder of keys as `keystone-manage fernet_setup` and `fernet_rotate` keep it: files `0`, `1`, `2` and so on.
///
/// `0` is staged: it will be the next primary, and opens tokens already, since another server may have promoted it.
/// The highest number is the primary, which seals. All others open. When somebody rotates the keys while we run, we see
/// it within a second, and at once when a token comes that none of the keys opens.
#[derive(Debug)]
pub struct KeyRepository {
    folder: PathBuf,
    max_active: usize,
    loaded: RwLock<Loaded>,
    generation: AtomicU64,
}

#[derive(Debug)]
struct Loaded {
    keys: Arc<Keys>,
    trace: Vec<Trace>,
    looked_at: Instant,
}

/// How we know that a file is still the one we read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trace {
    name: OsString,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// The keys of a repository at one time, the primary first.
#[derive(Debug)]
pub struct Keys {
    primary: FernetKey,
    others: Vec<FernetKey>,
}

impl KeyRepository {
    /// Keystone's default.
    pub const MAX_ACTIVE: usize = 3;

    /// The keys in `folder`; a rotation by us leaves `max_active` of them, staged and primary among them.
    pub fn open(folder: &Path, max_active: usize) -> Result<Self, TokenError> {
        warn_of_open_doors(folder);
        Ok(Self {
            loaded: RwLock::new(Loaded::read(folder)?),
            folder: folder.to_owned(),
            max_active: max_active.max(2),
            generation: AtomicU64::new(0),
        })
    }

    /// Makes the folder with a staged and a primary key when there are none, then opens it.
    pub fn set_up(
        folder: &Path,
        max_active: usize,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, TokenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| at(folder, source))?;
        if numbers(folder)?.is_empty() {
            stage(folder, rng)?;
            rotate(folder, max_active.max(2), rng)?;
        }
        Self::open(folder, max_active)
    }

    /// Promotes the staged key to primary, stages a new one, and takes away the oldest beyond the number that may be active.
    pub fn rotate(&self, rng: &mut dyn CryptoRng) -> Result<(), TokenError> {
        rotate(&self.folder, self.max_active, rng)?;
        self.reload().map(drop)
    }

    /// Where the keys are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Changes whenever the keys do.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The keys, read again when the folder has changed. While it cannot be read, the old ones serve.
    pub fn current(&self) -> Result<Arc<Keys>, TokenError> {
        if self.age() > FRESH
            && let Err(fault) = self.reload()
        {
            warn!(%fault, "the old keys serve on");
        }
        Ok(self.read().keys.clone())
    }

    /// Looks at the folder now, unless that has just been done. True when there are other keys than before.
    pub(super) fn look_again(&self) -> Result<bool, TokenError> {
        match self.age() > IMPATIENT {
            true => self.reload(),
            false => Ok(false),
        }
    }

    fn reload(&self) -> Result<bool, TokenError> {
        let now = Instant::now();
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.looked_at = now;
        if traces(&self.folder)? == loaded.trace {
            return Ok(false);
        }
        *loaded = Loaded::read(&self.folder)?;
        self.generation.fetch_add(1, Ordering::AcqRel);
        info!(folder = %self.folder.display(), keys = loaded.keys.count(), "read the token keys again");
        Ok(true)
    }

    fn age(&self) -> Duration {
        self.read().looked_at.elapsed()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    /// The key that seals.
    #[must_use]
    pub fn primary(&self) -> &FernetKey {
        &self.primary
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    pub(super) fn open(&self, envelope: &Envelope) -> Result<Opened, TokenError> {
        let mut opened = self.primary.open(envelope);
        for key in &self.others {
            if !matches!(opened, Err(TokenError::UnknownKey)) {
                break;
            }
            opened = key.open(envelope);
        }
        opened
    }
}

impl Loaded {
    fn read(folder: &Path) -> Result<Self, TokenError> {
        let looked_at = Instant::now();
        // The trace is taken first: a change while we read is seen at the next look.
        let trace = traces(folder)?;
        let mut keys = Vec::new();
        for number in numbers(folder)?.into_iter().rev() {
            let path = folder.join(number.to_string());
            let text = match fs::read_to_string(&path) {
                Ok(text) => Zeroizing::new(text),
                // Purged between listing and reading.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(at(&path, source)),
            };
            match FernetKey::from_text(&text) {
                Some(key) => keys.push(key),
                None => warn!(file = %path.display(), "this is no key; it is left out"),
            }
        }
        let mut keys = keys.into_iter();
        let primary = keys
            .next()
            .ok_or_else(|| TokenError::NoKeys(folder.to_owned()))?;
        Ok(Self {
            keys: Arc::new(Keys {
                primary,
                others: keys.collect(),
            }),
            trace,
            looked_at,
        })
    }
}

fn rotate(folder: &Path, max_active: usize, rng: &mut dyn CryptoRng) -> Result<(), TokenError> {
    let mut numbers = numbers(folder)?;
    if numbers.first() == Some(&0) {
        let next = numbers
            .last()
            .map_or(1, |highest| highest.saturating_add(1));
        let written = write_staged(folder, rng)?;
        rename(&folder.join("0"), &folder.join(next.to_string()))?;
        rename(&written, &folder.join("0"))?;
        numbers.push(next);
    } else {
        // A rotation was cut short between its two renames: the staged key has been promoted, the next is missing.
        stage(folder, rng)?;
    }
    numbers.retain(|number| *number != 0);
    let excess = numbers.len().saturating_sub(max_active.saturating_sub(1));
    for number in numbers.into_iter().take(excess) {
        let path = folder.join(number.to_string());
        fs::remove_file(&path).map_err(|source| at(&path, source))?;
    }
    sync_folder(folder)
}

fn stage(folder: &Path, rng: &mut dyn CryptoRng) -> Result<(), TokenError> {
    let written = write_staged(folder, rng)?;
    rename(&written, &folder.join("0"))?;
    sync_folder(folder)
}

/// Keystone's name for it, so that either overwrites what the other left behind.
fn write_staged(folder: &Path, rng: &mut dyn CryptoRng) -> Result<PathBuf, TokenError> {
    let path = folder.join("0.tmp");
    let mut write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(FernetKey::generate(rng).to_text().as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| at(&path, source))?;
    Ok(path)
}

fn rename(from: &Path, to: &Path) -> Result<(), TokenError> {
    fs::rename(from, to).map_err(|source| at(from, source))
}

fn sync_folder(folder: &Path) -> Result<(), TokenError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| at(folder, source))
}

/// The numbers of the keys, ascending. Empty files are of a set-up that was cut short.
fn numbers(folder: &Path) -> Result<Vec<u64>, TokenError> {
    let mut numbers: Vec<u64> = traces(folder)?
        .iter()
        .filter(|trace| trace.size > 0)
        .filter_map(|trace| trace.name.to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn traces(folder: &Path) -> Result<Vec<Trace>, TokenError> {
    let list = || -> io::Result<Vec<Trace>> {
        let mut traces = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => continue,
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => continue,
                Err(fault) => return Err(fault),
            };
            traces.push(Trace {
                name: entry.file_name(),
                inode: metadata.ino(),
                size: metadata.size(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            });
        }
        traces.sort_unstable();
        Ok(traces)
    };
    list().map_err(|source| at(folder, source))
}

fn warn_of_open_doors(folder: &Path) {
    if let Ok(metadata) = fs::metadata(folder)
        && metadata.mode() & 0o005 != 0
    {
        warn!(folder = %folder.display(), "everybody can read the token keys");
    }
}

fn at(path: &Path, source: io::Error) -> TokenError {
    TokenError::Repository {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<u64> {
        numbers(folder).unwrap()
    }

    #[test]
    fn rotates_as_keystone_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fernet");
        let mut rng = rand::rng();
        let repository = KeyRepository::set_up(&path, 3, &mut rng).unwrap();
        assert_eq!(names(&path), [0, 1]);
        let staged = fs::read(path.join("0")).unwrap();
        repository.rotate(&mut rng).unwrap();
        assert_eq!(names(&path), [0, 1, 2]);
        assert_eq!(fs::read(path.join("2")).unwrap(), staged);
        repository.rotate(&mut rng).unwrap();
        assert_eq!(names(&path), [0, 2, 3]);
        assert_eq!(repository.current().unwrap().count(), 3);
        assert_eq!(repository.generation(), 2);
        let mode = fs::metadata(path.join("0")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        KeyRepository::set_up(&path, 3, &mut rng).unwrap();
        assert_eq!(names(&path), [0, 2, 3]);
    }

    #[test]
    fn finishes_a_rotation_that_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = rand::rng();
        let repository = KeyRepository::set_up(folder.path(), 3, &mut rng).unwrap();
        rename(&folder.path().join("0"), &folder.path().join("2")).unwrap();
        repository.rotate(&mut rng).unwrap();
        assert_eq!(names(folder.path()), [0, 1, 2]);
    }

    #[test]
    fn leaves_out_what_is_no_key_and_refuses_a_folder_without_any() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("0"), "").unwrap();
        fs::write(folder.path().join("4"), "not base64").unwrap();
        fs::write(folder.path().join("notes"), "about the keys").unwrap();
        let none = KeyRepository::open(folder.path(), 3);
        assert!(matches!(none, Err(TokenError::NoKeys(_))), "{none:?}");
        let key = FernetKey::generate(&mut rand::rng());
        fs::write(folder.path().join("3"), key.to_text().as_bytes()).unwrap();
        let one = KeyRepository::open(folder.path(), 3).unwrap();
        assert_eq!(one.current().unwrap().count(), 1);
    }
}
