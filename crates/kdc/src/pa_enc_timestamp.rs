//! PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2): the client proves its key by encrypting the time.

use std::time::Duration;

use kerbstone_crypto::KeyUsage;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::{EncryptedData, PaEncTsEnc};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use kerbstone_realm::OpenEntry;

use crate::refusal::Refusal;

/// What became of a proof.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The client knows its key and what time it is.
    Good,
    /// Not the client's key: a wrong password, most often.
    Wrong,
}

/// Checks the encrypted timestamp against the client's current keys.
///
/// A right key with a wrong time is refused with the client's time beside ours, so that the client
/// can measure the difference; it says nothing against the password.
pub(crate) fn check(
    padata: &[u8],
    client: &OpenEntry,
    now: KerberosTime,
    skew: Duration,
) -> Result<Proof, Refusal> {
    let Ok(proof) = EncryptedData::from_der(padata) else {
        return Ok(Proof::Wrong);
    };
    let Some(time) = decrypt(&proof, client) else {
        return Ok(Proof::Wrong);
    };
    if time.time.abs_diff(now) > skew {
        let why = "the client's clock differs too much from the KDC's";
        let refusal = Refusal::new(ErrorCode::KRB_AP_ERR_SKEW, why);
        return Err(refusal.at_client_time(time));
    }
    Ok(Proof::Good)
}

/// Tries every current key of the proof's enctype: there may be several, with different salts.
fn decrypt(proof: &EncryptedData, client: &OpenEntry) -> Option<Timestamp> {
    let enctype = proof.enctype()?;
    client
        .current_keys()
        .filter(|key| key.key.enctype() == enctype)
        .find_map(|key| {
            let usage = KeyUsage::AS_REQ_PA_ENC_TIMESTAMP;
            let plain = key.key.decrypt(usage, &proof.cipher).ok()?;
            PaEncTsEnc::from_der(&plain).ok()
        })
        .map(|stamp| {
            let usec = stamp.pausec.map_or(0, |usec| usec.get());
            Timestamp::new(stamp.patimestamp, usec)
        })
}
