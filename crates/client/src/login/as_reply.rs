//! Whether an AS-REP answers what was asked, and what it says.

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::{
    Checksum, EncKdcRepPart, KdcRep, KdcReqBody, LastReqType, PaData, PaType,
};
use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::options::LoginOptions;
use crate::clock::Offset;
use crate::error::ClientError;

/// What was sent, to compare with.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) client: &'a Principal,
    pub(super) server: &'a Principal,
    pub(super) body: &'a KdcReqBody,
    /// The whole request, for the checksum over it.
    pub(super) bytes: &'a [u8],
    /// Our clock when it was sent, uncorrected.
    pub(super) at: Timestamp,
}

/// Refuses everything that differs from what was asked beyond what RFC 4120 3.1.5 and RFC 6806 allow. The offset of the
/// KDC's clock comes back.
pub(super) fn verify(
    asked: &Asked<'_>,
    reply: &KdcRep,
    part: &EncKdcRepPart,
    reply_key: &Key,
    options: &LoginOptions,
) -> Result<Offset, ClientError> {
    let differs = |what| Err(ClientError::ReplyModified { what });
    if part.nonce != asked.body.nonce {
        return differs("the nonce");
    }
    if part.server() != reply.ticket.server() {
        return differs("the server's name inside and outside of the ticket");
    }
    let canonical = may_canonicalize(asked);
    if !canonical && reply.client() != *asked.client {
        return differs("the client's name");
    }
    let both_tgts = asked.server.is_krbtgt() && part.server().is_krbtgt();
    if part.server() != *asked.server && !(canonical && both_tgts) {
        return differs("the server's name");
    }
    verify_times(asked.body, part)?;
    verify_request_checksum(asked.bytes, part, reply_key)?;
    let offset = Offset::from_whole_second(part.authtime, asked.at);
    let postdated = asked.body.from.is_some();
    if !options.sync_time && !postdated && offset.size() > options.clock_skew {
        return Err(ClientError::ReplySkew {
            realm: asked.server.realm.clone(),
            offset: offset.seconds(),
        });
    }
    Ok(offset)
}

/// Whether the KDC may answer with another client name or another realm's TGT.
fn may_canonicalize(asked: &Asked<'_>) -> bool {
    asked.body.kdc_options.contains(KdcOptions::CANONICALIZE)
        || asked.client.name.name_type == NameType::ENTERPRISE
}

fn verify_times(body: &KdcReqBody, part: &EncKdcRepPart) -> Result<(), ClientError> {
    let differs = |what| Err(ClientError::ReplyModified { what });
    let renew_till = part.renew_till.unwrap_or(KerberosTime::ZERO);
    let options = body.kdc_options;
    if options.contains(KdcOptions::POSTDATED)
        && body.from.is_some_and(|from| from != part.starts())
    {
        return differs("the start time");
    }
    if !body.till.is_zero() && part.endtime > body.till {
        return differs("the end time");
    }
    let renewable = options.contains(KdcOptions::RENEWABLE);
    if renewable && body.rtime.is_some_and(|rtime| renew_till > rtime) {
        return differs("the time until which it can be renewed");
    }
    let consolation = options.contains(KdcOptions::RENEWABLE_OK) && !renewable;
    if consolation
        && part.flags.contains(TicketFlags::RENEWABLE)
        && !body.till.is_zero()
        && renew_till > body.till
    {
        return differs("the time until which it can be renewed");
    }
    Ok(())
}

/// The checksum of the request under the reply key shows that nobody weakened the request on its way (RFC 6806 11).
fn verify_request_checksum(
    request: &[u8],
    part: &EncKdcRepPart,
    reply_key: &Key,
) -> Result<(), ClientError> {
    if !part.flags.contains(TicketFlags::ENC_PA_REP) {
        return Ok(());
    }
    PaData::find(&part.encrypted_pa_data, PaType::REQ_ENC_PA_REP)
        .and_then(|value| Checksum::from_der(value).ok())
        .and_then(|sum| sum.verify(reply_key, KeyUsage::AS_REQ, request).ok())
        .ok_or(ClientError::ReplyModified {
            what: "the checksum over the request",
        })
}

/// When the password expires, if the KDC says so, and whether it says so in order to warn.
pub(super) fn password_expiry(part: &EncKdcRepPart) -> Option<(KerberosTime, bool)> {
    let warned = part
        .last_req
        .iter()
        .find(|entry| entry.lr_type.abs() == LastReqType::PASSWORD_EXPIRES)
        .map(|entry| (entry.lr_value, true));
    warned
        .or_else(|| part.key_expiration.map(|time| (time, false)))
        .filter(|(time, _)| !time.is_zero())
}
