//! Signing in: `/v3/auth/*`, and what tokens are worth afterwards.
//!
//! Somebody shows who they are by one of the methods ([`AuthSettings::methods`]), and gets a token for a project, a
//! domain, the whole deployment or nothing in particular. [`Auth`] makes tokens, reads them for all other calls (it is
//! the service's [`Tokens`](crate::service::Tokens)), and takes them back.
//!
//! Nothing is written when a token is made. What a token is worth is found out from the model each time, and remembered
//! until the model or the keys change.

mod application_credential;
mod authenticate;
mod body;
mod cache;
mod catalog;
mod external;
mod first_sight;
mod front;
mod issue;
mod lookup;
mod multi_factor;
mod password;
mod request;
mod revocation;
mod routes;
mod schema;
mod settings;
mod standing;
mod token_method;
mod tokenless;
mod totp;
mod validate;

use std::sync::Arc;

use kerbstone_verify::Passwords;

use self::cache::Cache;
use self::catalog::Catalogs;
use self::totp::Used;
use self::validate::Known;
use crate::token::TokenSeal;

pub use front::Front;
pub use request::SignIn;
pub use settings::{AuthSettings, CatalogView, FirstSight, RealmOfDomain};

/// Makes tokens, reads them and takes them back.
#[derive(Debug)]
pub struct Auth {
    settings: AuthSettings,
    seal: TokenSeal,
    receipts: Option<TokenSeal>,
    passwords: Option<Arc<Passwords>>,
    known: Cache<Known>,
    catalogs: Catalogs,
    used: Used,
}

impl Auth {
    /// Tokens are sealed with `seal`; its codes are those of the methods in `settings`.
    #[must_use]
    pub fn new(settings: AuthSettings, seal: TokenSeal) -> Self {
        Self {
            settings,
            seal,
            receipts: None,
            passwords: None,
            known: Cache::default(),
            catalogs: Catalogs::default(),
            used: Used::default(),
        }
    }

    /// Checks passwords with these; without them nobody signs in by password.
    #[must_use]
    pub fn with_passwords(mut self, passwords: Arc<Passwords>) -> Self {
        self.passwords = Some(passwords);
        self
    }

    /// Seals receipts of first factors with keys of their own; without them they are sealed with the tokens' keys.
    #[must_use]
    pub fn with_receipts(mut self, receipts: TokenSeal) -> Self {
        self.receipts = Some(receipts);
        self
    }

    /// How people sign in.
    #[must_use]
    pub fn settings(&self) -> &AuthSettings {
        &self.settings
    }
}
