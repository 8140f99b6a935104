//! Sessions that somebody ended, until they would be over anyway.
//!
//! With a file beside the key ring they stay ended after a restart, and other processes hear of them: records of 24
//! octets, the session's id and when it is over, are only ever added.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard};

use kerbstone_proto::time::KerberosTime;

use crate::session::contents::SessionId;
use crate::session::key_ring::lock;
use crate::session::revoked::AnyMark;

/// Of more, those are forgotten that would be over soonest.
const MOST: usize = 100_000;
const RECORD: usize = 24;

#[derive(Debug)]
pub(crate) struct Ended {
    memory: RwLock<Memory>,
    people: AnyMark,
    file: Option<EndedFile>,
}

#[derive(Debug, Default)]
struct Memory {
    over: HashMap<SessionId, KerberosTime>,
    order: BTreeSet<(KerberosTime, SessionId)>,
}

#[derive(Debug)]
struct EndedFile {
    path: PathBuf,
    /// Which file it was, and how far it has been read.
    state: Mutex<Position>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    inode: u64,
    read: u64,
}

impl Ended {
    pub(crate) fn in_memory() -> Self {
        Self {
            memory: RwLock::default(),
            people: AnyMark::default(),
            file: None,
        }
    }

    pub(crate) fn open(path: &Path, now: KerberosTime) -> io::Result<Self> {
        let ended = Self {
            memory: RwLock::default(),
            people: AnyMark::default(),
            file: Some(EndedFile {
                path: path.to_owned(),
                state: Mutex::default(),
            }),
        };
        ended.catch_up(now)?;
        Ok(ended)
    }

    pub(crate) fn has(&self, id: &SessionId) -> bool {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.over.contains_key(id)
    }

    /// Until when it is remembered that this was ended.
    pub(super) fn when(&self, id: &SessionId) -> Option<KerberosTime> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.over.get(id).copied()
    }

    /// Whether anybody's sessions were ended all at once.
    pub(super) fn knows_people(&self) -> bool {
        self.people.is_there()
    }

    /// Ends a session that would be over at that time.
    pub(crate) fn add(&self, id: SessionId, over: KerberosTime) {
        self.people.saw(&id);
        self.memory().add(id, over);
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.append(id, over)) {
            tracing::error!(%error, "that a session was ended is not written down: after a restart it is not");
        }
    }

    /// Hears of what other processes have ended, and forgets what is over. Writes the file anew when most of it is.
    pub(crate) fn catch_up(&self, now: KerberosTime) -> io::Result<()> {
        let Some(file) = &self.file else {
            self.memory().forget(now);
            return Ok(());
        };
        let mut state = file.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (records, position) = file.read_from(*state)?;
        *state = position;
        let mut memory = self.memory();
        for (id, over) in records {
            self.people.saw(&id);
            memory.add(id, over);
        }
        memory.forget(now);
        let written = usize::try_from(position.read).unwrap_or(usize::MAX) / RECORD;
        if written
            > MOST
                .saturating_mul(2)
                .min(memory.over.len().saturating_mul(4).saturating_add(1000))
        {
            let _lock = lock(&file.path)?;
            for (id, over) in file.read_from(*state)?.0 {
                memory.add(id, over);
            }
            *state = file.replace(&memory)?;
        }
        Ok(())
    }

    fn memory(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add(&mut self, id: SessionId, over: KerberosTime) {
        if let Some(before) = self.over.insert(id, over) {
            self.order.remove(&(before, id));
        }
        self.order.insert((over, id));
        while self.over.len() > MOST {
            let Some((_, id)) = self.order.pop_first() else {
                return;
            };
            self.over.remove(&id);
        }
    }

    fn forget(&mut self, now: KerberosTime) {
        while let Some((over, id)) = self.order.first().copied().filter(|(over, _)| *over < now) {
            self.order.remove(&(over, id));
            self.over.remove(&id);
        }
    }
}

impl EndedFile {
    fn append(&self, id: SessionId, over: KerberosTime) -> io::Result<()> {
        let _lock = lock(&self.path)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)?;
        file.write_all(&record(id, over))?;
        file.sync_data()
    }

    fn read_from(&self, from: Position) -> io::Result<(Vec<(SessionId, KerberosTime)>, Position)> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Vec::new(), Position::default()));
            }
            file => file?,
        };
        let inode = file.metadata()?.ino();
        let start = if inode == from.inode { from.read } else { 0 };
        file.seek(SeekFrom::Start(start))?;
        let most = u64::try_from(MOST.saturating_mul(4).saturating_mul(RECORD)).unwrap_or(u64::MAX);
        let mut octets = Vec::new();
        file.take(most).read_to_end(&mut octets)?;
        let (records, rest) = octets.as_chunks::<RECORD>();
        let whole = octets.len().saturating_sub(rest.len());
        let read = start.saturating_add(u64::try_from(whole).unwrap_or(0));
        let records = records.iter().filter_map(read_record).collect();
        Ok((records, Position { inode, read }))
    }

    /// For whoever holds the lock.
    fn replace(&self, memory: &Memory) -> io::Result<Position> {
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".new");
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        let octets: Vec<u8> = memory
            .order
            .iter()
            .flat_map(|(over, id)| record(*id, *over))
            .collect();
        file.write_all(&octets)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        Ok(Position {
            inode: file.metadata()?.ino(),
            read: u64::try_from(octets.len()).unwrap_or(0),
        })
    }
}

fn record(id: SessionId, over: KerberosTime) -> [u8; RECORD] {
    let mut octets = [0; RECORD];
    let parts = id.into_iter().chain(over.unix().to_be_bytes());
    for (place, octet) in octets.iter_mut().zip(parts) {
        *place = octet;
    }
    octets
}

fn read_record(octets: &[u8; RECORD]) -> Option<(SessionId, KerberosTime)> {
    let (id, over) = octets.split_first_chunk::<16>()?;
    let over = i64::from_be_bytes(over.try_into().ok()?);
    Some((*id, KerberosTime::from_unix(over)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> KerberosTime {
        KerberosTime::from_unix(1_800_000_000 + seconds)
    }

    #[test]
    fn an_ended_session_stays_so_after_a_restart_and_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.ended");
        let [one, other] = [0, 0].map(|now| Ended::open(&path, at(now)).unwrap());
        one.add([1; 16], at(60));
        assert!(one.has(&[1; 16]));
        assert!(!other.has(&[1; 16]));
        other.catch_up(at(1)).unwrap();
        assert!(other.has(&[1; 16]));
        let later = Ended::open(&path, at(2)).unwrap();
        assert!(later.has(&[1; 16]));
        later.catch_up(at(61)).unwrap();
        assert!(!later.has(&[1; 16]), "it is over anyway");
    }

    #[test]
    fn the_file_is_written_anew_when_most_of_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.ended");
        let many: Vec<u8> = (0_u64..2000)
            .flat_map(|number| {
                let id = u128::from(number).to_be_bytes();
                record(id, at(if number == 7 { 100 } else { 1 }))
            })
            .collect();
        std::fs::write(&path, &many).unwrap();
        let ended = Ended::open(&path, at(50)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 24);
        let seventh = 7_u128.to_be_bytes();
        assert!(ended.has(&seventh));
        ended.add([9; 16], at(100));
        ended.catch_up(at(60)).unwrap();
        assert_eq!(ended.memory().over.len(), 2);
        assert!(Ended::open(&path, at(60)).unwrap().has(&seventh));
    }

    #[test]
    fn a_flood_of_sign_outs_takes_no_more_than_its_share_of_memory() {
        let ended = Ended::in_memory();
        for number in 0..u128::try_from(MOST + 10).unwrap() {
            ended.add(number.to_be_bytes(), at(i64::try_from(number).unwrap()));
        }
        let memory = ended.memory();
        assert_eq!((memory.over.len(), memory.order.len()), (MOST, MOST));
    }
}
