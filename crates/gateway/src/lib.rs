//! The HTTP front door: TLS, `Negotiate` (RFC 4559), and a reverse proxy that vouches for who is there.
//!
//! What is decided is decided in plain functions: which headers a client may not set
//! ([`identity_headers`]), which entry point a path belongs to ([`entry_point`], [`request_path`]), what a
//! request offers and what an answer says to it ([`negotiate`]). Sockets, deadlines and streams stand
//! around them in [`server`].
//!
//! No user is bound to a connection: each request brings its proof, and connections to back ends are
//! shared by everybody and know nobody.

pub mod channel_bindings;
pub mod entry_point;
pub mod hop_by_hop;
pub mod identity;
pub mod identity_headers;
pub mod negotiate;
pub mod request_path;
pub mod rule;
