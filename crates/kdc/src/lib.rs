//! The KDC as a function: request bytes in, reply bytes and a record of the decision out.
//!
//! It has no socket, no thread, no clock and no source of randomness of its own; it decides who
//! may have which ticket and whose password may be changed, and nothing else. What it knows of
//! principals it asks the [`Directory`](kerbstone_realm::Directory).
//!
//! The three types to know are [`Kdc`], which answers, [`Peer`], from where a request came, and
//! [`Answer`], the bytes to send with the [`AuditEvent`] to write down.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod as_exchange;
mod asking;
mod audit;
mod authorization_data;
mod backwards;
mod counters;
mod etype_choice;
mod host_realm;
mod issued_pac;
mod json_line;
mod kdc;
mod lifetimes;
mod lookaside;
mod pa_enc_timestamp;
mod password_change;
mod peer;
mod preauth_hints;
mod principals;
mod realm_path;
mod referral;
mod refusal;
mod replay_cache;
mod reply_writer;
mod request;
mod s4u2proxy;
mod s4u2self;
mod shown_pac;
mod subject;
mod tgs_exchange;
mod tgs_header;
mod tgs_policy;
mod ticket_flags;
mod transited;
mod user_to_user;

pub use audit::{ActingFor, ActingHow, AuditEvent, Exchange, Issued, Outcome, RequestedEnctypes};
pub use counters::Counters;
pub use host_realm::{HostRealms, Referrals};
pub use kdc::{Answer, Kdc, KdcConfig};
pub use password_change::PasswordAuthority;
pub use peer::{Peer, Transport};
