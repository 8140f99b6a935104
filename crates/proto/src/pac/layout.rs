//! PACTYPE: a table of buffers, and the buffers (MS-PAC 2.3).

use std::ops::Range;

use crate::error::ProtoError;
use crate::pac::little_endian::LittleEndian;
use crate::pac::malformed;

/// The length of the counts at the beginning, and of a line of the table.
pub(super) const HEADER: usize = 8;
pub(super) const LINE: usize = 16;
/// Every buffer begins at a multiple of this.
pub(super) const ALIGNMENT: usize = 8;
/// More buffers than anybody has. MIT's limit too.
const MOST_BUFFERS: usize = 4096;

/// What a buffer is (MS-PAC 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacBuffer(pub u32);

impl PacBuffer {
    /// The Windows account.
    pub const LOGON_INFO: Self = Self(1);
    /// The signature with the service's key, over the PAC.
    pub const SERVER_SIGNATURE: Self = Self(6);
    /// The signature with the KDC's key, over the service's signature.
    pub const KDC_SIGNATURE: Self = Self(7);
    /// Who the client is: [`ClientInfo`](super::ClientInfo).
    pub const CLIENT_INFO: Self = Self(10);
    /// Who acted for the client: [`DelegationInfo`](super::DelegationInfo).
    pub const DELEGATION_INFO: Self = Self(11);
    /// The signature with the KDC's key, over the ticket.
    pub const TICKET_SIGNATURE: Self = Self(16);
    /// The signature with the KDC's key, over the PAC.
    pub const FULL_SIGNATURE: Self = Self(19);
}

/// A PAC cut into its buffers. Nothing about it is proved.
#[derive(Clone, Copy, Debug)]
pub struct Pac<'a> {
    bytes: &'a [u8],
    table: &'a [[u8; LINE]],
}

impl<'a> Pac<'a> {
    /// Cuts it.
    ///
    /// # Errors
    /// [`ProtoError::Framing`] when a buffer lies outside of the bytes or over the table, or is
    /// not aligned.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProtoError> {
        let mut head = LittleEndian::new(bytes);
        let count = usize::try_from(head.u32()?).map_err(|_| malformed())?;
        let version = head.u32()?;
        if version != 0 || count == 0 || count > MOST_BUFFERS {
            return Err(malformed());
        }
        let (table, _) = head.take(count.saturating_mul(LINE))?.as_chunks();
        let pac = Self { bytes, table };
        for line in table {
            pac.place(line)?;
        }
        Ok(pac)
    }

    /// All of it, as it came.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Every buffer, in the order of the table.
    pub fn buffers(&self) -> impl Iterator<Item = (PacBuffer, &'a [u8])> {
        self.table.iter().filter_map(|line| {
            let (kind, range) = self.place(line).ok()?;
            Some((kind, self.bytes.get(range)?))
        })
    }

    /// The buffer of that kind.
    ///
    /// # Errors
    /// [`ProtoError::Framing`] when there is more than one: readers might disagree which counts.
    pub fn get(&self, kind: PacBuffer) -> Result<Option<&'a [u8]>, ProtoError> {
        let range = self.range(kind)?;
        Ok(range.and_then(|range| self.bytes.get(range)))
    }

    pub(super) fn range(&self, kind: PacBuffer) -> Result<Option<Range<usize>>, ProtoError> {
        let mut found = None;
        for line in self.table {
            let (its_kind, range) = self.place(line)?;
            if its_kind == kind && found.replace(range).is_some() {
                return Err(malformed());
            }
        }
        Ok(found)
    }

    fn place(&self, line: &[u8; LINE]) -> Result<(PacBuffer, Range<usize>), ProtoError> {
        let mut line = LittleEndian::new(line);
        let kind = PacBuffer(line.u32()?);
        let size = usize::try_from(line.u32()?).map_err(|_| malformed())?;
        let start = usize::try_from(line.u64()?).map_err(|_| malformed())?;
        let table = HEADER.saturating_add(self.table.len().saturating_mul(LINE));
        let end = start.checked_add(size).ok_or_else(malformed)?;
        if start < table || end > self.bytes.len() || !start.is_multiple_of(ALIGNMENT) {
            return Err(malformed());
        }
        Ok((kind, start..end))
    }
}
