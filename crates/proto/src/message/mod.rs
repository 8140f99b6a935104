//! The messages of RFC 4120, and what RFC 6113, RFC 6806 and MS-SFU add to them.
//!
//! Every type has `from_der`, which reads strict DER to the last byte, `to_der`, and
//! `encode_into`, which appends. A SEQUENCE OF that is optional in the RFC is a plain list
//! here: absent and empty are the same, and empty ones are not written.
//!
//! What reading allocates is bounded by a small multiple of the bytes that came.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(
    clippy::needless_question_mark,
    reason = "der's derive writes it for optional octets"
)]

mod ap;
mod authenticator;
mod authorization_data;
mod cred;
mod encrypted;
mod etype_info;
mod fast;
mod host_address;
mod kdc_rep;
mod kdc_req;
mod krb_error;
mod pa_data;
mod private;
mod referral;
mod s4u;
mod safe;
mod ticket;

pub use ap::{ApRep, ApReq, EncApRepPart};
pub use authenticator::Authenticator;
pub use authorization_data::{
    AdAndOr, AdKdcIssued, AdType, AuthorizationData, AuthorizationDataElement, MAX_AUTHDATA_DEPTH,
};
pub use cred::{EncKrbCredPart, KrbCred, KrbCredInfo};
pub use encrypted::{Checksum, EncryptedData, EncryptionKey};
pub use etype_info::{EtypeInfo, EtypeInfo2, EtypeInfo2Entry, EtypeInfoEntry};
pub use fast::{
    KrbFastArmor, KrbFastArmorType, KrbFastArmoredRep, KrbFastArmoredReq, KrbFastFinished,
    KrbFastReq, KrbFastResponse, PaAuthenticationSet, PaAuthenticationSetElem, PaFxFastReply,
    PaFxFastRequest,
};
pub use host_address::{AddressType, HostAddress, HostAddresses};
pub use kdc_rep::{EncKdcRepPart, KdcRep, KdcRepKind, LastReqEntry, LastReqType};
pub use kdc_req::{KdcReq, KdcReqBody, KdcReqKind};
pub use krb_error::{KrbError, KrbErrorData, TypedData, TypedDataEntry};
pub use pa_data::{MethodData, PaData, PaEncTsEnc, PaType};
pub use private::{EncKrbPrivPart, KrbPriv};
pub use referral::PaSvrReferralData;
pub use s4u::{PaForUser, PaPacOptions, PaPacRequest, PaS4uX509User, S4uUserId};
pub use safe::{KrbSafe, KrbSafeBody};
pub use ticket::{EncTicketPart, Ticket, TransitedEncoding, TransitedType};

pub use crate::wire::{Encoded, Fixed, MAX_MESSAGE_LENGTH, Microseconds, Pvno, Secret, UInt32};
