//! AP-REQ and AP-REP (RFC 4120 5.5.1, 5.5.2).

use der::Sequence;

use super::encrypted::{EncryptedData, EncryptionKey};
use super::ticket::Ticket;
use crate::flags::ApOptions;
use crate::forward::ForwardReader;
use crate::time::KerberosTime;
use crate::wire::{Fixed, Microseconds, Pvno, UInt32, messages};

/// A client shows a ticket to its server.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct ApReq {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 14.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<14>,
    /// What the client asks of the server.
    #[asn1(context_specific = "2")]
    pub ap_options: ApOptions,
    /// The ticket.
    #[asn1(context_specific = "3")]
    pub ticket: Ticket,
    /// The [`Authenticator`](super::Authenticator), encrypted in the session key.
    #[asn1(context_specific = "4")]
    pub authenticator: EncryptedData,
}

impl ApReq {
    /// An AP-REQ with that ticket and authenticator.
    pub fn new(ap_options: ApOptions, ticket: Ticket, authenticator: EncryptedData) -> Self {
        Self {
            pvno: Fixed,
            msg_type: Fixed,
            ap_options,
            ticket,
            authenticator,
        }
    }
}

/// A server proves to its client that it could read the ticket.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct ApRep {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 15.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<15>,
    /// The [`EncApRepPart`], encrypted in the session key.
    #[asn1(context_specific = "2")]
    pub enc_part: EncryptedData,
}

impl ApRep {
    /// An AP-REP with that part.
    pub const fn new(enc_part: EncryptedData) -> Self {
        Self {
            pvno: Fixed,
            msg_type: Fixed,
            enc_part,
        }
    }
}

/// The encrypted part of an AP-REP.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncApRepPart {
    /// The time of the authenticator.
    #[asn1(context_specific = "0")]
    pub ctime: KerberosTime,
    /// Its microseconds.
    #[asn1(context_specific = "1")]
    pub cusec: Microseconds,
    /// A key of the server's choice for this session.
    #[asn1(context_specific = "2", optional = "true")]
    pub subkey: Option<EncryptionKey>,
    /// The first sequence number of what the server will send.
    #[asn1(context_specific = "3", optional = "true")]
    pub seq_number: Option<UInt32>,
}

impl ApReq {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.message(14, |reader| {
            reader.fixed_field(0, 5)?;
            reader.fixed_field(1, 14)?;
            Some(Self {
                pvno: Fixed,
                msg_type: Fixed,
                ap_options: ApOptions::from_bits(reader.flags_field(2)?),
                ticket: reader.field(3, Ticket::read_forward)?,
                authenticator: reader.field(4, EncryptedData::read_forward)?,
            })
        })
    }
}

messages! {
    ApReq = "AP-REQ", application 14 => forward;
    ApRep = "AP-REP", application 15;
    EncApRepPart = "EncAPRepPart", application 27;
}
