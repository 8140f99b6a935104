//! The third leg of DCE style: the initiator shows that it could read the acceptor's answer.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::message::{ApRep, EncApRepPart, EncryptedData, Microseconds, UInt32};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

/// The message: the acceptor's first sequence number, given back.
pub(super) fn write(
    session_key: &Key,
    their_sequence: u32,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    let part = EncApRepPart {
        ctime: now.time,
        cusec: Microseconds::of(now),
        subkey: None,
        seq_number: Some(UInt32(their_sequence)),
    };
    let sealed = EncryptedData::encrypt(session_key, KeyUsage::AP_REP, None, &part.to_der(), rng);
    ApRep::new(sealed).to_der()
}

/// Checks that the message gives back our first sequence number. A subkey in it would make it
/// our own answer, sent back.
pub(super) fn check(
    message: &[u8],
    session_key: &Key,
    our_sequence: u32,
) -> Result<(), ProtoError> {
    let reply = ApRep::from_der(message)?;
    let plaintext = reply.enc_part.decrypt(session_key, KeyUsage::AP_REP)?;
    let part = EncApRepPart::from_der(&plaintext)?;
    if part.seq_number != Some(UInt32(our_sequence)) || part.subkey.is_some() {
        return Err(ProtoError::MutualFailed);
    }
    Ok(())
}
