//! `kerb identity`: the settings, sockets, books and files around the identity service.

mod books;
mod bootstrap;
pub(crate) mod command;
mod door;
mod fernet;
mod passwords;
mod service;
mod settings;
mod token;
mod walls;
