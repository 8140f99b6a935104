//! KRB-SAFE: data that anybody can read and nobody can change (RFC 4120 3.4).

use kerbstone_crypto::{Key, KeyUsage};

use crate::error::ProtoError;
use crate::message::{Checksum, Encoded, Fixed, KrbSafe, KrbSafeBody};
use crate::stamp::{ReceivedStamp, Stamp, StampCheck};
use crate::verified::Verified;

/// Protects `user_data` for the other side of a session.
pub fn seal(user_data: &[u8], key: &Key, stamp: &Stamp) -> KrbSafe {
    let body = Encoded::new(KrbSafeBody {
        user_data: user_data.to_vec(),
        timestamp: stamp.time(),
        usec: stamp.usec(),
        seq_number: stamp.seq(),
        s_address: stamp.s_address.clone(),
        r_address: stamp.r_address.clone(),
    });
    let cksum = Checksum::compute(key, KeyUsage::KRB_SAFE, body.der());
    KrbSafe {
        pvno: Fixed,
        msg_type: Fixed,
        safe_body: body,
        cksum,
    }
}

/// Checks a message of the other side and what it says about itself.
///
/// The checksum is over the body's bytes as they came; MIT of old computed it over the whole
/// message, which is not taken.
pub fn open(
    message: KrbSafe,
    key: &Key,
    check: &StampCheck<'_>,
) -> Result<Verified<KrbSafeBody>, ProtoError> {
    message
        .cksum
        .verify(key, KeyUsage::KRB_SAFE, message.safe_body.der())?;
    let body = message.safe_body.into_value();
    check.check(&ReceivedStamp {
        timestamp: body.timestamp,
        seq_number: body.seq_number,
        s_address: &body.s_address,
        r_address: body.r_address.as_ref(),
    })?;
    Ok(Verified::new(body))
}
