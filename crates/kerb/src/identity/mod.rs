//! `kerb identity`: the settings, sockets, books and files around the identity service.

mod books;
mod bootstrap;
pub(crate) mod command;
mod door;
mod fernet;
mod import;
mod keystone_api;
mod passwords;
mod service;
mod settings;
mod token;
mod walls;
