//! Flags: the options of requests and the attributes of tickets (RFC 4120 5.2.8).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

use der::{
    DecodeValue, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader, Tag, Writer,
};

/// Bytes of a flags field as we write it: the count of unused bits, then 32 bits.
const WIRE_LENGTH: u32 = 5;
/// A flags field longer than this is refused; 32 bits are in use.
const MAX_WIRE_LENGTH: usize = 64;

/// A newtype of 32 flags. Bit 0 of the protocol is the most significant bit of the number,
/// as in MIT's headers and in credential caches.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$flag_doc:meta])* $flag:ident = $bit:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(u32);

        impl $name {
            $($(#[$flag_doc])* pub const $flag: Self = Self(1 << (31 - $bit));)+

            /// No flag at all.
            pub const EMPTY: Self = Self(0);

            /// Every flag that has a name here, with the name that the RFC gives it.
            const NAMES: &[(Self, &'static str)] = &[$((Self::$flag, stringify!($flag)),)+];

            /// The flags in that number, the protocol's bit 0 being its most significant bit.
            pub const fn from_bits(bits: u32) -> Self {
                Self(bits)
            }

            /// The flags as a number, the protocol's bit 0 being its most significant bit.
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether all flags of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any flag of `other` is set.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether no flag is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// These flags and those of `other`.
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These flags but those of `other`.
            pub const fn difference(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Sets the flags of `other`, or takes them away.
            pub const fn set(&mut self, other: Self, on: bool) {
                self.0 = if on { self.0 | other.0 } else { self.0 & !other.0 };
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl BitOrAssign for $name {
            fn bitor_assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }

        impl BitAnd for $name {
            type Output = Self;

            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl Not for $name {
            type Output = Self;

            fn not(self) -> Self {
                Self(!self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt_flags(f, stringify!($name), self.0, Self::NAMES.iter().map(|(flag, name)| (flag.0, *name)))
            }
        }

        impl FixedTag for $name {
            const TAG: Tag = Tag::BitString;
        }

        impl<'a> DecodeValue<'a> for $name {
            type Error = Error;

            fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
                decode_bits(reader, header).map(Self)
            }
        }

        impl EncodeValue for $name {
            fn value_len(&self) -> der::Result<Length> {
                Ok(Length::new(WIRE_LENGTH))
            }

            fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
                writer.write_byte(0)?;
                writer.write(&self.0.to_be_bytes())
            }
        }
    };
}

flags! {
    /// What a client asks of the KDC (RFC 4120 5.4.1).
    KdcOptions {
        /// Reserved for future use.
        RESERVED = 0,
        /// The ticket may be forwarded.
        FORWARDABLE = 1,
        /// Forward the ticket: give one for other addresses.
        FORWARDED = 2,
        /// Proxy tickets may be made from the ticket.
        PROXIABLE = 3,
        /// Make a proxy ticket.
        PROXY = 4,
        /// Postdated tickets may be made from the ticket.
        ALLOW_POSTDATE = 5,
        /// Make a postdated ticket.
        POSTDATED = 6,
        /// The ticket may be renewed until `rtime`.
        RENEWABLE = 8,
        /// Constrained delegation: the client's name is in the additional ticket (MS-SFU).
        CNAME_IN_ADDL_TKT = 14,
        /// The KDC may answer with another name or a referral (RFC 6806).
        CANONICALIZE = 15,
        /// The ticket shall not say who the client is (RFC 8062).
        REQUEST_ANONYMOUS = 16,
        /// Leave the transited realms unchecked.
        DISABLE_TRANSITED_CHECK = 26,
        /// A renewable ticket will do if the end time asked for is too far.
        RENEWABLE_OK = 27,
        /// User-to-user: encrypt the ticket in the additional ticket's session key.
        ENC_TKT_IN_SKEY = 28,
        /// Renew the ticket.
        RENEW = 30,
        /// Validate a postdated ticket.
        VALIDATE = 31,
    }
}

flags! {
    /// What a ticket is good for (RFC 4120 5.3).
    TicketFlags {
        /// Reserved for future use.
        RESERVED = 0,
        /// A ticket for other addresses may be made from it.
        FORWARDABLE = 1,
        /// It was forwarded, or comes from one that was.
        FORWARDED = 2,
        /// Proxy tickets may be made from it.
        PROXIABLE = 3,
        /// It is a proxy.
        PROXY = 4,
        /// Postdated tickets may be made from it.
        MAY_POSTDATE = 5,
        /// It was postdated.
        POSTDATED = 6,
        /// It must be validated by the KDC before use.
        INVALID = 7,
        /// It may be renewed.
        RENEWABLE = 8,
        /// It was issued by an AS exchange, not from a TGT.
        INITIAL = 9,
        /// The client was authenticated before it was issued.
        PRE_AUTHENT = 10,
        /// Hardware was used for that.
        HW_AUTHENT = 11,
        /// The KDC checked the transited realms.
        TRANSITED_POLICY_CHECKED = 12,
        /// The server is trusted with forwarded tickets.
        OK_AS_DELEGATE = 13,
        /// The reply carries encrypted pre-authentication data (RFC 6806 11).
        ENC_PA_REP = 15,
        /// It does not say who the client is (RFC 8062).
        ANONYMOUS = 16,
    }
}

flags! {
    /// What a client asks of a server in an AP-REQ (RFC 4120 5.5.1).
    ApOptions {
        /// Reserved for future use.
        RESERVED = 0,
        /// User-to-user: the ticket is encrypted in the server's session key.
        USE_SESSION_KEY = 1,
        /// The server shall prove itself with an AP-REP.
        MUTUAL_REQUIRED = 2,
    }
}

flags! {
    /// How a service wants to act for a user (MS-SFU 2.2.2).
    S4uOptions {
        /// Reserved for future use.
        RESERVED = 0,
        /// Refuse outside the hours in which the user may sign in.
        CHECK_LOGON_HOURS = 1,
        /// The reply's checksum is made with a usage of its own.
        USE_REPLY_KEY_USAGE = 2,
    }
}

flags! {
    /// What the sender of PA-PAC-OPTIONS knows of (MS-KILE 2.2.10).
    PacOptions {
        /// Claims.
        CLAIMS = 0,
        /// Read-only domain controllers.
        BRANCH_AWARE = 1,
        /// Ask a full domain controller.
        FORWARD_TO_FULL_DC = 2,
        /// Constrained delegation that the target permits.
        RESOURCE_BASED_DELEGATION = 3,
    }
}

flags! {
    /// What a client asks of the KDC inside FAST (RFC 6113 5.4.2).
    FastOptions {
        /// Reserved for future use.
        RESERVED = 0,
        /// The client's name in the outer request is not the true one.
        HIDE_CLIENT_NAMES = 1,
        /// The KDC shall follow referrals itself.
        KDC_FOLLOW_REFERRALS = 16,
    }
}

impl FastOptions {
    /// Bits 0 to 15: a KDC that does not know one of them that is set must refuse the request
    /// (RFC 6113 5.4.2).
    pub const CRITICAL: Self = Self(0xffff_0000);
}

fn decode_bits<'a, R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<u32> {
    let contents = reader.read_vec(header.length())?;
    bits_from_wire(&contents).ok_or_else(|| {
        reader.error(ErrorKind::Value {
            tag: Tag::BitString,
        })
    })
}

/// The flags in the contents of a BIT STRING of any length: bits that were not sent are clear,
/// bits past the 32nd are ignored (RFC 4120 5.2.8).
pub(crate) fn bits_from_wire(contents: &[u8]) -> Option<u32> {
    let (unused, sent) = contents.split_first()?;
    if contents.len() > MAX_WIRE_LENGTH {
        return None;
    }
    let padding = 1u8.checked_shl(u32::from(*unused))?.wrapping_sub(1);
    let is_well_padded = match sent.last() {
        Some(last) => last & padding == 0,
        None => *unused == 0,
    };
    let mut bits = [0; 4];
    for (slot, byte) in bits.iter_mut().zip(sent) {
        *slot = *byte;
    }
    is_well_padded.then_some(u32::from_be_bytes(bits))
}

fn fmt_flags(
    f: &mut fmt::Formatter<'_>,
    type_name: &str,
    bits: u32,
    names: impl Iterator<Item = (u32, &'static str)>,
) -> fmt::Result {
    let mut rest = bits;
    let mut words = Vec::new();
    for (flag, name) in names.filter(|(flag, _)| bits & flag != 0) {
        rest &= !flag;
        words.push(name.to_owned());
    }
    if rest != 0 {
        words.push(format!("{rest:#010x}"));
    }
    write!(f, "{type_name}({})", words.join(" | "))
}
