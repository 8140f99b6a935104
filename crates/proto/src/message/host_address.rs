//! Addresses of hosts (RFC 4120 5.2.5, 7.5.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use der::Sequence;

use crate::backward::BackwardWriter;
use crate::forward::ForwardReader;
use crate::wire::{lists, messages};

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressType;

impl AddressType {
    /// IPv4, four bytes.
    pub const IPV4: i32 = 2;
    /// Directional addresses of KRB-SAFE and KRB-PRIV, four bytes.
    pub const DIRECTIONAL: i32 = 3;
    /// A NetBIOS name, sixteen bytes.
    pub const NETBIOS: i32 = 20;
    /// IPv6, sixteen bytes.
    pub const IPV6: i32 = 24;
}

/// The address of a host.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct HostAddress {
    /// The kind of address, see [`AddressType`].
    #[asn1(context_specific = "0")]
    pub addr_type: i32,
    /// Its bytes, most significant first.
    #[asn1(context_specific = "1", type = "OCTET STRING", deref = "true")]
    pub address: Vec<u8>,
}

impl HostAddress {
    /// The address as the standard library has it, when it is IPv4 or IPv6 of right length.
    pub fn to_ip(&self) -> Option<IpAddr> {
        match self.addr_type {
            AddressType::IPV4 => <[u8; 4]>::try_from(self.address.as_slice())
                .ok()
                .map(Ipv4Addr::from)
                .map(IpAddr::V4),
            AddressType::IPV6 => <[u8; 16]>::try_from(self.address.as_slice())
                .ok()
                .map(Ipv6Addr::from)
                .map(IpAddr::V6),
            _ => None,
        }
    }
}

/// An IPv4 address mapped into IPv6, as sockets for both hand out, counts as IPv4.
impl From<IpAddr> for HostAddress {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self {
                addr_type: AddressType::IPV4,
                address: v4.octets().to_vec(),
            },
            IpAddr::V6(v6) => Self {
                addr_type: AddressType::IPV6,
                address: v6.octets().to_vec(),
            },
        }
    }
}

lists! {
    /// A list of addresses.
    HostAddresses of HostAddress;
}

impl HostAddresses {
    /// Whether somebody at that address may use a ticket with this list. An empty list says
    /// nothing about addresses.
    pub fn allows(&self, address: &HostAddress) -> bool {
        self.is_empty() || self.contains(address)
    }
}

impl HostAddresses {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.list(HostAddress::read_forward).map(Self)
    }
}

impl HostAddress {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                addr_type: reader.int_field(0)?,
                address: reader.octets_field(1)?.to_vec(),
            })
        })
    }
}

impl HostAddresses {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.list(self, |writer, address| {
            writer.sequence(|writer| {
                writer.octets_field(1, &address.address);
                writer.int_field(0, address.addr_type);
            });
        });
    }
}

messages! {
    HostAddress = "HostAddress";
    HostAddresses = "HostAddresses" => backward;
}
