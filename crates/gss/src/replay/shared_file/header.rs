//! The file's first bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 0..16 | `kerbstone replay` |
//! | 16..20 | format: 1 |
//! | 20..24 | generation: another one whenever the file is made anew |
//! | 24..28 | levels |
//! | 28..32 | requests from before this time are refused; 0 refuses none |
//! | 32..36 | why |
//! | 36..40 | 0 |
//! | 40..56 | seed of the tags |
//! | 56..72 | the boot in which it was opened last |
//! | 72..80 | checksum |

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::Damage;
use super::bucket::Seconds;
use super::checksum::checksum;
use super::layout::MAX_LEVELS;

const MAGIC: &[u8; 16] = b"kerbstone replay";
const VERSION: u32 = 1;
pub(super) const USED_BYTES: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) generation: u32,
    pub(super) levels: u32,
    pub(super) refuse_before: Seconds,
    pub(super) damage: Option<Damage>,
    pub(super) seed: [u8; 16],
    pub(super) boot: [u8; 16],
}

/// What the first bytes of a file say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Header(Header),
    Damaged,
    Foreign,
    Version(u32),
}

impl Header {
    pub(super) fn find(bytes: &[u8]) -> Found {
        if !bytes.starts_with(MAGIC.get(..bytes.len().min(MAGIC.len())).unwrap_or(MAGIC)) {
            return Found::Foreign;
        }
        Self::parse(bytes).unwrap_or(Found::Damaged)
    }

    fn parse(bytes: &[u8]) -> Option<Found> {
        let bytes = bytes.first_chunk::<USED_BYTES>()?;
        let (summed, sum) = bytes.split_last_chunk::<8>()?;
        if checksum(summed) != u64::from_le_bytes(*sum) {
            return None;
        }
        let (_, rest) = summed.split_first_chunk::<16>()?;
        let (numbers, rest) = rest.split_first_chunk::<24>()?;
        let number = |index: usize| {
            let (numbers, _) = numbers.as_chunks::<4>();
            numbers.get(index).map(|bytes| u32::from_le_bytes(*bytes))
        };
        let version = number(0)?;
        if version != VERSION {
            return Some(Found::Version(version));
        }
        let header = Self {
            generation: number(1)?,
            levels: number(2)?,
            refuse_before: number(3)?,
            damage: Damage::from_number(number(4)?),
            seed: *rest.first_chunk()?,
            boot: *rest.last_chunk()?,
        };
        (1..=MAX_LEVELS)
            .contains(&header.levels)
            .then_some(Found::Header(header))
    }

    pub(super) fn to_bytes(&self) -> [u8; USED_BYTES] {
        let numbers = [
            VERSION,
            self.generation,
            self.levels,
            self.refuse_before,
            self.damage.map_or(0, Damage::number),
            0,
        ];
        let mut bytes = [0; USED_BYTES];
        let from = MAGIC
            .iter()
            .copied()
            .chain(numbers.into_iter().flat_map(u32::to_le_bytes))
            .chain(self.seed)
            .chain(self.boot);
        if let Some((summed, sum)) = bytes.split_last_chunk_mut::<8>() {
            for (to, from) in summed.iter_mut().zip(from) {
                *to = from;
            }
            *sum = checksum(summed).to_le_bytes();
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Header {
        Header {
            generation: 9,
            levels: 3,
            refuse_before: 1000,
            damage: Some(Damage::Truncated),
            seed: [1; 16],
            boot: [2; 16],
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        assert_eq!(
            Header::find(&example().to_bytes()),
            Found::Header(example())
        );
    }

    #[test]
    fn a_cut_or_changed_header_is_damaged_and_strangers_are_foreign() {
        let good = example().to_bytes();
        for length in 1..USED_BYTES {
            assert_eq!(Header::find(&good[..length]), Found::Damaged, "{length}");
        }
        for index in 0..USED_BYTES {
            let mut bad = good;
            bad[index] ^= 0x10;
            let expected = if index < 16 {
                Found::Foreign
            } else {
                Found::Damaged
            };
            assert_eq!(Header::find(&bad), expected, "{index}");
        }
        assert_eq!(
            Header::find(b"root:x:0:0:root:/root:/bin/bash"),
            Found::Foreign
        );
    }
}
