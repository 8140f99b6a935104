//! The encryption type of the acceptor's key, which may be a better one than the ticket's
//! (RFC 4537).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use der::{Decode, Encode};
use kerbstone_crypto::Enctype;
use kerbstone_proto::message::{AdType, AuthorizationData, AuthorizationDataElement};

/// How many types of a list are looked at.
const MAX_TYPES: usize = 64;

/// What an initiator says that prefers these types, in this order, and has a ticket with a
/// session key of that type. Nothing when the ticket's is best already.
pub(super) fn offer(preferred: &[Enctype], ticket: Enctype) -> Option<AuthorizationDataElement> {
    if preferred.first() == Some(&ticket) {
        return None;
    }
    // The ticket's type, if it is in the list, must be the last (RFC 4537 3).
    let better = preferred.iter().take_while(|enctype| **enctype != ticket);
    let last = preferred.contains(&ticket).then_some(&ticket);
    let numbers: Vec<i32> = better.chain(last).map(|enctype| enctype.number()).collect();
    if numbers.is_empty() {
        return None;
    }
    Some(AuthorizationDataElement {
        ad_type: AdType::ETYPE_NEGOTIATION,
        ad_data: numbers.to_der().ok()?,
    })
}

/// The type that an acceptor takes: the first of the initiator's that it has, else that of the
/// keys in use.
pub(super) fn choose(said: &AuthorizationData, in_use: Enctype) -> Enctype {
    let lists = said.find(AdType::ETYPE_NEGOTIATION).unwrap_or_default();
    let offered = lists
        .first()
        .and_then(|list| Vec::<i32>::from_der(list).ok())
        .unwrap_or_default();
    offered
        .into_iter()
        .take(MAX_TYPES)
        .filter_map(Enctype::from_number)
        .find(|enctype| Enctype::DEFAULT.contains(enctype))
        .unwrap_or(in_use)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_ends_with_the_tickets_type_and_the_first_known_one_is_chosen() {
        use Enctype::{Aes128CtsHmacSha1_96 as Old, Aes256CtsHmacSha384_192 as New, Rc4Hmac};
        assert_eq!(offer(&[Old, New], Old), None);
        let offered = offer(&[New, Old, Rc4Hmac], Old).unwrap();
        assert_eq!(offered.ad_data, [0x30, 6, 2, 1, 20, 2, 1, 17]);
        let said = AuthorizationData(vec![AuthorizationData(vec![offered]).if_relevant()]);
        assert_eq!(choose(&said, Old), New);
        assert_eq!(choose(&AuthorizationData::default(), Old), Old);
        let broken = AuthorizationDataElement {
            ad_type: AdType::ETYPE_NEGOTIATION,
            ad_data: vec![0x30, 9],
        };
        assert_eq!(choose(&AuthorizationData(vec![broken]), Old), Old);
    }
}
