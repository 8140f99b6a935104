//! What the machines need from a real system: configuration, clock, randomness, sockets and caches.
//!
//! A [`Context`] is made once per program. It may be shared between threads; what it learns (dead servers) is kept in it.

#[cfg(feature = "dns")]
mod dns;
mod environment;
mod host_addresses;
mod host_names;
mod locate;
mod logins;
mod on_behalf;
mod survey;
mod tickets;
mod trace;
mod transport;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kerbstone_proto::krb5_conf::{ConfError, FileSource, Krb5Conf, search_path};
use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use rand::rngs::SysRng;
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

pub use self::environment::Environment;
pub use self::host_names::SystemNames;
pub use self::on_behalf::Evidence;
pub use self::survey::{Answered, Station};
use self::trace::Trace;
use crate::cache::{Cache, CacheName, Collection};
use crate::error::ClientError;
use crate::exchange::{Exchange, Schedule, Server, Transport};
use crate::keytab_file::KeytabFile;
use crate::machine::{Input, Machine, Question, Request, Service, Step};

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
    files: Arc<[PathBuf]>,
    trace: Arc<Trace>,
    suspects: Arc<Mutex<HashMap<SocketAddr, Instant>>>,
    /// The longest that one request may take, whatever krb5.conf allows.
    patience: Option<Duration>,
    /// When everything must have come to an end.
    deadline: Option<Instant>,
}

/// Who may answer, and who did.
#[derive(Clone, Debug, Default)]
struct Carriage {
    primary_only: bool,
    /// A server that is not known to be the primary.
    answered_by: Option<Server>,
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
        let files = Files::default();
        let conf = Krb5Conf::load(&paths, &files).map_err(|error| configuration(&error))?;
        Ok(Self {
            trace: Arc::new(Trace::to(environment.trace.as_deref())),
            conf: Arc::new(conf),
            files: files.seen.take().into(),
            suspects: Arc::default(),
            patience: None,
            deadline: None,
            environment,
        })
    }

    /// Gives up on each request after this time, or earlier where `request_timeout` says so.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The same, which gives up on everything at that moment. What either learns of silent servers, both know.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self {
            environment: self.environment.clone(),
            conf: Arc::clone(&self.conf),
            files: Arc::clone(&self.files),
            trace: Arc::clone(&self.trace),
            suspects: Arc::clone(&self.suspects),
            patience: self.patience,
            deadline: Some(deadline),
        }
    }

    /// The files and directories that the configuration was looked for in; not all of them need exist.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The configuration.
    pub fn conf(&self) -> &Krb5Conf {
        &self.conf
    }

    /// The environment that the context was made with.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The addresses of this host, for tickets that are bound to them (`kinit -a`).
    pub fn local_addresses(&self) -> Vec<HostAddress> {
        host_addresses::of_this_host()
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
            for note in machine.take_notes() {
                self.trace.say(format_args!("{note}"));
            }
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
        let configured = settings
            .request_timeout()
            .map_err(|error| configuration(&error))?;
        let schedule = Schedule {
            udp_preference_limit: settings.udp_preference_limit(),
            request_timeout: configured
                .into_iter()
                .chain(self.patience)
                .chain(self.time_left())
                .min(),
            ..Schedule::default()
        };
        let length = request.bytes.len();
        let mut exchange =
            Exchange::new(servers, length, schedule, self.suspects(), Instant::now());
        let outcome = transport::carry(&mut exchange, &request.bytes, &self.trace);
        self.remember(&exchange);
        match outcome {
            Ok((reply, endpoint)) => {
                self.trace.say(format_args!(
                    "Received answer ({} bytes) from {} {}",
                    reply.len(),
                    match endpoint.transport {
                        Transport::Udp => "dgram",
                        Transport::Tcp => "stream",
                    },
                    endpoint.address
                ));
                let answered = exchange.servers().get(endpoint.server);
                if let Some(server) = answered.filter(|server| server.primary != Some(true)) {
                    carriage.answered_by = Some(server.clone());
                }
                Ok(reply)
            }
            Err(tried) => Err(ClientError::Unreachable {
                realm: request.realm.clone(),
                tried,
            }),
        }
    }

    fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
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

/// The file system, and where in it was looked.
#[derive(Debug, Default)]
struct Files {
    seen: RefCell<Vec<PathBuf>>,
}

impl FileSource for Files {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.seen.borrow_mut().push(path.to_owned());
        std::fs::read(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.seen.borrow_mut().push(directory.to_owned());
        std::fs::read_dir(directory)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }
}
