//! What the machines need from a real system: configuration, clock, randomness, sockets and caches.
//!
//! A [`Context`] is made once per program. It may be shared between threads; what it learns (dead servers) is kept in it.

#[cfg(feature = "dns")]
mod dns;
mod environment;
mod host_names;
mod locate;
mod trace;
mod transport;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kerbstone_proto::ccache::{Credential, CredentialCache, CredentialQuery, TimesMatch};
use kerbstone_proto::krb5_conf::{ConfError, FileSource, Krb5Conf, search_path};
use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand::rngs::SysRng;
use rand_core::{CryptoRng, UnwrapErr};
use zeroize::Zeroizing;

pub use self::environment::Environment;
pub use self::host_names::SystemNames;
use self::trace::Trace;
use crate::cache::{Cache, CacheName, Collection};
use crate::clock::Offset;
use crate::error::ClientError;
use crate::exchange::{Exchange, Schedule};
use crate::keytab_file::KeytabFile;
use crate::login::{InitialTicket, Login, LoginOptions, Secret};
use crate::machine::{Input, Machine, Question, Request, Service, Step};
use crate::password_change::{Outcome, PasswordChange};
use crate::ticket::{ObtainedTicket, TicketRequest, TicketSettings, WantedService, candidates};

/// How long a server that did not answer is asked last.
const SUSPICION: Duration = Duration::from_secs(60);

/// Somebody who answers questions.
pub trait Prompter {
    /// One answer for each prompt, or [`ClientError::PromptInterrupted`].
    fn ask(&mut self, question: &Question) -> Result<Vec<Zeroizing<String>>, ClientError>;
}

/// Nobody: every question fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPrompter;

impl Prompter for NoPrompter {
    fn ask(&mut self, _: &Question) -> Result<Vec<Zeroizing<String>>, ClientError> {
        Err(ClientError::PromptInterrupted)
    }
}

/// The configuration and what goes with it.
#[derive(Debug)]
pub struct Context {
    environment: Environment,
    conf: Arc<Krb5Conf>,
    trace: Trace,
    suspects: Mutex<HashMap<SocketAddr, Instant>>,
}

/// Who may answer, and who did.
#[derive(Clone, Copy, Debug, Default)]
struct Carriage {
    primary_only: bool,
    answered_by_replica: bool,
}

impl Context {
    /// What this process is told by its environment, and krb5.conf.
    pub fn from_environment() -> Result<Self, ClientError> {
        Self::new(Environment::of_process())
    }

    /// The same with an environment of the caller's making.
    pub fn new(environment: Environment) -> Result<Self, ClientError> {
        let paths = search_path(
            environment.krb5_config.as_deref(),
            environment.home.as_deref(),
        );
        let conf = Krb5Conf::load(&paths, &Files).map_err(|error| configuration(&error))?;
        Ok(Self {
            trace: Trace::to(environment.trace.as_deref()),
            conf: Arc::new(conf),
            suspects: Mutex::default(),
            environment,
        })
    }

    /// The configuration.
    pub fn conf(&self) -> &Krb5Conf {
        &self.conf
    }

    /// The environment that the context was made with.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Our clock.
    pub fn now(&self) -> Timestamp {
        system_time()
    }

    /// The realm of names that are written without one.
    pub fn default_realm(&self) -> Result<Realm, ClientError> {
        self.conf
            .libdefaults()
            .default_realm()
            .ok_or(ClientError::NoDefaultRealm)
    }

    /// Reads a principal's name; the default realm is put in where none is written.
    pub fn parse_principal(&self, text: &str) -> Result<Principal, ClientError> {
        self.parse_with(text, Principal::parse)
    }

    /// Reads an enterprise name (`kinit -E`).
    pub fn parse_enterprise(&self, text: &str) -> Result<Principal, ClientError> {
        self.parse_with(text, Principal::parse_enterprise)
    }

    fn parse_with(
        &self,
        text: &str,
        parse: fn(&str, Option<&Realm>) -> Result<Principal, kerbstone_proto::name::NameError>,
    ) -> Result<Principal, ClientError> {
        let default = self.conf.libdefaults().default_realm();
        parse(text, default.as_ref()).map_err(|source| {
            match (&default, parse(text, Some(&Realm::from("X")))) {
                // It parses once there is a realm.
                (None, Ok(_)) => ClientError::NoDefaultRealm,
                _ => ClientError::Name {
                    text: text.to_owned(),
                    source,
                },
            }
        })
    }

    /// The name of the default cache or collection: KRB5CCNAME, `default_ccache_name`, or `FILE:/tmp/krb5cc_<uid>`.
    pub fn default_cache_name(&self) -> Result<CacheName, ClientError> {
        if let Some(name) = &self.environment.ccname {
            return CacheName::parse(name);
        }
        let configured = self.conf.libdefaults().default_ccache_name();
        let name = configured.unwrap_or("FILE:/tmp/krb5cc_%{uid}");
        CacheName::parse(&self.environment.expand(name)?)
    }

    /// The caches that the default name stands for.
    pub fn collection(&self) -> Result<Collection, ClientError> {
        Ok(Collection::new(self.default_cache_name()?))
    }

    /// The default cache.
    pub fn default_cache(&self) -> Result<Cache, ClientError> {
        self.collection()?.primary()
    }

    /// The keytab of services: the one that is named, KRB5_KTNAME, `default_keytab_name`, or `/etc/krb5.keytab`.
    pub fn keytab(&self, name: Option<&str>) -> Result<KeytabFile, ClientError> {
        let own = self.environment.keytab.as_deref();
        let configured = self.conf.libdefaults().default_keytab_name();
        self.keytab_from(name.or(own), configured, "FILE:/etc/krb5.keytab")
    }

    /// The keytab with which clients sign in by themselves: KRB5_CLIENT_KTNAME, `default_client_keytab_name`, or Debian's
    /// path.
    pub fn client_keytab(&self) -> Result<KeytabFile, ClientError> {
        let own = self.environment.client_keytab.as_deref();
        let configured = self.conf.libdefaults().default_client_keytab_name();
        self.keytab_from(own, configured, "FILE:/etc/krb5/user/%{euid}/client.keytab")
    }

    fn keytab_from(
        &self,
        first: Option<&str>,
        second: Option<&str>,
        default: &str,
    ) -> Result<KeytabFile, ClientError> {
        match first {
            Some(name) => KeytabFile::parse(name),
            None => KeytabFile::parse(&self.environment.expand(second.unwrap_or(default))?),
        }
    }

    /// What krb5.conf says about logins to a realm.
    pub fn login_options(&self, realm: &Realm) -> Result<LoginOptions, ClientError> {
        let realm = realm.to_string_lossy();
        let defaults = self.conf.login_defaults(&realm);
        let settings = self.conf.libdefaults();
        let wrong = |error: ConfError| configuration(&error);
        let mut options = LoginOptions {
            forwardable: defaults.forwardable(),
            proxiable: defaults.proxiable(),
            canonicalize: defaults.canonicalize(),
            enctypes: settings.default_tkt_enctypes().map_err(wrong)?,
            clock_skew: settings.clockskew(),
            sync_time: settings.kdc_timesync(),
            renewable: defaults
                .renew_lifetime()
                .map_err(wrong)?
                .filter(|life| !life.is_zero()),
            ..LoginOptions::default()
        };
        if let Some(lifetime) = defaults.ticket_lifetime().map_err(wrong)? {
            options.lifetime = lifetime;
        }
        Ok(options)
    }

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

    /// Signs in. When a replica refuses, the realm's primary is asked once more, as it learns of new passwords first.
    pub fn login(
        &self,
        client: &Principal,
        options: &LoginOptions,
        secret: Secret,
        prompter: &mut dyn Prompter,
    ) -> Result<InitialTicket, ClientError> {
        let mut login = self.begin_login(client, options, secret)?;
        let mut carriage = Carriage::default();
        let first = match self.drive(&mut login, prompter, &mut carriage) {
            Err(error) if carriage.answered_by_replica && worth_a_primary(&error) => error,
            outcome => return outcome,
        };
        let Some(secret) = login.secret().cloned() else {
            return Err(first);
        };
        self.trace
            .say(format_args!("Retrying AS request with primary KDC"));
        let mut login = self.begin_login(client, options, secret)?;
        let mut carriage = Carriage {
            primary_only: true,
            ..Carriage::default()
        };
        match self.drive(&mut login, prompter, &mut carriage) {
            Err(ClientError::Unreachable { .. } | ClientError::NoServers { .. }) => Err(first),
            outcome => outcome,
        }
    }

    fn begin_login(
        &self,
        client: &Principal,
        options: &LoginOptions,
        secret: Secret,
    ) -> Result<Login, ClientError> {
        self.trace
            .say(format_args!("Getting initial credentials for {client}"));
        Login::new(
            client.clone(),
            options.clone(),
            secret,
            self.now(),
            &mut random(),
        )
    }

    /// A ticket for a service, from the cache or a KDC; new ones are kept in the cache.
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
        let obtained =
            self.fetch_ticket(&content, wish, &settings)
                .map_err(|error| match error {
                    ClientError::NoTicket { wanted, .. } => ClientError::NoTicket {
                        wanted,
                        place: Some(cache.name().to_string()),
                    },
                    error => error,
                })?;
        for credential in obtained.intermediate.iter().chain([&obtained.credential]) {
            cache.store(credential)?;
        }
        Ok(obtained.credential)
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
        let start_realm = content
            .config(CredentialCache::START_REALM, None)
            .map(|realm| Realm::from(realm.to_vec()));
        let held: Vec<Credential> = content.tickets().cloned().collect();
        let mut unknown = None;
        for server in candidates(&wish.server, &self.conf, &SystemNames) {
            self.trace.say(format_args!(
                "Getting credentials {} -> {server}",
                content.principal
            ));
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
        let content = cache.load()?;
        let tgt = self.ticket_of(cache, &content, None)?;
        let settings = self.ticket_settings(Some(&content))?;
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
        let realm = &content.principal.realm;
        let wanted = server
            .cloned()
            .unwrap_or_else(|| Principal::krbtgt(realm, realm));
        let newest = content
            .tickets()
            .filter(|held| held.server == wanted && held.client == content.principal)
            .max_by_key(|held| held.endtime);
        newest.cloned().ok_or_else(|| ClientError::NoTicket {
            wanted,
            place: Some(cache.name().to_string()),
        })
    }

    /// Changes the password of the ticket's client, or sets that of `target`. The ticket is one for
    /// [`kadmin/changepw`](crate::password_change::service_name).
    pub fn change_password(
        &self,
        ticket: &InitialTicket,
        password: Zeroizing<String>,
        target: Option<Principal>,
    ) -> Result<Outcome, ClientError> {
        let offset = if self.conf.libdefaults().kdc_timesync() {
            ticket.offset
        } else {
            Offset::default()
        };
        let mut change = PasswordChange::new(ticket.credential.clone(), password, target, offset);
        self.drive(&mut change, &mut NoPrompter, &mut Carriage::default())
    }

    /// Runs a machine to its end.
    pub fn run<M: Machine>(
        &self,
        machine: &mut M,
        prompter: &mut dyn Prompter,
    ) -> Result<M::Output, ClientError> {
        self.drive(machine, prompter, &mut Carriage::default())
    }

    fn drive<M: Machine>(
        &self,
        machine: &mut M,
        prompter: &mut dyn Prompter,
        carriage: &mut Carriage,
    ) -> Result<M::Output, ClientError> {
        let mut rng = random();
        while let Some(step) = machine.poll() {
            match step {
                Step::Done(output) => return Ok(output),
                Step::Send(request) => {
                    let reply = self.carry(&request, carriage)?;
                    machine.handle(Input::Reply(&reply), self.now(), &mut rng)?;
                }
                Step::Ask(question) => {
                    let answers = prompter.ask(&question)?;
                    machine.handle(Input::Answers(answers), self.now(), &mut rng)?;
                }
                Step::LocalAddress { realm } => {
                    let address = self.local_address(&realm)?;
                    machine.handle(Input::LocalAddress(address), self.now(), &mut rng)?;
                }
            }
        }
        Err(ClientError::Misuse("a machine that has nothing to do"))
    }

    fn carry(&self, request: &Request, carriage: &mut Carriage) -> Result<Vec<u8>, ClientError> {
        let primary_only = carriage.primary_only;
        let servers = locate::servers(&self.conf, &request.realm, request.service, primary_only)?;
        self.trace.say(format_args!(
            "Sending request ({} bytes) to {}{}",
            request.bytes.len(),
            request.realm,
            if primary_only { " (primary)" } else { "" }
        ));
        let settings = self.conf.libdefaults();
        let schedule = Schedule {
            udp_preference_limit: settings.udp_preference_limit(),
            request_timeout: settings
                .request_timeout()
                .map_err(|error| configuration(&error))?,
            ..Schedule::default()
        };
        let length = request.bytes.len();
        let mut exchange =
            Exchange::new(servers, length, schedule, self.suspects(), Instant::now());
        let outcome = transport::carry(&mut exchange, &request.bytes);
        self.remember(&exchange);
        match outcome {
            Ok((reply, endpoint)) => {
                self.trace.say(format_args!(
                    "Received answer ({} bytes) from {}",
                    reply.len(),
                    endpoint.address
                ));
                let answered = exchange.servers().get(endpoint.server);
                if answered.is_some_and(|server| server.primary == Some(false)) {
                    carriage.answered_by_replica = true;
                }
                Ok(reply)
            }
            Err(tried) => Err(ClientError::Unreachable {
                realm: request.realm.clone(),
                tried,
            }),
        }
    }

    fn suspects(&self) -> HashSet<SocketAddr> {
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        suspects.retain(|_, since| since.elapsed() < SUSPICION);
        suspects.keys().copied().collect()
    }

    fn remember(&self, exchange: &Exchange) {
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        for address in exchange.silent() {
            suspects.insert(address, Instant::now());
        }
        if let Some(address) = exchange.answered() {
            suspects.remove(&address);
        }
    }

    fn local_address(&self, realm: &Realm) -> Result<HostAddress, ClientError> {
        let servers = locate::servers(&self.conf, realm, Service::Kpasswd, false)?;
        let found = servers.iter().find_map(transport::local_address);
        // Servers that look at the address at all do so to keep out what does not come from it; an unspecified one is as
        // good as none.
        let address = found.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |a| a.ip());
        Ok(HostAddress::from(address))
    }
}

/// A replica may not know yet what the primary does: whatever it refuses, but for what has nothing to do with its data.
const fn worth_a_primary(error: &ClientError) -> bool {
    !matches!(
        error,
        ClientError::Unreachable { .. }
            | ClientError::NoServers { .. }
            | ClientError::PromptInterrupted
            | ClientError::NoKeyInKeytab { .. }
            | ClientError::ClockSkew { .. }
    )
}

/// The system's clock.
pub(crate) fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix_duration(since.unwrap_or_default())
}

/// The system's randomness. A system without any cannot do cryptography: it is right to stop there.
fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn configuration(error: &ConfError) -> ClientError {
    ClientError::Configuration {
        why: error.to_string(),
    }
}

/// The file system.
#[derive(Debug)]
struct Files;

impl FileSource for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}
