//! Values in messages as a fuzzer chooses them: such that mean something here, and any others.

use arbitrary::Arbitrary;
use kerbstone_crypto::Enctype;
use kerbstone_proto::message::{AuthorizationDataElement, HostAddress, PaData, PaType};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;

use crate::clock::{NOW, around_now};
use crate::site::{PRINCIPALS, principal};

/// A principal.
#[derive(Arbitrary, Clone, Debug)]
pub enum AnyName<'a> {
    /// One of ours.
    Known(u8),
    /// One of ours under another type.
    Typed(u8, i32),
    /// `krbtgt/` and a realm, of one of our realms.
    TicketGranting(u8, &'a [u8]),
    /// A host of which the realm may be known.
    Host(&'a str),
    /// Any other.
    Made {
        /// The number of the type.
        name_type: i32,
        /// The components.
        components: Vec<&'a [u8]>,
        /// The realm.
        realm: &'a [u8],
    },
}

impl AnyName<'_> {
    /// The principal.
    pub fn principal(&self) -> Principal {
        match self {
            Self::Known(number) => known(*number),
            Self::Typed(number, name_type) => {
                let mut named = known(*number);
                named.name.name_type = NameType(*name_type);
                named
            }
            Self::TicketGranting(number, realm) => {
                Principal::krbtgt(&Realm::new(realm.to_vec()), &known(*number).realm)
            }
            Self::Host(host) => {
                Principal::new(PrincipalName::service("host", host), known(0).realm)
            }
            Self::Made {
                name_type,
                components,
                realm,
            } => {
                let components = components.iter().map(|component| component.to_vec());
                let name = PrincipalName::new(NameType(*name_type), components);
                Principal::new(name, Realm::new(realm.to_vec()))
            }
        }
    }
}

fn known(number: u8) -> Principal {
    principal(PRINCIPALS[usize::from(number) % PRINCIPALS.len()])
}

/// A point in time.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Moment {
    /// 1970, which stands for "as late as possible".
    Zero,
    /// The time that it is.
    Now,
    /// Minutes away from now.
    Minutes(i8),
    /// Days away from now.
    Days(i8),
    /// Seconds away from now.
    Seconds(i32),
    /// Any.
    At(i64),
}

impl Moment {
    /// The time.
    pub fn time(self) -> KerberosTime {
        match self {
            Self::Zero => KerberosTime::ZERO,
            Self::Now => NOW.time,
            Self::Minutes(minutes) => around_now(i32::from(minutes) * 60),
            Self::Days(days) => around_now(i32::from(days) * 86_400),
            Self::Seconds(seconds) => around_now(seconds),
            Self::At(unix) => KerberosTime::from_unix(unix),
        }
    }
}

/// The number of an encryption type.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum AnyEnctype {
    /// One that is used here.
    Known(u8),
    /// Any.
    Number(i32),
}

impl AnyEnctype {
    /// The number.
    pub fn number(self) -> i32 {
        match self {
            Self::Known(number) => enctype(number).number(),
            Self::Number(number) => number,
        }
    }
}

/// One of the encryption types that are used here.
pub fn enctype(number: u8) -> Enctype {
    Enctype::DEFAULT[usize::from(number) % Enctype::DEFAULT.len()]
}

/// Options or flags to turn over.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Bits {
    /// One by its number in the protocol.
    One(u8),
    /// Some.
    Some(u32),
}

impl Bits {
    /// The bits as a number.
    pub fn bits(self) -> u32 {
        match self {
            Self::One(number) => 1 << (31 - number % 32),
            Self::Some(bits) => bits,
        }
    }
}

/// An address.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum AnyAddress<'a> {
    /// The one that requests come from.
    OfPeer,
    /// IPv4.
    V4([u8; 4]),
    /// IPv6.
    V6([u8; 16]),
    /// Any other, with the number of its type.
    Other(i32, &'a [u8]),
}

impl AnyAddress<'_> {
    /// The address.
    pub fn address(self) -> HostAddress {
        match self {
            Self::OfPeer => HostAddress::from(std::net::IpAddr::from(PEER)),
            Self::V4(octets) => HostAddress::from(std::net::IpAddr::from(octets)),
            Self::V6(octets) => HostAddress::from(std::net::IpAddr::from(octets)),
            Self::Other(addr_type, address) => HostAddress {
                addr_type,
                address: address.to_vec(),
            },
        }
    }
}

/// Where requests come from.
pub const PEER: [u8; 4] = [127, 0, 0, 1];

/// A number and bytes: pre-authentication or authorization data.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Typed<'a>(i8, &'a [u8]);

impl Typed<'_> {
    /// As pre-authentication data.
    pub fn padata(self) -> PaData {
        // Types are small numbers, some of them above 127.
        PaData::new(PaType(i32::from(self.0.cast_unsigned())), self.1)
    }

    /// As authorization data.
    pub fn authorization(self) -> AuthorizationDataElement {
        AuthorizationDataElement {
            ad_type: self.0.into(),
            ad_data: self.1.to_vec(),
        }
    }
}

/// What happens to bytes on the way.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Damage<'a> {
    /// A byte changes.
    Flip(u16, u8),
    /// The end is missing.
    Cut(u16),
    /// Something follows.
    Append(&'a [u8]),
}

impl Damage<'_> {
    /// Does it.
    pub fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, mask) => {
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(usize::from(at) % length) {
                    *byte ^= mask;
                }
            }
            Self::Cut(by) => bytes.truncate(bytes.len().saturating_sub(by.into())),
            Self::Append(more) => bytes.extend_from_slice(more),
        }
    }
}
