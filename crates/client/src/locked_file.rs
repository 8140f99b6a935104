//! Files that other Kerberos programs read and write at the same time.
//!
//! MIT locks caches and keytabs with open-file-description locks, and with POSIX record locks where the kernel has none;
//! the two exclude each other, so either kind keeps us apart.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use zeroize::Zeroizing;

/// No cache or keytab is larger; a file that is would only fill memory.
const MAX_SIZE: u64 = 64 << 20;
/// So long a lock is waited for. Who writes is done in no time; who keeps a lock must not keep us.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long until a lock is tried again.
const PAUSE: Duration = Duration::from_millis(2);

/// Whether others may read meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Shared,
    Exclusive,
}

/// An open file that is locked until it is dropped.
#[derive(Debug)]
pub(crate) struct LockedFile {
    file: File,
}

impl LockedFile {
    /// Opens and locks an existing file.
    pub(crate) fn open(path: &Path, lock: Lock) -> io::Result<Self> {
        loop {
            let file = open(path, lock)?;
            acquire(&file, lock)?;
            // While we waited, somebody may have put another file in its place.
            if lock == Lock::Shared || is_still_at(&file, path)? {
                return Ok(Self { file });
            }
        }
    }

    /// Opens and locks an existing file for reading; nothing when somebody writes to it now.
    pub(crate) fn open_at_once(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path, Lock::Shared)?;
        Ok(try_acquire(&file, Lock::Shared)?.then_some(Self { file }))
    }

    /// Opens and locks a file, which is made with mode 0600 when it is missing.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        match Self::open(path, Lock::Exclusive) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match create_new(path) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
                Self::open(path, Lock::Exclusive)
            }
            other => other,
        }
    }

    /// The whole content.
    pub(crate) fn read_all(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        self.file.seek(SeekFrom::Start(0))?;
        let size = self.file.metadata()?.len();
        if size > MAX_SIZE {
            return Err(io::Error::other("the file is too large"));
        }
        let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0)));
        Read::take(&self.file, MAX_SIZE).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Adds to the end in one write.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_at(self.file.metadata()?.len(), bytes)
    }

    /// Overwrites from an offset on.
    pub(crate) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(bytes)
    }

    /// Replaces the whole content in place. Readers are kept out by the lock.
    pub(crate) fn rewrite(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.file.metadata()?.len();
        self.write_at(0, bytes)?;
        let after = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if after < before {
            self.file.set_len(after)?;
        }
        self.file.sync_data()
    }

    /// Overwrites the content with zeros, as far as a file system lets that have a meaning.
    pub(crate) fn wipe(&mut self) -> io::Result<()> {
        let size = usize::try_from(self.file.metadata()?.len().min(MAX_SIZE)).unwrap_or(0);
        self.write_at(0, &vec![0; size])
    }
}

/// Puts a file with this content at a path, in one step: whoever opens the path sees the old file or the whole new one.
/// The new file has mode 0600 and no link is followed.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, content)?;
    std::fs::rename(&temporary, path).inspect_err(|_| {
        // The file that could not be moved holds keys.
        let _ = std::fs::remove_file(&temporary);
    })
}

fn write_temporary(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    for _ in 0..100 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", crate::random_name::letters(6)));
        let temporary = PathBuf::from(name);
        match create_new(&temporary) {
            Ok(mut file) => {
                if let Err(error) = file.write_all(content) {
                    let _ = std::fs::remove_file(&temporary);
                    return Err(error);
                }
                return Ok(temporary);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Makes a file that did not exist, for its owner alone.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Opens a file. One that somebody else may have put there does not keep us waiting, whatever it is.
fn open(path: &Path, lock: Lock) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(lock == Lock::Exclusive)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("it is a pipe"));
    }
    Ok(file)
}

fn acquire(file: &File, lock: Lock) -> io::Result<()> {
    let since = Instant::now();
    while !try_acquire(file, lock)? {
        if since.elapsed() >= PATIENCE {
            let why = "another program keeps the file locked";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn try_acquire(file: &File, lock: Lock) -> io::Result<bool> {
    let kind = match lock {
        Lock::Shared => libc::F_RDLCK,
        Lock::Exclusive => libc::F_WRLCK,
    };
    let request = libc::flock {
        l_type: i16::try_from(kind).unwrap_or(0),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or(0),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    loop {
        let outcome = match fcntl(file, FcntlArg::F_OFD_SETLK(&request)) {
            Err(Errno::EINVAL) => fcntl(file, FcntlArg::F_SETLK(&request)),
            other => other,
        };
        match outcome {
            Ok(_) => return Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok(there.ino() == ours.ino() && there.dev() == ours.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replacing_a_link_leaves_its_target_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"cache").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
        assert_eq!(std::fs::read(&link).unwrap(), b"cache");
        let mode = std::fs::metadata(&link).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn whoever_must_not_wait_is_told_that_somebody_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let reader = LockedFile::open_at_once(&path).unwrap();
        assert!(reader.is_some());
        assert!(LockedFile::open_at_once(&path).unwrap().is_some());
        drop(reader);
        let writer = LockedFile::open(&path, Lock::Exclusive).unwrap();
        assert!(LockedFile::open_at_once(&path).unwrap().is_none());
        drop(writer);
        assert!(LockedFile::open_at_once(&path).unwrap().is_some());
    }

    #[test]
    fn a_pipe_in_the_place_of_a_cache_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = LockedFile::open(&path, Lock::Shared).unwrap_err();
        assert_eq!(error.to_string(), "it is a pipe");
        LockedFile::open_at_once(&path).unwrap_err();
    }

    #[test]
    fn a_writer_waits_for_a_reader_of_the_same_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "old").unwrap();
        let mut reader = LockedFile::open(&path, Lock::Shared).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                sender.send(()).unwrap();
                let mut file = LockedFile::open(&path, Lock::Exclusive).unwrap();
                file.rewrite(b"new!").unwrap();
            })
        };
        receiver.recv().unwrap();
        thread::sleep(Duration::from_millis(30));
        assert_eq!(&reader.read_all().unwrap()[..], b"old");
        drop(reader);
        writer.join().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new!");
    }
}
