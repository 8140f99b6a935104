//! Signing in, getting tickets and changing passwords.
//!
//! The protocol is in three machines that do no I/O: [`login::Login`], [`ticket::TicketRequest`] and
//! [`password_change::PasswordChange`] say what to send and to ask, and are told what came in ([`machine`]). Which server
//! gets a request when, and when the next one is tried, is a machine as well ([`exchange`]). A [`driver::Context`] runs them
//! on a real system: krb5.conf, DNS, sockets, and credential caches that MIT's programs share ([`cache`]).
//!
//! ```no_run
//! use kerbstone_client::{Context, NoPrompter, Secret, WantedService};
//!
//! # fn main() -> Result<(), kerbstone_client::ClientError> {
//! let context = Context::from_environment()?;
//! let alice = context.parse_principal("alice")?;
//! let options = context.login_options(&alice.realm)?;
//! let secret = Secret::Password(String::from("wonderland").into());
//! let ticket = context.login(&alice, &options, secret, &mut NoPrompter)?;
//! let cache = context.collection()?.cache_for_login(&alice)?;
//! cache.replace(&ticket.to_cache(options.sync_time))?;
//!
//! let service = context.parse_principal("host/server.example.com")?;
//! let credential = context.service_ticket(&cache, &WantedService::new(service))?;
//! # drop(credential);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod acquire;
pub mod cache;
pub mod clock;
pub mod diagnosis;
pub mod driver;
pub mod error;
pub mod exchange;
pub mod keytab_file;
mod locked_file;
pub mod login;
pub mod machine;
mod nonce;
pub mod password_change;
mod random_name;
pub mod ticket;
pub mod ticket_source;

pub use cache::{Cache, CacheName, Collection};
pub use driver::{Context, Environment, Evidence, NoPrompter, Prompter, SystemNames};
pub use error::ClientError;
pub use keytab_file::KeytabFile;
pub use login::{InitialTicket, Login, LoginOptions, Secret};
pub use machine::{Input, Machine, Prompt, Question, Request, Service, Step};
pub use password_change::{Outcome, PasswordChange};
pub use ticket::{
    ForUser, ObtainedTicket, S4u2ProxyRequest, S4u2SelfRequest, TicketRequest, TicketSettings,
    WantedForUser, WantedOnBehalf, WantedService, service_principal,
};
pub use ticket_source::CacheTickets;
