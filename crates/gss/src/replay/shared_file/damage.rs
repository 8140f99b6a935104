//! What may have happened to a file.

use std::fmt;

/// Why a cache does not know what it knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// There is less of the file than there should be.
    Truncated,
    /// Its header or a bucket makes no sense.
    Corrupt,
    /// The file was removed, or another one lies in its place, while workers used it.
    Replaced,
    /// The machine was started anew since, so that what was not on the disk yet is lost.
    Rebooted,
}

impl Damage {
    const ALL: [Self; 4] = [
        Self::Truncated,
        Self::Corrupt,
        Self::Replaced,
        Self::Rebooted,
    ];

    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Truncated => 1,
            Self::Corrupt => 2,
            Self::Replaced => 3,
            Self::Rebooted => 4,
        }
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|damage| damage.number() == number)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "was cut short",
            Self::Corrupt => "was damaged",
            Self::Replaced => "was removed while in use",
            Self::Rebooted => "is from before the machine was started",
        })
    }
}
