//! `kerb gateway`: the settings, sockets and books around the HTTP front door.

mod access_log;
mod books;
mod check;
pub(crate) mod command;
mod control;
mod doors;
mod explain;
mod figures;
mod keys;
mod operation;
mod people;
mod service;
mod settings;
mod table;
mod upkeep;
mod walls;
