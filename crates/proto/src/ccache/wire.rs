//! The bytes of caches, principals and credentials.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::{CacheError, CacheVersion, ClockOffset, Credential, HeaderField};
use crate::byte_reader::{ByteOrder, ByteReader, Ended};
use crate::flags::TicketFlags;
use crate::key_block::KeyBlock;
use crate::message::{AuthorizationDataElement, HostAddress};
use crate::name::{KerberosString, NameType, Principal, PrincipalName, Realm};

pub(super) const TAG_CLOCK_OFFSET: u16 = 1;

/// The header's fields do not add up.
pub(super) struct HeaderError {
    pub(super) offset: usize,
}

pub(super) struct Parsed<'a> {
    pub(super) version: CacheVersion,
    pub(super) header: Vec<HeaderField>,
    pub(super) principal: Principal,
    pub(super) credentials: Vec<Credential>,
    pub(super) unfinished: &'a [u8],
}

/// Why a value could not be read from a file that others append to.
pub(super) enum Stop {
    /// The file ends in the value.
    Unfinished,
    /// A length in it exceeds the file's.
    Impossible,
}

impl From<Ended> for Stop {
    fn from(_: Ended) -> Self {
        Self::Unfinished
    }
}

/// A reader with the size that no length inside may exceed.
pub(super) struct CacheReader<'a> {
    bytes: ByteReader<'a>,
    version: CacheVersion,
    size: usize,
}

impl CacheVersion {
    const fn order(self) -> ByteOrder {
        match self {
            Self::V1 | Self::V2 => ByteOrder::Native,
            Self::V3 | Self::V4 => ByteOrder::Big,
        }
    }
}

pub(super) fn version(bytes: &[u8]) -> Result<CacheVersion, CacheError> {
    match bytes.get(..2) {
        Some([5, 1]) => Ok(CacheVersion::V1),
        Some([5, 2]) => Ok(CacheVersion::V2),
        Some([5, 3]) => Ok(CacheVersion::V3),
        Some([5, 4]) => Ok(CacheVersion::V4),
        start => Err(CacheError::UnknownVersion(start.unwrap_or(bytes).to_vec())),
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed<'_>, CacheError> {
    let version = version(bytes)?;
    let mut reader = CacheReader {
        bytes: ByteReader::new(bytes.get(2..).unwrap_or_default(), version.order()),
        version,
        size: bytes.len(),
    };
    let header = match version {
        CacheVersion::V4 => read_header(&mut reader)?,
        _ => Vec::new(),
    };
    let principal = read_principal(&mut reader).map_err(|stop| match stop {
        Stop::Unfinished => CacheError::NoPrincipal,
        Stop::Impossible => reader.bad_format(),
    })?;
    let mut credentials = Vec::new();
    let mut unfinished = reader.bytes.rest();
    while !unfinished.is_empty() {
        match read_credential(&mut reader) {
            Ok(credential) => credentials.push(credential),
            Err(Stop::Unfinished) => break,
            Err(Stop::Impossible) => return Err(reader.bad_format()),
        }
        unfinished = reader.bytes.rest();
    }
    Ok(Parsed {
        version,
        header,
        principal,
        credentials,
        unfinished,
    })
}

/// Reads a value that must fill `bytes`.
pub(super) fn decode_single<T>(
    bytes: &[u8],
    version: CacheVersion,
    read: fn(&mut CacheReader<'_>) -> Result<T, Stop>,
) -> Result<T, CacheError> {
    let mut reader = CacheReader {
        bytes: ByteReader::new(bytes, version.order()),
        version,
        size: bytes.len(),
    };
    match read(&mut reader) {
        Ok(value) if reader.bytes.is_empty() => Ok(value),
        _ => Err(reader.bad_format()),
    }
}

impl<'a> CacheReader<'a> {
    fn offset(&self) -> usize {
        self.size.saturating_sub(self.bytes.rest().len())
    }

    fn bad_format(&self) -> CacheError {
        CacheError::BadFormat {
            offset: self.offset(),
        }
    }

    fn data(&mut self) -> Result<&'a [u8], Stop> {
        let length = usize::try_from(self.bytes.u32()?).map_err(|_| Stop::Impossible)?;
        if length > self.size {
            return Err(Stop::Impossible);
        }
        Ok(self.bytes.take(length)?)
    }
}

fn read_header(reader: &mut CacheReader<'_>) -> Result<Vec<HeaderField>, HeaderError> {
    let offset = reader.offset();
    let fields = |reader: &mut CacheReader<'_>| -> Result<Vec<HeaderField>, Ended> {
        let length = reader.bytes.u16()?;
        let mut inside = ByteReader::new(reader.bytes.take(length.into())?, ByteOrder::Big);
        let mut fields = Vec::new();
        while !inside.is_empty() {
            let tag = inside.u16()?;
            let length = inside.u16()?;
            let value = inside.take(length.into())?.to_vec();
            if tag == TAG_CLOCK_OFFSET && value.len() != 8 {
                return Err(Ended);
            }
            fields.push(HeaderField { tag, value });
        }
        Ok(fields)
    };
    fields(reader).map_err(|Ended| HeaderError { offset })
}

pub(super) fn read_principal(reader: &mut CacheReader<'_>) -> Result<Principal, Stop> {
    let name_type = match reader.version {
        CacheVersion::V1 => NameType::UNKNOWN,
        _ => NameType(reader.bytes.i32()?),
    };
    let counted = reader.bytes.u32()?;
    let count = match reader.version {
        CacheVersion::V1 => counted.checked_sub(1).ok_or(Stop::Impossible)?,
        _ => counted,
    };
    let realm = Realm::from(KerberosString::from(reader.data()?));
    let mut components = Vec::new();
    for _ in 0..count {
        components.push(KerberosString::from(reader.data()?));
    }
    Ok(Principal {
        name: PrincipalName {
            name_type,
            components,
        },
        realm,
    })
}

pub(super) fn read_credential(reader: &mut CacheReader<'_>) -> Result<Credential, Stop> {
    Ok(Credential {
        client: read_principal(reader)?,
        server: read_principal(reader)?,
        key: read_key(reader)?,
        authtime: reader.bytes.time()?,
        starttime: reader.bytes.time()?,
        endtime: reader.bytes.time()?,
        renew_till: reader.bytes.time()?,
        is_skey: reader.bytes.u8()? != 0,
        flags: TicketFlags::from_bits(reader.bytes.u32()?),
        addresses: read_list(reader, |kind, address| HostAddress {
            addr_type: kind.cast_unsigned().into(),
            address,
        })?,
        authdata: read_list(reader, |kind, ad_data| AuthorizationDataElement {
            ad_type: kind.into(),
            ad_data,
        })?,
        ticket: reader.data()?.to_vec(),
        second_ticket: reader.data()?.to_vec(),
    })
}

fn read_key(reader: &mut CacheReader<'_>) -> Result<KeyBlock, Stop> {
    let enctype = reader.bytes.i16()?;
    if reader.version == CacheVersion::V3 {
        reader.bytes.u16()?;
    }
    Ok(KeyBlock::new(enctype.into(), reader.data()?))
}

fn read_list<T>(reader: &mut CacheReader<'_>, item: fn(i16, Vec<u8>) -> T) -> Result<Vec<T>, Stop> {
    let count = reader.bytes.u32()?;
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(item(reader.bytes.i16()?, reader.data()?.to_vec()));
    }
    Ok(list)
}

pub(super) fn clock_offset(field: &HeaderField) -> Option<ClockOffset> {
    if field.tag != TAG_CLOCK_OFFSET {
        return None;
    }
    let mut value = ByteReader::new(&field.value, ByteOrder::Big);
    Some(ClockOffset {
        seconds: value.i32().ok()?,
        microseconds: value.i32().ok()?,
    })
}

pub(super) fn clock_offset_field(offset: ClockOffset) -> HeaderField {
    let mut value = Vec::with_capacity(8);
    ByteOrder::Big.put_u32(&mut value, offset.seconds.cast_unsigned());
    ByteOrder::Big.put_u32(&mut value, offset.microseconds.cast_unsigned());
    HeaderField {
        tag: TAG_CLOCK_OFFSET,
        value,
    }
}

/// Fields that would not fit the header's 16-bit lengths are left out.
pub(super) fn write_header(out: &mut Vec<u8>, version: CacheVersion, header: &[HeaderField]) {
    out.extend_from_slice(&[5, version as u8]);
    if version != CacheVersion::V4 {
        return;
    }
    let mut fields = Vec::new();
    for field in header {
        let total = fields
            .len()
            .saturating_add(field.value.len())
            .saturating_add(4);
        let (Ok(length), Ok(_)) = (u16::try_from(field.value.len()), u16::try_from(total)) else {
            continue;
        };
        ByteOrder::Big.put_u16(&mut fields, field.tag);
        ByteOrder::Big.put_u16(&mut fields, length);
        fields.extend_from_slice(&field.value);
    }
    ByteOrder::Big.put_u16(out, u16::try_from(fields.len()).unwrap_or(0));
    out.append(&mut fields);
}

pub(super) fn write_principal(out: &mut Vec<u8>, principal: &Principal, version: CacheVersion) {
    let order = version.order();
    let components = &principal.name.components;
    let count = count_field(components.len());
    if version == CacheVersion::V1 {
        order.put_u32(out, count.saturating_add(1));
    } else {
        order.put_u32(out, principal.name.name_type.0.cast_unsigned());
        order.put_u32(out, count);
    }
    write_data(out, order, principal.realm.as_bytes());
    for component in components {
        write_data(out, order, component.as_bytes());
    }
}

pub(super) fn write_credential(out: &mut Vec<u8>, credential: &Credential, version: CacheVersion) {
    let order = version.order();
    write_principal(out, &credential.client, version);
    write_principal(out, &credential.server, version);
    order.put_u16(out, low_half(credential.key.enctype));
    if version == CacheVersion::V3 {
        order.put_u16(out, low_half(credential.key.enctype));
    }
    write_data(out, order, &credential.key.bytes);
    order.put_time(out, credential.authtime);
    order.put_time(out, credential.starttime);
    order.put_time(out, credential.endtime);
    order.put_time(out, credential.renew_till);
    out.push(credential.is_skey.into());
    order.put_u32(out, credential.flags.bits());
    order.put_u32(out, count_field(credential.addresses.len()));
    for address in &credential.addresses {
        order.put_u16(out, low_half(address.addr_type));
        write_data(out, order, &address.address);
    }
    order.put_u32(out, count_field(credential.authdata.len()));
    for element in &credential.authdata {
        order.put_u16(out, low_half(element.ad_type));
        write_data(out, order, &element.ad_data);
    }
    write_data(out, order, &credential.ticket);
    write_data(out, order, &credential.second_ticket);
}

/// How many bytes [`write_credential`] will write.
pub(super) fn credential_length(credential: &Credential, version: CacheVersion) -> usize {
    let principal = |principal: &Principal| {
        principal
            .name
            .components
            .iter()
            .map(|component| component.as_bytes().len().saturating_add(4))
            .chain([principal.realm.as_bytes().len(), 12])
            .fold(0, usize::saturating_add)
    };
    let addresses = credential.addresses.iter().map(|item| item.address.len());
    let authdata = credential.authdata.iter().map(|item| item.ad_data.len());
    addresses
        .chain(authdata)
        .map(|length| length.saturating_add(6))
        .chain([
            principal(&credential.client),
            principal(&credential.server),
            credential.key.bytes.len(),
            credential.ticket.len(),
            credential.second_ticket.len(),
            // Key (enctype once or twice, length), times, is_skey, flags, counts, ticket lengths.
            if version == CacheVersion::V3 { 45 } else { 43 },
        ])
        .fold(0, usize::saturating_add)
}

fn write_data(out: &mut Vec<u8>, order: ByteOrder, bytes: &[u8]) {
    order.put_u32(out, count_field(bytes.len()));
    out.extend_from_slice(bytes);
}

fn count_field(count: usize) -> u32 {
    debug_assert!(u32::try_from(count).is_ok());
    u32::try_from(count).unwrap_or(u32::MAX)
}

const fn low_half(number: i32) -> u16 {
    let [_, _, high, low] = number.to_be_bytes();
    u16::from_be_bytes([high, low])
}
