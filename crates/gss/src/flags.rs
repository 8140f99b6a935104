//! What a context shall do, or does (RFC 2744, RFC 4121 4.1.1.1, RFC 4757 7.1).

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of context flags. Flags without a name here are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct GssFlags(pub u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bits:literal,)+) => {
        impl GssFlags {
            $($(#[$doc])* pub const $name: Self = Self($bits);)+

            const NAMES: &[(Self, &'static str)] = &[$((Self::$name, stringify!($name)),)+];
        }
    };
}

flags! {
    /// The initiator's credentials go to the acceptor.
    DELEG = 0x1,
    /// The acceptor proves itself too.
    MUTUAL = 0x2,
    /// Messages that come twice are told.
    REPLAY = 0x4,
    /// Messages that come out of order are told.
    SEQUENCE = 0x8,
    /// Messages can be encrypted.
    CONF = 0x10,
    /// Messages can be protected against changes.
    INTEG = 0x20,
    /// The initiator stays nameless.
    ANON = 0x40,
    /// Messages can be protected before the context is established.
    PROT_READY = 0x80,
    /// The context can be exported.
    TRANS = 0x100,
    /// Both sides were bound to the same channel; of an initiator: it knows of bindings, so that
    /// an acceptor with bindings shall insist on them.
    CHANNEL_BOUND = 0x800,
    /// Three legs, and wrap tokens as DCE RPC has them.
    DCE_STYLE = 0x1000,
    /// The acceptor may learn who the initiator is but not act for it.
    IDENTIFY = 0x2000,
    /// Errors are told in full.
    EXTENDED_ERROR = 0x4000,
    /// Delegation if the KDC's OK-AS-DELEGATE allows it.
    DELEG_POLICY = 0x8000,
}

impl GssFlags {
    /// No flag.
    pub const EMPTY: Self = Self(0);

    /// Whether all of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These and those.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for GssFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for GssFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for GssFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for GssFlags {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl fmt::Debug for GssFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut words = Vec::new();
        for (flag, name) in Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            rest &= !flag.0;
            words.push((*name).to_owned());
        }
        if rest != 0 {
            words.push(format!("{rest:#x}"));
        }
        write!(f, "GssFlags({})", words.join(" | "))
    }
}
