//! Tokens by which one side tells the other why there will be no context: a KRB-ERROR.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::KrbError;
use kerbstone_proto::name::{KerberosString, Principal};
use kerbstone_proto::time::Timestamp;

use super::token::{Mark, write};
use crate::{GssError, Oid};

/// The longest text of the other side that is shown.
const MAX_TEXT: usize = 512;

/// The token that tells the other side of `error`.
pub(super) fn tell(error: &GssError, server: Principal, now: Timestamp, mech: &Oid) -> Vec<u8> {
    let mut message = KrbError::new(error.krb_code(), now, server);
    message.e_text = words_for_strangers(error).map(|words| KerberosString::from(words.as_str()));
    write(mech, Mark::Error, &message.to_der())
}

/// What somebody may know who has proved nothing: what is wrong with the request, and not what
/// keys there are.
fn words_for_strangers(error: &GssError) -> Option<String> {
    Some(match error {
        GssError::Kerberos { source, .. } => source.to_string(),
        GssError::WrongPrincipal { ticket, .. } => {
            format!("the ticket is for {ticket}, which is not this service")
        }
        GssError::KeyVersion { wanted, .. } => {
            format!("this service does not have version {wanted} of its key")
        }
        GssError::KeyEnctype { wanted, .. } => format!("this service has no key of {wanted}"),
        GssError::KeyMismatch { .. } => "this service's key does not open the ticket".into(),
        GssError::Skew { .. }
        | GssError::Replay { .. }
        | GssError::BadBindings
        | GssError::MissingBindings
        | GssError::DefectiveToken { .. } => error.to_string(),
        GssError::ReplayCache(_) => "this service cannot use its replay cache".into(),
        _ => return None,
    })
}

/// What the other side's token says.
pub(super) fn read(message: &[u8], now: Timestamp) -> GssError {
    let error = match KrbError::from_der(message) {
        Ok(error) => error,
        Err(source) => {
            return GssError::Kerberos {
                what: "the other side refuses, with an error message that cannot be read",
                source,
            };
        }
    };
    let text = error.e_text.as_ref().map(KerberosString::to_string_lossy);
    GssError::PeerRefused {
        code: match error.error_code {
            ErrorCode::KDC_ERR_NONE => ErrorCode::KRB_ERR_GENERIC,
            code => code,
        },
        text: text
            .unwrap_or_default()
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(MAX_TEXT)
            .collect(),
        their_time: error.stime,
        our_time: now.time,
    }
}
