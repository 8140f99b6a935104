//! AS-REQ and TGS-REQ (RFC 4120 5.4.1).

use der::asn1::Application;
use der::{Enumerated, ErrorKind, Sequence, Tag, TagNumber};

use super::encrypted::EncryptedData;
use super::host_address::HostAddresses;
use super::pa_data::PaData;
use super::ticket::Ticket;
use crate::error::ProtoError;
use crate::flags::KdcOptions;
use crate::forward::ForwardReader;
use crate::name::{Principal, PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{Encoded, Pvno, UInt32, decode, encode_application_into, messages};

/// Which of the two requests it is; the numbers are message types and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
pub enum KdcReqKind {
    /// AS-REQ: a first ticket, proved with a long-term key.
    As = 10,
    /// TGS-REQ: a further ticket, proved with a ticket.
    Tgs = 12,
}

/// AS-REQ or TGS-REQ.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KdcReq {
    /// The version, always 5.
    #[asn1(context_specific = "1")]
    pub pvno: Pvno,
    /// Which request it is.
    #[asn1(context_specific = "2")]
    pub kind: KdcReqKind,
    /// Pre-authentication data.
    #[asn1(context_specific = "3", default = "Vec::new")]
    pub padata: Vec<PaData>,
    /// What is asked for, with the bytes over which a TGS-REQ and FAST have a checksum.
    #[asn1(context_specific = "4")]
    pub body: Encoded<KdcReqBody>,
}

impl KdcReq {
    /// A request with that body.
    pub fn new(
        kind: KdcReqKind,
        padata: Vec<PaData>,
        body: impl Into<Encoded<KdcReqBody>>,
    ) -> Self {
        Self {
            pvno: Pvno::default(),
            kind,
            padata,
            body: body.into(),
        }
    }

    /// Reads the DER of one AS-REQ or TGS-REQ, to its last byte.
    pub fn from_der(bytes: &[u8]) -> Result<Self, ProtoError> {
        ForwardReader::whole(bytes, Self::read_forward, Self::from_der_by_derive)
    }

    /// Reads with `der`'s decoder.
    fn from_der_by_derive(bytes: &[u8]) -> Result<Self, ProtoError> {
        let outer: Application<Self> = decode("KDC-REQ", bytes)?;
        if outer.tag_number == TagNumber(outer.value.kind as u32) {
            return Ok(outer.value);
        }
        let actual = Tag::Application {
            constructed: true,
            number: outer.tag_number,
        };
        let source = ErrorKind::TagUnexpected {
            expected: None,
            actual,
        }
        .into();
        Err(ProtoError::Malformed {
            what: "KDC-REQ",
            source,
        })
    }

    /// The DER of this request.
    pub fn to_der(&self) -> Vec<u8> {
        let mut der = Vec::new();
        self.encode_into(&mut der);
        der
    }

    /// Appends the DER of this request to a buffer.
    pub fn encode_into(&self, buffer: &mut Vec<u8>) {
        encode_application_into(self.kind as u32, self, buffer);
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KdcReqBody {
    /// The options.
    #[asn1(context_specific = "0")]
    pub kdc_options: KdcOptions,
    /// The client, in an AS-REQ.
    #[asn1(context_specific = "1", optional = "true")]
    pub cname: Option<PrincipalName>,
    /// The realm of the server, and in an AS-REQ of the client too.
    #[asn1(context_specific = "2")]
    pub realm: Realm,
    /// The server; absent only with the option ENC-TKT-IN-SKEY.
    #[asn1(context_specific = "3", optional = "true")]
    pub sname: Option<PrincipalName>,
    /// From when the ticket shall be valid, if postdated.
    #[asn1(context_specific = "4", optional = "true")]
    pub from: Option<KerberosTime>,
    /// Until when it shall be valid; [`KerberosTime::ZERO`] means as long as possible.
    #[asn1(context_specific = "5")]
    pub till: KerberosTime,
    /// Until when it shall be renewable.
    #[asn1(context_specific = "6", optional = "true")]
    pub rtime: Option<KerberosTime>,
    /// A random number that comes back in the reply.
    #[asn1(context_specific = "7")]
    pub nonce: UInt32,
    /// The encryption types that the client has, best first; unknown and negative ones too.
    #[asn1(context_specific = "8")]
    pub etype: Vec<i32>,
    /// From where the ticket shall be usable; empty means from anywhere.
    #[asn1(context_specific = "9", default = "HostAddresses::default")]
    pub addresses: HostAddresses,
    /// Authorization data for the ticket, encrypted in the subkey or the session key.
    #[asn1(context_specific = "10", optional = "true")]
    pub enc_authorization_data: Option<EncryptedData>,
    /// Further tickets that the options need.
    #[asn1(context_specific = "11", default = "Vec::new")]
    pub additional_tickets: Vec<Ticket>,
}

impl KdcReqBody {
    /// The client of an AS-REQ.
    pub fn client(&self) -> Option<Principal> {
        self.cname
            .clone()
            .map(|name| Principal::new(name, self.realm.clone()))
    }

    /// The server.
    pub fn server(&self) -> Option<Principal> {
        self.sname
            .clone()
            .map(|name| Principal::new(name, self.realm.clone()))
    }
}

impl KdcReq {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        let kind = [KdcReqKind::As, KdcReqKind::Tgs]
            .into_iter()
            .find(|kind| reader.next_is_message(*kind as u8))?;
        reader.message(kind as u8, |reader| {
            reader.fixed_field(1, 5)?;
            reader.fixed_field(2, kind as u8)?;
            Some(Self {
                pvno: Pvno::default(),
                kind,
                padata: reader
                    .optional_field(3, |reader| reader.list(PaData::read_forward))?
                    .unwrap_or_default(),
                body: reader.field(4, |reader| {
                    Encoded::read_forward(reader, KdcReqBody::read_forward)
                })?,
            })
        })
    }
}

impl KdcReqBody {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                kdc_options: KdcOptions::from_bits(reader.flags_field(0)?),
                cname: reader.optional_field(1, ForwardReader::name)?,
                realm: reader.realm_field(2)?,
                sname: reader.optional_field(3, ForwardReader::name)?,
                from: reader.optional_time_field(4)?,
                till: reader.time_field(5)?,
                rtime: reader.optional_time_field(6)?,
                nonce: reader.uint_field(7)?,
                etype: reader.field(8, |reader| reader.list(ForwardReader::int))?,
                addresses: reader
                    .optional_field(9, HostAddresses::read_forward)?
                    .unwrap_or_default(),
                enc_authorization_data: reader.optional_field(10, EncryptedData::read_forward)?,
                additional_tickets: reader
                    .optional_field(11, |reader| reader.list(Ticket::read_forward))?
                    .unwrap_or_default(),
            })
        })
    }
}

#[cfg(test)]
impl crate::forward::ReadTwice for KdcReq {
    fn forward(bytes: &[u8]) -> Option<Self> {
        ForwardReader::try_whole(bytes, Self::read_forward)
    }

    fn derived(bytes: &[u8]) -> Option<Self> {
        Self::from_der_by_derive(bytes).ok()
    }
}

messages! {
    KdcReqBody = "KDC-REQ-BODY" => forward;
}
