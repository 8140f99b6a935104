//! Wrap tokens in parts, protected where they lie, as `gss_wrap_iov` has them.
//!
//! A token's parts are its header, the data, and its trailer. Where no room for a trailer is
//! given, it stands in the header, and the header's rotation says so.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::{Enctype, Portion};
use rand_core::CryptoRng;

use super::token_header::{HEADER, Kind, TokenHeader};
use super::wrap::check_copy;
use crate::{Context, GssError, GssFlags, Order, Part, PartLengths, PartsUnwrapped};

const WHAT: &str = Kind::Wrap.words();

/// How long the pieces of a token in parts are.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// What the encryption puts before the data.
    confounder: usize,
    /// Padding before the encrypted copy of the header.
    extra: usize,
    /// Padding and encrypted copy of the header.
    copy: usize,
    /// The MAC.
    mac: usize,
    /// The header's room is for the trailer too.
    is_rotated: bool,
}

impl Layout {
    fn new(enctype: Enctype, sealed: bool, extra: usize, is_rotated: bool) -> Self {
        Self {
            confounder: if sealed { enctype.header_length() } else { 0 },
            extra,
            copy: if sealed {
                HEADER.saturating_add(extra)
            } else {
                0
            },
            mac: enctype.checksum_type().length(),
            is_rotated,
        }
    }

    const fn trailer(&self) -> usize {
        self.copy.saturating_add(self.mac)
    }

    const fn lengths(&self) -> PartLengths {
        let header = HEADER.saturating_add(self.confounder);
        let trailer = self.trailer();
        if self.is_rotated {
            PartLengths {
                header: header.saturating_add(trailer),
                padding: 0,
                trailer: 0,
            }
        } else {
            PartLengths {
                header,
                padding: 0,
                trailer,
            }
        }
    }

    /// What the header says of the rotation. Windows rotates by EC and RRC both in DCE style.
    const fn rotation(&self, flags: GssFlags) -> usize {
        if !self.is_rotated {
            return 0;
        }
        if flags.contains(GssFlags::DCE_STYLE) {
            self.trailer().saturating_sub(self.extra)
        } else {
            self.trailer()
        }
    }
}

/// The parts by what they are.
#[derive(Debug)]
struct Sorted<'p> {
    /// The header's sixteen bytes.
    header: &'p mut [u8],
    /// Padding and copy of the header.
    copy: &'p mut [u8],
    mac: &'p mut [u8],
    confounder: &'p mut [u8],
    portions: Vec<Portion<'p>>,
}

fn misfit() -> GssError {
    GssError::Misuse(
        "the parts of a wrap token are one header, any data, an empty padding and at most one trailer, as long as part_lengths says",
    )
}

impl<'p> Sorted<'p> {
    fn new(parts: &'p mut [Part<'_>], layout: &Layout) -> Result<Self, GssError> {
        let mut header: Option<&'p mut [u8]> = None;
        let mut trailer: Option<&'p mut [u8]> = None;
        let mut portions = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Header(bytes) if header.is_none() => header = Some(bytes),
                Part::Trailer(bytes) if trailer.is_none() => trailer = Some(bytes),
                Part::Data(bytes) => portions.push(Portion::Encrypted(bytes)),
                Part::SignOnly(bytes) => portions.push(Portion::SignOnly(bytes)),
                Part::Padding([]) => {}
                Part::Header(_) | Part::Trailer(_) | Part::Padding(_) => return Err(misfit()),
            }
        }
        let header = header.ok_or_else(misfit)?;
        if header.len() != layout.lengths().header {
            return Err(misfit());
        }
        let (header, rest) = header.split_at_mut_checked(HEADER).ok_or_else(misfit)?;
        let (trailer, confounder) = if layout.is_rotated {
            rest.split_at_mut_checked(layout.trailer())
                .ok_or_else(misfit)?
        } else {
            (trailer.unwrap_or_default(), rest)
        };
        if trailer.len() != layout.trailer() {
            return Err(misfit());
        }
        let (copy, mac) = trailer
            .split_at_mut_checked(layout.copy)
            .ok_or_else(misfit)?;
        Ok(Self {
            header,
            copy,
            mac,
            confounder,
            portions,
        })
    }

    /// What a checksum covers when nothing is encrypted: the message, then the header.
    fn signed<'a>(&'a self, header: &'a [u8]) -> Vec<&'a [u8]> {
        let message = self.portions.iter().map(|portion| match portion {
            Portion::Encrypted(bytes) => &**bytes,
            Portion::SignOnly(bytes) => bytes,
        });
        message.chain([header]).collect()
    }
}

fn has_trailer(parts: &[Part<'_>]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Trailer(_)))
}

impl Context {
    /// How long header and trailer of a token in parts must be; without a trailer part, the
    /// trailer stands in the header.
    pub fn part_lengths(&self, confidential: bool, has_trailer: bool) -> PartLengths {
        self.layout(confidential, has_trailer).lengths()
    }

    fn layout(&self, sealed: bool, has_trailer: bool) -> Layout {
        // Windows pads to a block in DCE style, and refuses other paddings.
        const BLOCK: usize = 16;
        let is_dce = self.flags.contains(GssFlags::DCE_STYLE);
        let extra = if sealed && is_dce { BLOCK } else { 0 };
        let enctype = self.session_key().enctype();
        Layout::new(enctype, sealed, extra, !has_trailer)
    }

    /// Protects a message in parts: data is encrypted where it lies if `confidential`, header and
    /// trailer are written.
    ///
    /// # Errors
    /// [`GssError::Misuse`] when the parts do not have the lengths of [`Context::part_lengths`].
    pub fn wrap_parts(
        &mut self,
        confidential: bool,
        parts: &mut [Part<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), GssError> {
        let layout = self.layout(confidential, has_trailer(parts));
        let header = self.next_header(Kind::Wrap, confidential);
        let rotation = narrow(layout.rotation(self.flags));
        let mut sorted = Sorted::new(parts, &layout)?;
        if confidential {
            let sealed = header.with_counts(narrow(layout.extra), 0);
            self.seal_parts(&sealed, &mut sorted, rng)?;
            copy_into(
                sorted.header,
                &sealed.with_counts(sealed.extra_count, rotation).to_bytes(),
            );
        } else {
            let (key, usage) = self.send_key(Kind::Wrap);
            let mut mac = Vec::with_capacity(layout.mac);
            key.checksum_parts_into(usage, &sorted.signed(&header.to_bytes()), &mut mac);
            copy_into(sorted.mac, &mac);
            let written = header.with_counts(narrow(layout.mac), rotation);
            copy_into(sorted.header, &written.to_bytes());
        }
        self.count_sent();
        Ok(())
    }

    fn seal_parts(
        &self,
        header: &TokenHeader,
        sorted: &mut Sorted<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), GssError> {
        let extra = usize::from(header.extra_count);
        let (padding, copy) = sorted.copy.split_at_mut_checked(extra).ok_or_else(misfit)?;
        padding.fill(0xff);
        copy_into(copy, &header.to_bytes());
        let (key, usage) = self.send_key(Kind::Wrap);
        let mut portions = std::mem::take(&mut sorted.portions);
        portions.push(Portion::Encrypted(sorted.copy));
        key.encrypt_portions(usage, sorted.confounder, &mut portions, sorted.mac, rng)?;
        Ok(())
    }

    /// Checks a message in parts, and decrypts its data where it lies.
    ///
    /// # Errors
    /// As [`Context::unwrap`], and [`GssError::Misuse`] when the parts do not fit the token.
    pub fn unwrap_parts(&mut self, parts: &mut [Part<'_>]) -> Result<PartsUnwrapped, GssError> {
        let start = parts.iter().find_map(|part| match part {
            Part::Header(bytes) => Some(&**bytes),
            _ => None,
        });
        let header = TokenHeader::parse(Kind::Wrap, start.unwrap_or_default())?;
        let sealed = header.is_sealed();
        let extra = if sealed {
            usize::from(header.extra_count)
        } else {
            0
        };
        let (key, usage) = self.receive_key(&header)?;
        let layout = Layout::new(key.enctype(), sealed, extra, !has_trailer(parts));
        if usize::from(header.right_rotation) != layout.rotation(self.flags) {
            return Err(GssError::DefectiveToken {
                what: WHAT,
                why: "its rotation is not that of a token in such parts",
            });
        }
        let mut sorted = Sorted::new(parts, &layout)?;
        if sealed {
            let mut portions = std::mem::take(&mut sorted.portions);
            portions.push(Portion::Encrypted(&mut *sorted.copy));
            key.decrypt_portions(usage, sorted.confounder, &mut portions, sorted.mac)
                .map_err(|_| GssError::BadMic(WHAT))?;
            drop(portions);
            check_copy(&header, sorted.copy)?;
        } else {
            if usize::from(header.extra_count) != layout.mac {
                return Err(GssError::DefectiveToken {
                    what: WHAT,
                    why: "its checksum has not the length that the key's type has",
                });
            }
            let signed = header.with_counts(0, 0).to_bytes();
            key.verify_checksum_parts(usage, &sorted.signed(&signed), sorted.mac)
                .map_err(|_| GssError::BadMic(WHAT))?;
        }
        let order: Order = self.window.note(header.sequence);
        Ok(PartsUnwrapped {
            confidential: sealed,
            order,
        })
    }
}

fn narrow(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn copy_into(target: &mut [u8], source: &[u8]) {
    debug_assert_eq!(target.len(), source.len());
    for (target, source) in target.iter_mut().zip(source) {
        *target = *source;
    }
}
