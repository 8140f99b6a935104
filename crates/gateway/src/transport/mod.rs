//! How members are spoken to: HTTP/1.1 or the uwsgi protocol, over TCP, TLS or unix sockets.
//!
//! Connections know nobody. One whose answer has not been read to its end, or whose request has not been sent to its
//! end, is closed and never used again, so that nobody gets what is left of somebody else's answer.

mod address;
mod answer_body;
mod answer_head;
mod trust;

pub use address::{BadAddress, MemberAddress, Place, Protocol};
pub use answer_body::{AnswerBody, AnswerFault, Tunnel};
pub use answer_head::BadAnswer;
pub use trust::{BadTrust, Trust, TrustBy, TrustSettings};
