//! ONC RPC version 2 (RFC 5531): records on a stream, and the headers of calls and replies.
//!
//! A server reads a record's length ([`record_length`]), then the call ([`read_call`]), asks
//! whether it serves it ([`Program::serves`]), and answers with [`begin_success`] or [`refuse`]. A
//! client writes with [`begin_call`] and reads with [`read_reply`]. Either way one buffer holds the
//! record's mark, the header and what follows, and [`finish_record`] closes it.

mod call;
mod record;
mod reply;

pub use call::{CallFault, CallHeader, Credential, Program, begin_call, read_call};
pub use record::{MAX_MESSAGE, RECORD_MARK, RecordFault, finish_record, record_length};
pub use reply::{AuthStatus, Refusal, ReplyFault, begin_success, read_reply, refuse};

/// The one version of ONC RPC.
pub const RPC_VERSION: u32 = 2;

/// The flavour of callers that prove nothing here: a unix socket knows who they are.
pub const AUTH_NONE: u32 = 0;

/// RPCSEC_GSS (RFC 2203).
pub const RPCSEC_GSS: u32 = 6;

/// The longest body of a credential or verifier (RFC 5531, section 8.2).
const MAX_AUTH: usize = 400;

const CALL: u32 = 0;
const REPLY: u32 = 1;
