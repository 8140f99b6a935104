//! Signing in, and what tokens are worth.

mod delegated;
mod entrance;
mod keystone;
mod passwords;
mod refusals;
mod site;
mod tokens;
