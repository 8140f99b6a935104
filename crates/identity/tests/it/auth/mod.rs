//! Signing in, and what tokens are worth.

mod delegated;
mod entrance;
mod passwords;
mod refusals;
mod site;
mod tokens;
