//! `kerb password`: change one's password.

use clap::Args;
use kerbstone_client::{ClientError, Secret};
use kerbstone_proto::name::Principal;
use zeroize::Zeroizing;

use crate::commands::asking::{Asking, hidden};
use crate::console::{Console, out};
use crate::failure::Failure;
use crate::session::Session;

/// The command line of `kerb password`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// Whose password: alice, alice@EXAMPLE.ORG. Without it, that of the cache's owner or the local user.
    principal: Option<String>,
}

/// Changes the password.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let begin = |error: ClientError| Failure::of("cannot change the password", &error);
    let session = Session::open().map_err(begin)?;
    let client = client(typed, &session).map_err(begin)?;
    let what = format!("cannot change the password of {client}");
    let cannot = |error: ClientError| Failure::of(&what, &error);
    let options = session
        .password_ticket_options(&client.realm)
        .map_err(cannot)?;
    let ticket = session
        .login(&client, &options, Secret::Prompt, &mut Asking::new(console))
        .map_err(cannot)?;
    let new = new_password(console).map_err(cannot)?;
    let outcome = session.change_password(&ticket, new).map_err(cannot)?;
    if !outcome.is_success() {
        return Err(Failure::refused(
            &what,
            outcome.code_text(),
            help(&outcome.message),
        ));
    }
    out!(console, "The password of {client} is changed.\n");
    Ok(())
}

fn client(typed: &Typed, session: &Session) -> Result<Principal, ClientError> {
    if let Some(name) = &typed.principal {
        return session.principal(name, false);
    }
    match session.default_cache()?.principal() {
        Ok(owner) => Ok(owner),
        Err(_) => session.principal(&Session::local_user().unwrap_or_default(), false),
    }
}

fn new_password(console: &mut Console) -> Result<Zeroizing<String>, ClientError> {
    let first = hidden("New password", console)?;
    let second = hidden("New password again", console)?;
    if first == second {
        Ok(first)
    } else {
        Err(ClientError::PasswordMismatch)
    }
}

/// The server's reason on one line.
fn help(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    if words.is_empty() {
        "try a longer password with several kinds of characters".to_owned()
    } else {
        words.join(" ")
    }
}
