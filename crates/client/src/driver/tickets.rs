//! Getting tickets with the TGT of a cache.

use std::sync::Arc;

use kerbstone_proto::ccache::{Credential, CredentialCache, CredentialQuery, TimesMatch};
use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use super::host_names::SystemNames;
use super::on_behalf::Evidence;
use super::{Carriage, Context, NoPrompter, configuration, locate, random};
use crate::cache::Cache;
use crate::clock::Offset;
use crate::error::ClientError;
use crate::ticket::{ObtainedTicket, TicketRequest, TicketSettings, WantedService, candidates};

impl Context {
    /// How tickets are asked for with the TGT of a cache.
    pub fn ticket_settings(
        &self,
        cache: Option<&CredentialCache>,
    ) -> Result<TicketSettings, ClientError> {
        let settings = self.conf.libdefaults();
        let offset = cache
            .and_then(CredentialCache::clock_offset)
            .map(Offset::from);
        Ok(TicketSettings {
            conf: Arc::clone(&self.conf),
            enctypes: settings
                .default_tgs_enctypes()
                .map_err(|error| configuration(&error))?,
            clock_skew: settings.clockskew(),
            sync_time: settings.kdc_timesync(),
            offset: offset
                .filter(|_| settings.kdc_timesync())
                .unwrap_or_default(),
        })
    }

    /// A ticket for a service, from the cache or a KDC; new ones are kept in the cache. In a cache of a user for whom a
    /// service acts ([`Evidence`]) it is the service that asks, in the user's name.
    pub fn service_ticket(
        &self,
        cache: &Cache,
        wish: &WantedService,
    ) -> Result<Credential, ClientError> {
        let content = cache.load()?;
        let settings = self.ticket_settings(Some(&content))?;
        if let Some(held) = self.held(&content, wish, &settings) {
            return Ok(held.clone());
        }
        let mut found = Vec::new();
        let outcome = self.fetch_on_the_way(&content, wish, &settings, &mut found);
        let new = outcome.as_ref().ok().into_iter().flat_map(|obtained| {
            let credential = [&obtained.credential];
            obtained.intermediate.iter().chain(credential)
        });
        // TGTs that led nowhere today are of use for the next ticket.
        for credential in found.iter().chain(new) {
            self.store_in(cache, credential);
        }
        match outcome {
            Ok(obtained) => Ok(obtained.credential),
            Err(error) => Err(in_place(error, cache)),
        }
    }

    /// A cache that cannot be written still gives its tickets.
    pub(super) fn store_in(&self, cache: &Cache, credential: &Credential) {
        let Credential { client, server, .. } = credential;
        self.trace.say(format_args!(
            "Storing {client} -> {server} in {}",
            cache.name()
        ));
        if let Err(error) = cache.store(credential) {
            self.trace.say(format_args!("Not stored: {error}"));
        }
    }

    /// The ticket in a cache that fits a wish, if there is one.
    pub fn held<'a>(
        &self,
        content: &'a CredentialCache,
        wish: &WantedService,
        settings: &TicketSettings,
    ) -> Option<&'a Credential> {
        let now = settings.offset.apply(self.now()).time;
        let enctypes = wish.enctypes.as_ref().unwrap_or(&settings.enctypes);
        let supported: Vec<i32> = enctypes.iter().map(|enctype| enctype.number()).collect();
        let second_ticket = wish.second_ticket.as_ref().map(|ticket| ticket.to_der());
        let query = CredentialQuery {
            client: Some(&content.principal),
            server: Some(&wish.server),
            is_skey: wish.second_ticket.is_some(),
            times: Some(TimesMatch::AtLeast {
                endtime: wish.till.unwrap_or(now),
                renew_till: KerberosTime::ZERO,
            }),
            second_ticket: second_ticket.as_deref(),
            supported: Some(&supported),
            ..CredentialQuery::default()
        };
        content.retrieve(&query).ok()
    }

    /// A ticket for a service from a KDC, with the TGTs of a cache that is not touched.
    pub fn fetch_ticket(
        &self,
        content: &CredentialCache,
        wish: &WantedService,
        settings: &TicketSettings,
    ) -> Result<ObtainedTicket, ClientError> {
        self.fetch_on_the_way(content, wish, settings, &mut Vec::new())
    }

    /// The same; `found` gets the TGTs of ways that led nowhere.
    fn fetch_on_the_way(
        &self,
        content: &CredentialCache,
        wish: &WantedService,
        settings: &TicketSettings,
        found: &mut Vec<Credential>,
    ) -> Result<ObtainedTicket, ClientError> {
        if let Some(evidence) = Evidence::in_cache(content) {
            return self.fetch_by_evidence(&evidence?, content, wish, settings);
        }
        let start_realm = content
            .config(CredentialCache::START_REALM, None)
            .map(|realm| Realm::from(realm.to_vec()));
        let mut held: Vec<Credential> = content.tickets().cloned().collect();
        let mut unknown = None;
        for server in candidates(&wish.server, &self.conf, &SystemNames) {
            self.trace.say(format_args!(
                "Getting credentials {} -> {server}",
                content.principal
            ));
            let fallback = locate::host_realm(&self.conf, &server);
            let mut request = TicketRequest::for_service(
                content.principal.clone(),
                WantedService {
                    server,
                    ..wish.clone()
                },
                &held,
                start_realm.clone(),
                settings.clone(),
                self.now(),
                &mut random(),
            )?
            .fallback_realm(fallback);
            let outcome = self.drive(&mut request, &mut NoPrompter, &mut Carriage::default());
            if outcome.is_err() {
                let tgts = request.take_intermediate();
                held.extend_from_slice(&tgts);
                found.extend(tgts);
            }
            match outcome {
                Err(error @ ClientError::UnknownService { .. }) => {
                    unknown.get_or_insert(error);
                }
                Ok(mut obtained) => {
                    obtained.credential.server = wish.server.clone();
                    return Ok(obtained);
                }
                outcome => return outcome,
            }
        }
        Err(unknown.unwrap_or_else(|| ClientError::UnknownService {
            server: wish.server.clone(),
        }))
    }

    /// Renews the TGT of a cache (or `server`'s ticket); the cache then holds the new ticket alone (`kinit -R`).
    pub fn renew(
        &self,
        cache: &Cache,
        server: Option<&Principal>,
    ) -> Result<Credential, ClientError> {
        self.once_more(cache, server, TicketRequest::renew)
    }

    /// Validates the postdated TGT of a cache (or `server`'s ticket) (`kinit -v`).
    pub fn validate(
        &self,
        cache: &Cache,
        server: Option<&Principal>,
    ) -> Result<Credential, ClientError> {
        self.once_more(cache, server, TicketRequest::validate)
    }

    fn once_more(
        &self,
        cache: &Cache,
        server: Option<&Principal>,
        begin: fn(
            &Credential,
            TicketSettings,
            Timestamp,
            &mut dyn CryptoRng,
        ) -> Result<TicketRequest, ClientError>,
    ) -> Result<Credential, ClientError> {
        let content = cache.load()?;
        let held = self.ticket_of(cache, &content, server)?;
        let settings = self.ticket_settings(Some(&content))?;
        let mut request = begin(&held, settings, self.now(), &mut random())?;
        let obtained = self.drive(&mut request, &mut NoPrompter, &mut Carriage::default())?;
        let mut fresh = CredentialCache::new(content.principal.clone());
        fresh.set_clock_offset(content.clock_offset());
        fresh.credentials.push(obtained.credential.clone());
        cache.replace(&fresh)?;
        Ok(obtained.credential)
    }

    /// A TGT for use elsewhere, from the TGT of a cache that is not touched.
    pub fn forward(
        &self,
        cache: &Cache,
        addresses: Vec<HostAddress>,
        forwardable: bool,
    ) -> Result<Credential, ClientError> {
        let outcome = self.forward_from(&cache.load()?, addresses, forwardable);
        outcome.map_err(|error| in_place(error, cache))
    }

    /// The same, from the content of a cache.
    pub fn forward_from(
        &self,
        content: &CredentialCache,
        addresses: Vec<HostAddress>,
        forwardable: bool,
    ) -> Result<Credential, ClientError> {
        let tgt = newest(content, None)?;
        let settings = self.ticket_settings(Some(content))?;
        let now = self.now();
        let mut request =
            TicketRequest::forward(&tgt, addresses, forwardable, settings, now, &mut random())?;
        self.drive(&mut request, &mut NoPrompter, &mut Carriage::default())
            .map(|obtained| obtained.credential)
    }

    /// A ticket for one service that may be used from other addresses, from a proxiable TGT.
    pub fn proxy(
        &self,
        cache: &Cache,
        server: &Principal,
        addresses: Vec<HostAddress>,
    ) -> Result<Credential, ClientError> {
        let content = cache.load()?;
        let tgt = self.ticket_of(cache, &content, None)?;
        let settings = self.ticket_settings(Some(&content))?;
        let now = self.now();
        let server = server.clone();
        let mut request =
            TicketRequest::proxy(&tgt, server, addresses, settings, now, &mut random())?;
        self.drive(&mut request, &mut NoPrompter, &mut Carriage::default())
            .map(|obtained| obtained.credential)
    }

    fn ticket_of(
        &self,
        cache: &Cache,
        content: &CredentialCache,
        server: Option<&Principal>,
    ) -> Result<Credential, ClientError> {
        newest(content, server).map_err(|error| in_place(error, cache))
    }
}

/// The ticket for `server` that lasts longest, the TGT if nothing else is said.
fn newest(
    content: &CredentialCache,
    server: Option<&Principal>,
) -> Result<Credential, ClientError> {
    let realm = &content.principal.realm;
    let wanted = server
        .cloned()
        .unwrap_or_else(|| Principal::krbtgt(realm, realm));
    let newest = content
        .tickets()
        .filter(|held| held.server == wanted && held.client == content.principal)
        .max_by_key(|held| held.endtime);
    newest.cloned().ok_or(ClientError::NoTicket {
        wanted,
        place: None,
    })
}

/// Says of which cache it is that a ticket is missing.
fn in_place(error: ClientError, cache: &Cache) -> ClientError {
    match error {
        ClientError::NoTicket { wanted, .. } => ClientError::NoTicket {
            wanted,
            place: Some(cache.name().to_string()),
        },
        error => error,
    }
}
