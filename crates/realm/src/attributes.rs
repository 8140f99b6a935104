//! What a principal may and must do: kadm5's attribute bits.

use std::fmt;
use std::ops::{BitOr, BitOrAssign, Sub};

/// A set of attributes; the bits are MIT's (`KRB5_KDB_*`), so dumps and kadm5 carry them unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes(u32);

/// Names as kadmin prints and accepts them. `true` where `+name` clears the bit, as kadmin
/// says `+allow_forwardable` for a clear DISALLOW_FORWARDABLE.
const NAMES: [(&str, Attributes, bool); 17] = [
    ("allow_postdated", Attributes::DISALLOW_POSTDATED, true),
    ("allow_forwardable", Attributes::DISALLOW_FORWARDABLE, true),
    ("allow_tgs_req", Attributes::DISALLOW_TGT_BASED, true),
    ("allow_renewable", Attributes::DISALLOW_RENEWABLE, true),
    ("allow_proxiable", Attributes::DISALLOW_PROXIABLE, true),
    ("allow_dup_skey", Attributes::DISALLOW_DUP_SKEY, true),
    ("allow_tix", Attributes::DISALLOW_ALL_TIX, true),
    ("requires_preauth", Attributes::REQUIRES_PREAUTH, false),
    ("requires_hwauth", Attributes::REQUIRES_HWAUTH, false),
    ("needchange", Attributes::NEEDCHANGE, false),
    ("allow_svr", Attributes::DISALLOW_SVR, true),
    (
        "password_changing_service",
        Attributes::PWCHANGE_SERVICE,
        false,
    ),
    ("ok_as_delegate", Attributes::OK_AS_DELEGATE, false),
    (
        "ok_to_auth_as_delegate",
        Attributes::OK_TO_AUTH_AS_DELEGATE,
        false,
    ),
    ("no_auth_data_required", Attributes::NO_AUTH_DATA, false),
    ("lockdown_keys", Attributes::LOCKDOWN_KEYS, false),
    ("locked", Attributes::LOCKED, false),
];

impl Attributes {
    /// No attribute.
    pub const NONE: Self = Self(0);
    /// Tickets cannot be postdated.
    pub const DISALLOW_POSTDATED: Self = Self(0x1);
    /// Tickets cannot be forwarded.
    pub const DISALLOW_FORWARDABLE: Self = Self(0x2);
    /// Tickets for it need an AS exchange; a TGT does not do.
    pub const DISALLOW_TGT_BASED: Self = Self(0x4);
    /// Tickets cannot be renewed.
    pub const DISALLOW_RENEWABLE: Self = Self(0x8);
    /// Tickets cannot be proxied.
    pub const DISALLOW_PROXIABLE: Self = Self(0x10);
    /// No user-to-user tickets under its session key.
    pub const DISALLOW_DUP_SKEY: Self = Self(0x20);
    /// No tickets at all.
    pub const DISALLOW_ALL_TIX: Self = Self(0x40);
    /// The client must pre-authenticate.
    pub const REQUIRES_PREAUTH: Self = Self(0x80);
    /// The client must pre-authenticate with hardware.
    pub const REQUIRES_HWAUTH: Self = Self(0x100);
    /// The password must be changed before any ticket is given.
    pub const NEEDCHANGE: Self = Self(0x200);
    /// No service tickets for it.
    pub const DISALLOW_SVR: Self = Self(0x1000);
    /// A service at which an expired password may still be used, to change it.
    pub const PWCHANGE_SERVICE: Self = Self(0x2000);
    /// Clients may delegate credentials to it.
    pub const OK_AS_DELEGATE: Self = Self(0x10_0000);
    /// It may ask for forwardable tickets to itself on behalf of others.
    pub const OK_TO_AUTH_AS_DELEGATE: Self = Self(0x20_0000);
    /// Its tickets carry no PAC.
    pub const NO_AUTH_DATA: Self = Self(0x40_0000);
    /// Its keys cannot be read out, and it cannot be deleted or renamed.
    pub const LOCKDOWN_KEYS: Self = Self(0x80_0000);
    /// Locked by an administrator. Ours; an export to MIT's form says [`Self::DISALLOW_ALL_TIX`].
    pub const LOCKED: Self = Self(0x100_0000);

    /// The set with exactly these bits, unknown ones included.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every attribute of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set with those attributes switched on or off.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on {
            Self(self.0 | other.0)
        } else {
            Self(self.0 & !other.0)
        }
    }

    /// Applies kadmin's `+name` or `-name` (`+allow_tix`, `-requires_preauth`); `None` for an unknown name.
    pub fn apply(self, flag: &str) -> Option<Self> {
        let (on, name) = match flag.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, flag.strip_prefix('+').unwrap_or(flag)),
        };
        let (_, attribute, inverted) = NAMES.iter().find(|(known, ..)| *known == name)?;
        Some(self.with(*attribute, on != *inverted))
    }

    /// Every flag name that [`Self::apply`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, ..)| *name)
    }
}

impl BitOr for Attributes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Attributes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Sub for Attributes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// As kadmin shows them: `REQUIRES_PRE_AUTH` and the like, separated by blanks.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (text, attribute) in DISPLAYED {
            if self.contains(attribute) {
                write!(f, "{separator}{text}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

const DISPLAYED: [(&str, Attributes); 17] = [
    ("DISALLOW_POSTDATED", Attributes::DISALLOW_POSTDATED),
    ("DISALLOW_FORWARDABLE", Attributes::DISALLOW_FORWARDABLE),
    ("DISALLOW_TGT_BASED", Attributes::DISALLOW_TGT_BASED),
    ("DISALLOW_RENEWABLE", Attributes::DISALLOW_RENEWABLE),
    ("DISALLOW_PROXIABLE", Attributes::DISALLOW_PROXIABLE),
    ("DISALLOW_DUP_SKEY", Attributes::DISALLOW_DUP_SKEY),
    ("DISALLOW_ALL_TIX", Attributes::DISALLOW_ALL_TIX),
    ("REQUIRES_PRE_AUTH", Attributes::REQUIRES_PREAUTH),
    ("REQUIRES_HW_AUTH", Attributes::REQUIRES_HWAUTH),
    ("REQUIRES_PWCHANGE", Attributes::NEEDCHANGE),
    ("DISALLOW_SVR", Attributes::DISALLOW_SVR),
    ("PWCHANGE_SERVICE", Attributes::PWCHANGE_SERVICE),
    ("OK_AS_DELEGATE", Attributes::OK_AS_DELEGATE),
    ("OK_TO_AUTH_AS_DELEGATE", Attributes::OK_TO_AUTH_AS_DELEGATE),
    ("NO_AUTH_DATA_REQUIRED", Attributes::NO_AUTH_DATA),
    ("LOCKDOWN_KEYS", Attributes::LOCKDOWN_KEYS),
    ("LOCKED", Attributes::LOCKED),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_kadmin_set_and_clear_the_right_bits() {
        let set = Attributes::NONE;
        let set = set.apply("+requires_preauth").unwrap();
        assert_eq!(set.bits(), 0x80);
        let set = set.apply("-allow_tix").unwrap();
        assert_eq!(set.bits(), 0xc0);
        let set = set.apply("+allow_tix").unwrap().apply("-requires_preauth");
        assert_eq!(set.unwrap(), Attributes::NONE);
        assert!(Attributes::NONE.apply("+unknown").is_none());
    }

    #[test]
    fn shows_itself_as_kadmin_does() {
        let set = Attributes::REQUIRES_PREAUTH | Attributes::DISALLOW_ALL_TIX;
        assert_eq!(set.to_string(), "DISALLOW_ALL_TIX REQUIRES_PRE_AUTH");
    }
}
