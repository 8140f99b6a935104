//! The HTTP front door: TLS, `Negotiate` (RFC 4559), and a reverse proxy that vouches for who is there.
//!
//! What is decided is decided in plain functions: which headers a client may not set
//! ([`identity_headers`]), which entry point a path belongs to ([`entry_point`], [`request_path`]), what a
//! request offers and what an answer says to it ([`negotiate`]). Sockets, deadlines and streams stand
//! around them in [`server`].
//!
//! No user is bound to a connection: each request brings its proof, and connections to back ends are
//! shared by everybody and know nobody.

mod activity;
mod admission;
pub mod basic;
pub mod body;
pub mod certificate;
pub mod channel_bindings;
mod connection;
mod conversation;
mod deadline;
pub mod delegation;
pub mod entry_point;
pub mod entry_points;
pub mod explanation;
mod file_stamp;
pub mod forwarding;
mod gateway;
pub mod groups;
pub mod hop_by_hop;
pub mod identity;
pub mod identity_headers;
mod limits;
pub mod listener;
mod local_names;
pub mod negotiate;
pub mod notice;
pub mod observer;
pub mod outbound;
pub mod pages;
mod patient_writer;
pub mod pattern;
pub mod place;
mod places;
pub mod pool;
pub mod rate;
pub mod request_path;
pub mod rule;
pub mod server;
pub mod session;
mod sign_in;
pub mod sign_in_form;
pub mod sign_out;
pub mod status;
mod table;
pub mod tls;
pub mod transport;
mod tunnel;
pub mod uwsgi;
pub mod variables;
mod visit;
pub mod way;
mod ways_in;
pub mod whoami;
mod wire;

pub use admission::Admission;
pub use gateway::{Gateway, Setup};
pub use limits::Limits;
pub use local_names::LocalNames;
pub use table::Table;
