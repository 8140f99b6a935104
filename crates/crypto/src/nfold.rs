//! n-fold (RFC 3961 5.1): stretching or folding a string to a given length.

/// Folds `input` to `N` bytes. Evaluable at compile time; an empty input gives zeros.
///
/// The input is repeated, each time rotated right by 13 more bits, up to the least common multiple
/// of both lengths, and the pieces of `N` bytes are added with end-around carry.
///
/// ```
/// const FOLDED: [u8; 8] = kerbstone_crypto::nfold(b"kerberos");
/// assert_eq!(&FOLDED, b"kerberos");
/// ```
pub const fn nfold<const N: usize>(input: &[u8]) -> [u8; N] {
    let mut sums = [0u32; N];
    if !input.is_empty() && N != 0 {
        let total = input.len() / greatest_common_divisor(input.len(), N) * N;
        let mut position = 0;
        while position < total {
            sums[position % N] += rotated_byte(input, position) as u32;
            position += 1;
            if position % (N << 8) == 0 {
                carry(&mut sums);
            }
        }
    }
    carry(&mut sums);
    let mut folded = [0; N];
    let mut index = 0;
    while index < N {
        folded[index] = sums[index] as u8;
        index += 1;
    }
    folded
}

/// The byte at `position` of `input` repeated with each copy rotated right by 13 bits more.
const fn rotated_byte(input: &[u8], position: usize) -> u8 {
    let bits = input.len() * 8;
    let rotation = (position / input.len() * 13) % bits;
    let start = (position % input.len() * 8 + bits - rotation) % bits;
    let high = input[start / 8] as u16;
    let low = input[(start / 8 + 1) % input.len()] as u16;
    ((high << 8 | low) >> (8 - start % 8)) as u8
}

/// Carries what exceeds a byte to the left, and from the leftmost byte around to the rightmost.
const fn carry<const N: usize>(sums: &mut [u32; N]) {
    let mut carry = 0;
    loop {
        let mut index = N;
        while index > 0 {
            index -= 1;
            let sum = sums[index] + carry;
            sums[index] = sum & 0xff;
            carry = sum >> 8;
        }
        if carry == 0 {
            return;
        }
    }
}

const fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_inputs_that_need_many_additions() {
        let long = vec![0xff; 4099];
        assert_eq!(nfold::<21>(&long), [0xff; 21]);
        assert_eq!(nfold::<8>(&[]), [0; 8]);
    }
}
