//! What the fuzz targets share: realms in memory, a clock that stands still, and messages that are
//! changed before they are sealed, so that a fuzzer gets past the cryptography.
//!
//! The targets are in `fuzz_targets/`, kept inputs in `corpus/`, words that help to find more in
//! `dictionaries/`. `cargo run --bin seeds` writes the first inputs of the targets that take files
//! or messages as they are; the others' are what earlier runs left.

pub mod acting;
pub mod clock;
pub mod files;
pub mod gss_pair;
pub mod input;
pub mod judge;
mod judge_acting;
pub mod password_request;
pub mod request;
pub mod scripted_kdc;
pub mod shown_pac;
pub mod shown_ticket;
pub mod site;
pub mod values;
