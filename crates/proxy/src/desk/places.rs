//! Where a wish's tickets are, or go.

use std::sync::Arc;

use kerbstone_client::{Cache, ClientError, Context, KeytabFile};
use kerbstone_gss::Name;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Principal;

use super::held::HeldTickets;
use super::purse::{Purse, Survey};
use super::{CacheSource, Desk, DeskError, HeldCredential, Patience, Sources, Wish, naming};

/// Where tickets are to be found, or to be put.
#[derive(Debug)]
pub(super) struct Place {
    /// The cache, unless it is in memory.
    pub(super) cache: Option<Cache>,
    /// What is in it; nothing when nobody signed in yet.
    pub(super) purse: Option<Arc<Purse>>,
}

/// The keys that a client could sign in with.
#[derive(Debug)]
pub(super) struct SignInKeys {
    pub(super) file: KeytabFile,
    pub(super) keytab: Arc<Keytab>,
}

impl Desk {
    /// Whose tickets it will be, and where they are or go.
    pub(super) fn look(
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
                purse: keys.and_then(|keys| self.logins.get(wish, &keys.keytab)),
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

    pub(super) fn sign_in_keys(&self, context: &Context, sources: &Sources) -> Option<SignInKeys> {
        let file = client_keytab(context, sources).ok()?;
        let keytab = self.keytabs.load(&file).ok()?;
        Some(SignInKeys { file, keytab })
    }
}

impl SignInKeys {
    pub(super) fn are_of(&self, client: &Principal) -> bool {
        self.keytab
            .entries()
            .any(|entry| entry.principal == *client)
    }
}

impl Place {
    pub(super) fn held(&self, survey: Option<Survey>) -> Result<HeldCredential, DeskError> {
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

pub(super) fn client_keytab(
    context: &Context,
    sources: &Sources,
) -> Result<KeytabFile, ClientError> {
    match &sources.client_keytab {
        Some(name) => KeytabFile::parse(name),
        None => context.client_keytab(),
    }
}

/// A cache that nobody signed in to is none.
pub(super) fn absent_is_none<T>(loaded: Result<T, DeskError>) -> Result<Option<T>, DeskError> {
    match loaded {
        Ok(content) => Ok(Some(content)),
        Err(DeskError::Client(ClientError::NoCache { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
