//! KRB-PRIV: data that only the other side can read (RFC 4120 3.5).

use kerbstone_crypto::{Key, KeyUsage};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::ProtoError;
use crate::message::{EncKrbPrivPart, EncryptedData, KrbPriv, Secret};
use crate::stamp::{ReceivedStamp, Stamp, StampCheck};
use crate::verified::Verified;

/// Encrypts `user_data` for the other side of a session.
pub fn seal(user_data: &[u8], key: &Key, stamp: &Stamp, rng: &mut dyn CryptoRng) -> KrbPriv {
    let part = EncKrbPrivPart {
        user_data: Secret::from(user_data),
        timestamp: stamp.time(),
        usec: stamp.usec(),
        seq_number: stamp.seq(),
        s_address: stamp.s_address.clone(),
        r_address: stamp.r_address.clone(),
    };
    let plaintext = Zeroizing::new(part.to_der());
    KrbPriv::new(EncryptedData::encrypt(
        key,
        KeyUsage::KRB_PRIV,
        None,
        &plaintext,
        rng,
    ))
}

/// Decrypts a message of the other side and checks what it says about itself.
pub fn open(
    message: &KrbPriv,
    key: &Key,
    check: &StampCheck<'_>,
) -> Result<Verified<EncKrbPrivPart>, ProtoError> {
    let plaintext = message.enc_part.decrypt(key, KeyUsage::KRB_PRIV)?;
    let part = EncKrbPrivPart::from_der(&plaintext)?;
    check.check(&ReceivedStamp {
        timestamp: part.timestamp,
        seq_number: part.seq_number,
        s_address: &part.s_address,
        r_address: part.r_address.as_ref(),
    })?;
    Ok(Verified::new(part))
}
