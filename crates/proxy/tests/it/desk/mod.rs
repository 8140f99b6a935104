//! The desk: credentials from keytabs and caches, and handles that Debian's gssproxy reads and
//! writes.

mod acquiring;
mod handles;
mod kdcs;
mod lab;
mod tickets;
