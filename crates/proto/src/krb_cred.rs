//! KRB-CRED: tickets with their session keys, for somebody who shall use them (RFC 4120 3.6).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::{Key, KeyUsage};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::ProtoError;
use crate::message::{
    EncKrbCredPart, EncryptedData, Fixed, HostAddress, KrbCred, KrbCredInfo, Microseconds, Ticket,
    UInt32,
};
use crate::time::Timestamp;
use crate::verified::Verified;

/// The encryption type of what is not encrypted.
const ETYPE_NULL: i32 = 0;

/// A ticket and what is needed to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredTicket {
    /// The ticket.
    pub ticket: Ticket,
    /// Its session key and the rest.
    pub info: KrbCredInfo,
}

/// What a KRB-CRED says about itself beside its tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredStamp {
    /// When it is sent.
    pub timestamp: Option<Timestamp>,
    /// A random number that the receiver asked for.
    pub nonce: Option<u32>,
    /// The sender's address.
    pub s_address: Option<HostAddress>,
    /// The receiver's address.
    pub r_address: Option<HostAddress>,
}

/// Packs tickets for somebody who has `key`; without a key in clear, as MIT does where the
/// message travels inside an encrypted authenticator.
pub fn seal(
    tickets: Vec<TransferredTicket>,
    key: Option<&Key>,
    stamp: &CredStamp,
    rng: &mut dyn CryptoRng,
) -> KrbCred {
    let (tickets, ticket_info) = tickets
        .into_iter()
        .map(|each| (each.ticket, each.info))
        .unzip();
    let part = EncKrbCredPart {
        ticket_info,
        nonce: stamp.nonce.map(UInt32),
        timestamp: stamp.timestamp.map(|timestamp| timestamp.time),
        usec: stamp.timestamp.map(Microseconds::of),
        s_address: stamp.s_address.clone(),
        r_address: stamp.r_address.clone(),
    };
    let enc_part = match key {
        Some(key) => {
            let plaintext = Zeroizing::new(part.to_der());
            EncryptedData::encrypt(key, KeyUsage::KRB_CRED, None, &plaintext, rng)
        }
        None => EncryptedData {
            etype: ETYPE_NULL,
            kvno: None,
            cipher: part.to_der(),
        },
    };
    KrbCred {
        pvno: Fixed,
        msg_type: Fixed,
        tickets,
        enc_part,
    }
}

/// How a KRB-CRED must be protected.
#[derive(Clone, Copy, Debug)]
pub enum CredProtection<'a> {
    /// Encrypted in one of these keys: MIT takes the subkey, Heimdal the session key.
    Encrypted(&'a [&'a Key]),
    /// Encrypted so, or in clear because it travelled inside something encrypted.
    EncryptedOrInside(&'a [&'a Key]),
}

/// Unpacks tickets. In the order sent, each with what belongs to it.
pub fn open(
    message: KrbCred,
    protection: CredProtection<'_>,
) -> Result<(Vec<TransferredTicket>, Verified<EncKrbCredPart>), ProtoError> {
    let part = EncKrbCredPart::from_der(&plaintext(&message.enc_part, protection)?)?;
    if part.ticket_info.len() != message.tickets.len() {
        return Err(ProtoError::Mismatch(
            "KRB-CRED has not as many tickets as it describes",
        ));
    }
    let infos = part.ticket_info.iter().cloned();
    let tickets = message
        .tickets
        .into_iter()
        .zip(infos)
        .map(|(ticket, info)| TransferredTicket { ticket, info })
        .collect();
    Ok((tickets, Verified::new(part)))
}

fn plaintext(
    sealed: &EncryptedData,
    protection: CredProtection<'_>,
) -> Result<Zeroizing<Vec<u8>>, ProtoError> {
    let keys = match protection {
        CredProtection::EncryptedOrInside(_) if sealed.etype == ETYPE_NULL => {
            return Ok(Zeroizing::new(sealed.cipher.clone()));
        }
        CredProtection::Encrypted(keys) | CredProtection::EncryptedOrInside(keys) => keys,
    };
    let mut failure = ProtoError::Enctype(sealed.etype);
    for key in keys {
        match sealed.decrypt(key, KeyUsage::KRB_CRED) {
            Ok(plaintext) => return Ok(plaintext),
            Err(ProtoError::Enctype(_)) => {}
            Err(other) => failure = other,
        }
    }
    Err(failure)
}
