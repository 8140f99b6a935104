//! AS-REP and TGS-REP (RFC 4120 5.4.2).

use der::asn1::Application;
use der::{Enumerated, ErrorKind, Sequence, Tag, TagNumber};

use super::encrypted::{EncryptedData, EncryptionKey};
use super::host_address::HostAddresses;
use super::pa_data::{MethodData, PaData};
use super::ticket::Ticket;
use crate::backward::BackwardWriter;
use crate::error::ProtoError;
use crate::flags::TicketFlags;
use crate::name::{Principal, PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{Pvno, UInt32, decode, messages};

/// Which of the two replies it is; the numbers are message types and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enumerated)]
#[asn1(type = "INTEGER")]
#[repr(u8)]
pub enum KdcRepKind {
    /// AS-REP.
    As = 11,
    /// TGS-REP.
    Tgs = 13,
}

impl KdcRepKind {
    /// The tag of the encrypted part.
    const fn enc_part_tag(self) -> u8 {
        match self {
            Self::As => 25,
            Self::Tgs => 26,
        }
    }
}

/// AS-REP or TGS-REP.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KdcRep {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// Which reply it is.
    #[asn1(context_specific = "1")]
    pub kind: KdcRepKind,
    /// Pre-authentication data.
    #[asn1(context_specific = "2", default = "Vec::new")]
    pub padata: Vec<PaData>,
    /// The client's realm.
    #[asn1(context_specific = "3")]
    pub crealm: Realm,
    /// The client's name.
    #[asn1(context_specific = "4")]
    pub cname: PrincipalName,
    /// The ticket.
    #[asn1(context_specific = "5")]
    pub ticket: Ticket,
    /// The [`EncKdcRepPart`], encrypted in the client's key, the session key or the subkey.
    #[asn1(context_specific = "6")]
    pub enc_part: EncryptedData,
}

impl KdcRep {
    /// The client.
    pub fn client(&self) -> Principal {
        Principal::new(self.cname.clone(), self.crealm.clone())
    }

    /// Reads the DER of one AS-REP or TGS-REP, to its last byte.
    pub fn from_der(bytes: &[u8]) -> Result<Self, ProtoError> {
        let outer: Application<Self> = decode("KDC-REP", bytes)?;
        if outer.tag_number == TagNumber(outer.value.kind as u32) {
            return Ok(outer.value);
        }
        Err(wrong_tag("KDC-REP", outer.tag_number))
    }

    /// The DER of this reply.
    pub fn to_der(&self) -> Vec<u8> {
        let mut der = Vec::new();
        self.encode_into(&mut der);
        der
    }

    /// Appends the DER of this reply to a buffer.
    pub fn encode_into(&self, buffer: &mut Vec<u8>) {
        BackwardWriter::append(buffer, |writer| self.write_backward(writer));
    }
}

impl KdcRep {
    fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.message(self.kind as u8, |writer| {
            writer.field(6, |writer| self.enc_part.write_backward(writer));
            writer.field(5, |writer| self.ticket.write_backward(writer));
            writer.name_field(4, &self.cname);
            writer.realm_field(3, &self.crealm);
            if !self.padata.is_empty() {
                writer.field(2, |writer| {
                    writer.list(&self.padata, |writer, pa| pa.write_backward(writer));
                });
            }
            writer.int_field(1, self.kind as i32);
            writer.int_field(0, 5);
        });
    }
}

/// The numbers of the kinds of last requests; negative ones speak of this KDC alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReqType;

impl LastReqType {
    /// Nothing is told.
    pub const NONE: i32 = 0;
    /// The last request for an initial TGT.
    pub const INITIAL_TGT: i32 = 1;
    /// The last request for an initial ticket.
    pub const INITIAL: i32 = 2;
    /// When the newest TGT was issued.
    pub const NEWEST_TGT: i32 = 3;
    /// The last renewal.
    pub const RENEWAL: i32 = 4;
    /// The last request of any kind.
    pub const ANY: i32 = 5;
    /// When the password expires.
    pub const PASSWORD_EXPIRES: i32 = 6;
    /// When the account expires.
    pub const ACCOUNT_EXPIRES: i32 = 7;
}

/// When something was last asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct LastReqEntry {
    /// What was asked for, see [`LastReqType`].
    #[asn1(context_specific = "0")]
    pub lr_type: i32,
    /// When.
    #[asn1(context_specific = "1")]
    pub lr_value: KerberosTime,
}

/// The part of a reply for the client alone: EncASRepPart or EncTGSRepPart.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncKdcRepPart {
    /// The session key.
    #[asn1(context_specific = "0")]
    pub key: EncryptionKey,
    /// When something was last asked for; Windows sends the expiry of the password here.
    #[asn1(context_specific = "1")]
    pub last_req: Vec<LastReqEntry>,
    /// The nonce of the request.
    #[asn1(context_specific = "2")]
    pub nonce: UInt32,
    /// When the client's key expires.
    #[asn1(context_specific = "3", optional = "true")]
    pub key_expiration: Option<KerberosTime>,
    /// What the ticket is good for.
    #[asn1(context_specific = "4")]
    pub flags: TicketFlags,
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
    /// The server's realm.
    #[asn1(context_specific = "9")]
    pub srealm: Realm,
    /// The server's name.
    #[asn1(context_specific = "10")]
    pub sname: PrincipalName,
    /// From where the ticket may be used; empty means from anywhere.
    #[asn1(context_specific = "11", default = "HostAddresses::default")]
    pub caddr: HostAddresses,
    /// Pre-authentication data that nobody on the way can change (RFC 6806 11).
    #[asn1(context_specific = "12", default = "MethodData::default")]
    pub encrypted_pa_data: MethodData,
}

impl EncKdcRepPart {
    /// The server.
    pub fn server(&self) -> Principal {
        Principal::new(self.sname.clone(), self.srealm.clone())
    }

    /// From when the ticket is valid.
    pub fn starts(&self) -> KerberosTime {
        self.starttime.unwrap_or(self.authtime)
    }

    /// Reads the encrypted part of a reply of that kind, to its last byte.
    pub fn from_der(kind: KdcRepKind, bytes: &[u8]) -> Result<Self, ProtoError> {
        let (part, found) = Self::from_der_of_either(bytes)?;
        if found == kind {
            return Ok(part);
        }
        Err(wrong_tag(
            "EncKDCRepPart",
            TagNumber(u32::from(found.enc_part_tag())),
        ))
    }

    /// Reads the encrypted part of either reply: MIT's and other KDCs tag that of an AS-REP as
    /// if it were a TGS-REP's, so clients must take either.
    pub fn from_der_of_either(bytes: &[u8]) -> Result<(Self, KdcRepKind), ProtoError> {
        let outer: Application<Self> = decode("EncKDCRepPart", bytes)?;
        match outer.tag_number {
            TagNumber(25) => Ok((outer.value, KdcRepKind::As)),
            TagNumber(26) => Ok((outer.value, KdcRepKind::Tgs)),
            other => Err(wrong_tag("EncKDCRepPart", other)),
        }
    }

    /// The DER of this part for a reply of that kind.
    pub fn to_der(&self, kind: KdcRepKind) -> Vec<u8> {
        let mut der = Vec::new();
        self.encode_into(kind, &mut der);
        der
    }

    /// Appends the DER of this part for a reply of that kind to a buffer.
    pub fn encode_into(&self, kind: KdcRepKind, buffer: &mut Vec<u8>) {
        BackwardWriter::append(buffer, |writer| self.write_backward(kind, writer));
    }
}

impl EncKdcRepPart {
    fn write_backward(&self, kind: KdcRepKind, writer: &mut BackwardWriter<'_>) {
        writer.message(kind.enc_part_tag(), |writer| {
            if !self.encrypted_pa_data.is_empty() {
                writer.field(12, |writer| {
                    writer.list(&self.encrypted_pa_data, |writer, pa| {
                        pa.write_backward(writer)
                    });
                });
            }
            if !self.caddr.is_empty() {
                writer.field(11, |writer| self.caddr.write_backward(writer));
            }
            writer.name_field(10, &self.sname);
            writer.realm_field(9, &self.srealm);
            writer.optional_time_field(8, self.renew_till);
            writer.time_field(7, self.endtime);
            writer.optional_time_field(6, self.starttime);
            writer.time_field(5, self.authtime);
            writer.flags_field(4, self.flags.bits());
            writer.optional_time_field(3, self.key_expiration);
            writer.uint_field(2, self.nonce.0);
            writer.field(1, |writer| {
                writer.list(&self.last_req, |writer, last| last.write_backward(writer));
            });
            writer.field(0, |writer| self.key.write_backward(writer));
        });
    }
}

impl LastReqEntry {
    fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.sequence(|writer| {
            writer.time_field(1, self.lr_value);
            writer.int_field(0, self.lr_type);
        });
    }
}

fn wrong_tag(what: &'static str, number: TagNumber) -> ProtoError {
    let actual = Tag::Application {
        constructed: true,
        number,
    };
    ProtoError::Malformed {
        what,
        source: ErrorKind::TagUnexpected {
            expected: None,
            actual,
        }
        .into(),
    }
}

messages! {
    LastReqEntry = "LastReq element" => backward;
}
