//! The plugin of MIT's mechglue that sends GSS calls to a proxy, in place of `proxymech.so`.
//!
//! The mechglue loads the library (`/etc/gss/mech.d/*.conf`, or `GSS_MECH_CONFIG`), asks
//! `gss_mech_interposer` which mechanisms it stands before, and then calls its `gssi_` functions
//! ([`entry`]) where it would have called those mechanisms. What the daemon is not needed for goes back
//! into the mechglue ([`mechglue`]) under an identifier that means the real mechanism ([`oid::special`]).
//!
//! This is one of the two crates with `unsafe` in it. It stands in [`abi`] (what C hands us), [`oid`]
//! (a list that is only added to), [`mechglue`] and [`krb5`] (functions looked up in the process), and
//! [`settings`] (one question to the kernel).
//!
//! Nothing unwinds into C: every entry point catches a panic and answers `GSS_S_FAILURE`. There are no
//! threads and there is no executor; after a fork the child makes connections of its own.

pub mod abi;
pub mod context;
pub mod credential;
pub mod entry;
pub mod krb5;
pub mod mechglue;
pub mod name;
pub mod oid;
pub mod order;
pub mod remote;
pub mod settings;
pub mod status;
pub mod stored;
