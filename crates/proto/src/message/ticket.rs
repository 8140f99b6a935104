//! Tickets (RFC 4120 5.3).

use der::asn1::ContextSpecificRef;
use der::{
    DecodeValue, Encode, EncodeValue, Error, FixedTag, Header, Length, Reader, Sequence, Tag,
    TagMode, TagNumber, Writer,
};

use super::authorization_data::AuthorizationData;
use super::encrypted::{EncryptedData, EncryptionKey};
use super::host_address::HostAddresses;
use crate::backward::BackwardWriter;
use crate::flags::TicketFlags;
use crate::forward::ForwardReader;
use crate::name::{Principal, PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{Fixed, messages};

/// A ticket for a server: sealed in the server's key, carried by the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The realm of the server, which issued the ticket.
    pub realm: Realm,
    /// The server.
    pub sname: PrincipalName,
    /// The [`EncTicketPart`], encrypted in the server's key.
    pub enc_part: EncryptedData,
}

impl Ticket {
    /// The server that the ticket is for.
    pub fn server(&self) -> Principal {
        Principal::new(self.sname.clone(), self.realm.clone())
    }
}

/// What stands in the SEQUENCE of a ticket.
#[derive(DecodeValue)]
struct TicketFields {
    #[asn1(context_specific = "0")]
    _tkt_vno: Fixed<5>,
    #[asn1(context_specific = "1")]
    realm: Realm,
    #[asn1(context_specific = "2")]
    sname: PrincipalName,
    #[asn1(context_specific = "3")]
    enc_part: EncryptedData,
}

impl FixedTag for TicketFields {
    const TAG: Tag = Tag::Sequence;
}

impl FixedTag for Ticket {
    const TAG: Tag = Tag::Application {
        constructed: true,
        number: TagNumber(1),
    };
}

impl<'a> DecodeValue<'a> for Ticket {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let TicketFields {
            realm,
            sname,
            enc_part,
            ..
        } = reader.decode()?;
        Ok(Self {
            realm,
            sname,
            enc_part,
        })
    }
}

impl EncodeValue for Ticket {
    fn value_len(&self) -> der::Result<Length> {
        self.fields_len()?.for_tlv(Tag::Sequence)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        Header::new(Tag::Sequence, self.fields_len()?).encode(writer)?;
        field(0, &Fixed::<5>).encode(writer)?;
        field(1, &self.realm).encode(writer)?;
        field(2, &self.sname).encode(writer)?;
        field(3, &self.enc_part).encode(writer)
    }
}

impl Ticket {
    fn fields_len(&self) -> der::Result<Length> {
        let before = field(0, &Fixed::<5>)
            .encoded_len()?
            .saturating_add(field(1, &self.realm).encoded_len()?)
            .saturating_add(field(2, &self.sname).encoded_len()?);
        Ok(before.saturating_add(field(3, &self.enc_part).encoded_len()?))
    }
}

const fn field<T>(number: u32, value: &T) -> ContextSpecificRef<'_, T> {
    ContextSpecificRef {
        tag_number: TagNumber(number),
        tag_mode: TagMode::Explicit,
        value,
    }
}

/// The numbers of the encodings of transited realms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitedType;

impl TransitedType {
    /// DOMAIN-X500-COMPRESS (RFC 4120 3.3.3.2).
    pub const DOMAIN_X500_COMPRESS: i32 = 1;
}

/// The realms that a ticket's client went through.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TransitedEncoding {
    /// How they are written, see [`TransitedType`].
    #[asn1(context_specific = "0")]
    pub tr_type: i32,
    /// The realms, so written.
    #[asn1(context_specific = "1", type = "OCTET STRING", deref = "true")]
    pub contents: Vec<u8>,
}

/// No realm between the client's and the server's.
impl Default for TransitedEncoding {
    fn default() -> Self {
        Self {
            tr_type: TransitedType::DOMAIN_X500_COMPRESS,
            contents: Vec::new(),
        }
    }
}

/// The sealed part of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncTicketPart {
    /// What the ticket is good for.
    #[asn1(context_specific = "0")]
    pub flags: TicketFlags,
    /// The session key.
    #[asn1(context_specific = "1")]
    pub key: EncryptionKey,
    /// The client's realm.
    #[asn1(context_specific = "2")]
    pub crealm: Realm,
    /// The client's name.
    #[asn1(context_specific = "3")]
    pub cname: PrincipalName,
    /// The realms between.
    #[asn1(context_specific = "4")]
    pub transited: TransitedEncoding,
    /// When the client was first authenticated.
    #[asn1(context_specific = "5")]
    pub authtime: KerberosTime,
    /// From when the ticket is valid; absent means from `authtime`.
    #[asn1(context_specific = "6", optional = "true")]
    pub starttime: Option<KerberosTime>,
    /// Until when.
    #[asn1(context_specific = "7")]
    pub endtime: KerberosTime,
    /// Until when it may be renewed, when it is renewable.
    #[asn1(context_specific = "8", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// From where it may be used; empty means from anywhere.
    #[asn1(context_specific = "9", default = "HostAddresses::default")]
    pub caddr: HostAddresses,
    /// What else the server shall know.
    #[asn1(context_specific = "10", default = "AuthorizationData::default")]
    pub authorization_data: AuthorizationData,
}

impl EncTicketPart {
    /// The client.
    pub fn client(&self) -> Principal {
        Principal::new(self.cname.clone(), self.crealm.clone())
    }

    /// From when the ticket is valid.
    pub fn starts(&self) -> KerberosTime {
        self.starttime.unwrap_or(self.authtime)
    }
}

impl Ticket {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.message(1, |reader| {
            reader.fixed_field(0, 5)?;
            Some(Self {
                realm: reader.realm_field(1)?,
                sname: reader.name_field(2)?,
                enc_part: reader.field(3, EncryptedData::read_forward)?,
            })
        })
    }
}

impl TransitedEncoding {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                tr_type: reader.int_field(0)?,
                contents: reader.octets_field(1)?.to_vec(),
            })
        })
    }
}

impl EncTicketPart {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.message(3, |reader| {
            Some(Self {
                flags: TicketFlags::from_bits(reader.flags_field(0)?),
                key: reader.field(1, EncryptionKey::read_forward)?,
                crealm: reader.realm_field(2)?,
                cname: reader.name_field(3)?,
                transited: reader.field(4, TransitedEncoding::read_forward)?,
                authtime: reader.time_field(5)?,
                starttime: reader.optional_time_field(6)?,
                endtime: reader.time_field(7)?,
                renew_till: reader.optional_time_field(8)?,
                caddr: reader
                    .optional_field(9, HostAddresses::read_forward)?
                    .unwrap_or_default(),
                authorization_data: reader
                    .optional_field(10, AuthorizationData::read_forward)?
                    .unwrap_or_default(),
            })
        })
    }
}

impl Ticket {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.message(1, |writer| {
            writer.field(3, |writer| self.enc_part.write_backward(writer));
            writer.name_field(2, &self.sname);
            writer.realm_field(1, &self.realm);
            writer.int_field(0, 5);
        });
    }
}

impl TransitedEncoding {
    fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.sequence(|writer| {
            writer.octets_field(1, &self.contents);
            writer.int_field(0, self.tr_type);
        });
    }
}

impl EncTicketPart {
    fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.message(3, |writer| {
            if !self.authorization_data.is_empty() {
                writer.field(10, |writer| self.authorization_data.write_backward(writer));
            }
            if !self.caddr.is_empty() {
                writer.field(9, |writer| self.caddr.write_backward(writer));
            }
            writer.optional_time_field(8, self.renew_till);
            writer.time_field(7, self.endtime);
            writer.optional_time_field(6, self.starttime);
            writer.time_field(5, self.authtime);
            writer.field(4, |writer| self.transited.write_backward(writer));
            writer.name_field(3, &self.cname);
            writer.realm_field(2, &self.crealm);
            writer.field(1, |writer| self.key.write_backward(writer));
            writer.flags_field(0, self.flags.bits());
        });
    }
}

messages! {
    Ticket = "Ticket" => forward backward;
    TransitedEncoding = "TransitedEncoding";
    EncTicketPart = "EncTicketPart", application 3 => forward backward;
}
