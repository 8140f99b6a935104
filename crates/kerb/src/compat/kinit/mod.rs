//! kinit: gets a ticket-granting ticket with a password or a keytab, renews or validates one.

mod arguments;
mod target;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_client::{ClientError, InitialTicket, KeytabFile, LoginOptions, Secret};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::name::Principal;

use self::arguments::{Action, Arguments};
use self::target::Target;
use crate::compat::conversation::{Conversation, warn_of_expiry};
use crate::compat::date::Calendar;
use crate::compat::mit_words::{Say, Words, full};
use crate::compat::{Call, Outcome, Stop};
use crate::console::{Console, err};
use crate::session::Session;

/// Runs kinit.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let now = unix_now();
    let calendar = Calendar::of_environment(now);
    let arguments = Arguments::read(call, &calendar, now, console)?;
    let say = Say::new(&call.name, Words::Full);
    let session = Session::open()
        .or_else(|error| say.fail(console, &error, "while initializing Kerberos 5 library"))?;
    refuse_what_is_missing(&arguments, &say, console)?;
    let target = Target::choose(&arguments, &session, &say, console)?;
    let kinit = Kinit {
        arguments,
        session,
        target,
        calendar,
        say,
    };
    match kinit.arguments.action {
        Action::Password | Action::Keytab => kinit.sign_in(console)?,
        Action::Renew | Action::Validate => kinit.exchange(console)?,
    }
    kinit.switch(console)?;
    if kinit.arguments.verbose {
        err!(console, "Authenticated to Kerberos v5\n");
    }
    Ok(0)
}

struct Kinit {
    arguments: Arguments,
    session: Session,
    target: Target,
    calendar: Calendar,
    say: Say,
}

const SIGNING_IN: &str = "while getting initial credentials";

impl Kinit {
    fn sign_in(&self, console: &mut Console) -> Result<(), Stop> {
        let options = self.options(console)?;
        let secret = self.secret(console)?;
        for (name, value) in self
            .arguments
            .preauth_options
            .iter()
            .filter(|_| self.arguments.verbose)
        {
            err!(console, "PA Option {name} = {value}\n");
        }
        let client = self
            .session
            .in_default_realm(&self.target.client)
            .or_else(|error| self.say.fail(console, &error, SIGNING_IN))?;
        let mut conversation = Conversation::new(console);
        let outcome = self
            .session
            .login(&client, &options, secret, &mut conversation);
        let unread = conversation.unread();
        let ticket = match outcome {
            Ok(ticket) => ticket,
            Err(error) => {
                let Some(unread) = unread else {
                    return self.refused(&error, SIGNING_IN, console);
                };
                self.say.text(console, &unread.words(), SIGNING_IN);
                return Err(Stop(1));
            }
        };
        self.store(&ticket, console)?;
        let changing = ticket.credential.server.name.is(&["kadmin", "changepw"]);
        if self.arguments.action == Action::Password && !changing {
            // The KDC's clock decides, where it is believed.
            let ahead = if options.sync_time {
                ticket.offset.seconds()
            } else {
                0
            };
            let now = unix_now().saturating_add(ahead);
            warn_of_expiry(ticket.password_expires, now, &self.calendar, console);
        }
        Ok(())
    }

    fn options(&self, console: &mut Console) -> Result<LoginOptions, Stop> {
        let arguments = &self.arguments;
        let client = &self.target.client;
        let mut options = self
            .session
            .login_options(&client.realm)
            .or_else(|error| self.say.fail(console, &error, SIGNING_IN))?;
        options.forwardable = arguments.forwardable.unwrap_or(options.forwardable);
        options.proxiable = arguments.proxiable.unwrap_or(options.proxiable);
        options.canonicalize |= arguments.canonicalize;
        options.lifetime = arguments.lifetime.map_or(options.lifetime, seconds);
        options.renewable = arguments.renewable_life.map(seconds).or(options.renewable);
        options.start = arguments
            .start
            .map(seconds)
            .filter(|start| !start.is_zero());
        match arguments.addresses {
            Some(true) => options.addresses = Session::local_addresses(),
            Some(false) => options.addresses.clear(),
            None => {}
        }
        if let Some(service) = &arguments.service {
            let name = Session::service_name(service)
                .or_else(|error| self.say.fail(console, &error, SIGNING_IN))?;
            options.service = Some(name);
        }
        Ok(options)
    }

    fn secret(&self, console: &mut Console) -> Result<Secret, Stop> {
        if self.arguments.action == Action::Password {
            return Ok(Secret::Prompt);
        }
        let keytab = match (&self.arguments.keytab, self.arguments.client_keytab) {
            (Some(name), _) => {
                let keytab = self.session.keytab(Some(name)).or_else(|error| {
                    self.say
                        .fail(console, &error, &format!("resolving keytab {name}"))
                })?;
                if self.arguments.verbose {
                    err!(console, "Using keytab: {name}\n");
                }
                keytab
            }
            (None, true) => self.session.client_keytab().or_else(|error| {
                self.say
                    .fail(console, &error, "resolving default client keytab")
            })?,
            (None, false) => self
                .session
                .keytab(None)
                .or_else(|error| self.say.fail(console, &error, SIGNING_IN))?,
        };
        self.keys(&keytab, console)
    }

    fn keys(&self, keytab: &KeytabFile, console: &mut Console) -> Result<Secret, Stop> {
        match keytab.load() {
            Ok(content) => Ok(Secret::Keys {
                entries: content.entries().cloned().collect(),
                keytab: keytab.name().to_owned(),
            }),
            Err(error) => {
                let text = format!("Pre-authentication failed: {}", full(&error));
                self.say.text(console, &text, SIGNING_IN);
                Err(Stop(1))
            }
        }
    }

    fn store(&self, ticket: &InitialTicket, console: &mut Console) -> Result<(), Stop> {
        let kept = self.session.keep_login(&self.target.cache, ticket);
        kept.map_err(|error| {
            // MIT's file caches say no more than this.
            let text = match error {
                ClientError::NoCache { .. } => "No credentials cache found".to_owned(),
                other => full(&other),
            };
            self.say.text(
                console,
                &format!("Failed to store credentials: {text}"),
                SIGNING_IN,
            );
            Stop(1)
        })
    }

    /// Renews or validates the ticket in the cache.
    fn exchange(&self, console: &mut Console) -> Result<(), Stop> {
        let renew = self.arguments.action == Action::Renew;
        let doing = if renew {
            "while renewing credentials"
        } else {
            "while validating credentials"
        };
        self.again(renew)
            .or_else(|error| self.refused(&error, doing, console))?;
        if self.arguments.verbose {
            err!(console, "Initialized cache\nStored credentials\n");
        }
        Ok(())
    }

    fn again(&self, renew: bool) -> Result<Credential, ClientError> {
        let Target { client, cache, .. } = &self.target;
        let server = match &self.arguments.service {
            Some(service) => Principal::new(Session::service_name(service)?, client.realm.clone()),
            None => Principal::krbtgt(&client.realm, &client.realm),
        };
        if cache.principal()? != *client {
            return Err(ClientError::NoTicket {
                wanted: server,
                place: Some(cache.name().to_string()),
            });
        }
        match renew {
            true => self.session.renew(cache, Some(&server)),
            false => self.session.validate(cache, Some(&server)),
        }
    }

    fn refused<T>(
        &self,
        error: &ClientError,
        doing: &str,
        console: &mut Console,
    ) -> Result<T, Stop> {
        match error {
            ClientError::PasswordIncorrect { .. } => {
                self.say.text(console, "Password incorrect", doing)
            }
            // Of the service, the AS is told the name by the client: MIT does not repeat it.
            ClientError::UnknownService { .. } if self.is_initial() => {
                self.say
                    .text(console, "Server not found in Kerberos database", doing);
            }
            ClientError::NoKeyInKeytab { .. } => {
                let text = format!(
                    "Keytab contains no suitable keys for {}",
                    self.target.client
                );
                self.say.text(console, &text, doing);
            }
            other => self.say.error(console, other, doing),
        }
        Err(Stop(1))
    }

    fn is_initial(&self) -> bool {
        matches!(self.arguments.action, Action::Password | Action::Keytab)
    }

    fn switch(&self, console: &mut Console) -> Result<(), Stop> {
        if !self.target.becomes_primary {
            return Ok(());
        }
        self.target.cache.switch_to().or_else(|error| {
            self.say
                .fail(console, &error, "while switching to new ccache")
        })
    }
}

/// Anonymous tickets, FAST and PKINIT are not spoken: better told than done otherwise.
fn refuse_what_is_missing(
    arguments: &Arguments,
    say: &Say,
    console: &mut Console,
) -> Result<(), Stop> {
    let missing = if arguments.anonymous {
        "Anonymous tickets (-n) are not supported by this program"
    } else if arguments.armor_cache.is_some() {
        "FAST armor (-T) is not supported by this program"
    } else if arguments
        .preauth_options
        .iter()
        .any(|(name, _)| name.starts_with("X509_"))
    {
        "PKINIT (-X X509_...) is not supported by this program"
    } else {
        return Ok(());
    };
    say.text(console, missing, SIGNING_IN);
    Err(Stop(1))
}

/// This host's clock, in seconds since 1970.
fn unix_now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds as typed; what lies in the past is now.
fn seconds(typed: i32) -> Duration {
    Duration::from_secs(u64::try_from(typed).unwrap_or(0))
}
