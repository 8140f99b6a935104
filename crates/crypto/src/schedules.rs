//! A key with the schedules derived from it, each computed when it is first needed.
//!
//! A key's usages form a list that only ever grows, in the order of first use. Reading it takes no
//! lock; a key that is never used costs nothing beyond its bytes, and one that is used for one
//! thing pays for that thing.

use std::ops::Range;
use std::sync::OnceLock;

use hmac::Mac;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cbc_cts;
use crate::portions::{gather, scatter};
use crate::profile::{Coverage, Profile, Purpose};
use crate::suite::{Material, Suite, Tag};
use crate::{CryptoError, KeyUsage, Portion};

pub(crate) struct Schedules<P: Profile> {
    material: Material,
    base: OnceLock<Box<P::Base>>,
    usages: OnceLock<Box<UsageSchedules<P>>>,
}

struct UsageSchedules<P: Profile> {
    usage: KeyUsage,
    cipher: OnceLock<Box<CipherSchedules<P>>>,
    checksum: OnceLock<P::Mac>,
    next: OnceLock<Box<Self>>,
}

struct CipherSchedules<P: Profile> {
    encryptor: P::Encryptor,
    decryptor: OnceLock<P::Decryptor>,
    integrity: P::Mac,
}

impl<P: Profile> Schedules<P> {
    pub(crate) fn new(material: Material) -> Self {
        Self {
            material,
            base: OnceLock::new(),
            usages: OnceLock::new(),
        }
    }

    fn base(&self) -> &P::Base {
        self.base
            .get_or_init(|| Box::new(P::base(self.material.bytes())))
    }

    fn usage(&self, usage: KeyUsage) -> &UsageSchedules<P> {
        let mut slot = &self.usages;
        loop {
            let schedules = slot.get_or_init(|| Box::new(UsageSchedules::new(usage)));
            if schedules.usage == usage {
                return schedules;
            }
            slot = &schedules.next;
        }
    }

    fn cipher(&self, usage: KeyUsage) -> &CipherSchedules<P> {
        self.usage(usage).cipher.get_or_init(|| {
            Box::new(CipherSchedules {
                encryptor: P::encryptor(self.base(), usage),
                decryptor: OnceLock::new(),
                integrity: P::mac(self.base(), usage, Purpose::Integrity),
            })
        })
    }
}

impl<P: Profile> UsageSchedules<P> {
    fn new(usage: KeyUsage) -> Self {
        Self {
            usage,
            cipher: OnceLock::new(),
            checksum: OnceLock::new(),
            next: OnceLock::new(),
        }
    }
}

impl<P: Profile> CipherSchedules<P> {
    fn decryptor(&self) -> &P::Decryptor {
        self.decryptor.get_or_init(|| P::decryptor(&self.encryptor))
    }

    fn tag(&self, body: &[u8]) -> Tag {
        let initial_vector = [0; 16];
        match P::COVERAGE {
            Coverage::Plaintext => tag::<P>(&self.integrity, &[body]),
            Coverage::Ciphertext => tag::<P>(&self.integrity, &[&initial_vector[..P::BLOCK], body]),
        }
    }
}

impl<P: Profile> CipherSchedules<P> {
    /// The MAC over a body and the portions that are not in it, each in its place.
    fn portions_tag(&self, body: &[u8], portions: &[Portion<'_>]) -> Tag {
        let mut mac = self.integrity.clone();
        if matches!(P::COVERAGE, Coverage::Ciphertext) {
            mac.update(&[0; 16][..P::BLOCK]);
        }
        let (header, mut rest) = body.split_at(P::BLOCK);
        mac.update(header);
        for portion in portions {
            match portion {
                Portion::Encrypted(bytes) => {
                    let (own, behind) = rest.split_at(bytes.len());
                    mac.update(own);
                    rest = behind;
                }
                Portion::SignOnly(bytes) => mac.update(bytes),
            }
        }
        Tag::truncate(&mac.finalize().into_bytes(), P::MAC_LENGTH)
    }
}

fn tag<P: Profile>(mac: &P::Mac, parts: &[&[u8]]) -> Tag {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    Tag::truncate(&mac.finalize().into_bytes(), P::MAC_LENGTH)
}

impl<P: Profile> Suite for Schedules<P> {
    fn material(&self) -> &Material {
        &self.material
    }

    fn seal(&self, usage: KeyUsage, message: &mut [u8], rng: &mut dyn CryptoRng) {
        let schedules = self.cipher(usage);
        let (body, room) = message.split_at_mut(message.len() - P::MAC_LENGTH);
        rng.fill_bytes(&mut body[..P::BLOCK]);
        let tag = match P::COVERAGE {
            Coverage::Plaintext => {
                let mut mac = schedules.integrity.clone();
                cbc_cts::encrypt_observed(&schedules.encryptor, P::MODE, body, |piece| {
                    mac.update(piece);
                });
                Tag::truncate(&mac.finalize().into_bytes(), P::MAC_LENGTH)
            }
            Coverage::Ciphertext => {
                cbc_cts::encrypt(&schedules.encryptor, P::MODE, body);
                schedules.tag(body)
            }
        };
        room.copy_from_slice(tag.as_bytes());
    }

    fn open(&self, usage: KeyUsage, message: &mut [u8]) -> Result<Range<usize>, CryptoError> {
        let actual = message.len();
        let enctype = self.material.enctype();
        let wrong_length = CryptoError::CiphertextLength { enctype, actual };
        let end = actual.checked_sub(P::MAC_LENGTH).ok_or(wrong_length)?;
        if end < P::BLOCK || (P::MODE == cbc_cts::Mode::Cbc && end % P::BLOCK != 0) {
            return Err(wrong_length);
        }
        let schedules = self.cipher(usage);
        let (body, claimed) = message.split_at_mut(end);
        match P::COVERAGE {
            Coverage::Plaintext => {
                cbc_cts::decrypt(schedules.decryptor(), P::MODE, body);
                schedules.tag(body).verify(claimed)?;
            }
            Coverage::Ciphertext => {
                schedules.tag(body).verify(claimed)?;
                cbc_cts::decrypt(schedules.decryptor(), P::MODE, body);
            }
        }
        Ok(P::BLOCK..end)
    }

    fn seal_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &mut [u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CryptoError> {
        rng.fill_bytes(header);
        let schedules = self.cipher(usage);
        let mut body = gather(header, portions);
        let plain_tag = matches!(P::COVERAGE, Coverage::Plaintext)
            .then(|| schedules.portions_tag(&body, portions));
        cbc_cts::encrypt(&schedules.encryptor, P::MODE, &mut body);
        let tag = plain_tag.unwrap_or_else(|| schedules.portions_tag(&body, portions));
        scatter(&body, header, portions);
        trailer.copy_from_slice(tag.as_bytes());
        Ok(())
    }

    fn open_portions(
        &self,
        usage: KeyUsage,
        header: &mut [u8],
        portions: &mut [Portion<'_>],
        trailer: &[u8],
    ) -> Result<(), CryptoError> {
        let schedules = self.cipher(usage);
        let mut body = gather(header, portions);
        match P::COVERAGE {
            Coverage::Plaintext => {
                cbc_cts::decrypt(schedules.decryptor(), P::MODE, &mut body);
                schedules.portions_tag(&body, portions).verify(trailer)?;
            }
            Coverage::Ciphertext => {
                schedules.portions_tag(&body, portions).verify(trailer)?;
                cbc_cts::decrypt(schedules.decryptor(), P::MODE, &mut body);
            }
        }
        scatter(&body, header, portions);
        Ok(())
    }

    fn checksum(&self, usage: KeyUsage, parts: &[&[u8]]) -> Tag {
        let mac = self
            .usage(usage)
            .checksum
            .get_or_init(|| P::mac(self.base(), usage, Purpose::Checksum));
        tag::<P>(mac, parts)
    }

    fn prf(&self, input: &[u8]) -> Zeroizing<Vec<u8>> {
        P::prf(self.base(), input)
    }
}
