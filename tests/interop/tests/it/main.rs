//! Every client at every server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod apache;
mod attacker;
mod caller;
mod cross_realm;
mod dns;
mod enctypes;
mod front_door;
mod gss_samples;
mod http_client;
mod http_programs;
mod identity;
mod matrix;
mod on_path;
mod passwords;
mod proxied;
mod published_faults;
mod replays;
mod responder;
mod shared_files;
mod sign_in;
mod ssh;
mod ssh_peer;
mod stage;
mod tickets;
