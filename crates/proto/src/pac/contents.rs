//! A PAC to be written.

use std::ops::Range;

use kerbstone_crypto::Key;

use crate::pac::layout::{ALIGNMENT, HEADER, LINE, PacBuffer};
use crate::pac::signatures::USAGE;

/// Most buffers that are written here.
const MOST: usize = 6;

/// The keys that sign.
#[derive(Clone, Copy, Debug)]
pub struct Signers<'a> {
    /// The key of the service that the ticket is for.
    pub server: &'a Key,
    /// The key of the realm's own ticket-granting service.
    pub kdc: &'a Key,
}

/// What a PAC says, before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct PacContents<'a> {
    /// The buffer of [`ClientInfo`](super::ClientInfo).
    pub client_info: &'a [u8],
    /// The buffer of [`DelegationInfo`](super::DelegationInfo), if any.
    pub delegation_info: Option<&'a [u8]>,
}

/// What stands in a buffer.
#[derive(Clone, Copy)]
enum Part<'a> {
    Said(&'a [u8]),
    SignatureOf(&'a Key),
}

impl PacContents<'_> {
    /// The signed PAC. `ticket` is the DER of the ticket's sealed part with a single zero for the
    /// PAC; without it, for tickets of the ticket-granting service, the PAC has neither a
    /// signature over the ticket nor one of the KDC over the whole.
    pub fn sign(&self, signers: Signers<'_>, ticket: Option<&[u8]>) -> Vec<u8> {
        let Signers { server, kdc } = signers;
        let by_kdc = ticket.map(|_| Part::SignatureOf(kdc));
        let mut draft = Draft::of(&[
            (PacBuffer::CLIENT_INFO, Some(Part::Said(self.client_info))),
            (
                PacBuffer::DELEGATION_INFO,
                self.delegation_info.map(Part::Said),
            ),
            (PacBuffer::SERVER_SIGNATURE, Some(Part::SignatureOf(server))),
            (PacBuffer::KDC_SIGNATURE, Some(Part::SignatureOf(kdc))),
            (PacBuffer::TICKET_SIGNATURE, by_kdc),
            (PacBuffer::FULL_SIGNATURE, by_kdc),
        ]);
        if let Some(ticket) = ticket {
            let mac = kdc.checksum(USAGE, ticket);
            draft.put(PacBuffer::TICKET_SIGNATURE, &mac);
            let mac = kdc.checksum(USAGE, &draft.bytes);
            draft.put(PacBuffer::FULL_SIGNATURE, &mac);
        }
        let mac = server.checksum(USAGE, &draft.bytes);
        draft.put(PacBuffer::SERVER_SIGNATURE, &mac);
        let mac = kdc.checksum(USAGE, &mac);
        draft.put(PacBuffer::KDC_SIGNATURE, &mac);
        draft.bytes
    }
}

/// A PAC whose signatures are zero still.
struct Draft {
    bytes: Vec<u8>,
    /// Where the checksum of a signature goes.
    places: [(PacBuffer, Range<usize>); MOST],
}

impl Draft {
    fn of(parts: &[(PacBuffer, Option<Part<'_>>); MOST]) -> Self {
        let count = parts.iter().filter(|(_, part)| part.is_some()).count();
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&number(count));
        bytes.resize(HEADER.saturating_add(count.saturating_mul(LINE)), 0);
        let mut places = [const { (PacBuffer(0), 0..0) }; MOST];
        let present = parts
            .iter()
            .filter_map(|(kind, part)| Some((*kind, (*part)?)));
        for (line, ((kind, part), place)) in present.zip(&mut places).enumerate() {
            let start = bytes.len();
            *place = (kind, part.append(&mut bytes));
            let mut entry = [0; LINE];
            let (head, offset) = entry.split_at_mut(8);
            head.copy_from_slice(
                &(u64::from(kind.0) | (bytes.len().saturating_sub(start) as u64) << 32)
                    .to_le_bytes(),
            );
            offset.copy_from_slice(&(start as u64).to_le_bytes());
            let at = HEADER.saturating_add(line.saturating_mul(LINE));
            if let Some(room) = bytes.get_mut(at..at.saturating_add(LINE)) {
                room.copy_from_slice(&entry);
            }
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        }
        Self { bytes, places }
    }

    fn put(&mut self, kind: PacBuffer, mac: &[u8]) {
        let place = self.places.iter().find(|(its, _)| *its == kind);
        if let Some((_, range)) = place
            && let Some(room) = self.bytes.get_mut(range.clone())
            && room.len() == mac.len()
        {
            room.copy_from_slice(mac);
        }
    }
}

impl Part<'_> {
    /// Appends the buffer and says where its checksum goes.
    fn append(self, bytes: &mut Vec<u8>) -> Range<usize> {
        match self {
            Self::Said(said) => {
                bytes.extend_from_slice(said);
                0..0
            }
            Self::SignatureOf(key) => {
                let kind = key.enctype().checksum_type();
                bytes.extend_from_slice(&kind.number().to_le_bytes());
                let start = bytes.len();
                bytes.resize(start.saturating_add(kind.length()), 0);
                start..bytes.len()
            }
        }
    }
}

fn number(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}
