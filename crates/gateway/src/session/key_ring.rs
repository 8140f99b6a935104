//! The keys that sessions are sealed with: the newest seals, all open, and each goes when nothing that it sealed can be
//! alive any more.
//!
//! In a file they outlive the process, and several processes share them: who meets a number that it does not know reads
//! the file again.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use kerbstone_proto::time::KerberosTime;
use zeroize::Zeroizing;

use crate::session::seal::{self, Purpose, SealingKey, Unsealed};

const HEAD: &str =
    "# Keys of sessions. Whoever reads this file can be anybody: keep it at mode 0600.";
const WORD: &str = "key";
/// More are not read: with hourly rotation they last for days.
const MOST_KEYS: usize = 256;
const MOST_OCTETS: u64 = 64 << 10;

/// Why a ring cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RingFault {
    /// The system refused to read or write it.
    #[error("the key ring {path}: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it, so its keys are no secret any more. Delete it: everybody signs in anew.
    #[error("the key ring {path} has mode {mode:03o}; others may have read it", path = path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line that is no key.
    #[error("the key ring {path}: line {line} is no key", path = path.display())]
    Line {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// How keys come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLives {
    /// A key seals for so long.
    pub seals: Duration,
    /// And opens for so long after that: the longest life of a session.
    pub opens: Duration,
}

/// Several keys.
#[derive(Debug)]
pub struct KeyRing {
    path: Option<PathBuf>,
    lives: KeyLives,
    keys: ArcSwap<Keys>,
    /// When the file was last read in search of a number.
    searched: Mutex<KerberosTime>,
}

/// The newest is the last.
#[derive(Debug, Default)]
struct Keys {
    births: Vec<KerberosTime>,
    keys: Vec<SealingKey>,
}

impl KeyRing {
    /// Keys that die with the process.
    pub fn in_memory(lives: KeyLives, now: KerberosTime) -> Self {
        let mut keys = Keys::default();
        keys.add(now);
        Self::with(None, lives, keys)
    }

    /// The keys of a file, which is made when it is missing.
    ///
    /// # Errors
    /// [`RingFault`] when it cannot be read or written, or others may read it.
    pub fn open(path: &Path, lives: KeyLives, now: KerberosTime) -> Result<Self, RingFault> {
        let ring = Self::with(Some(path.to_owned()), lives, Keys::default());
        ring.rotate(now)?;
        Ok(ring)
    }

    fn with(path: Option<PathBuf>, lives: KeyLives, keys: Keys) -> Self {
        Self {
            path,
            lives,
            keys: ArcSwap::from_pointee(keys),
            searched: Mutex::new(KerberosTime::ZERO),
        }
    }

    /// Takes up what other processes have written, and makes a new key when the newest has sealed long enough. To be
    /// called every minute or so; it waits for files.
    ///
    /// # Errors
    /// [`RingFault`]; the keys are what they were.
    pub fn rotate(&self, now: KerberosTime) -> Result<(), RingFault> {
        let Some(path) = &self.path else {
            let current = self.keys.load();
            if let Some(keys) = current.renewed(self.lives, now) {
                self.keys.store(Arc::new(keys));
            }
            return Ok(());
        };
        let failed = |source| RingFault::Io {
            path: path.clone(),
            source,
        };
        let _lock = lock(path).map_err(failed)?;
        let read = read(path)?;
        let keys = match read.renewed(self.lives, now) {
            Some(renewed) => {
                write(path, &renewed).map_err(failed)?;
                renewed
            }
            None => read,
        };
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    /// Whether both are the same file.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.path == other.path
    }

    pub(crate) fn seal(&self, purpose: Purpose, secret: &[u8]) -> String {
        let keys = self.keys.load();
        // A ring is never without a key.
        keys.keys
            .last()
            .map(|key| key.seal(purpose, secret))
            .unwrap_or_default()
    }

    pub(crate) fn unseal(
        &self,
        purpose: Purpose,
        text: &str,
        now: KerberosTime,
    ) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
        let opened = seal::open(&self.keys.load().keys, purpose, text);
        match opened {
            Err(Unsealed::Unknown(_)) if self.search(now) => {
                seal::open(&self.keys.load().keys, purpose, text)
            }
            opened => opened,
        }
    }

    /// Reads the file again, unless that was done this very second: numbers that nobody knows are easily made up.
    fn search(&self, now: KerberosTime) -> bool {
        let Some(path) = &self.path else { return false };
        {
            let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
            if *searched == now {
                return false;
            }
            *searched = now;
        }
        match read(path) {
            Ok(keys) if !keys.keys.is_empty() => {
                self.keys.store(Arc::new(keys));
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "the key ring cannot be read again");
                false
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.keys.load().keys.len()
    }
}

impl Keys {
    fn add(&mut self, now: KerberosTime) {
        let key = loop {
            let key = SealingKey::random();
            if !self.keys.iter().any(|other| other.number() == key.number()) {
                break key;
            }
        };
        self.births.push(now);
        self.keys.push(key);
    }

    /// The keys as they ought to be now, where they are not so already.
    fn renewed(&self, lives: KeyLives, now: KerberosTime) -> Option<Self> {
        let is_due = self
            .births
            .last()
            .is_none_or(|born| born.saturating_add(lives.seals) <= now);
        let dead = self.dead(lives, now);
        if !is_due && dead == 0 {
            return None;
        }
        let mut keys = Self {
            births: self.births.iter().skip(dead).copied().collect(),
            keys: self.keys.iter().skip(dead).map(copy).collect(),
        };
        if is_due {
            keys.add(now);
        }
        Some(keys)
    }

    /// How many of the oldest have nothing to open: a key stops to seal when the next is born, or a little later where
    /// another process has not heard of it.
    fn dead(&self, lives: KeyLives, now: KerberosTime) -> usize {
        let successors = self.births.iter().skip(1);
        let is_over =
            |born: &&KerberosTime| born.saturating_add(lives.opens).saturating_add(HEARSAY) < now;
        successors.take_while(is_over).count()
    }
}

/// How long a process may go on sealing with a key that another has replaced.
const HEARSAY: Duration = Duration::from_secs(300);

fn copy(key: &SealingKey) -> SealingKey {
    SealingKey::new(key.number(), Zeroizing::new(*key.bytes()))
}

/// Held until it is dropped. The file beside the ring is never replaced, as the ring is.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(name)?;
    file.lock()?;
    Ok(file)
}

fn read(path: &Path) -> Result<Keys, RingFault> {
    let failed = |source| RingFault::Io {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Keys::default()),
        file => file.map_err(failed)?,
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(RingFault::Exposed { path, mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MOST_OCTETS)
        .read_to_string(&mut text)
        .map_err(failed)?;
    parse(&text).map_err(|line| RingFault::Line {
        path: path.to_owned(),
        line,
    })
}

/// The error is the number of the line.
fn parse(text: &str) -> Result<Keys, usize> {
    let mut found: Vec<(KerberosTime, SealingKey)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        found.push(key_of(line).ok_or(number.saturating_add(1))?);
        if found.len() > MOST_KEYS {
            return Err(number.saturating_add(1));
        }
    }
    found.sort_by_key(|(born, _)| *born);
    let (births, keys) = found.into_iter().unzip();
    Ok(Keys { births, keys })
}

/// `key 1f2e3d4c 1800000000 <64 hexadecimal digits>`
fn key_of(line: &str) -> Option<(KerberosTime, SealingKey)> {
    let mut words = line.split(' ');
    let (word, number, born, digits) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if word != WORD || words.next().is_some() || digits.len() != 64 {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (place, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *place = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let number = u32::from_str_radix(number, 16).ok()?;
    let born = KerberosTime::from_unix(born.parse().ok()?);
    Some((born, SealingKey::new(number, bytes)))
}

/// In one step: whoever opens the path sees the old keys or the new ones.
fn write(path: &Path, keys: &Keys) -> io::Result<()> {
    let mut text = Zeroizing::new(format!("{HEAD}\n"));
    for (born, key) in keys.births.iter().zip(&keys.keys) {
        text.push_str(&format!("{WORD} {:08x} {} ", key.number(), born.unix()));
        for byte in key.bytes() {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // Whoever holds the lock is alone; this one was left by somebody who was killed.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const HOUR: u64 = 3600;
    const LIVES: KeyLives = KeyLives {
        seals: Duration::from_secs(HOUR),
        opens: Duration::from_secs(8 * HOUR),
    };

    fn at(hours: i64) -> KerberosTime {
        KerberosTime::from_unix(1_800_000_000 + 3600 * hours)
    }

    #[test]
    fn keys_outlive_the_process_and_are_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let sealed = KeyRing::open(&path, LIVES, at(0))
            .unwrap()
            .seal(Purpose::Session, b"x");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = KeyRing::open(&path, LIVES, at(0)).unwrap();
        assert!(again.unseal(Purpose::Session, &sealed, at(0)).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            KeyRing::open(&path, LIVES, at(0)),
            Err(RingFault::Exposed { mode: 0o640, .. })
        ));
    }

    #[test]
    fn an_old_key_opens_until_nothing_of_it_can_be_alive() {
        for ring in rings() {
            let sealed = ring.seal(Purpose::Session, b"x");
            ring.rotate(at(1)).unwrap();
            assert_eq!(ring.count(), 2);
            ring.rotate(at(9)).unwrap();
            assert!(ring.unseal(Purpose::Session, &sealed, at(9)).is_ok());
            ring.rotate(at(10)).unwrap();
            let opened = ring.unseal(Purpose::Session, &sealed, at(10));
            assert!(matches!(opened, Err(Unsealed::Unknown(_))), "{opened:?}");
        }
    }

    fn rings() -> [KeyRing; 2] {
        let folder = tempfile::tempdir().unwrap().keep();
        [
            KeyRing::in_memory(LIVES, at(0)),
            KeyRing::open(&folder.join("keys"), LIVES, at(0)).unwrap(),
        ]
    }

    #[test]
    fn a_key_that_another_process_has_made_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let [one, other] = [0, 0].map(|hours| KeyRing::open(&path, LIVES, at(hours)).unwrap());
        one.rotate(at(2)).unwrap();
        let sealed = one.seal(Purpose::Session, b"x");
        assert!(other.unseal(Purpose::Session, &sealed, at(2)).is_ok());
        other.rotate(at(2)).unwrap();
        assert_eq!(other.count(), 2, "the key that is there is taken up");
    }

    #[test]
    fn a_number_that_nobody_knows_is_searched_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let ring = KeyRing::open(&path, LIVES, at(0)).unwrap();
        let stranger = KeyRing::in_memory(LIVES, at(0)).seal(Purpose::Session, b"x");
        assert!(ring.unseal(Purpose::Session, &stranger, at(1)).is_err());
        assert!(!ring.search(at(1)));
        assert!(ring.search(at(2)));
    }

    #[test]
    fn a_damaged_file_is_said_to_be_so_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        drop(KeyRing::open(&path, LIVES, at(0)).unwrap());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"key 1 2\n").unwrap();
        let before = fs::read(&path).unwrap();
        assert!(matches!(
            KeyRing::open(&path, LIVES, at(9)),
            Err(RingFault::Line { line: 3, .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
