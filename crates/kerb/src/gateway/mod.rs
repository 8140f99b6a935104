//! `kerb gateway`: the settings, sockets and books around the HTTP front door.

mod books;
pub(crate) mod command;
mod doors;
mod keys;
mod service;
mod settings;
mod table;
mod walls;
