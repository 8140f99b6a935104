//! The privilege attribute certificate (MS-PAC): what a KDC says of a client in a ticket, signed
//! for the service and for itself.
//!
//! [`Pac`] is one as it came, cut into its buffers; [`SignedPac`] one whose signatures were
//! checked against the ticket it stands in; [`PacContents`] is signed into a new one. Which
//! buffers there are beside the signatures is the KDC's business: here are [`ClientInfo`] and
//! [`DelegationInfo`], which decide whom a ticket is for, and no Windows accounts.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod client_info;
mod contents;
mod delegation_info;
mod layout;
mod little_endian;
mod shown_name;
mod signatures;
mod ticket;

pub use client_info::ClientInfo;
pub use contents::{PacContents, Signers};
pub use delegation_info::DelegationInfo;
pub use layout::{Pac, PacBuffer};
pub use shown_name::ShownName;
pub use ticket::{KdcSignatures, PacInTicket, SignedPac, has_ticket_signature};

use crate::error::ProtoError;

const fn malformed() -> ProtoError {
    ProtoError::Framing { what: "PAC" }
}
