//! Getting a credential, as MIT's `gss_acquire_cred_from` does.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kerbstone_client::{Cache, ClientError, Context, KeytabFile, NoPrompter, Secret};
use kerbstone_gss::Name;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::held::HeldTickets;
use super::purse::{Purse, Survey};
use super::{CacheSource, Desk, DeskError, HeldCredential, Patience, Sources, naming};
use crate::settings::CredUsage;

/// Tickets that end so soon are renewed (MIT's).
const SOON: Duration = Duration::from_secs(30);

/// Which credential is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// From where.
    pub sources: &'a Sources,
    /// Whose; of whoever the cache or the keytab belongs to, when absent.
    pub name: Option<&'a Name>,
    /// What for.
    pub usage: CredUsage,
}

/// What stands for the tickets that a wish leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TicketsKey {
    sources: Sources,
    name: Option<Name>,
}

/// Where tickets are to be found, or to be put.
#[derive(Debug)]
struct Place {
    /// The cache, unless it is in memory.
    cache: Option<Cache>,
    /// What is in it; nothing when nobody signed in yet.
    purse: Option<Arc<Purse>>,
}

/// The keys that a client could sign in with.
#[derive(Debug)]
struct SignInKeys {
    file: KeytabFile,
    keytab: Arc<Keytab>,
}

/// What is to be done before tickets are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// Nothing.
    Nothing,
    /// They will do, and newer ones would be better.
    Renewal,
    /// There are none that last.
    Tickets,
}

impl Desk {
    pub(super) fn acquire_as_mit(
        &self,
        wish: &Wish<'_>,
        patience: Patience,
        now: Timestamp,
    ) -> Result<HeldCredential, DeskError> {
        let context = self.context();
        let accepting = match wish.usage {
            CredUsage::Accept | CredUsage::Both => Some(self.accepting(&context, wish, now)?),
            CredUsage::Initiate => None,
        };
        if wish.usage == CredUsage::Accept
            && let Some(accepting) = accepting
        {
            return Ok(accepting);
        }
        let mut held = self.initiating(&context, wish, patience, now)?;
        held.usage = wish.usage;
        held.default_identity = wish.name.is_none();
        if let (Some(name), Some(Name::HostBased { service, host })) = (&mut held.name, wish.name) {
            name.service = Some(service.clone());
            name.host.clone_from(host);
        }
        if let Some(accepting) = accepting {
            held.keytab = accepting.keytab;
            held.replay_cache = accepting.replay_cache;
        }
        Ok(held)
    }

    /// Makes sure that there are keys to accept with.
    fn accepting(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        now: Timestamp,
    ) -> Result<HeldCredential, DeskError> {
        let file = context.keytab(wish.sources.keytab.as_deref())?;
        let name = wish.name.map(naming::held).transpose()?;
        let replay_cache = wish.sources.replay_cache.as_deref();
        self.keytabs
            .acceptor(context, &file, name.as_ref(), replay_cache, now)?;
        let mut held = HeldCredential::accepting(file.name().to_owned(), name);
        held.replay_cache.clone_from(&wish.sources.replay_cache);
        Ok(held)
    }

    fn initiating(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        patience: Patience,
        now: Timestamp,
    ) -> Result<HeldCredential, DeskError> {
        let keys = self.sign_in_keys(context, wish.sources);
        let (client, place) = self.look(context, wish, keys.as_ref(), patience)?;
        let survey = place.purse.as_ref().map(|purse| purse.inspect(Survey::of));
        let has_key = keys.as_ref().is_some_and(|keys| keys.are_of(&client));
        let due = due(&place, survey.as_ref(), wish.sources.min_lifetime, now.time);
        let held = match (due, keys) {
            (Due::Renewal | Due::Tickets, Some(keys)) if has_key => {
                if patience == Patience::Never {
                    return Err(DeskError::WouldWait);
                }
                self.sign_in_once(context, wish, &keys, patience, now)?
            }
            _ => place.held(survey)?,
        };
        Ok(self.with_client_keytab(context, wish.sources, held))
    }

    /// As MIT's library notes it: the name of the client keytab, there or not.
    fn with_client_keytab(
        &self,
        context: &Context,
        sources: &Sources,
        mut held: HeldCredential,
    ) -> HeldCredential {
        let file = client_keytab(context, sources);
        held.client_keytab = file.ok().map(|file| file.name().to_owned());
        held
    }

    /// Signs in, unless somebody else has done so meanwhile.
    fn sign_in_once(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        keys: &SignInKeys,
        patience: Patience,
        now: Timestamp,
    ) -> Result<HeldCredential, DeskError> {
        let gate = self.gate(wish);
        let _one_at_a_time = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let (client, place) = self.look(context, wish, Some(keys), patience)?;
        let survey = place.purse.as_ref().map(|purse| purse.inspect(Survey::of));
        let due = due(&place, survey.as_ref(), wish.sources.min_lifetime, now.time);
        if due == Due::Nothing {
            return place.held(survey);
        }
        if let Some(purse) = &place.purse {
            purse.tried(now.time);
        }
        match self.sign_in(context, wish, &place, &client, keys, patience) {
            Ok(held) => Ok(held),
            // What is there still lasts, and the KDC may be back before it ends.
            Err(_)
                if survey
                    .as_ref()
                    .is_some_and(|survey| survey.expires > now.time) =>
            {
                place.held(survey)
            }
            Err(error) => Err(error),
        }
    }

    fn sign_in(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        place: &Place,
        client: &Principal,
        keys: &SignInKeys,
        patience: Patience,
    ) -> Result<HeldCredential, DeskError> {
        let content = sign_in(context, client, keys, patience)?;
        let survey = Survey::of(&content);
        let tickets = match &place.cache {
            Some(cache) => {
                cache.replace(&content)?;
                HeldTickets::Named(cache.name().to_string())
            }
            None => {
                let purse = match &place.purse {
                    // Whoever has a handle with these tickets gets the new ones too.
                    Some(purse) => {
                        purse.replace(content);
                        Arc::clone(purse)
                    }
                    None => Arc::new(Purse::new(content)),
                };
                self.keep(wish, &purse, &keys.keytab);
                let added = purse.added();
                HeldTickets::Memory(purse, added)
            }
        };
        Ok(HeldCredential::initiating(survey, tickets))
    }

    /// Whose tickets it will be, and where they are or go.
    fn look(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        keys: Option<&SignInKeys>,
        patience: Patience,
    ) -> Result<(Principal, Place), DeskError> {
        let place = self.place(context, wish, keys, patience)?;
        let owner = place.purse.as_ref();
        let owner = owner.map(|purse| purse.inspect(|cache| cache.principal.clone()));
        let client = match owner {
            Some(owner) => owner,
            None => self
                .client_in_keytab(context, wish.name, keys, patience)?
                .ok_or_else(|| place.nobody())?,
        };
        Ok((client, place))
    }

    fn place(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        keys: Option<&SignInKeys>,
        patience: Patience,
    ) -> Result<Place, DeskError> {
        match &wish.sources.cache {
            CacheSource::Memory => Ok(Place {
                cache: None,
                purse: self.kept(wish, keys.map(|keys| &keys.keytab)),
            }),
            CacheSource::Named(name) => {
                let cache = Cache::parse(name)?;
                let purse = absent_is_none(self.caches.load(&cache, patience))?;
                let owner = purse.as_ref();
                let owner = owner.map(|purse| purse.inspect(|cache| cache.principal.clone()));
                if let (Some(owner), Some(name)) = (owner, wish.name)
                    && naming::find(name, &[owner], context, patience)?.is_none()
                {
                    return Err(DeskError::CacheOfAnother);
                }
                Ok(Place {
                    cache: Some(cache),
                    purse,
                })
            }
            CacheSource::Default => self.default_place(context, wish, keys, patience),
        }
    }

    /// In MIT's default cache, or in the one of its collection that is the wished principal's.
    fn default_place(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        keys: Option<&SignInKeys>,
        patience: Patience,
    ) -> Result<Place, DeskError> {
        let collection = context.collection()?;
        let Some(name) = wish.name else {
            let cache = collection.primary()?;
            let purse = absent_is_none(self.caches.load(&cache, patience))?;
            return Ok(Place {
                cache: Some(cache),
                purse,
            });
        };
        let (mut owners, mut places) = (Vec::new(), Vec::new());
        for cache in collection.caches()? {
            if let Some(purse) = absent_is_none(self.caches.load(&cache, patience))? {
                owners.push(purse.inspect(|content| content.principal.clone()));
                places.push(Place {
                    cache: Some(cache),
                    purse: Some(purse),
                });
            }
        }
        let found = naming::find(name, &owners, context, patience)?;
        if let Some(place) = found.and_then(|index| places.into_iter().nth(index)) {
            return Ok(place);
        }
        let Some(client) = self.client_in_keytab(context, Some(name), keys, patience)? else {
            return Err(DeskError::CacheOfAnother);
        };
        let cache = collection.cache_for_login(&client)?;
        let there = absent_is_none(self.caches.load(&cache, patience))?;
        if !collection.holds_many() && there.is_some() {
            // MIT's library does not put another's tickets in their place either.
            return Err(DeskError::CacheOfAnother);
        }
        Ok(Place {
            cache: Some(cache),
            purse: None,
        })
    }

    /// Who signs in: the wished principal if the keytab has its key, or the first one in there.
    fn client_in_keytab(
        &self,
        context: &Context,
        name: Option<&Name>,
        keys: Option<&SignInKeys>,
        patience: Patience,
    ) -> Result<Option<Principal>, DeskError> {
        let entries = keys.iter().flat_map(|keys| keys.keytab.entries());
        let principals: Vec<Principal> = entries.map(|entry| entry.principal.clone()).collect();
        let index = match name {
            Some(name) => naming::find(name, &principals, context, patience)?,
            None => Some(0),
        };
        Ok(index.and_then(|index| principals.into_iter().nth(index)))
    }

    fn sign_in_keys(&self, context: &Context, sources: &Sources) -> Option<SignInKeys> {
        let file = client_keytab(context, sources).ok()?;
        let keytab = self.keytabs.load(&file).ok()?;
        Some(SignInKeys { file, keytab })
    }

    /// Gets new tickets with the client keytab in place of those of a credential that have ended.
    pub(super) fn renew(
        &self,
        credential: &HeldCredential,
        purse: &Purse,
        patience: Patience,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let Some(name) = credential.client_keytab.as_deref() else {
            return Err(DeskError::EmptyCache);
        };
        let context = self.context();
        let file = KeytabFile::parse(name)?;
        let keytab = self.keytabs.load(&file)?;
        let keys = SignInKeys { file, keytab };
        let client = purse.inspect(|cache| cache.principal.clone());
        if !keys.are_of(&client) {
            return Err(DeskError::NoKeyOf);
        }
        if patience == Patience::Never {
            return Err(DeskError::WouldWait);
        }
        purse.tried(now.time);
        purse.replace(sign_in(&context, &client, &keys, patience)?);
        Ok(())
    }
}

impl Wish<'_> {
    /// By what its tickets are known.
    pub(super) fn key(&self) -> TicketsKey {
        TicketsKey {
            sources: self.sources.clone(),
            name: self.name.cloned(),
        }
    }
}

impl SignInKeys {
    fn are_of(&self, client: &Principal) -> bool {
        self.keytab
            .entries()
            .any(|entry| entry.principal == *client)
    }
}

impl Place {
    fn held(&self, survey: Option<Survey>) -> Result<HeldCredential, DeskError> {
        let survey = survey.filter(|survey| !survey.expires.is_zero());
        let survey = survey.ok_or_else(|| self.nobody())?;
        let tickets = match (&self.cache, &self.purse) {
            (Some(cache), _) => HeldTickets::Named(cache.name().to_string()),
            (None, Some(purse)) => HeldTickets::Memory(Arc::clone(purse), purse.added()),
            (None, None) => return Err(self.nobody()),
        };
        Ok(HeldCredential::initiating(survey, tickets))
    }

    /// Why there are no tickets.
    fn nobody(&self) -> DeskError {
        match (&self.cache, &self.purse) {
            (Some(cache), None) => DeskError::Client(ClientError::NoCache {
                name: cache.name().to_string(),
            }),
            _ => DeskError::EmptyCache,
        }
    }
}

fn due(place: &Place, survey: Option<&Survey>, min_lifetime: Duration, now: KerberosTime) -> Due {
    let Some(survey) = survey.filter(|survey| !survey.expires.is_zero()) else {
        return Due::Tickets;
    };
    if survey.expires <= now {
        return Due::Tickets;
    }
    let was_tried = place
        .purse
        .as_ref()
        .is_some_and(|purse| purse.was_tried(now));
    let ends_soon = survey.expires < now.saturating_add(min_lifetime.max(SOON));
    let is_time = !survey.refreshes.is_zero() && survey.refreshes <= now;
    if (ends_soon || is_time) && !was_tried {
        return Due::Renewal;
    }
    Due::Nothing
}

fn client_keytab(context: &Context, sources: &Sources) -> Result<KeytabFile, ClientError> {
    match &sources.client_keytab {
        Some(name) => KeytabFile::parse(name),
        None => context.client_keytab(),
    }
}

/// Tickets by the keys of a client, and the note when to get new ones.
fn sign_in(
    context: &Context,
    client: &Principal,
    keys: &SignInKeys,
    patience: Patience,
) -> Result<CredentialCache, DeskError> {
    let Patience::Until(deadline) = patience else {
        return Err(DeskError::WouldWait);
    };
    let entries = keys.keytab.entries();
    let entries: Vec<KeytabEntry> = entries
        .filter(|entry| entry.principal == *client)
        .cloned()
        .collect();
    let secret = Secret::Keys {
        entries,
        keytab: keys.file.name().to_owned(),
    };
    let context = context.until(deadline);
    let options = context.login_options(&client.realm)?;
    let ticket = context.login(client, &options, secret, &mut NoPrompter)?;
    let mut content = ticket.to_cache(options.sync_time);
    let (start, end) = (ticket.credential.starttime, ticket.credential.endtime);
    let halfway = start.saturating_add(end.duration_since(start) / 2);
    let note = halfway.unix().to_string();
    content.set_config(CredentialCache::REFRESH_TIME, None, note.as_bytes());
    Ok(content)
}

/// A cache that nobody signed in to is none.
pub(super) fn absent_is_none<T>(loaded: Result<T, DeskError>) -> Result<Option<T>, DeskError> {
    match loaded {
        Ok(content) => Ok(Some(content)),
        Err(DeskError::Client(ClientError::NoCache { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
