use std::borrow::Borrow;
use std::fmt;
use std::mem;
use std::ops::Deref;

use zeroize::optimization_barrier;

/// Bytes whose meaning XDR does not know: tokens, names, keys.
///
/// They are wiped when dropped, and `Debug` shows only how many there are.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(Vec<u8>);

impl Opaque {
    /// No bytes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The bytes themselves, whose wiping is then the caller's business.
    pub fn into_vec(mut self) -> Vec<u8> {
        mem::take(&mut self.0)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Opaque {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites in one sweep what must not stay in memory: these are kilobytes for each message, too
/// many for a volatile store each.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({} bytes)", self.0.len())
    }
}

impl Deref for Opaque {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Opaque {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Opaque {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Opaque {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Opaque {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Opaque {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Opaque {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Opaque {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl PartialEq<[u8]> for Opaque {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == other
    }
}

impl PartialEq<&[u8]> for Opaque {
    fn eq(&self, other: &&[u8]) -> bool {
        self.0 == *other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Opaque {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_its_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Opaque::from(b"secret")), "Opaque(6 bytes)");
    }

    #[test]
    fn gives_its_bytes_away_unwiped() {
        assert_eq!(Opaque::from(b"token").into_vec(), b"token");
    }
}
