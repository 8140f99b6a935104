//! Keys for what goes on beside the context (RFC 4401, RFC 7802, whose counter begins with 0).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use zeroize::Zeroizing;

use crate::Context;

/// Whose key the output depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrfKey {
    /// The initiator's, which is known before the context is established.
    Partial,
    /// The acceptor's, if it has one.
    Full,
}

impl Context {
    /// `length` pseudo-random bytes that both sides compute alike from `input`.
    pub fn prf(&self, key: PrfKey, input: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
        let key = match key {
            PrfKey::Partial => &self.subkey,
            PrfKey::Full => self.session_key(),
        };
        let mut numbered = Zeroizing::new([&[0; 4], input].concat());
        let mut output = Zeroizing::new(Vec::with_capacity(length));
        for counter in 0_u32.. {
            let missing = length.saturating_sub(output.len());
            if missing == 0 {
                break;
            }
            for (byte, digit) in numbered.iter_mut().zip(counter.to_be_bytes()) {
                *byte = digit;
            }
            output.extend(key.prf(&numbered).iter().take(missing));
        }
        output
    }
}
