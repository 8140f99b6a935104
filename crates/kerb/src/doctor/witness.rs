//! Somebody with a ticket-granting ticket, by whom the KDC is asked: the user of the cache, or a key of the keytab.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kerbstone_client::diagnosis::{PrincipalState, Told};
use kerbstone_client::{ClientError, Context, NoPrompter, Secret, WantedService};
use kerbstone_crypto::Enctype;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::message::Ticket;
use kerbstone_proto::name::{NameType, Principal, Realm};

/// More keys of one keytab are not tried: each failure may count towards a lockout.
const LOGINS: usize = 4;

/// What the KDC says of a service.
#[derive(Debug)]
pub(super) enum Answer {
    /// A ticket for it.
    Ticket(Box<Ticket>),
    /// There is no such principal.
    Unknown,
    /// Nobody here has a ticket to ask with; this is what the KDC says of it as a client.
    Seen(Told),
    /// The ticket that is here opens no way to the service's realm; this is what its KDC says of it as a client.
    NoWay {
        /// Whose ticket it is.
        client: Principal,
        /// What the KDC says.
        told: Told,
    },
    /// The KDC gives no ticket.
    Refused(ClientError),
    /// No KDC of its realm could be asked.
    Silence(ClientError),
}

/// Everybody who may ask.
#[derive(Debug)]
pub(super) struct Witness {
    context: Arc<Context>,
    /// The cache, if its ticket is still good.
    cache: Option<CredentialCache>,
    keytab: Option<Arc<Keytab>>,
    keytab_name: String,
    /// What became of logins with the keytab, a realm each.
    logins: Mutex<HashMap<Realm, Option<CredentialCache>>>,
}

impl Witness {
    pub(super) fn new(
        context: &Arc<Context>,
        cache: Option<CredentialCache>,
        keytab: Option<(Arc<Keytab>, String)>,
    ) -> Self {
        let (keytab, keytab_name) = keytab.unzip();
        Self {
            context: Arc::clone(context),
            cache,
            keytab,
            keytab_name: keytab_name.unwrap_or_default(),
            logins: Mutex::default(),
        }
    }

    /// Asks about a service by its whole name. Nothing is kept of the ticket.
    pub(super) fn ask(&self, service: &Principal) -> Answer {
        // A host's name would be looked up and changed again.
        let mut service = service.clone();
        service.name.name_type = NameType::PRINCIPAL;
        let cached = self.cache.as_ref().map(|cache| self.fetch(cache, &service));
        if let Some(answer) = cached.flatten() {
            return answer;
        }
        let by_keytab = self
            .by_keytab(&service.realm)
            .map(|login| self.fetch(&login, &service));
        if let Some(answer) = by_keytab.flatten() {
            return answer;
        }
        let told = match self.context.ask_about(&service, Enctype::DEFAULT) {
            Ok(told) => told,
            Err(error) => return Answer::Silence(error),
        };
        let strangers = self.cache.as_ref().map(|cache| &cache.principal);
        match strangers.filter(|client| client.realm != service.realm) {
            Some(client) => Answer::NoWay {
                client: client.clone(),
                told,
            },
            None => Answer::Seen(told),
        }
    }

    /// Asks about a service whose realm is left to the KDC of `home`, which may refer to another.
    pub(super) fn ask_anywhere(&self, service: &Principal, home: &Realm) -> Answer {
        let mut open = service.clone();
        // KDCs refer for names of services, and this kind of name is not looked up before.
        open.name.name_type = NameType::SRV_INST;
        open.realm = Realm::from("");
        let by_cache = self.cache.as_ref().map(|cache| self.fetch(cache, &open));
        match by_cache.flatten() {
            Some(answer) => answer,
            None => self.ask(&Principal::new(service.name.clone(), home.clone())),
        }
    }

    /// None: this ticket opens no way to the service's realm.
    fn fetch(&self, tickets: &CredentialCache, service: &Principal) -> Option<Answer> {
        let wish = WantedService::new(service.clone());
        let settings = self.context.ticket_settings(Some(tickets));
        let outcome =
            settings.and_then(|settings| self.context.fetch_ticket(tickets, &wish, &settings));
        match outcome {
            Ok(obtained) => match Ticket::from_der(&obtained.credential.ticket) {
                Ok(ticket) => Some(Answer::Ticket(Box::new(ticket))),
                Err(error) => Some(Answer::Refused(ClientError::NotAReply {
                    why: error.to_string(),
                })),
            },
            Err(ClientError::UnknownService { server }) if !server.is_krbtgt() => {
                Some(Answer::Unknown)
            }
            Err(
                ClientError::UnknownService { .. }
                | ClientError::Unreachable { .. }
                | ClientError::NoServers { .. }
                | ClientError::NoTicket { .. }
                | ClientError::TicketExpired { .. },
            ) => None,
            Err(error) => Some(Answer::Refused(error)),
        }
    }

    fn by_keytab(&self, realm: &Realm) -> Option<CredentialCache> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = logins.get(realm) {
            return known.clone();
        }
        let found = self
            .principals_of(realm)
            .into_iter()
            .take(LOGINS)
            .find_map(|principal| self.login(&principal).ok());
        logins.insert(realm.clone(), found.clone());
        found
    }

    fn principals_of(&self, realm: &Realm) -> Vec<Principal> {
        let mut principals: Vec<Principal> = Vec::new();
        for entry in self.keytab.iter().flat_map(|keytab| keytab.entries()) {
            if entry.principal.realm == *realm && !principals.contains(&entry.principal) {
                principals.push(entry.principal.clone());
            }
        }
        principals
    }

    /// Signs in with the keytab's keys, into nobody's cache.
    pub(super) fn login(&self, principal: &Principal) -> Result<CredentialCache, ClientError> {
        let keys = self.keytab.iter().flat_map(|keytab| keytab.entries());
        let secret = Secret::Keys {
            entries: keys.cloned().collect(),
            keytab: self.keytab_name.clone(),
        };
        let options = self.context.login_options(&principal.realm)?;
        let ticket = self
            .context
            .login(principal, &options, secret, &mut NoPrompter)?;
        Ok(ticket.to_cache(options.sync_time))
    }

    /// The encryption types for which the KDC has keys of a principal, as far as it tells.
    pub(super) fn enctypes_of(&self, principal: &Principal) -> Vec<Enctype> {
        self.context.enctypes_of(principal)
    }
}

impl Answer {
    /// Whether the KDC has the principal; none when it did not say.
    pub(super) fn exists(&self) -> Option<bool> {
        match self {
            Self::Ticket(_) => Some(true),
            Self::Unknown => Some(false),
            Self::Seen(told) | Self::NoWay { told, .. } => match told.state {
                PrincipalState::Unknown => Some(false),
                PrincipalState::Elsewhere(_) | PrincipalState::Refused { .. } => None,
                _ => Some(true),
            },
            Self::Refused(ClientError::Kdc { code, .. }) => match *code {
                // It has to exist to be refused so.
                ErrorCode::KDC_ERR_MUST_USE_USER2USER
                | ErrorCode::KDC_ERR_SERVICE_EXP
                | ErrorCode::KDC_ERR_SERVICE_REVOKED
                | ErrorCode::KDC_ERR_SERVICE_NOTYET
                | ErrorCode::KDC_ERR_ETYPE_NOSUPP
                | ErrorCode::KDC_ERR_NULL_KEY => Some(true),
                _ => None,
            },
            Self::Refused(_) | Self::Silence(_) => None,
        }
    }
}
