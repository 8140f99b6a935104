//! Block cipher modes with an initial vector of zeros: CBC, and CBC with ciphertext stealing in
//! the variant that always swaps the last two blocks (CBC-CS3, RFC 3962 5).
//!
//! Both work in place on the cipher's own backend, so that a message costs one dispatch to the
//! hardware instructions instead of one per block, and decryption runs on many blocks at once.

use aes::cipher::array::{Array, ArraySize};
use aes::cipher::common::BlockSizeUser;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt,
};

/// How a message of many blocks is made of single ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Whole blocks only.
    #[cfg_attr(not(feature = "legacy"), allow(dead_code))]
    Cbc,
    /// Any length from one block on.
    Cts,
}

/// As much of a message as `encrypt_observed` shows at a time: a block of SHA-1.
const GLIMPSE: usize = 64;

/// Encrypts `message` in place.
pub(crate) fn encrypt<C: BlockCipherEncrypt>(cipher: &C, mode: Mode, message: &mut [u8]) {
    encrypt_observed(cipher, mode, message, |_| {});
}

/// Encrypts `message` in place, and shows all of it, piece by piece, just before.
///
/// A block of CBC waits for the one before it, and the processor has time for something else
/// meanwhile: a hash that is computed here costs next to nothing.
pub(crate) fn encrypt_observed<C: BlockCipherEncrypt>(
    cipher: &C,
    mode: Mode,
    message: &mut [u8],
    observe: impl FnMut(&[u8]),
) {
    let (head, tail) = split::<C::BlockSize>(mode, message);
    cipher.encrypt_with_backend(Encrypt {
        head,
        tail,
        observe,
    });
}

/// Decrypts `message` in place.
pub(crate) fn decrypt<C: BlockCipherDecrypt>(cipher: &C, mode: Mode, message: &mut [u8]) {
    let (head, tail) = split::<C::BlockSize>(mode, message);
    cipher.decrypt_with_backend(Decrypt { head, tail });
}

/// The blocks that are chained as they are, and the last bytes, that steal from them.
fn split<N: ArraySize>(mode: Mode, message: &mut [u8]) -> (&mut [Array<u8, N>], &mut [u8]) {
    let block = N::USIZE;
    debug_assert!(message.len() >= block);
    let chained = match mode {
        Mode::Cbc => message.len(),
        Mode::Cts if message.len() <= block => message.len(),
        Mode::Cts => (message.len() - 1) / block * block,
    };
    let (head, tail) = message.split_at_mut(chained);
    let (blocks, rest) = Array::slice_as_chunks_mut(head);
    debug_assert!(rest.is_empty());
    (blocks, tail)
}

struct Encrypt<'a, N: ArraySize, O> {
    head: &'a mut [Array<u8, N>],
    tail: &'a mut [u8],
    observe: O,
}

impl<N: ArraySize, O> BlockSizeUser for Encrypt<'_, N, O> {
    type BlockSize = N;
}

impl<N: ArraySize, O: FnMut(&[u8])> BlockCipherEncClosure for Encrypt<'_, N, O> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = N>>(mut self, backend: &B) {
        let mut chain = Array::<u8, N>::default();
        for blocks in self.head.chunks_mut(GLIMPSE / N::USIZE) {
            (self.observe)(Array::slice_as_flattened(blocks));
            for block in blocks {
                xor(&mut chain, block);
                backend.encrypt_block_inplace(&mut chain);
                block.copy_from_slice(&chain);
            }
        }
        (self.observe)(self.tail);
        let (Some(last), false) = (self.head.last_mut(), self.tail.is_empty()) else {
            return;
        };
        xor(&mut chain, self.tail);
        backend.encrypt_block_inplace(&mut chain);
        for (tail, stolen) in self.tail.iter_mut().zip(last.iter()) {
            *tail = *stolen;
        }
        last.copy_from_slice(&chain);
    }
}

struct Decrypt<'a, N: ArraySize> {
    head: &'a mut [Array<u8, N>],
    tail: &'a mut [u8],
}

impl<N: ArraySize> BlockSizeUser for Decrypt<'_, N> {
    type BlockSize = N;
}

impl<N: ArraySize> BlockCipherDecClosure for Decrypt<'_, N> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = N>>(self, backend: &B) {
        if let (Some(last), false) = (self.head.last_mut(), self.tail.is_empty()) {
            backend.decrypt_block_inplace(last);
            for (tail, block) in self.tail.iter_mut().zip(last.iter_mut()) {
                let stolen = *tail;
                *tail ^= *block;
                *block = stolen;
            }
        }
        decrypt_chain(backend, self.head);
    }
}

/// CBC decryption from the last block to the first: the ciphertext that each block is chained to
/// is then still in place, and no block waits for another.
#[inline(always)]
fn decrypt_chain<N: ArraySize, B: BlockCipherDecBackend<BlockSize = N>>(
    backend: &B,
    blocks: &mut [Array<u8, N>],
) {
    let mut rest = blocks;
    while rest.len() > B::ParBlocksSize::USIZE {
        let (before, batch) = rest.split_at_mut(rest.len() - B::ParBlocksSize::USIZE);
        let mut plain = Array::<Array<u8, N>, B::ParBlocksSize>::default();
        plain.clone_from_slice(batch);
        backend.decrypt_par_blocks_inplace(&mut plain);
        let previous = before.last().into_iter().chain(batch.iter());
        for (plain, previous) in plain.iter_mut().zip(previous) {
            xor(plain, previous);
        }
        batch.clone_from_slice(&plain);
        rest = before;
    }
    while let Some((block, before)) = rest.split_last_mut() {
        backend.decrypt_block_inplace(block);
        if let Some(previous) = before.last() {
            xor(block, previous);
        }
        rest = before;
    }
}

#[inline(always)]
fn xor(target: &mut [u8], other: &[u8]) {
    for (target, other) in target.iter_mut().zip(other) {
        *target ^= other;
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;
    use aes::{Aes128Dec, Aes128Enc};

    use super::*;
    use crate::test_vectors::{hex, rows};

    #[test]
    fn steals_ciphertext_as_rfc_3962_shows() {
        let encryptor = Aes128Enc::new(b"chicken teriyaki".into());
        let decryptor = Aes128Dec::from(&encryptor);
        for row in rows(include_str!("../tests/it/vectors/aes_cts.txt")) {
            let (plain, cipher) = (row[0], row[1]);
            let mut message = hex(plain);
            encrypt(&encryptor, Mode::Cts, &mut message);
            assert_eq!(message, hex(cipher));
            decrypt(&decryptor, Mode::Cts, &mut message);
            assert_eq!(message, hex(plain));
        }
    }

    #[test]
    fn decrypts_in_batches_what_it_encrypted_block_by_block() {
        let encryptor = Aes128Enc::new(&[7; 16].into());
        let decryptor = Aes128Dec::from(&encryptor);
        for length in (16..64).chain(1000..1100) {
            let plain: Vec<u8> = (0..length).map(|position| position as u8).collect();
            let mut message = plain.clone();
            encrypt(&encryptor, Mode::Cts, &mut message);
            decrypt(&decryptor, Mode::Cts, &mut message);
            assert_eq!(message, plain);
        }
    }
}
