//! GSS-API (RFC 2743): the krb5 mechanism (RFC 4121), SPNEGO (RFC 4178) and replay caches, as
//! machines that take tokens and give tokens.
//!
//! Nothing here opens a socket or reads a clock, and only the replay cache that workers share
//! ([`replay::SharedReplayCache`]) touches a file; tokens, the time and randomness are passed in,
//! and tickets come from a [`TicketSource`](kerbstone_proto::ticket_source::TicketSource). The
//! types to know are [`krb5::Initiator`] and [`krb5::Acceptor`], which end in [`Step::Established`],
//! and [`Context`], which protects what is said from then on.

pub mod channel_bindings;
pub mod context;
pub mod credential;
pub mod error;
pub mod flags;
mod framing;
pub mod krb5;
pub mod name;
pub mod oid;
pub mod replay;
pub mod spnego;
pub mod step;
pub mod suspended;

pub use channel_bindings::ChannelBindings;
pub use context::{
    Context, ExportForm, Order, Part, PartLengths, PartsUnwrapped, TicketTimes, Unwrapped,
    UnwrappedInPlace,
};
pub use credential::{AcceptorCredential, AcceptorName};
pub use error::{GssError, MajorStatus};
pub use flags::GssFlags;
pub use name::Name;
pub use oid::Oid;
pub use replay::{Freshness, ReplayCache, ReplayCacheError, ReplayEntry};
pub use step::{Refused, Step};
pub use suspended::SuspensionKey;
