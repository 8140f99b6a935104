//! An embedded Keystone v3 identity service.
//!
//! People are principals: Kerberos says who they are, this says what they may do where. Tokens are Fernet tokens of
//! Keystone's own form over Keystone's own key repository, so that a site can go from one to the other and back.

pub mod auth;
pub mod bootstrap;
pub mod caller;
pub mod delegation;
pub mod directory;
pub mod http;
pub mod import;
pub mod model;
pub mod observer;
pub mod policy;
pub mod server;
pub mod service;
pub mod token;
