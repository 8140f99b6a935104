//! KRB-SAFE: data that anybody can read and nobody can change (RFC 4120 3.4).
//!
//! RFC 4120 has the checksum over the body. MIT and Heimdal compute it, as RFC 1510 had it,
//! over the whole message with an empty checksum in place, and Heimdal takes nothing else; so
//! we write that, and take both.

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
    let mut message = unsigned(body);
    message.cksum = Checksum::compute(key, KeyUsage::KRB_SAFE, &message.to_der());
    message
}

/// Checks a message of the other side and what it says about itself.
pub fn open(
    message: KrbSafe,
    key: &Key,
    check: &StampCheck<'_>,
) -> Result<Verified<KrbSafeBody>, ProtoError> {
    let KrbSafe {
        safe_body, cksum, ..
    } = message;
    if cksum
        .verify(key, KeyUsage::KRB_SAFE, safe_body.der())
        .is_err()
    {
        let whole = unsigned(safe_body.clone()).to_der();
        cksum.verify(key, KeyUsage::KRB_SAFE, &whole)?;
    }
    let body = safe_body.into_value();
    check.check(&ReceivedStamp {
        timestamp: body.timestamp,
        seq_number: body.seq_number,
        s_address: &body.s_address,
        r_address: body.r_address.as_ref(),
    })?;
    Ok(Verified::new(body))
}

/// The message with an empty checksum in place.
fn unsigned(safe_body: Encoded<KrbSafeBody>) -> KrbSafe {
    let cksum = Checksum {
        cksumtype: 0,
        checksum: Vec::new(),
    };
    KrbSafe {
        pvno: Fixed,
        msg_type: Fixed,
        safe_body,
        cksum,
    }
}
