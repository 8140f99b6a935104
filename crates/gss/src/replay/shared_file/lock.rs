//! Locks on ranges of the file that end with the process that holds them (`F_OFD_SETLK`).

use std::fs::File;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Checks take microseconds, so who waits as long as this waits for somebody who was stopped.
const PATIENCE: Duration = Duration::from_secs(2);
const SPINS: u32 = 50;

/// Held until dropped.
#[derive(Debug)]
pub(super) struct RangeLock<'a> {
    file: &'a File,
    start: u64,
    length: u64,
}

#[derive(Debug)]
pub(super) enum LockFailure {
    Busy,
    Io(io::Error),
}

impl<'a> RangeLock<'a> {
    /// One range. Threads of one process do not exclude each other by it.
    pub(super) fn range(file: &'a File, start: u64, length: u64) -> Result<Self, LockFailure> {
        let begun = Instant::now();
        let mut tries: u32 = 0;
        while !set(file, libc::F_WRLCK, start, length).map_err(LockFailure::Io)? {
            tries = tries.saturating_add(1);
            if tries <= SPINS {
                thread::yield_now();
                continue;
            }
            if begun.elapsed() > PATIENCE {
                return Err(LockFailure::Busy);
            }
            thread::sleep(Duration::from_micros(100));
        }
        Ok(Self {
            file,
            start,
            length,
        })
    }

    /// The whole file: for who makes it anew or longer.
    pub(super) fn whole(file: &'a File) -> Result<Self, LockFailure> {
        Self::range(file, 0, 0)
    }
}

impl Drop for RangeLock<'_> {
    fn drop(&mut self) {
        let _ = set(self.file, libc::F_UNLCK, self.start, self.length);
    }
}

/// False when somebody else has it.
fn set(file: &File, kind: i32, start: u64, length: u64) -> io::Result<bool> {
    let wanted = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: libc::off_t::try_from(start).map_err(io::Error::other)?,
        l_len: libc::off_t::try_from(length).map_err(io::Error::other)?,
        l_pid: 0,
    };
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLK(&wanted)) {
            Ok(_) => return Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
