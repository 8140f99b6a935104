//! How members are spoken to: HTTP/1.1 or the uwsgi protocol, over TCP, TLS or unix sockets.
//!
//! Connections know nobody. One whose answer has not been read to its end, or whose request has not been sent to its
//! end, is closed and never used again, so that nobody gets what is left of somebody else's answer.

mod address;
mod answer_body;
mod answer_head;
mod chunked;
mod exchange;
mod link;
mod request_body;
pub(crate) mod request_head;
mod stream;
mod trust;
mod upload;

pub use address::{BadAddress, MemberAddress, Place, Protocol};
pub use answer_body::{AnswerBody, AnswerFault, Tunnel};
pub use answer_head::{AnswerHead, Asked, BadAnswer, BodyLength, Dialect, HeadReader};
pub use chunked::{Chunked, Piece};
pub(crate) use exchange::{Exchange, ExchangeFault, Remains};
pub(crate) use link::Link;
pub(crate) use request_body::RequestBody;
pub(crate) use stream::{ConnectFault, ConnectLimits, Stream};
pub use trust::{BadTrust, Trust, TrustBy, TrustSettings};
pub(crate) use upload::{Framing, Upload};
