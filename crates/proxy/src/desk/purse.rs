//! The tickets of one cache, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::KerberosTime;

/// More tickets than this are not kept: many have such purses, and a handle with all of them must
/// fit into a cache.
const MAX_BYTES: usize = 96 << 10;
/// So many tickets are kept ready for use.
const MAX_READY: usize = 64;
/// How long the name service's word on a host's name holds.
const NAMES_HOLD: Duration = Duration::from_secs(300);
/// What a failed attempt to renew tickets is given to be forgotten (MIT's).
const NEXT_ATTEMPT: Duration = Duration::from_secs(30);

/// The tickets of one cache.
#[derive(Debug)]
pub(super) struct Purse {
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    cache: CredentialCache,
    ready: HashMap<Asked, Ready>,
    /// How many tickets came since the beginning, also those that went again.
    added: usize,
    /// Before then nobody tries to renew them again.
    not_before: KerberosTime,
}

/// A server as it was asked for: that of a host's service may have another name in the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    server: Principal,
    of_host: bool,
}

#[derive(Debug)]
struct Ready {
    ticket: ServiceTicket,
    since: KerberosTime,
}

/// What MIT's library wants to know of a cache before it uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    /// Whose tickets they are.
    pub(super) owner: Principal,
    /// When the TGT ends, or else the first ticket; zero when there is none.
    pub(super) expires: KerberosTime,
    /// Whether there is a TGT of the owner's realm.
    pub(super) has_tgt: bool,
    /// Who acts in the owner's name.
    pub(super) impersonator: Option<Principal>,
    /// When to get new tickets with the keytab; zero when nothing is noted.
    pub(super) refreshes: KerberosTime,
}

impl Survey {
    pub(super) fn of(cache: &CredentialCache) -> Self {
        let owner = &cache.principal;
        let tgt = Principal::krbtgt(&owner.realm, &owner.realm);
        let note = |name| cache.config(name, None);
        let number = |bytes| str::from_utf8(bytes).ok()?.trim().parse().ok();
        let mut survey = Self {
            owner: owner.clone(),
            expires: KerberosTime::ZERO,
            has_tgt: false,
            impersonator: note(CredentialCache::PROXY_IMPERSONATOR)
                .and_then(|name| Principal::parse_bytes(name, Some(&owner.realm)).ok()),
            refreshes: note(CredentialCache::REFRESH_TIME)
                .and_then(number)
                .map_or(KerberosTime::ZERO, KerberosTime::from_unix),
        };
        for ticket in cache.tickets() {
            let is_tgt = ticket.server == tgt;
            survey.has_tgt |= is_tgt;
            if is_tgt || survey.expires.is_zero() {
                survey.expires = ticket.endtime;
            }
        }
        if let Some(impersonator) = &survey.impersonator {
            // The TGT is the impersonator's; what is the user's is the ticket to it.
            let mut evidence = cache
                .tickets()
                .filter(|held| held.server == *impersonator && held.client == *owner);
            survey.expires = evidence
                .next()
                .map_or(KerberosTime::ZERO, |held| held.endtime);
        }
        survey
    }
}

/// The same tickets.
impl PartialEq for Purse {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.lock().cache == other.lock().cache
    }
}

impl Purse {
    pub(super) fn new(cache: CredentialCache) -> Self {
        Self {
            content: Mutex::new(Content {
                cache,
                ready: HashMap::new(),
                added: 0,
                not_before: KerberosTime::ZERO,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, as it is now.
    pub(super) fn content(&self) -> CredentialCache {
        self.lock().cache.clone()
    }

    /// What goes into a handle: of a service's own tickets, not those that it has in users' names.
    pub(super) fn content_to_seal(&self) -> CredentialCache {
        let mut cache = self.content();
        if Survey::of(&cache).impersonator.is_none() {
            let owner = cache.principal.clone();
            cache.credentials.retain(|held| held.client == owner);
        }
        cache
    }

    /// What `look` finds in it.
    pub(super) fn inspect<T>(&self, look: impl FnOnce(&CredentialCache) -> T) -> T {
        look(&self.lock().cache)
    }

    /// How much memory it takes, about.
    pub(super) fn size(&self) -> usize {
        let content = self.lock();
        let tickets = content.cache.credentials.iter().map(size);
        tickets.fold(0, usize::saturating_add)
    }

    /// How many tickets came to it.
    pub(super) fn added(&self) -> usize {
        self.lock().added
    }

    /// Adds tickets. Those that have ended go, and so do the oldest when there are too many.
    pub(super) fn add(&self, tickets: &[Credential], now: KerberosTime) {
        let mut content = self.lock();
        let impersonator = Survey::of(&content.cache).impersonator;
        let cache = &mut content.cache;
        for ticket in tickets {
            cache.credentials.retain(|held| !replaces(ticket, held));
            cache.credentials.push(ticket.clone());
        }
        // The tickets on which the others rest stay, ended or not.
        let dispensable = |held: &Credential| {
            !held.is_config()
                && !held.server.is_krbtgt()
                && impersonator.as_ref() != Some(&held.server)
        };
        cache
            .credentials
            .retain(|held| held.endtime > now || !dispensable(held));
        let mut bytes: usize = cache.credentials.iter().map(size).sum();
        cache.credentials.retain(|held| {
            let goes = bytes > MAX_BYTES && dispensable(held) && !tickets.contains(held);
            if goes {
                bytes = bytes.saturating_sub(size(held));
            }
            !goes
        });
        content.added = content.added.saturating_add(tickets.len());
    }

    /// Puts other tickets in place of all that are there.
    pub(super) fn replace(&self, cache: CredentialCache) {
        let mut content = self.lock();
        content.cache = cache;
        content.ready.clear();
        content.added = content.added.saturating_add(1);
        content.not_before = KerberosTime::ZERO;
    }

    /// A ticket that was made ready for whoever asks in these words.
    pub(super) fn ready(&self, server: &Principal, now: KerberosTime) -> Option<ServiceTicket> {
        let asked = Asked::new(server);
        let content = self.lock();
        let ready = content.ready.get(&asked)?;
        let holds = ready.ticket.endtime > now && now.duration_since(ready.since) < NAMES_HOLD;
        holds.then(|| ready.ticket.clone())
    }

    /// Keeps a ticket ready for whoever asks in these words again.
    pub(super) fn make_ready(&self, server: &Principal, ticket: &ServiceTicket, now: KerberosTime) {
        let mut content = self.lock();
        if content.ready.len() >= MAX_READY {
            content.ready.clear();
        }
        let ready = Ready {
            ticket: ticket.clone(),
            since: now,
        };
        content.ready.insert(Asked::new(server), ready);
    }

    /// Whether it was tried a moment ago to get new tickets.
    pub(super) fn was_tried(&self, now: KerberosTime) -> bool {
        self.lock().not_before > now
    }

    /// Notes that it is tried now.
    pub(super) fn tried(&self, now: KerberosTime) {
        self.lock().not_before = now.saturating_add(NEXT_ATTEMPT);
    }
}

impl Asked {
    fn new(server: &Principal) -> Self {
        Self {
            server: server.clone(),
            of_host: server.name.name_type == NameType::SRV_HST,
        }
    }
}

/// Whether nobody needs `old` who has `new`.
fn replaces(new: &Credential, old: &Credential) -> bool {
    new.server == old.server
        && new.client == old.client
        && new.is_skey == old.is_skey
        && new.second_ticket == old.second_ticket
        && new.key.enctype == old.key.enctype
}

fn size(held: &Credential) -> usize {
    let names = [&held.client, &held.server];
    let names = names.map(|name| name.unparse().len());
    names
        .into_iter()
        .chain([held.ticket.len(), held.second_ticket.len(), 256])
        .sum()
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::flags::TicketFlags;
    use kerbstone_proto::key_block::KeyBlock;
    use kerbstone_proto::name::Realm;

    use super::*;

    const NOW: KerberosTime = KerberosTime::from_unix(1_700_000_000);
    const LATER: KerberosTime = KerberosTime::from_unix(1_700_036_000);

    fn principal(text: &str) -> Principal {
        Principal::parse(text, Some(&Realm::from("PROXY.TEST"))).unwrap()
    }

    fn ticket(server: &str, endtime: KerberosTime, length: usize) -> Credential {
        Credential {
            client: principal("alice"),
            server: principal(server),
            key: KeyBlock::new(18, vec![1; 32]),
            authtime: NOW,
            starttime: NOW,
            endtime,
            renew_till: KerberosTime::ZERO,
            is_skey: false,
            flags: TicketFlags::EMPTY,
            addresses: Vec::new(),
            authdata: Vec::new(),
            ticket: vec![0; length],
            second_ticket: Vec::new(),
        }
    }

    fn servers(purse: &Purse) -> Vec<String> {
        purse.inspect(|cache| {
            let tickets = cache.tickets();
            tickets.map(|held| held.server.name.to_string()).collect()
        })
    }

    #[test]
    fn keeps_the_tgt_and_the_evidence_whatever_comes() {
        let mut cache = CredentialCache::new(principal("alice"));
        cache.set_config(CredentialCache::PROXY_IMPERSONATOR, None, b"HTTP/www");
        let purse = Purse::new(cache);
        purse.add(
            &[
                ticket("krbtgt/PROXY.TEST", NOW, 1000),
                ticket("HTTP/www", NOW, 1000),
                ticket("host/ended", NOW, 1000),
            ],
            NOW,
        );
        assert_eq!(servers(&purse), ["krbtgt/PROXY.TEST", "HTTP/www"]);
        for number in 0..40 {
            let server = format!("host/h{number}");
            purse.add(&[ticket(&server, LATER, 10_000)], NOW);
        }
        let kept = servers(&purse);
        assert_eq!(kept.first().unwrap(), "krbtgt/PROXY.TEST");
        assert_eq!(kept.get(1).unwrap(), "HTTP/www");
        assert_eq!(kept.last().unwrap(), "host/h39");
        assert!(kept.len() < 30, "{kept:?}");
        assert_eq!(purse.added(), 43);
    }

    #[test]
    fn keeps_one_ticket_of_a_kind() {
        let purse = Purse::new(CredentialCache::new(principal("alice")));
        purse.add(&[ticket("host/www", LATER, 10)], NOW);
        purse.add(&[ticket("host/www", LATER, 20)], NOW);
        assert_eq!(purse.inspect(|cache| cache.tickets().count()), 1);
    }

    #[test]
    fn surveys_a_cache_as_mit_does() {
        let mut cache = CredentialCache::new(principal("alice"));
        assert!(Survey::of(&cache).expires.is_zero());
        cache.credentials.push(ticket("host/www", NOW, 1));
        cache.set_config(CredentialCache::REFRESH_TIME, None, b"1700018000");
        let survey = Survey::of(&cache);
        assert_eq!((survey.expires, survey.has_tgt), (NOW, false));
        assert_eq!(survey.refreshes.unix(), 1_700_018_000);
        cache
            .credentials
            .push(ticket("krbtgt/PROXY.TEST", LATER, 1));
        cache.credentials.push(ticket("host/mail", NOW, 1));
        let survey = Survey::of(&cache);
        assert_eq!((survey.expires, survey.has_tgt), (LATER, true));
    }

    #[test]
    fn waits_before_it_is_tried_again() {
        let purse = Purse::new(CredentialCache::new(principal("alice")));
        assert!(!purse.was_tried(NOW));
        purse.tried(NOW);
        assert!(purse.was_tried(NOW));
        assert!(!purse.was_tried(LATER));
    }
}
