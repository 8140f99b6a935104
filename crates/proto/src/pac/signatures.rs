//! PAC_SIGNATURE_DATA, and what each signature is over (MS-PAC 2.8).

use std::ops::Range;

use kerbstone_crypto::{Key, KeyUsage};

use crate::error::ProtoError;
use crate::pac::layout::{Pac, PacBuffer};
use crate::pac::malformed;

/// KERB_NON_KERB_CKSUM_SALT, the usage of all of them.
pub(super) const USAGE: KeyUsage = KeyUsage(17);
/// Before a signature stands the type of its checksum.
pub(super) const TYPE: usize = 4;
/// No signature of ours is longer, with what a read-only domain controller puts behind it.
const LONGEST: usize = 64;
const ZEROS: [u8; LONGEST] = [0; LONGEST];

/// One signature in a PAC.
struct Signature<'a> {
    kind: i32,
    /// What is behind the type.
    value: &'a [u8],
    place: Range<usize>,
}

impl Signature<'_> {
    fn verify(&self, key: &Key, parts: &[&[u8]]) -> Result<(), ProtoError> {
        let kind = key.enctype().checksum_type();
        if self.kind != kind.number() {
            return Err(ProtoError::InappropriateChecksum);
        }
        let mac = self.value.get(..kind.length()).ok_or_else(malformed)?;
        key.verify_checksum_parts(USAGE, parts, mac)
            .map_err(|_| ProtoError::Modified)
    }
}

impl Pac<'_> {
    /// Checks that this is what the KDC wrote for the owner of that key.
    ///
    /// # Errors
    /// [`ProtoError::Modified`], [`ProtoError::InappropriateChecksum`] for another type of
    /// checksum than the key's, [`ProtoError::Mismatch`] where a signature is missing.
    pub fn verify_server(&self, key: &Key) -> Result<(), ProtoError> {
        let server = self.signature(PacBuffer::SERVER_SIGNATURE)?;
        let kdc = self.signature(PacBuffer::KDC_SIGNATURE)?;
        self.with_zeros([server.place.clone(), kdc.place, 0..0], |parts| {
            server.verify(key, parts)
        })
    }

    /// Checks that the service's signature is the KDC's work, and not made with the service's key
    /// by the service.
    ///
    /// # Errors
    /// As [`Pac::verify_server`].
    pub fn verify_kdc(&self, key: &Key) -> Result<(), ProtoError> {
        let server = self.signature(PacBuffer::SERVER_SIGNATURE)?;
        let kdc = self.signature(PacBuffer::KDC_SIGNATURE)?;
        kdc.verify(key, &[server.value])
    }

    /// Checks the KDC's signature over all of it, which takes away what a service could gain from
    /// another PAC with the same signature of its own (CVE-2022-37967).
    ///
    /// # Errors
    /// As [`Pac::verify_server`].
    pub fn verify_full(&self, key: &Key) -> Result<(), ProtoError> {
        let server = self.signature(PacBuffer::SERVER_SIGNATURE)?;
        let kdc = self.signature(PacBuffer::KDC_SIGNATURE)?;
        let full = self.signature(PacBuffer::FULL_SIGNATURE)?;
        let places = [server.place, kdc.place, full.place.clone()];
        self.with_zeros(places, |parts| full.verify(key, parts))
    }

    /// Checks the KDC's signature over the ticket around it, in which the PAC is a single zero:
    /// the service cannot have changed the ticket's client or flags (CVE-2020-17049).
    ///
    /// # Errors
    /// As [`Pac::verify_server`].
    pub fn verify_ticket(&self, key: &Key, ticket: &[u8]) -> Result<(), ProtoError> {
        self.signature(PacBuffer::TICKET_SIGNATURE)?
            .verify(key, &[ticket])
    }

    /// Whether there is such a signature, be it right or wrong.
    pub(super) fn has(&self, kind: PacBuffer) -> bool {
        matches!(self.range(kind), Ok(Some(_)) | Err(_))
    }

    fn signature(&self, kind: PacBuffer) -> Result<Signature<'_>, ProtoError> {
        let place = self
            .range(kind)?
            .ok_or(ProtoError::Mismatch("the PAC lacks a signature"))?;
        let bytes = self.as_bytes().get(place.clone()).ok_or_else(malformed)?;
        let (number, value) = bytes.split_first_chunk::<TYPE>().ok_or_else(malformed)?;
        Ok(Signature {
            kind: i32::from_le_bytes(*number),
            value,
            place: place.start.saturating_add(TYPE)..place.end,
        })
    }

    /// The PAC with these places zero, in parts and without a copy.
    fn with_zeros<R>(
        &self,
        mut places: [Range<usize>; 3],
        check: impl FnOnce(&[&[u8]]) -> Result<R, ProtoError>,
    ) -> Result<R, ProtoError> {
        places.sort_unstable_by_key(|place| place.start);
        let mut parts: [&[u8]; 7] = [&[]; 7];
        let mut slots = parts.iter_mut();
        let mut at = 0;
        for place in places {
            let before = self.as_bytes().get(at..place.start);
            let zeros = ZEROS.get(..place.len());
            for (part, slot) in [before, zeros].into_iter().zip(slots.by_ref()) {
                *slot = part.ok_or_else(malformed)?;
            }
            at = place.end;
        }
        if let Some(slot) = slots.next() {
            *slot = self.as_bytes().get(at..).ok_or_else(malformed)?;
        }
        check(&parts)
    }
}
