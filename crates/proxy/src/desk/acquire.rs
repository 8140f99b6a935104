//! Getting a credential, as MIT's `gss_acquire_cred_from` does.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kerbstone_client::{Context, KeytabFile, NoPrompter, Secret};
use kerbstone_gss::Name;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use super::held::HeldTickets;
use super::places::{Place, SignInKeys, client_keytab};
use super::purse::{Purse, Survey};
use super::{Desk, DeskError, HeldCredential, Patience, Sources, naming};
use crate::settings::CredUsage;

/// Tickets that end so soon are renewed (MIT's).
pub(super) const SOON: Duration = Duration::from_secs(30);

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
        let gate = self.logins.gate(wish);
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
                self.logins.put(wish, &purse, &keys.keytab);
                let added = purse.added();
                HeldTickets::Memory(purse, added)
            }
        };
        Ok(HeldCredential::initiating(survey, tickets))
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
