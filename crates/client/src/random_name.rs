//! Names for files and caches that must not exist yet.

use rand::RngExt;

/// `count` random letters and digits.
pub(crate) fn letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    (0..count)
        .filter_map(|_| {
            let place = random.random_range(0..ALPHABET.len());
            ALPHABET.get(place).map(|&letter| char::from(letter))
        })
        .collect()
}
