//! The initiator's side of a service's client: whose tickets, and where the first of them comes from.

use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::driver::{Context, NoPrompter};
use crate::error::ClientError;
use crate::keytab_file::KeytabFile;
use crate::login::Secret;
use crate::ticket_source::CacheTickets;

impl<'a> CacheTickets<'a> {
    /// Tickets of whoever signs in with this password, kept in this process only.
    pub fn with_password(
        context: &'a Context,
        client: &Principal,
        password: Zeroizing<String>,
    ) -> Result<Self, ClientError> {
        let cache = Cache::new_memory();
        sign_in(context, client, Secret::Password(password), &cache)?;
        Ok(Self::new(context, cache))
    }

    /// Tickets of whoever signs in with the keys of a keytab, kept in this process only.
    pub fn with_keytab(
        context: &'a Context,
        client: &Principal,
        keytab: &KeytabFile,
    ) -> Result<Self, ClientError> {
        let cache = Cache::new_memory();
        sign_in(context, client, keys(keytab)?, &cache)?;
        Ok(Self::new(context, cache))
    }

    /// Tickets of `client`, or of whoever signed in last: from a cache that has any that last, else with the client
    /// keytab (`KRB5_CLIENT_KTNAME`), whose login is kept in the cache.
    pub fn acquire(context: &'a Context, client: Option<&Principal>) -> Result<Self, ClientError> {
        let collection = context.collection()?;
        let found = match client {
            Some(client) => collection.cache_of(client),
            None => collection.primary(),
        };
        let from_cache = found.and_then(|cache| {
            let lasts = has_tickets(&cache, context.now())?;
            Ok((cache, lasts))
        });
        if let Ok((cache, true)) = from_cache {
            return Ok(Self::new(context, cache));
        }
        let Some((client, secret)) = client_key(context, client) else {
            // What is wrong with the cache is what matters to whoever has no client keytab.
            return Ok(Self::new(context, from_cache?.0));
        };
        let cache = collection.cache_for_login(&client)?;
        sign_in(context, &client, secret, &cache)?;
        Ok(Self::new(context, cache))
    }
}

fn has_tickets(cache: &Cache, now: Timestamp) -> Result<bool, ClientError> {
    let content = cache.load()?;
    Ok(content.present().any(|ticket| ticket.endtime > now.time))
}

/// The client keytab's keys, if they are of `client`, and whose they are.
fn client_key(context: &Context, client: Option<&Principal>) -> Option<(Principal, Secret)> {
    let file = context.client_keytab().ok()?;
    let keytab = file.load().ok()?;
    let mut names = keytab.entries().map(|entry| &entry.principal);
    let name = match client {
        Some(client) => names.find(|name| *name == client),
        None => names.next(),
    };
    Some((name?.clone(), keys(&file).ok()?))
}

fn keys(file: &KeytabFile) -> Result<Secret, ClientError> {
    Ok(Secret::Keys {
        entries: file.load()?.entries().cloned().collect(),
        keytab: file.name().to_owned(),
    })
}

fn sign_in(
    context: &Context,
    client: &Principal,
    secret: Secret,
    cache: &Cache,
) -> Result<(), ClientError> {
    let options = context.login_options(&client.realm)?;
    let ticket = context.login(client, &options, secret, &mut NoPrompter)?;
    context.keep_login(cache, &ticket)
}
