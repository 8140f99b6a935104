//! kpasswd: changes a password.

use kerbstone_client::{Cache, ClientError, Outcome as Change, Secret};
use kerbstone_proto::name::Principal;
use zeroize::Zeroizing;

use crate::compat::conversation::{Conversation, ask_hidden};
use crate::compat::mit_words::{Say, Words};
use crate::compat::{Call, Outcome, Stop};
use crate::console::{Console, err, out};
use crate::session::Session;
use crate::terminal::NoAnswer;

/// Runs kpasswd.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    if call.words.len() > 1 {
        err!(console, "usage: {} [principal]\n", call.typed);
        return Ok(1);
    }
    let say = Say::new(&call.typed, Words::Table);
    let session = Session::open()
        .or_else(|error| say.fail(console, &error, "initializing kerberos library"))?;
    let kpasswd = Kpasswd { session, say };
    let client = kpasswd.client(call.words.first(), console)?;
    kpasswd.change(&client, console)
}

struct Kpasswd {
    session: Session,
    say: Say,
}

impl Kpasswd {
    /// The name given, else the owner of the cache, else the local user.
    fn client(&self, name: Option<&String>, console: &mut Console) -> Result<Principal, Stop> {
        let cache = self
            .session
            .default_cache()
            .or_else(|error| self.say.fail(console, &error, "opening default ccache"))?;
        let owner = self.owner(&cache, console)?;
        if let Some(name) = name {
            return self
                .session
                .principal(name, false)
                .or_else(|error| self.say.fail(console, &error, "parsing client name"));
        }
        if let Some(owner) = owner {
            return Ok(owner);
        }
        let Some(user) = Session::local_user() else {
            err!(console, "Unable to identify user from password file\n");
            return Err(Stop(1));
        };
        self.session.principal(&user, false).or_else(|error| {
            self.say
                .fail(console, &error, &format!("when parsing name {user}"))
        })
    }

    fn owner(&self, cache: &Cache, console: &mut Console) -> Result<Option<Principal>, Stop> {
        match cache.principal() {
            Ok(owner) => Ok(Some(owner)),
            Err(ClientError::NoCache { .. }) => Ok(None),
            Err(error) => self
                .say
                .fail(console, &error, "getting principal from ccache"),
        }
    }

    fn change(&self, client: &Principal, console: &mut Console) -> Outcome {
        const DOING: &str = "getting initial ticket";
        let options = self
            .session
            .password_ticket_options(&client.realm)
            .or_else(|error| self.say.fail(console, &error, DOING))?;
        let mut conversation = Conversation::new(console);
        let outcome = self
            .session
            .login(client, &options, Secret::Prompt, &mut conversation);
        let unread = conversation.unread();
        let ticket = match outcome {
            Ok(ticket) => ticket,
            Err(error) => {
                let text = match (unread.map(|unread| unread.reason), &error) {
                    (Some(NoAnswer::Interrupted), _) => "Password read interrupted",
                    (Some(NoAnswer::Unreadable), _) => "Generic preauthentication failure",
                    (None, ClientError::PasswordIncorrect { .. }) => "Preauthentication failed",
                    (None, error) => return self.say.fail(console, error, DOING),
                };
                self.say.text(console, text, DOING);
                return Err(Stop(1));
            }
        };
        let new = self.new_password(console)?;
        match self.session.change_password(&ticket, new) {
            Ok(outcome) if outcome.is_success() => {
                out!(console, "Password changed.\n");
                Ok(0)
            }
            Ok(refusal) => {
                out!(console, "{}\n", words(&refusal));
                Ok(2)
            }
            Err(error) => self.say.fail(console, &error, "changing password"),
        }
    }

    fn new_password(&self, console: &mut Console) -> Result<Zeroizing<String>, Stop> {
        const DOING: &str = "while reading password";
        let first = ask_hidden("Enter new password", console);
        let second = first.and_then(|first| Ok((first, ask_hidden("Enter it again", console)?)));
        match second {
            Ok((first, second)) if first == second => Ok(first),
            Ok(_) => {
                self.say.text(console, "Password mismatch", DOING);
                Err(Stop(1))
            }
            Err(reason) => {
                self.say.text(console, &reason.to_string(), DOING);
                Err(Stop(1))
            }
        }
    }
}

fn words(refusal: &Change) -> String {
    match refusal.message.as_str() {
        "" => {
            format!(
                "{}: Try a more complex password, or contact your administrator.",
                refusal.code_text()
            )
        }
        message => format!("{}: {message}", refusal.code_text()),
    }
}
