//! The client's library as kerb's commands use it.

use std::collections::HashSet;
use std::net::IpAddr;

use kerbstone_client::{
    Cache, ClientError, Collection, Context, Environment, ForUser, InitialTicket, KeytabFile,
    LoginOptions, Outcome, Prompter, Secret, SystemNames, WantedForUser, WantedOnBehalf,
    WantedService, password_change, service_principal,
};
use kerbstone_crypto::{Enctype, KeyUsage};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{HostAddress, Ticket};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use nix::ifaddrs::getifaddrs;
use nix::unistd::{User, gethostname, getuid};
use zeroize::Zeroizing;

/// One run of a command: configuration, environment, default cache.
#[derive(Debug)]
pub(crate) struct Session {
    context: Context,
}

/// The service ticket that is wanted, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct ServiceWish {
    pub(crate) server: Principal,
    pub(crate) enctype: Option<Enctype>,
    pub(crate) second_ticket: Option<Ticket>,
    pub(crate) canonicalize: bool,
    /// Ask no KDC.
    pub(crate) cached_only: bool,
    /// Keep it in the cache.
    pub(crate) store: bool,
}

impl ServiceWish {
    /// A plain ticket, kept in the cache.
    pub(crate) const fn new(server: Principal) -> Self {
        Self {
            server,
            enctype: None,
            second_ticket: None,
            canonicalize: false,
            cached_only: false,
            store: true,
        }
    }
}

/// The user in whose name a ticket is wanted, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct UserWish {
    pub(crate) user: ForUser,
    pub(crate) enctype: Option<Enctype>,
    /// Ask no KDC.
    pub(crate) cached_only: bool,
    /// Keep it in the cache.
    pub(crate) store: bool,
}

impl Session {
    /// What the process's environment and krb5.conf say.
    pub(crate) fn open() -> Result<Self, ClientError> {
        Self::with_cache(None)
    }

    /// The same with another default cache.
    pub(crate) fn with_cache(name: Option<&str>) -> Result<Self, ClientError> {
        let mut environment = Environment::of_process();
        if let Some(name) = name {
            environment.ccname = Some(name.to_owned());
        }
        Ok(Self {
            context: Context::new(environment)?,
        })
    }

    /// The default realm of krb5.conf.
    pub(crate) fn default_realm() -> Option<Realm> {
        Self::open().ok()?.context.default_realm().ok()
    }

    /// This host's clock, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.context.now().time.unix()
    }

    /// The default cache.
    pub(crate) fn default_cache(&self) -> Result<Cache, ClientError> {
        self.context.default_cache()
    }

    /// The collection that the default cache belongs to.
    pub(crate) fn collection(&self) -> Result<Collection, ClientError> {
        self.context.collection()
    }

    /// A cache of this name, or the default one.
    pub(crate) fn cache(&self, name: Option<&str>) -> Result<Cache, ClientError> {
        match name {
            Some(name) => Cache::parse(name),
            None => self.default_cache(),
        }
    }

    /// A principal as typed.
    pub(crate) fn principal(&self, text: &str, enterprise: bool) -> Result<Principal, ClientError> {
        match enterprise {
            true => self.context.parse_enterprise(text),
            false => self.context.parse_principal(text),
        }
    }

    /// A service's name as typed; a realm in it does not count.
    pub(crate) fn service_name(text: &str) -> Result<PrincipalName, ClientError> {
        let parsed = Principal::parse(text, Some(&Realm::from("ANY")));
        parsed
            .map(|principal| principal.name)
            .map_err(|source| ClientError::Name {
                text: text.to_owned(),
                source,
            })
    }

    /// A service on a host, with the realm that krb5.conf gives the host, or none.
    pub(crate) fn service_principal(&self, service: &str, host: &str) -> Principal {
        service_principal(service, host, self.context.conf(), &SystemNames)
    }

    /// `host/` and this host's name.
    pub(crate) fn host_principal(&self) -> Principal {
        let host = gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.service_principal("host", &host)
    }

    /// A service on a host, put into the default realm where krb5.conf gives the host none.
    pub(crate) fn in_default_realm(&self, principal: &Principal) -> Result<Principal, ClientError> {
        let of_host = principal.name.name_type == NameType::SRV_HST;
        match principal.realm.is_empty() && of_host {
            true => Ok(Principal::new(
                principal.name.clone(),
                self.context.default_realm()?,
            )),
            false => Ok(principal.clone()),
        }
    }

    /// The account of the real user.
    pub(crate) fn local_user() -> Option<String> {
        User::from_uid(getuid())
            .ok()
            .flatten()
            .map(|user| user.name)
    }

    /// The keytab of this name, or the default one.
    pub(crate) fn keytab(&self, name: Option<&str>) -> Result<KeytabFile, ClientError> {
        self.context.keytab(name)
    }

    /// The keytab that clients sign in with by themselves.
    pub(crate) fn client_keytab(&self) -> Result<KeytabFile, ClientError> {
        self.context.client_keytab()
    }

    /// What krb5.conf wishes for logins to a realm.
    pub(crate) fn login_options(&self, realm: &Realm) -> Result<LoginOptions, ClientError> {
        self.context.login_options(realm)
    }

    /// A short ticket for the password service and nothing else.
    pub(crate) fn password_ticket_options(
        &self,
        realm: &Realm,
    ) -> Result<LoginOptions, ClientError> {
        let options = self.login_options(realm)?;
        Ok(LoginOptions {
            forwardable: false,
            proxiable: false,
            renewable: None,
            lifetime: std::time::Duration::from_secs(300),
            service: Some(password_change::service_name()),
            change_expired: false,
            ..options
        })
    }

    /// Signs in.
    pub(crate) fn login(
        &self,
        client: &Principal,
        options: &LoginOptions,
        secret: Secret,
        prompter: &mut dyn Prompter,
    ) -> Result<InitialTicket, ClientError> {
        self.context.login(client, options, secret, prompter)
    }

    /// Makes a login the content of a cache.
    pub(crate) fn keep_login(
        &self,
        cache: &Cache,
        ticket: &InitialTicket,
    ) -> Result<(), ClientError> {
        self.context.keep_login(cache, ticket)
    }

    /// Renews a cache's TGT, or another of its tickets.
    pub(crate) fn renew(
        &self,
        cache: &Cache,
        server: Option<&Principal>,
    ) -> Result<Credential, ClientError> {
        self.context.renew(cache, server)
    }

    /// Makes a postdated ticket of a cache usable.
    pub(crate) fn validate(
        &self,
        cache: &Cache,
        server: Option<&Principal>,
    ) -> Result<Credential, ClientError> {
        self.context.validate(cache, server)
    }

    /// Gets a service ticket from the cache or a KDC.
    pub(crate) fn service_ticket(
        &self,
        cache: &Cache,
        wish: ServiceWish,
    ) -> Result<Credential, ClientError> {
        let wanted = WantedService {
            enctypes: wish.enctype.map(|enctype| vec![enctype]),
            second_ticket: wish.second_ticket,
            options: if wish.canonicalize {
                KdcOptions::CANONICALIZE
            } else {
                KdcOptions::EMPTY
            },
            ..WantedService::new(wish.server)
        };
        if wish.store && !wish.cached_only {
            return self.context.service_ticket(cache, &wanted);
        }
        let content = cache.load()?;
        let settings = self.context.ticket_settings(Some(&content))?;
        if let Some(held) = self.context.held(&content, &wanted, &settings) {
            return Ok(held.clone());
        }
        if wish.cached_only {
            return Err(ClientError::NoTicket {
                wanted: wanted.server,
                place: Some(cache.name().to_string()),
            });
        }
        Ok(self
            .context
            .fetch_ticket(&content, &wanted, &settings)?
            .credential)
    }

    /// Gets a ticket to the cache's owner itself in a user's name (S4U2Self).
    pub(crate) fn ticket_for_user(
        &self,
        cache: &Cache,
        wish: UserWish,
    ) -> Result<Credential, ClientError> {
        let wanted = WantedForUser {
            enctypes: wish.enctype.map(|enctype| vec![enctype]),
            ..match wish.user {
                ForUser::Name(user) => WantedForUser::new(user),
                ForUser::Certificate(der) => WantedForUser::by_certificate(der),
            }
        };
        if wish.store && !wish.cached_only {
            return self.context.ticket_for_user(cache, &wanted);
        }
        let content = cache.load()?;
        let settings = self.context.ticket_settings(Some(&content))?;
        if let Some(held) = self.context.held_for_user(&content, &wanted, &settings) {
            return Ok(held.clone());
        }
        if wish.cached_only {
            return Err(ClientError::NoTicket {
                wanted: content.principal.clone(),
                place: Some(cache.name().to_string()),
            });
        }
        let obtained = self.context.fetch_for_user(&content, &wanted, &settings)?;
        Ok(obtained.credential)
    }

    /// Gets a ticket to a service in the name of the user whose ticket to the cache's owner is shown (S4U2Proxy).
    pub(crate) fn ticket_on_behalf(
        &self,
        cache: &Cache,
        evidence: &Credential,
        wish: ServiceWish,
    ) -> Result<Credential, ClientError> {
        let shown = Ticket::from_der(&evidence.ticket)
            .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))?;
        let wanted = WantedOnBehalf {
            enctypes: wish.enctype.map(|enctype| vec![enctype]),
            ..WantedOnBehalf::new(evidence.client.clone(), wish.server, shown)
        };
        if wish.store {
            return self.context.ticket_on_behalf(cache, &wanted);
        }
        let content = cache.load()?;
        let settings = self.context.ticket_settings(Some(&content))?;
        if let Some(held) = self.context.held_on_behalf(&content, &wanted, &settings) {
            return Ok(held.clone());
        }
        let owner = content.principal.clone();
        let obtained = self
            .context
            .fetch_on_behalf(&owner, &content, &wanted, &settings)?;
        Ok(obtained.credential)
    }

    /// The TGT of a cache's owner in their own realm, for user to user.
    pub(crate) fn own_tgt(&self, cache: &Cache) -> Result<Ticket, ClientError> {
        let content = cache.load()?;
        let realm = &content.principal.realm;
        let wanted = WantedService::new(Principal::krbtgt(realm, realm));
        let settings = self.context.ticket_settings(Some(&content))?;
        let held = self.context.held(&content, &wanted, &settings);
        held.and_then(|credential| Ticket::from_der(&credential.ticket).ok())
            .ok_or_else(|| ClientError::NoTicket {
                wanted: wanted.server,
                place: Some(cache.name().to_string()),
            })
    }

    /// Changes the password of the ticket's client.
    pub(crate) fn change_password(
        &self,
        ticket: &InitialTicket,
        password: Zeroizing<String>,
    ) -> Result<Outcome, ClientError> {
        self.context.change_password(ticket, password, None)
    }

    /// This host's addresses, without those that lead back to it.
    pub(crate) fn local_addresses() -> Vec<HostAddress> {
        let mut seen = HashSet::new();
        let interfaces = getifaddrs().into_iter().flatten();
        let addresses = interfaces.filter_map(|interface| {
            let storage = interface.address?;
            let v4 = storage
                .as_sockaddr_in()
                .map(|address| IpAddr::from(address.ip()));
            v4.or_else(|| {
                storage
                    .as_sockaddr_in6()
                    .map(|address| IpAddr::from(address.ip()))
            })
        });
        addresses
            .filter(|address| {
                !address.is_loopback() && !is_link_local(*address) && seen.insert(*address)
            })
            .map(HostAddress::from)
            .collect()
    }
}

/// An address that means something on one link only says nothing to a KDC.
const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Whether a key of the keytab opens the ticket. The error is the keytab's; without one, no key fits.
pub(crate) fn opens(keytab: &KeytabFile, ticket: &Ticket) -> Result<(), Option<ClientError>> {
    let content = keytab.load().map_err(Some)?;
    let fits = |key: kerbstone_crypto::Key| {
        key.decrypt(KeyUsage::TICKET, &ticket.enc_part.cipher)
            .is_ok()
    };
    let opened = content
        .entries()
        .filter(|entry| entry.key.enctype == ticket.enc_part.etype)
        .any(|entry| entry.key.to_key().is_ok_and(fits));
    if opened { Ok(()) } else { Err(None) }
}
