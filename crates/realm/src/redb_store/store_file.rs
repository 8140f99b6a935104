//! The file under the engine: locked against a second process, and grown by reserving space, so
//! that a full disk is met before anything is written and not in the middle of a commit.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;
use rustix::fs::{FallocateFlags, fallocate, major, minor};
use rustix::io::Errno;

use crate::error::RealmError;

/// The open and locked file of a store. Closing it unlocks it.
#[derive(Debug)]
pub(super) struct StoreFile {
    file: File,
    path: PathBuf,
}

impl StoreFile {
    /// Opens the file, makes it (mode 0600) when asked to, and locks it for this process alone.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, RealmError> {
        let failed = |error| RealmError::io(path, error);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RealmError::InUse {
                    path: path.to_owned(),
                    holder: holder_of(&file).unwrap_or_else(|| "another process".to_owned()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether a store was ever made in it.
    pub(super) fn is_in_use(&self) -> bool {
        self.len().is_ok_and(|len| len > 0)
    }

    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        let added = to.saturating_sub(from);
        match fallocate(&self.file, FallocateFlags::empty(), from, added) {
            Ok(()) => Ok(()),
            // Not every file system can reserve; there a full disk is met while writing.
            Err(Errno::OPNOTSUPP) => self.file.set_len(to),
            Err(error) => {
                // What was reserved before it failed is given back.
                let _ = self.file.set_len(from);
                Err(error.into())
            }
        }
    }
}

/// The engine's view of the file. Several may exist one after another; a view whose engine met an
/// error writes nothing more.
#[derive(Debug)]
pub(super) struct FileView(pub(super) Arc<StoreFile>);

impl StorageBackend for FileView {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let present = self.0.len()?;
        if len > present {
            self.0.grow(present, len)
        } else {
            self.0.file.set_len(len)
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.file.write_all_at(data, offset)
    }
}

/// Name and number of the process that holds the lock, from the kernel's table of locks.
fn holder_of(file: &File) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let device = metadata.dev();
    let inode = format!(
        "{:02x}:{:02x}:{}",
        major(device),
        minor(device),
        metadata.ino()
    );
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, "FLOCK", _, _, pid, place, ..] if *place == inode => Some((*pid).to_owned()),
            _ => None,
        }
    })?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    let name = name.as_deref().map_or("process", str::trim);
    Some(format!("{name} (process {pid})"))
}
