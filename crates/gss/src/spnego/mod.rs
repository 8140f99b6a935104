//! SPNEGO (RFC 4178, MS-SPNG): two sides find a mechanism that both speak, and make sure that
//! nobody between them chose it for them.
//!
//! Tokens of the mechanism travel inside those of the negotiation. The first one is sent on the
//! chance that the acceptor takes the initiator's favourite; if it wants another mechanism, both
//! prove with a MIC over the list of mechanisms (mechListMIC) that they saw the same list. The
//! context is the mechanism's own, so exporting, importing and everything after the negotiation is
//! as without it.
//!
//! | a peer that | is met so |
//! |---|---|
//! | takes the optimistic token and sends no MIC (MIT, Heimdal, Windows) | done without MICs, as RFC 4178 5 permits |
//! | sends a MIC nevertheless | it must be right, and gets one back |
//! | names krb5 by Microsoft's number (Samba, Windows 2000) | that is krb5 |
//! | leaves out negState or supportedMech (Java, Windows) | what the mechanism says counts |
//! | sends negHints where the MIC stands (Windows' NegTokenInit2) | they are passed over |
//! | sends the response token again as MIC (Windows 2000) | it is no MIC |
//! | sends an empty response token (IIS) | there is none |
//! | frames its answers (old Sun) | the frame is taken off |
//! | sends a bare krb5 token | it is accepted, and answered bare |
//! | offers NTLM first and krb5 too | it is asked for krb5 |
//! | offers NTLM alone, or sends bare NTLM | it is refused, with words that say why browsers do that |

mod acceptor;
mod initiator;
mod mech_list_mic;
mod suspended;
mod token;

pub use acceptor::Acceptor;
pub use initiator::Initiator;

use crate::Oid;

/// The numbers of krb5 that are offered, the true one first.
const OFFERED: [Oid; 2] = [Oid::KRB5, Oid::KRB5_MS];

/// What the negotiation is called in errors.
const WHAT: &str = "SPNEGO token";

/// Reads any SPNEGO token, of either side; for tests.
#[doc(hidden)]
pub fn parse_token(bytes: &[u8]) -> Result<(), crate::GssError> {
    token::NegotiationToken::parse(bytes).map(drop)
}
