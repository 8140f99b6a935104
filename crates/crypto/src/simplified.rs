//! Key derivation of the simplified profile (RFC 3961 5.1 and 5.3): a block cipher run over folded
//! constants, which for the usual usages are folded at compile time.

use aes::cipher::BlockCipherEncrypt;
use aes::cipher::array::Array;
use aes::cipher::typenum::Unsigned;
use zeroize::Zeroize;

use crate::KeyUsage;
use crate::nfold::nfold;
use crate::profile::Purpose;

/// The constant of a usage and purpose, folded to a block of 16 bytes.
pub(crate) fn folded_constant(usage: KeyUsage, purpose: Purpose) -> [u8; 16] {
    usize::try_from(usage.0)
        .ok()
        .and_then(|index| FOLDED.get(index))
        .map_or_else(
            || nfold(&purpose.constant(usage)),
            |purposes| purposes[purpose as usize],
        )
}

/// Folded constants of the usages that standards define.
static FOLDED: [[[u8; 16]; 3]; 72] = fold_constants();

const fn fold_constants() -> [[[u8; 16]; 3]; 72] {
    let mut folded = [[[0; 16]; 3]; 72];
    let mut usage = 0;
    while usage < folded.len() {
        let mut index = 0;
        while index < Purpose::ALL.len() {
            let purpose = Purpose::ALL[index];
            folded[usage][purpose as usize] = nfold(&purpose.constant(KeyUsage(usage as u32)));
            index += 1;
        }
        usage += 1;
    }
    folded
}

/// DR: fills `output` with the cipher's iterates from `folded` on.
pub(crate) fn derive_random<C: BlockCipherEncrypt>(
    base: &C,
    folded: &Array<u8, C::BlockSize>,
    output: &mut [u8],
) {
    let mut block = folded.clone();
    for piece in output.chunks_mut(C::BlockSize::USIZE) {
        base.encrypt_block(&mut block);
        for (output, derived) in piece.iter_mut().zip(block.iter()) {
            *output = *derived;
        }
    }
    block.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_folded_beforehand_are_those_folded_on_demand() {
        for usage in 0..100 {
            for purpose in Purpose::ALL {
                let usage = KeyUsage(usage);
                let folded: [u8; 16] = nfold(&purpose.constant(usage));
                assert_eq!(folded_constant(usage, purpose), folded);
            }
        }
    }
}
