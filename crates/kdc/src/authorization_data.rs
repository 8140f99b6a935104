//! Authorization data on its way into a ticket: from the request and from the ticket shown.
//!
//! What only a KDC may say is left out on both ways, as MIT does: a client could have made it up,
//! or another realm. The PAC, which we do issue, is verified and written anew elsewhere.

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::message::{
    AdType, AuthorizationData, AuthorizationDataElement, EncryptedData, MAX_AUTHDATA_DEPTH,
};

use crate::refusal::Refusal;

/// AD-SIGNEDPATH and its forerunner, which only KDCs of MIT and Heimdal made.
const SIGNED_TICKET: i32 = 512;

/// Kinds that carry a KDC's word.
const SAID_BY_KDC: [i32; 6] = [
    AdType::KDC_ISSUED,
    AdType::AUTHENTICATION_STRENGTH,
    AdType::CAMMAC,
    AdType::AUTHENTICATION_INDICATOR,
    AdType::WIN2K_PAC,
    SIGNED_TICKET,
];

/// Keys that the client may have used for its authorization data.
#[derive(Debug)]
pub(crate) struct ClientKeys<'a> {
    pub(crate) session: &'a Key,
    pub(crate) subkey: Option<&'a Key>,
}

/// What goes into the new ticket beside its PAC. `pac` is where in the ticket shown its own is,
/// which needs no second look.
pub(crate) fn for_ticket(
    requested: Option<&EncryptedData>,
    keys: &ClientKeys<'_>,
    shown: &AuthorizationData,
    pac: Option<usize>,
) -> Result<AuthorizationData, Refusal> {
    let mut carried = AuthorizationData::default();
    if let Some(requested) = requested {
        carry(open(requested, keys)?.0.iter(), &mut carried)?;
    }
    let others = shown
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != pac)
        .map(|(_, element)| element);
    carry(others, &mut carried)?;
    Ok(carried)
}

/// Whether a ticket says that it may serve as FAST armor only.
pub(crate) fn is_armor_only(data: &AuthorizationData) -> Result<bool, Refusal> {
    if data.is_empty() {
        return Ok(false);
    }
    data.find(AdType::FX_ARMOR)
        .map(|found| !found.is_empty())
        .map_err(|error| illegible(&error.to_string()))
}

/// With the subkey if there is one (RFC 4120 5.4.1); old clients used the session key all the same.
fn open(data: &EncryptedData, keys: &ClientKeys<'_>) -> Result<AuthorizationData, Refusal> {
    let plain = keys
        .subkey
        .and_then(|subkey| data.decrypt(subkey, KeyUsage::TGS_REQ_AD_SUBKEY).ok())
        .or_else(|| {
            data.decrypt(keys.session, KeyUsage::TGS_REQ_AD_SESSION)
                .ok()
        })
        .ok_or_else(|| {
            Refusal::new(
                ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
                "the authorization data of the request cannot be decrypted",
            )
        })?;
    AuthorizationData::from_der(&plain).map_err(|error| illegible(&error.to_string()))
}

fn carry<'a>(
    data: impl Iterator<Item = &'a AuthorizationDataElement>,
    carried: &mut AuthorizationData,
) -> Result<(), Refusal> {
    for element in data {
        if element.ad_type == AdType::MANDATORY_FOR_KDC {
            return Err(Refusal::new(
                ErrorCode::KDC_ERR_POLICY,
                "there is authorization data that the KDC must understand and does not",
            ));
        }
        if !is_said_by_kdc(element, MAX_AUTHDATA_DEPTH) {
            carried.push(element.clone());
        }
    }
    Ok(())
}

/// Also true of what cannot be read: it might be anything.
fn is_said_by_kdc(element: &AuthorizationDataElement, depth: usize) -> bool {
    if SAID_BY_KDC.contains(&element.ad_type) {
        return true;
    }
    if element.ad_type != AdType::IF_RELEVANT {
        return false;
    }
    let Some(deeper) = depth.checked_sub(1) else {
        return true;
    };
    match AuthorizationData::from_der(&element.ad_data) {
        Ok(inner) => inner.iter().any(|inner| is_said_by_kdc(inner, deeper)),
        Err(_) => true,
    }
}

fn illegible(error: &str) -> Refusal {
    Refusal::new(
        ErrorCode::KRB_ERR_GENERIC,
        format!("the authorization data cannot be read: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(ad_type: i32, ad_data: &[u8]) -> AuthorizationDataElement {
        AuthorizationDataElement {
            ad_type,
            ad_data: ad_data.to_vec(),
        }
    }

    fn kept(elements: Vec<AuthorizationDataElement>) -> AuthorizationData {
        let mut carried = AuthorizationData::default();
        carry(elements.iter(), &mut carried).unwrap();
        carried
    }

    #[test]
    fn carries_what_anybody_may_say() {
        let note = element(4711, b"note");
        let wrapped = AuthorizationData(vec![note.clone()]).if_relevant();
        assert_eq!(kept(vec![note.clone(), wrapped.clone()]).0, [note, wrapped]);
    }

    #[test]
    fn leaves_out_what_only_a_kdc_may_say_however_deep_it_is_wrapped() {
        let mut pac = element(AdType::WIN2K_PAC, b"pac");
        for _ in 0..MAX_AUTHDATA_DEPTH + 2 {
            assert!(kept(vec![pac.clone()]).is_empty());
            pac = AuthorizationData(vec![pac]).if_relevant();
        }
        assert!(kept(vec![element(AdType::IF_RELEVANT, b"\xff")]).is_empty());
    }

    #[test]
    fn refuses_what_the_kdc_must_understand() {
        let mut carried = AuthorizationData::default();
        let data = AuthorizationData(vec![element(AdType::MANDATORY_FOR_KDC, b"")]);
        let refusal = carry(data.iter(), &mut carried).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_POLICY);
    }
}
