//! The open file, and how it comes about, grows and is made anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use super::bucket::{BUCKET_BYTES, Bucket, Seconds};
use super::header::{Found, Header, USED_BYTES};
use super::lock::{LockFailure, RangeLock};
use super::{Damage, ReplayFault, layout};

#[derive(Debug)]
pub(super) struct State {
    file: File,
    header: Header,
    identity: (u64, u64),
    /// What this opener's generations are drawn from.
    chance: [u8; 16],
}

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The file has another shape than we know.
    Stale,
    /// No level has a free place for the request.
    NoRoom,
    Damaged(Damage),
    Busy,
    Io(&'static str, io::Error),
    Fault(ReplayFault),
}

impl State {
    /// Opens the file or makes it. `lost` says what became of an earlier one that was in use.
    pub(super) fn open(
        path: &Path,
        seed: [u8; 16],
        lost: Option<Damage>,
        now: Seconds,
    ) -> Result<Self, ReplayFault> {
        let header = Header {
            generation: draw_generation(&seed, 0, now),
            levels: 1,
            refuse_before: lost.map_or(0, |_| now.saturating_add(1)),
            damage: lost,
            seed,
            boot: boot(),
        };
        let file = match open_existing(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(path, &header)?;
                open_existing(path)
            }
            other => other,
        };
        let file = file.map_err(|error| io(path, "cannot be opened", error))?;
        let identity = check_owner(path, &file)?;
        let mut state = Self {
            file,
            header,
            identity,
            chance: seed,
        };
        state.adopt(path, lost, now)?;
        Ok(state)
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    pub(super) const fn chance(&self) -> [u8; 16] {
        self.chance
    }

    /// Whether the open file is still the one at that path.
    pub(super) fn lies_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity)
    }

    pub(super) fn bucket(&self, offset: u64) -> Result<Bucket, Obstacle> {
        let mut bytes = [0; BUCKET_BYTES];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Bucket::from_bytes(&bytes).ok_or(Obstacle::Damaged(Damage::Corrupt)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(Obstacle::Damaged(Damage::Truncated))
            }
            Err(error) => Err(Obstacle::Io("cannot be read", error)),
        }
    }

    pub(super) fn put_bucket(&self, offset: u64, bucket: &Bucket) -> Result<(), Obstacle> {
        self.file
            .write_all_at(&bucket.to_bytes(), offset)
            .map_err(|error| Obstacle::Io("cannot be written", error))
    }

    /// Reads the header again. Whether it is another one than was known.
    pub(super) fn refresh(&mut self, path: &Path, now: Seconds) -> Result<bool, ReplayFault> {
        let whole = lock_whole(path, &self.file)?;
        let header = match self.find_header(path)? {
            Found::Header(header) => header,
            Found::Version(version) => return Err(version_fault(path, version)),
            Found::Damaged | Found::Foreign => self.make_anew(path, Damage::Corrupt, now)?,
        };
        drop(whole);
        let is_other = header != self.header;
        self.header = header;
        Ok(is_other)
    }

    /// Adds a level, the buckets first.
    pub(super) fn grow(&mut self, path: &Path) -> Result<(), ReplayFault> {
        let whole = lock_whole(path, &self.file)?;
        if self.find_header(path)? != Found::Header(self.header.clone()) {
            return Ok(());
        }
        let level = self.header.levels;
        let grown = Header {
            levels: level.saturating_add(1),
            ..self.header.clone()
        };
        let written = write_level(&self.file, level, grown.generation)
            .and_then(|()| self.file.write_all_at(&grown.to_bytes(), 0));
        if let Err(error) = written {
            // Gives back what was taken of a full disk; the level does not count yet.
            let _ = self.file.set_len(layout::file_size(level));
            return Err(io(path, "cannot grow", error));
        }
        drop(whole);
        self.header = grown;
        Ok(())
    }

    /// Forgets everything, and from then on refuses what was made before.
    pub(super) fn rebuild(
        &mut self,
        path: &Path,
        damage: Damage,
        now: Seconds,
    ) -> Result<(), ReplayFault> {
        let whole = lock_whole(path, &self.file)?;
        let header = match self.find_header(path)? {
            Found::Header(header) if header.generation != self.header.generation => header,
            _ => self.make_anew(path, damage, now)?,
        };
        drop(whole);
        self.header = header;
        Ok(())
    }

    /// To be called with the lock on the whole file.
    fn make_anew(&self, path: &Path, damage: Damage, now: Seconds) -> Result<Header, ReplayFault> {
        let header = Header {
            generation: draw_generation(&self.chance, self.header.generation, now),
            levels: 1,
            refuse_before: now.saturating_add(1),
            damage: Some(damage),
            seed: self.header.seed,
            boot: boot(),
        };
        // Blocks that the file has are kept, so that this works on a full disk too.
        self.file
            .set_len(layout::file_size(1))
            .and_then(|()| write_level(&self.file, 0, header.generation))
            .and_then(|()| self.file.write_all_at(&header.to_bytes(), 0))
            .map_err(|error| io(path, "cannot be made anew", error))?;
        Ok(header)
    }

    /// Takes over what lies there.
    fn adopt(
        &mut self,
        path: &Path,
        lost: Option<Damage>,
        now: Seconds,
    ) -> Result<(), ReplayFault> {
        let whole = lock_whole(path, &self.file)?;
        let size = self.file.metadata().map(|metadata| metadata.len());
        let size = size.map_err(|error| io(path, "cannot be looked at", error))?;
        let header = match self.find_header(path)? {
            Found::Header(header) if size < layout::file_size(header.levels) => {
                self.make_anew(path, Damage::Truncated, now)?
            }
            Found::Header(header) => match lost {
                // Whoever made the file could not know that there was one before.
                Some(damage) if header.refuse_before == 0 => self.make_anew(path, damage, now)?,
                _ if header.boot != boot() => self.mark_reboot(path, header, now)?,
                _ => header,
            },
            Found::Damaged if size < layout::file_size(1) => {
                self.make_anew(path, Damage::Truncated, now)?
            }
            Found::Damaged => self.make_anew(path, Damage::Corrupt, now)?,
            Found::Foreign => return Err(ReplayFault::Foreign(path.to_owned())),
            Found::Version(version) => return Err(version_fault(path, version)),
        };
        drop(whole);
        self.header = header;
        Ok(())
    }

    /// Nothing waits for the disk here, so after a crash of the machine the file may miss its last
    /// seconds. It counts, but no longer for requests from before.
    fn mark_reboot(
        &self,
        path: &Path,
        header: Header,
        now: Seconds,
    ) -> Result<Header, ReplayFault> {
        let header = Header {
            refuse_before: now.saturating_add(1),
            damage: Some(Damage::Rebooted),
            boot: boot(),
            ..header
        };
        self.file
            .write_all_at(&header.to_bytes(), 0)
            .map_err(|error| io(path, "cannot be written", error))?;
        Ok(header)
    }

    fn find_header(&self, path: &Path) -> Result<Found, ReplayFault> {
        let mut bytes = [0; USED_BYTES];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..)
            && !rest.is_empty()
        {
            match self.file.read_at(rest, length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(io(path, "cannot be read", error)),
            }
        }
        Ok(Header::find(bytes.get(..length).unwrap_or_default()))
    }
}

pub(super) fn io(path: &Path, action: &'static str, source: io::Error) -> ReplayFault {
    ReplayFault::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

fn version_fault(path: &Path, version: u32) -> ReplayFault {
    ReplayFault::Version {
        path: path.to_owned(),
        version,
    }
}

fn lock_whole<'a>(path: &Path, file: &'a File) -> Result<RangeLock<'a>, ReplayFault> {
    RangeLock::whole(file).map_err(|failure| match failure {
        LockFailure::Busy => ReplayFault::Busy(path.to_owned()),
        LockFailure::Io(error) => io(path, "cannot be locked", error),
    })
}

fn open_existing(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
}

/// Makes the file beside its place and puts it there whole, so that nobody sees half of it. Who
/// comes second uses the first one's.
fn create(path: &Path, header: &Header) -> Result<(), ReplayFault> {
    let beside = name_beside(path, header);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|file| {
            write_level(&file, 0, header.generation)?;
            file.write_all_at(&header.to_bytes(), 0)?;
            fs::hard_link(&beside, path)
        });
    let _ = fs::remove_file(&beside);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(io(path, "cannot be made", error))
        }
        _ => Ok(()),
    }
}

fn name_beside(path: &Path, header: &Header) -> PathBuf {
    let number = header.seed.iter().fold(0_u64, |number, byte| {
        number.rotate_left(4) ^ u64::from(*byte)
    });
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{number:x}", std::process::id()));
    path.with_file_name(name)
}

/// The file's device and number, if it belongs to us and to nobody else.
fn check_owner(path: &Path, file: &File) -> Result<(u64, u64), ReplayFault> {
    let metadata = file.metadata();
    let metadata = metadata.map_err(|error| io(path, "cannot be looked at", error))?;
    let own = geteuid().as_raw();
    let mode = metadata.mode() & 0o7777;
    let why = if !metadata.is_file() {
        "is no plain file".to_owned()
    } else if metadata.uid() != own {
        format!("belongs to user {}, and this is user {own}", metadata.uid())
    } else if mode & 0o077 != 0 {
        format!("has mode {mode:04o}")
    } else {
        return Ok((metadata.dev(), metadata.ino()));
    };
    Err(ReplayFault::NotOurs {
        path: path.to_owned(),
        why,
    })
}

/// A generation's number. It is drawn and not counted, because two workers that make the file anew
/// one after the other may both count from the same earlier one.
fn draw_generation(chance: &[u8; 16], earlier: u32, now: Seconds) -> u32 {
    let digest = Sha256::new()
        .chain_update(chance)
        .chain_update(earlier.to_be_bytes())
        .chain_update(now.to_be_bytes())
        .finalize();
    u32::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 4]))
}

fn write_level(file: &File, level: u32, generation: u32) -> io::Result<()> {
    let bucket = Bucket::empty(generation).to_bytes();
    let chunk = bucket.repeat(layout::FIRST_BUCKETS as usize);
    let mut offset = layout::level_offset(level);
    while offset < layout::level_offset(level.saturating_add(1)) {
        file.write_all_at(&chunk, offset)?;
        offset = offset.saturating_add(chunk.len() as u64);
    }
    Ok(())
}

/// Names the time since the machine was started; zeros where the kernel does not say.
fn boot() -> [u8; 16] {
    let Ok(text) = fs::read("/proc/sys/kernel/random/boot_id") else {
        return [0; 16];
    };
    let digest: [u8; 32] = Sha256::digest(text.trim_ascii()).into();
    *digest.first_chunk().unwrap_or(&[0; 16])
}
