//! S4U_DELEGATION_INFO: which services acted for the client, and where it goes (MS-PAC 2.9), in
//! the serialized form of remote procedure calls (MS-RPCE 2.2.6).

use crate::error::ProtoError;
use crate::pac::little_endian::{LittleEndian, utf16};
use crate::pac::malformed;

/// Version 1, little-endian, header of eight bytes, filler.
const TYPE_HEADER: [u8; 8] = [0x01, 0x10, 0x08, 0x00, 0xcc, 0xcc, 0xcc, 0xcc];
/// Type header and the private header behind it.
const HEADERS: usize = 16;
/// What Windows numbers its pointers from.
const FIRST_POINTER: u32 = 0x0002_0000;
/// A line of the list: two lengths and a pointer.
const LINE: usize = 8;

/// The way of a delegation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationInfo {
    /// The service that the ticket is for, without its realm.
    pub target: String,
    /// The services that acted for the client, oldest first, with their realms.
    pub services: Vec<String>,
}

impl DelegationInfo {
    /// Reads the buffer.
    ///
    /// # Errors
    /// [`ProtoError::Framing`]
    pub fn parse(bytes: &[u8]) -> Result<Self, ProtoError> {
        let mut reader = LittleEndian::new(bytes);
        let (known, _filler) = TYPE_HEADER.split_at(4);
        if reader.take(4)? != known {
            return Err(malformed());
        }
        reader.u32()?;
        let length = usize::try_from(reader.u32()?).map_err(|_| malformed())?;
        if bytes.len().checked_sub(HEADERS) != Some(length) {
            return Err(malformed());
        }
        // The filler, the pointer to the structure, and the lengths of the target's name.
        reader.take(12)?;
        let target_pointer = reader.u32()?;
        let count = usize::try_from(reader.u32()?).map_err(|_| malformed())?;
        let list_pointer = reader.u32()?;
        let target = match target_pointer {
            0 => String::new(),
            _ => text(&mut reader)?,
        };
        let services = match list_pointer {
            0 => Vec::new(),
            _ => list(&mut reader, count)?,
        };
        Ok(Self { target, services })
    }

    /// The buffer that says it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = TYPE_HEADER.to_vec();
        bytes.extend_from_slice(&[0; 8]);
        let mut pointer = FIRST_POINTER;
        push_pointer(&mut bytes, &mut pointer);
        push_line(&mut bytes, &self.target, &mut pointer);
        push_u32(&mut bytes, self.services.len());
        push_pointer(&mut bytes, &mut pointer);
        push_text(&mut bytes, &self.target);
        push_u32(&mut bytes, self.services.len());
        for service in &self.services {
            push_line(&mut bytes, service, &mut pointer);
        }
        for service in &self.services {
            push_text(&mut bytes, service);
        }
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let length = bytes.len().saturating_sub(HEADERS);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(place) = bytes.get_mut(8..12) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        bytes
    }
}

fn list(reader: &mut LittleEndian<'_>, count: usize) -> Result<Vec<String>, ProtoError> {
    let listed = usize::try_from(reader.u32()?).map_err(|_| malformed())?;
    if listed != count || count > reader.remaining() / LINE {
        return Err(malformed());
    }
    reader.take(count.saturating_mul(LINE))?;
    (0..count).map(|_| text(reader)).collect()
}

/// A conformant and varying array of UTF-16: room, offset, count, and the units.
fn text(reader: &mut LittleEndian<'_>) -> Result<String, ProtoError> {
    reader.take(8)?;
    let units = usize::try_from(reader.u32()?).map_err(|_| malformed())?;
    let text = utf16(reader.take(units.checked_mul(2).ok_or_else(malformed)?)?)?;
    if !units.is_multiple_of(2) {
        // Windows leaves the padding away behind the last text.
        let _ = reader.u16();
    }
    Ok(text)
}

fn push_u32(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn push_pointer(bytes: &mut Vec<u8>, pointer: &mut u32) {
    bytes.extend_from_slice(&pointer.to_le_bytes());
    *pointer = pointer.saturating_add(4);
}

/// The lengths in bytes, without and with a zero behind the text that nobody writes.
fn push_line(bytes: &mut Vec<u8>, text: &str, pointer: &mut u32) {
    let length = text.encode_utf16().count().saturating_mul(2);
    for length in [length, length.saturating_add(2)] {
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    push_pointer(bytes, pointer);
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let units = text.encode_utf16().count();
    push_u32(bytes, units.saturating_add(1));
    push_u32(bytes, 0);
    push_u32(bytes, units);
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    if !units.is_multiple_of(2) {
        bytes.extend_from_slice(&[0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for services in [vec![], vec!["a@R"], vec!["HTTP/front@R", "b@R", "ü@R"]] {
            let info = DelegationInfo {
                target: "HTTP/back".to_owned(),
                services: services.into_iter().map(str::to_owned).collect(),
            };
            let bytes = info.encode();
            assert_eq!(bytes.len() % 8, 0);
            assert_eq!(DelegationInfo::parse(&bytes).unwrap(), info);
        }
    }

    #[test]
    fn nothing_that_is_cut_or_counts_more_than_there_is_is_read() {
        let info = DelegationInfo {
            target: "t".to_owned(),
            services: vec!["a@R".to_owned()],
        };
        let good = info.encode();
        for cut in 0..good.len() {
            assert!(DelegationInfo::parse(&good[..cut]).is_err(), "{cut}");
        }
        let mut many = good;
        many[28..32].fill(0xff);
        assert!(DelegationInfo::parse(&many).is_err());
    }
}
