//! Who signs in and where the ticket goes: kinit's rules for what is not said.

use kerbstone_client::{Cache, ClientError, Collection};
use kerbstone_proto::name::Principal;

use super::arguments::{Action, Arguments};
use crate::compat::Stop;
use crate::compat::mit_words::Say;
use crate::console::{Console, err};
use crate::session::Session;

/// The client and its cache.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Principal,
    pub(super) cache: Cache,
    /// The cache is to be its collection's primary one afterwards.
    pub(super) becomes_primary: bool,
}

struct Choice<'a> {
    arguments: &'a Arguments,
    session: &'a Session,
    say: &'a Say,
}

impl Target {
    /// Decides, and with -V says what was decided.
    pub(super) fn choose(
        arguments: &Arguments,
        session: &Session,
        say: &Say,
        console: &mut Console,
    ) -> Result<Self, Stop> {
        Choice {
            arguments,
            session,
            say,
        }
        .target(console)
    }
}

impl Choice<'_> {
    fn target(&self, console: &mut Console) -> Result<Target, Stop> {
        let named = self.named_cache(console)?;
        let default = match &named {
            Some(_) => None,
            None => Some(self.session.default_cache().or_else(|error| {
                self.say
                    .fail(console, &error, "while getting default ccache")
            })?),
        };
        let candidate = named.as_ref().or(default.as_ref());
        let owner = candidate.and_then(|cache| cache.principal().ok());
        let (client, is_owner) = self.client(owner.as_ref(), console)?;
        let target = match (named, default) {
            (Some(cache), _) => Target {
                client,
                cache,
                becomes_primary: false,
            },
            (None, Some(default)) if is_owner => Target {
                client,
                cache: default,
                becomes_primary: false,
            },
            (None, Some(default)) => {
                self.in_collection(client, default, owner.is_some(), console)?
            }
            (None, None) => return Err(Stop(1)),
        };
        self.input_cache(console)?;
        if self.arguments.verbose {
            err!(console, "Using principal: {}\n", target.client);
        }
        Ok(target)
    }

    fn named_cache(&self, console: &mut Console) -> Result<Option<Cache>, Stop> {
        let Some(name) = &self.arguments.cache else {
            return Ok(None);
        };
        let cache = Cache::parse(name).or_else(|error| {
            self.say
                .fail(console, &error, &format!("resolving ccache {name}"))
        })?;
        if self.arguments.verbose {
            err!(console, "Using specified cache: {name}\n");
        }
        Ok(Some(cache))
    }

    /// -I is for the hints that a cache gives to pre-authentication; a missing one gives none.
    fn input_cache(&self, console: &mut Console) -> Result<(), Stop> {
        let Some(name) = &self.arguments.input_cache else {
            return Ok(());
        };
        Cache::parse(name).or_else(|error| {
            self.say
                .fail(console, &error, &format!("resolving ccache {name}"))
        })?;
        if self.arguments.verbose {
            err!(console, "Using specified input cache: {name}\n");
        }
        Ok(())
    }

    /// The client, and whether it was chosen for owning the cache.
    fn client(
        &self,
        owner: Option<&Principal>,
        console: &mut Console,
    ) -> Result<(Principal, bool), Stop> {
        if let Some(name) = &self.arguments.principal {
            return Ok((self.parse(name, console)?, false));
        }
        if self.arguments.action == Action::Keytab {
            return Ok((self.keytab_client(console)?, false));
        }
        if let Some(owner) = owner {
            return Ok((owner.clone(), true));
        }
        match Session::local_user() {
            Some(name) => Ok((self.parse(&name, console)?, false)),
            None => {
                err!(console, "Unable to identify user\n");
                Err(Stop(1))
            }
        }
    }

    fn keytab_client(&self, console: &mut Console) -> Result<Principal, Stop> {
        if !self.arguments.client_keytab {
            return Ok(self.session.host_principal());
        }
        let keytab = self.session.client_keytab().or_else(|error| {
            self.say
                .fail(console, &error, "When resolving the default client keytab")
        })?;
        let doing = "When determining client principal name from keytab";
        let content = keytab
            .load()
            .or_else(|error| self.say.fail(console, &error, doing))?;
        match content.entries().next() {
            Some(entry) => Ok(entry.principal.clone()),
            None => {
                self.say.text(console, "Key table entry not found", doing);
                Err(Stop(1))
            }
        }
    }

    fn parse(&self, name: &str, console: &mut Console) -> Result<Principal, Stop> {
        self.session
            .principal(name, self.arguments.enterprise)
            .or_else(|error| {
                self.say
                    .fail(console, &error, &format!("when parsing name {name}"))
            })
    }

    /// The client's own cache of a collection, a new one beside another's, or the default one.
    fn in_collection(
        &self,
        client: Principal,
        default: Cache,
        default_is_taken: bool,
        console: &mut Console,
    ) -> Result<Target, Stop> {
        let say = |console: &mut Console, what: &str, cache: &Cache| {
            if self.arguments.verbose {
                err!(console, "Using {what} cache: {}\n", residual(cache));
            }
        };
        let collection = self
            .collection(console)?
            .filter(|_| matches!(default.name().kind(), "DIR" | "KEYRING"));
        if let Some(collection) = collection {
            match collection.cache_of(&client) {
                Ok(cache) => {
                    say(console, "existing", &cache);
                    return Ok(Target {
                        client,
                        cache,
                        becomes_primary: true,
                    });
                }
                Err(ClientError::NoCacheFor { .. }) if default_is_taken => {
                    let cache = collection.new_cache().or_else(|error| {
                        self.say
                            .fail(console, &error, "while generating new ccache")
                    })?;
                    say(console, "new", &cache);
                    return Ok(Target {
                        client,
                        cache,
                        becomes_primary: true,
                    });
                }
                Err(ClientError::NoCacheFor { .. }) => {}
                Err(error) => {
                    let name = self.arguments.principal.as_deref().unwrap_or("(null)");
                    return self.say.fail(
                        console,
                        &error,
                        &format!("while searching for ccache for {name}"),
                    );
                }
            }
        }
        say(console, "default", &default);
        Ok(Target {
            client,
            cache: default,
            becomes_primary: false,
        })
    }

    fn collection(&self, console: &mut Console) -> Result<Option<Collection>, Stop> {
        match self.session.collection() {
            Ok(collection) => Ok(Some(collection)),
            Err(error) => self
                .say
                .fail(console, &error, "while getting default ccache"),
        }
    }
}

/// A cache's name without its type.
fn residual(cache: &Cache) -> String {
    let name = cache.name().to_string();
    name.split_once(':')
        .map_or(name.clone(), |(_, residual)| residual.to_owned())
}
