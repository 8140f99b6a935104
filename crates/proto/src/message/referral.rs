//! Referrals as Windows sends them in `encrypted-pa-data` (RFC 6806, MS-KILE 2.2.1).

use der::Sequence;

use crate::name::{PrincipalName, Realm};
use crate::wire::messages;

/// PA-SVR-REFERRAL-DATA: where to go on, and the server's name there.
///
/// The fields stand on the wire in the order of their declaration in MS-KILE: name, then realm.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PaSvrReferralData {
    /// The server's name there, when it differs.
    #[asn1(context_specific = "1", optional = "true")]
    pub referred_name: Option<PrincipalName>,
    /// The realm to go on with.
    #[asn1(context_specific = "0")]
    pub referred_realm: Realm,
}

messages! {
    PaSvrReferralData = "PA-SVR-REFERRAL-DATA";
}
