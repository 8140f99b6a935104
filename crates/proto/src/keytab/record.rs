//! The records of a keytab and their bytes.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use zeroize::Zeroizing;

use super::{KeytabEntry, KeytabError, KeytabVersion};
use crate::byte_reader::{ByteOrder, ByteReader, Ended};
use crate::key_block::KeyBlock;
use crate::name::{KerberosString, NameType, Principal, PrincipalName, Realm};

/// Lengths and counts in a keytab are signed 16-bit numbers to MIT.
const MAX_LENGTH: usize = i16::MAX as usize;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Record {
    Hole(Zeroizing<Vec<u8>>),
    /// Not readable as an entry; kept as it was.
    Opaque(Zeroizing<Vec<u8>>),
    /// `tail` is what follows the key in the record: the 32-bit kvno, and slack.
    Entry {
        entry: KeytabEntry,
        tail: Zeroizing<Vec<u8>>,
    },
}

/// `None` is the record of size 0 that ends the file.
pub(super) fn read_record(
    reader: &mut ByteReader<'_>,
    version: KeytabVersion,
) -> Result<Option<Record>, Ended> {
    let size = reader.i32()?;
    if size == 0 {
        return Ok(None);
    }
    let length = usize::try_from(size.unsigned_abs()).map_err(|_| Ended)?;
    let body = reader.take(length)?;
    if size < 0 {
        return Ok(Some(Record::Hole(Zeroizing::new(body.to_vec()))));
    }
    let mut inside = ByteReader::new(body, version.order());
    Ok(Some(match read_entry(&mut inside, version) {
        Ok(entry) => Record::Entry {
            entry,
            tail: Zeroizing::new(inside.rest().to_vec()),
        },
        Err(Ended) => Record::Opaque(Zeroizing::new(body.to_vec())),
    }))
}

fn read_entry(reader: &mut ByteReader<'_>, version: KeytabVersion) -> Result<KeytabEntry, Ended> {
    let counted = reader.u16()?;
    let count = match version {
        KeytabVersion::V1 => counted.checked_sub(1).ok_or(Ended)?,
        KeytabVersion::V2 => counted,
    };
    if count == 0 {
        return Err(Ended);
    }
    let realm = Realm::from(KerberosString::from(read_counted(reader)?.to_vec()));
    let mut components = Vec::new();
    for _ in 0..count {
        components.push(KerberosString::from(read_counted(reader)?.to_vec()));
    }
    let name_type = match version {
        KeytabVersion::V1 => NameType::UNKNOWN,
        KeytabVersion::V2 => NameType(reader.i32()?),
    };
    let timestamp = reader.time()?;
    let short_kvno = reader.u8()?;
    let enctype = reader.i16()?;
    let key = KeyBlock::new(enctype.into(), read_counted(reader)?);
    // Zero there is filling, not a version.
    let long_kvno = reader.clone().u32().ok().filter(|&kvno| kvno != 0);
    Ok(KeytabEntry {
        principal: Principal {
            name: PrincipalName {
                name_type,
                components,
            },
            realm,
        },
        timestamp,
        kvno: long_kvno.unwrap_or_else(|| short_kvno.into()),
        key,
    })
}

fn read_counted<'a>(reader: &mut ByteReader<'a>) -> Result<&'a [u8], Ended> {
    match usize::from(reader.u16()?) {
        0 => Err(Ended),
        length if length > MAX_LENGTH => Err(Ended),
        length => reader.take(length),
    }
}

pub(super) fn check(entry: &KeytabEntry) -> Result<(), KeytabError> {
    let components = &entry.principal.name.components;
    check_length(components.len(), "list of name components")?;
    check_length(entry.principal.realm.as_bytes().len(), "realm")?;
    check_length(entry.key.bytes.len(), "key")?;
    components
        .iter()
        .try_for_each(|component| check_length(component.as_bytes().len(), "name component"))
}

const fn check_length(length: usize, what: &'static str) -> Result<(), KeytabError> {
    match length {
        0 => Err(KeytabError::Empty(what)),
        1..=MAX_LENGTH => Ok(()),
        _ => Err(KeytabError::TooLong(what)),
    }
}

/// The entry's bytes without size and tail.
pub(super) fn entry_length(entry: &KeytabEntry, version: KeytabVersion) -> usize {
    let fixed = match version {
        KeytabVersion::V1 => 11_usize,
        KeytabVersion::V2 => 15,
    };
    let name = &entry.principal.name.components;
    name.iter()
        .map(|component| component.as_bytes().len())
        .chain([entry.principal.realm.as_bytes().len()])
        .fold(fixed, |total, length| {
            total.saturating_add(length).saturating_add(2)
        })
        .saturating_add(entry.key.bytes.len())
}

pub(super) fn write_record(out: &mut Vec<u8>, record: &Record, version: KeytabVersion) {
    let order = version.order();
    match record {
        Record::Hole(bytes) => {
            order.put_u32(out, size_field(bytes.len()).wrapping_neg());
            out.extend_from_slice(bytes);
        }
        Record::Opaque(bytes) => {
            order.put_u32(out, size_field(bytes.len()));
            out.extend_from_slice(bytes);
        }
        Record::Entry { entry, tail } => {
            let length = entry_length(entry, version).saturating_add(tail.len());
            order.put_u32(out, size_field(length));
            write_entry(out, entry, version);
            out.extend_from_slice(tail);
        }
    }
}

/// Every record was checked, or read from a file in which its size fitted.
fn size_field(length: usize) -> u32 {
    debug_assert!(i32::try_from(length).is_ok());
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn write_entry(out: &mut Vec<u8>, entry: &KeytabEntry, version: KeytabVersion) {
    let order = version.order();
    let name = &entry.principal.name;
    let count = length_field(name.components.len());
    match version {
        KeytabVersion::V1 => order.put_u16(out, count.saturating_add(1)),
        KeytabVersion::V2 => order.put_u16(out, count),
    }
    write_counted(out, order, entry.principal.realm.as_bytes());
    for component in &name.components {
        write_counted(out, order, component.as_bytes());
    }
    if version == KeytabVersion::V2 {
        order.put_u32(out, name.name_type.0.cast_unsigned());
    }
    order.put_time(out, entry.timestamp);
    out.push(low_byte(entry.kvno));
    order.put_u16(out, low_half(entry.key.enctype));
    write_counted(out, order, &entry.key.bytes);
}

fn write_counted(out: &mut Vec<u8>, order: ByteOrder, bytes: &[u8]) {
    order.put_u16(out, length_field(bytes.len()));
    out.extend_from_slice(bytes);
}

fn length_field(length: usize) -> u16 {
    debug_assert!(length <= MAX_LENGTH);
    u16::try_from(length).unwrap_or(u16::MAX)
}

const fn low_byte(kvno: u32) -> u8 {
    let [.., low] = kvno.to_be_bytes();
    low
}

const fn low_half(enctype: i32) -> u16 {
    let [_, _, high, low] = enctype.to_be_bytes();
    u16::from_be_bytes([high, low])
}
