//! Tickets that a service gets in a user's name.

use kerbstone_proto::ccache::{Credential, CredentialCache, CredentialQuery, TimesMatch};
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::{NameType, Principal, Realm};
use kerbstone_proto::time::KerberosTime;

use super::host_names::SystemNames;
use super::{Carriage, Context, NoPrompter, random};
use crate::cache::Cache;
use crate::error::ClientError;
use crate::ticket::{
    ForUser, ObtainedTicket, S4u2ProxyRequest, S4u2SelfRequest, TicketSettings, WantedForUser,
    WantedOnBehalf, WantedService, candidates,
};

/// What makes a cache one of a user for whom a service acts: the service's name, noted as MIT notes it, and the user's
/// ticket to it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The service.
    pub impersonator: Principal,
    /// The user's ticket to it.
    pub credential: Credential,
}

impl Evidence {
    /// The evidence in a cache, if the cache is such a one.
    pub fn in_cache(content: &CredentialCache) -> Option<Result<Self, ClientError>> {
        let name = content.config(CredentialCache::PROXY_IMPERSONATOR, None)?;
        Some(Self::of(content, name))
    }

    fn of(content: &CredentialCache, name: &[u8]) -> Result<Self, ClientError> {
        let text = String::from_utf8_lossy(name);
        let realm = &content.principal.realm;
        let impersonator =
            Principal::parse(&text, Some(realm)).map_err(|source| ClientError::Name {
                text: text.to_string(),
                source,
            })?;
        let found = content
            .tickets()
            .filter(|held| held.client == content.principal && held.server == impersonator)
            .max_by_key(|held| held.endtime);
        match found {
            Some(credential) => Ok(Self {
                credential: credential.clone(),
                impersonator,
            }),
            None => Err(ClientError::NoTicket {
                wanted: impersonator,
                place: None,
            }),
        }
    }

    /// The content of a cache for acting with this evidence: the user's name, the note, the service's TGTs and the evidence
    /// (as MIT's `gss_acquire_cred_impersonate_name` makes one).
    pub fn to_cache(&self, service: &CredentialCache) -> CredentialCache {
        let mut content = CredentialCache::new(self.credential.client.clone());
        let name = self.impersonator.to_string();
        content.set_config(CredentialCache::PROXY_IMPERSONATOR, None, name.as_bytes());
        content.set_clock_offset(service.clock_offset());
        let tgts = service.tickets().filter(|held| held.server.is_krbtgt());
        content.credentials.extend(tgts.cloned());
        content.credentials.push(self.credential.clone());
        content
    }
}

impl Context {
    /// A ticket to the service whose TGT is in `cache`, in a user's name: from the cache or a KDC; new ones are kept in the
    /// cache.
    pub fn ticket_for_user(
        &self,
        cache: &Cache,
        wish: &WantedForUser,
    ) -> Result<Credential, ClientError> {
        let content = cache.load()?;
        let settings = self.ticket_settings(Some(&content))?;
        if let Some(held) = self.held_for_user(&content, wish, &settings) {
            return Ok(held.clone());
        }
        let outcome = self.fetch_for_user(&content, wish, &settings);
        self.keep(cache, outcome)
    }

    /// A ticket to another service in the name of the user whose ticket is shown: from the cache with the asking service's
    /// TGT or a KDC; new ones are kept in the cache.
    pub fn ticket_on_behalf(
        &self,
        cache: &Cache,
        wish: &WantedOnBehalf,
    ) -> Result<Credential, ClientError> {
        let content = cache.load()?;
        let settings = self.ticket_settings(Some(&content))?;
        if let Some(held) = self.held_on_behalf(&content, wish, &settings) {
            return Ok(held.clone());
        }
        let service = content.principal.clone();
        let outcome = self.fetch_on_behalf(&service, &content, wish, &settings);
        self.keep(cache, outcome)
    }

    /// The content of a cache in which the service whose TGT is in `cache` acts for a user.
    pub fn impersonate(
        &self,
        cache: &Cache,
        wish: &WantedForUser,
    ) -> Result<CredentialCache, ClientError> {
        let credential = self.ticket_for_user(cache, wish)?;
        let content = cache.load()?;
        let evidence = Evidence {
            impersonator: content.principal.clone(),
            credential,
        };
        Ok(evidence.to_cache(&content))
    }

    /// The ticket in a service's cache that fits, if there is one.
    pub fn held_for_user<'a>(
        &self,
        content: &'a CredentialCache,
        wish: &WantedForUser,
        settings: &TicketSettings,
    ) -> Option<&'a Credential> {
        // Whom an enterprise name or a certificate means, only a KDC knows.
        let ForUser::Name(user) = &wish.user else {
            return None;
        };
        if user.name.name_type == NameType::ENTERPRISE {
            return None;
        }
        let enctypes = wish.enctypes.as_ref().unwrap_or(&settings.enctypes);
        let supported: Vec<i32> = enctypes.iter().map(|enctype| enctype.number()).collect();
        let query = CredentialQuery {
            client: Some(user),
            server: Some(&content.principal),
            times: Some(self.lasting(wish.till, settings)),
            supported: Some(&supported),
            ..CredentialQuery::default()
        };
        content.retrieve(&query).ok()
    }

    /// The ticket in a service's cache that fits, if there is one.
    pub fn held_on_behalf<'a>(
        &self,
        content: &'a CredentialCache,
        wish: &WantedOnBehalf,
        settings: &TicketSettings,
    ) -> Option<&'a Credential> {
        let enctypes = wish.enctypes.as_ref().unwrap_or(&settings.enctypes);
        let supported: Vec<i32> = enctypes.iter().map(|enctype| enctype.number()).collect();
        let evidence = wish.evidence.to_der();
        let query = CredentialQuery {
            client: Some(&wish.user),
            server: Some(&wish.server),
            times: Some(self.lasting(wish.till, settings)),
            second_ticket: Some(&evidence),
            supported: Some(&supported),
            ..CredentialQuery::default()
        };
        content.retrieve(&query).ok()
    }

    fn lasting(&self, till: Option<KerberosTime>, settings: &TicketSettings) -> TimesMatch {
        let now = settings.offset.apply(self.now()).time;
        TimesMatch::AtLeast {
            endtime: till.unwrap_or(now),
            renew_till: KerberosTime::ZERO,
        }
    }

    /// A ticket to the service whose cache this is, in a user's name, from a KDC.
    pub fn fetch_for_user(
        &self,
        content: &CredentialCache,
        wish: &WantedForUser,
        settings: &TicketSettings,
    ) -> Result<ObtainedTicket, ClientError> {
        let start_realm = content
            .config(CredentialCache::START_REALM, None)
            .map(|realm| Realm::from(realm.to_vec()));
        let held: Vec<Credential> = content.tickets().cloned().collect();
        let mut request = S4u2SelfRequest::new(
            content.principal.clone(),
            wish.clone(),
            &held,
            start_realm,
            settings.clone(),
            self.now(),
            &mut random(),
        )?;
        self.drive(&mut request, &mut NoPrompter, &mut Carriage::default())
    }

    /// A ticket that `service`, whose TGT is in `content`, gets in the name of the user whose ticket is shown.
    pub fn fetch_on_behalf(
        &self,
        service: &Principal,
        content: &CredentialCache,
        wish: &WantedOnBehalf,
        settings: &TicketSettings,
    ) -> Result<ObtainedTicket, ClientError> {
        let held: Vec<Credential> = content.tickets().cloned().collect();
        let mut unknown = None;
        for server in candidates(&wish.server, &self.conf, &SystemNames) {
            let mut request = S4u2ProxyRequest::new(
                service.clone(),
                WantedOnBehalf {
                    server,
                    ..wish.clone()
                },
                &held,
                settings.clone(),
                self.now(),
                &mut random(),
            )?;
            match self.drive(&mut request, &mut NoPrompter, &mut Carriage::default()) {
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

    /// A service ticket with the cache of a user for whom a service acts.
    pub(super) fn fetch_by_evidence(
        &self,
        evidence: &Evidence,
        content: &CredentialCache,
        wish: &WantedService,
        settings: &TicketSettings,
    ) -> Result<ObtainedTicket, ClientError> {
        if wish.second_ticket.is_some() {
            return Err(ClientError::Misuse("user to user for somebody else"));
        }
        let shown = Ticket::from_der(&evidence.credential.ticket)
            .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))?;
        let wish = WantedOnBehalf {
            till: wish.till,
            enctypes: wish.enctypes.clone(),
            options: wish.options,
            ..WantedOnBehalf::new(content.principal.clone(), wish.server.clone(), shown)
        };
        self.fetch_on_behalf(&evidence.impersonator, content, &wish, settings)
    }

    fn keep(
        &self,
        cache: &Cache,
        outcome: Result<ObtainedTicket, ClientError>,
    ) -> Result<Credential, ClientError> {
        match outcome {
            Ok(obtained) => {
                self.store_in(cache, &obtained.credential);
                Ok(obtained.credential)
            }
            Err(ClientError::NoTicket { wanted, .. }) => Err(ClientError::NoTicket {
                wanted,
                place: Some(cache.name().to_string()),
            }),
            Err(error) => Err(error),
        }
    }
}
