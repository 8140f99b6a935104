//! Keytab files, versions 0x0501 and 0x0502, as values.
//!
//! A file read and written again is the same file, byte for byte: holes left by removed entries,
//! the slack of an entry that was put into a larger hole, and records that we cannot read are kept.
//! Which file, and how it is locked, is the business of the caller.
//!
//! ```text
//! 05 02 { i32 size, record }*     size < 0: a hole of -size bytes; size = 0: the end
//! record: u16 components, realm, components (u16 length + bytes each), u32 name type,
//!         u32 time, u8 kvno, u16 enctype, u16 length + key, [u32 kvno]
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod record;

use zeroize::Zeroizing;

use self::record::{Record, check, entry_length, read_record, write_record};
use crate::byte_reader::{ByteOrder, ByteReader, Ended};
use crate::key_block::KeyBlock;
use crate::name::Principal;
use crate::time::KerberosTime;

/// The two layouts that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KeytabVersion {
    /// 0x0501: numbers in the byte order of the machine, the realm counted as a component, no name
    /// type.
    V1,
    /// 0x0502: what every program writes since 1994.
    #[default]
    V2,
}

impl KeytabVersion {
    const fn order(self) -> ByteOrder {
        match self {
            Self::V1 => ByteOrder::Native,
            Self::V2 => ByteOrder::Big,
        }
    }

    /// The one size below zero that has no opposite.
    const fn impossible_size(self) -> [u8; 4] {
        match self {
            Self::V1 => i32::MIN.to_ne_bytes(),
            Self::V2 => i32::MIN.to_be_bytes(),
        }
    }

    const fn magic(self) -> [u8; 2] {
        match self {
            Self::V1 => [5, 1],
            Self::V2 => [5, 2],
        }
    }
}

/// Why a keytab cannot be read, or does not hold the key that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeytabError {
    /// The file does not begin with 05 01 or 05 02. It is something else, or empty.
    #[error("not a keytab: it begins with {0:02x?} instead of 05 02")]
    NotAKeytab(Vec<u8>),
    /// A record claims to be longer than the file, so nothing can be added behind it. Restore the
    /// file, or extract the keys again.
    #[error("the keytab is damaged: the record at byte {offset} runs past the end of the file")]
    Damaged {
        /// Where the record begins.
        offset: usize,
    },
    /// A hole's size cannot be turned into a length: nobody writes such a file. Restore it, or
    /// extract the keys again.
    #[error("the keytab is damaged: the record at byte {offset} has an impossible size")]
    ImpossibleHole {
        /// Where the record begins.
        offset: usize,
    },
    /// No entry has this principal (and enctype, if one was asked for).
    #[error("no key table entry found for {0}")]
    NoEntry(Principal),
    /// The principal is there, but with other key versions: the key was changed after the keytab
    /// was extracted, or the ticket is older than the key.
    #[error("the keytab has {principal} with key version {have:?}, not {wanted}")]
    WrongKvno {
        /// Who was looked for.
        principal: Principal,
        /// The version that was asked for.
        wanted: u32,
        /// The versions that are there.
        have: Vec<u32>,
    },
    /// A name or key is longer than the format can hold (32767 bytes or components).
    #[error("the {0} is too long for a keytab")]
    TooLong(&'static str),
    /// MIT's library takes an entry without realm, component or key, or with an empty component,
    /// for the end of the file, so none is written.
    #[error("an entry without {0} would end the keytab for other programs")]
    Empty(&'static str),
}

/// One key of one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeytabEntry {
    /// Whose key it is.
    pub principal: Principal,
    /// When the entry was written.
    pub timestamp: KerberosTime,
    /// The key's version.
    pub kvno: u32,
    /// The key.
    pub key: KeyBlock,
}

/// The contents of a keytab file.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Keytab {
    version: KeytabVersion,
    records: Vec<Record>,
    end: End,
}

/// What comes after the last record.
#[derive(Clone, PartialEq, Eq, Default)]
enum End {
    #[default]
    OfFile,
    /// A record of size 0, and whatever follows it.
    Mark(Zeroizing<Vec<u8>>),
    /// A record that runs past the end of the file.
    Damage {
        offset: usize,
        bytes: Zeroizing<Vec<u8>>,
    },
}

impl End {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::OfFile => &[],
            Self::Mark(bytes) | Self::Damage { bytes, .. } => bytes,
        }
    }
}

impl Keytab {
    /// An empty keytab of version 0x0502.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A keytab of version 0x0502 with these entries.
    ///
    /// # Errors
    /// An entry does not fit the format.
    pub fn from_entries(
        entries: impl IntoIterator<Item = KeytabEntry>,
    ) -> Result<Self, KeytabError> {
        let mut keytab = Self::new();
        entries
            .into_iter()
            .try_for_each(|entry| keytab.add(entry))?;
        Ok(keytab)
    }

    /// Reads a whole file.
    ///
    /// Records that are not entries are kept, and skipped by every look-up; see
    /// [`Keytab::unreadable`]. As with MIT's library, the entries before a truncated one can be
    /// used; see [`Keytab::damage`].
    ///
    /// # Errors
    /// The file does not begin with a version that we know.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeytabError> {
        let version = match bytes.get(..2) {
            Some([5, 1]) => KeytabVersion::V1,
            Some([5, 2]) => KeytabVersion::V2,
            _ => {
                let start = bytes.get(..2).unwrap_or(bytes);
                return Err(KeytabError::NotAKeytab(start.to_vec()));
            }
        };
        let mut keytab = Self {
            version,
            ..Self::default()
        };
        let mut reader = ByteReader::new(bytes, version.order());
        let _magic = reader.take(2);
        while !reader.is_empty() {
            let rest = reader.rest();
            let offset = bytes.len().saturating_sub(rest.len());
            match read_record(&mut reader, version) {
                Ok(Some(record)) => keytab.records.push(record),
                Ok(None) => {
                    keytab.end = End::Mark(Zeroizing::new(rest.to_vec()));
                    break;
                }
                Err(Ended) if rest.starts_with(&version.impossible_size()) => {
                    return Err(KeytabError::ImpossibleHole { offset });
                }
                Err(Ended) => {
                    let bytes = Zeroizing::new(rest.to_vec());
                    keytab.end = End::Damage { offset, bytes };
                    break;
                }
            }
        }
        Ok(keytab)
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Sized first: growing would leave copies of keys in freed memory.
        let mut out = Zeroizing::new(Vec::with_capacity(self.encoded_length()));
        out.extend_from_slice(&self.version.magic());
        for record in &self.records {
            write_record(&mut out, record, self.version);
        }
        out.extend_from_slice(self.end.bytes());
        out
    }

    /// The layout that the file has.
    #[must_use]
    pub const fn version(&self) -> KeytabVersion {
        self.version
    }

    /// The entries in the order of the file.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &KeytabEntry> {
        self.records.iter().filter_map(|record| match record {
            Record::Entry { entry, .. } => Some(entry),
            Record::Hole(_) | Record::Opaque(_) => None,
        })
    }

    /// How many records there are that cannot be read as entries.
    ///
    /// MIT's library stops at the first one; we go on behind it.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.records
            .iter()
            .filter(|record| matches!(record, Record::Opaque(_)))
            .count()
    }

    /// Where the file was cut off in the middle of a record, if it was.
    #[must_use]
    pub const fn damage(&self) -> Option<usize> {
        match self.end {
            End::Damage { offset, .. } => Some(offset),
            End::OfFile | End::Mark(_) => None,
        }
    }

    /// The entry that MIT's `krb5_kt_get_entry` finds.
    ///
    /// Without `kvno` it is the most recent one. With it, an exact match comes before an entry that
    /// holds only the low eight bits of the version (files and protocols before MIT 1.14 cut it).
    ///
    /// # Errors
    /// [`KeytabError::NoEntry`] or [`KeytabError::WrongKvno`].
    pub fn find(
        &self,
        principal: &Principal,
        kvno: Option<u32>,
        enctype: Option<i32>,
    ) -> Result<&KeytabEntry, KeytabError> {
        let candidates = || {
            self.entries().filter(|entry| {
                entry.principal == *principal
                    && enctype.is_none_or(|wanted| wanted == entry.key.enctype)
            })
        };
        let newest =
            candidates().reduce(|best, next| if more_recent(next, best) { next } else { best });
        let Some(newest) = newest else {
            return Err(KeytabError::NoEntry(principal.clone()));
        };
        let Some(wanted) = kvno.filter(|&number| number != 0) else {
            return Ok(newest);
        };
        candidates()
            .find(|entry| entry.kvno == wanted)
            .or_else(|| candidates().find(|entry| entry.kvno == wanted & 0xff))
            .or_else(|| candidates().find(|entry| entry.kvno == 0))
            .ok_or_else(|| KeytabError::WrongKvno {
                principal: principal.clone(),
                wanted,
                have: distinct(candidates().map(|entry| entry.kvno)),
            })
    }

    /// Adds an entry where MIT's library would: in the first hole that is large enough, else at the
    /// end.
    ///
    /// # Errors
    /// The entry does not fit the format, or the file is damaged.
    pub fn add(&mut self, entry: KeytabEntry) -> Result<(), KeytabError> {
        check(&entry)?;
        if let Some(offset) = self.damage() {
            return Err(KeytabError::Damaged { offset });
        }
        let mut tail = Zeroizing::new(Vec::new());
        self.version.order().put_u32(&mut tail, entry.kvno);
        let needed = entry_length(&entry, self.version).saturating_add(tail.len());
        let slot = self.records.iter_mut().find_map(|record| match record {
            Record::Hole(bytes) if bytes.len() >= needed => Some(record),
            _ => None,
        });
        match slot {
            Some(slot) => {
                if let Record::Hole(bytes) = slot {
                    tail.extend_from_slice(bytes.get(needed..).unwrap_or_default());
                }
                *slot = Record::Entry { entry, tail };
            }
            None => {
                self.records.push(Record::Entry { entry, tail });
                if matches!(self.end, End::Mark(_)) {
                    self.end = End::Mark(Zeroizing::new(vec![0; 4]));
                }
            }
        }
        Ok(())
    }

    /// Turns the first entry with this principal, version and enctype into a hole of zeros.
    ///
    /// Returns whether there was one.
    pub fn remove(&mut self, principal: &Principal, kvno: u32, enctype: i32) -> bool {
        self.remove_where(1, |entry| {
            entry.kvno == kvno && entry.key.enctype == enctype && entry.principal == *principal
        }) == 1
    }

    /// Turns every entry that `unwanted` names into a hole, and says how many there were.
    pub fn remove_all(&mut self, unwanted: impl FnMut(&KeytabEntry) -> bool) -> usize {
        self.remove_where(usize::MAX, unwanted)
    }

    fn remove_where(
        &mut self,
        limit: usize,
        mut unwanted: impl FnMut(&KeytabEntry) -> bool,
    ) -> usize {
        let version = self.version;
        self.records
            .iter_mut()
            .filter_map(|record| match record {
                Record::Entry { entry, tail } if unwanted(entry) => {
                    let size = entry_length(entry, version).saturating_add(tail.len());
                    *record = Record::Hole(Zeroizing::new(vec![0; size]));
                    Some(())
                }
                _ => None,
            })
            .take(limit)
            .count()
    }

    fn encoded_length(&self) -> usize {
        let records = self.records.iter().map(|record| match record {
            Record::Hole(bytes) | Record::Opaque(bytes) => bytes.len().saturating_add(4),
            Record::Entry { entry, tail } => entry_length(entry, self.version)
                .saturating_add(tail.len())
                .saturating_add(4),
        });
        records
            .chain([self.end.bytes().len(), 2])
            .fold(0, |total, length| total.saturating_add(length))
    }
}

impl core::fmt::Debug for Keytab {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keytab")
            .field("version", &self.version)
            .field("entries", &self.entries().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A small version that was written no earlier than a large one has wrapped at 8 or 16 bits.
fn more_recent(one: &KeytabEntry, other: &KeytabEntry) -> bool {
    if one.timestamp >= other.timestamp && one.kvno < 128 && other.kvno > 240 {
        return true;
    }
    if other.timestamp >= one.timestamp && one.kvno > 240 && other.kvno < 128 {
        return false;
    }
    one.kvno > other.kvno
}

fn distinct(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut list: Vec<u32> = numbers.collect();
    list.sort_unstable();
    list.dedup();
    list
}
