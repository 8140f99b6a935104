//! Numbers that a reply must repeat.

use kerbstone_proto::message::UInt32;
use rand_core::CryptoRng;

/// 31 random bits: KDCs that read the field as a signed number take those as well.
pub(crate) fn fresh(rng: &mut dyn CryptoRng) -> UInt32 {
    UInt32(rng.next_u32() & 0x7fff_ffff)
}
