//! kerb and the programs that it can be, run as users run them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod doctor;
mod errors;
mod full_disk;
mod gateway;
mod gss;
mod killed;
mod kinit;
mod klist;
mod kvno;
mod proxy;
mod replace_gssproxy;
mod service;
mod side_by_side;
mod site_moves;
mod tour;
mod up;
