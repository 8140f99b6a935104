//! A realm of MIT's, a service and a machine with keytabs, and a desk.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use kerbstone_client::{Cache, Environment, KeytabFile};
use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions};
use kerbstone_gss::{Context, GssError, Name, Refused, Step};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::Timestamp;
use kerbstone_proxy::desk::{
    CacheSource, Desk, DeskEnvironment, DeskError, HeldCredential, Patience, Patterns, Sources,
    Wish,
};
use kerbstone_proxy::settings::CredUsage;
use kerbstone_proxy::wire::{self, Call, Reply};
use kerbstone_testkit::lab::{Mit, Setup};

pub(super) const REALM: &str = "PROXY.TEST";
pub(super) const SERVICE: &str = "HTTP/www.proxy.test";
pub(super) const MACHINE: &str = "host/client.proxy.test";

/// A realm with a service and a machine, and their keytabs.
pub(super) struct Lab {
    pub(super) mit: Mit,
    pub(super) service: PathBuf,
    pub(super) machine: PathBuf,
}

impl Lab {
    pub(super) fn start() -> Option<Self> {
        let mit = Mit::start(&Setup::realm(REALM))?;
        mit.add_user("alice", "wonderland");
        mit.add_service(SERVICE);
        mit.add_service(MACHINE);
        Some(Self {
            service: mit.keytab(SERVICE),
            machine: mit.keytab(MACHINE),
            mit,
        })
    }

    pub(super) fn desk(&self) -> Desk {
        self.desk_with(|_| {})
    }

    pub(super) fn desk_with(&self, change: impl FnOnce(&mut Environment)) -> Desk {
        desk(self.mit.krb5_conf(), self.mit.folder(), |environment| {
            environment.ccname = Some(file(&self.path("default.ccache")));
            change(environment);
        })
    }

    /// Those of a service that signs in with the machine's keytab.
    pub(super) fn sources(&self) -> Sources {
        sources(&self.service, &self.machine)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.mit.folder().join(name)
    }

    pub(super) fn cache(&self, name: &str) -> Cache {
        Cache::parse(&file(&self.path(name))).unwrap()
    }

    /// What the KDC was asked for, as its log has it.
    pub(super) fn requests(&self) -> usize {
        self.mit.log().matches("_REQ (").count()
    }

    /// Lets an initiator reach the service.
    pub(super) fn reach(
        &self,
        desk: &Desk,
        credential: &HeldCredential,
        patience: Patience,
    ) -> Result<Context, Refused> {
        reach(desk, &self.sources(), credential, patience)
    }
}

/// Lets an initiator reach the service whose keytab the sources name.
pub(super) fn reach(
    desk: &Desk,
    sources: &Sources,
    credential: &HeldCredential,
    patience: Patience,
) -> Result<Context, Refused> {
    let target = Name::Principal(principal(SERVICE));
    let mut initiator = Initiator::new(InitiatorOptions::new(target));
    let mut tickets = desk.tickets(credential, patience, now()).unwrap();
    let step = initiator.step(None, &mut tickets, now(), &mut rand::rng());
    let waits = matches!(&step, Err(Refused { error: GssError::Ticket { source, .. }, .. })
        if matches!(source.downcast_ref(), Some(DeskError::WouldWait)));
    assert_eq!(waits, tickets.would_wait());
    let Step::Continue { token } = step? else {
        panic!("an initiator that is done at once");
    };
    let held = desk
        .acquire(&wish(sources, CredUsage::Accept), Patience::Never, now())
        .unwrap();
    let acceptor = desk.acceptor(sources, &held, now()).unwrap();
    match Acceptor::new(acceptor, None).step(&token, now(), &mut rand::rng())? {
        Step::Established { context, .. } => Ok(*context),
        Step::Continue { .. } => panic!("an acceptor that is not done at once"),
    }
}

/// A desk that finds nothing but what it is told.
pub(super) fn desk(krb5_conf: &Path, folder: &Path, change: impl FnOnce(&mut Environment)) -> Desk {
    let mut kerberos = Environment {
        krb5_config: Some(krb5_conf.display().to_string()),
        ccname: Some("FILE:/nonexistent/ccache".into()),
        keytab: Some("FILE:/nonexistent/keytab".into()),
        client_keytab: Some("FILE:/nonexistent/client.keytab".into()),
        ..Environment::default()
    };
    change(&mut kerberos);
    Desk::new(DeskEnvironment {
        kerberos,
        replay_cache: None,
        replay_cache_dir: Some(folder.to_owned()),
    })
    .unwrap()
}

/// Those of a service that accepts with one keytab and signs in with another.
pub(super) fn sources(keytab: &Path, client_keytab: &Path) -> Sources {
    Sources {
        service: "web".into(),
        keytab: Some(file(keytab)),
        client_keytab: Some(file(client_keytab)),
        cache: CacheSource::Memory,
        replay_cache: None,
        patterns: Patterns {
            keytab: Some(file(keytab)),
            client_keytab: Some(file(client_keytab)),
            cache: None,
        },
        min_lifetime: Duration::from_secs(15),
    }
}

pub(super) fn wish(sources: &Sources, usage: CredUsage) -> Wish<'_> {
    Wish {
        sources,
        name: None,
        usage,
    }
}

pub(super) fn principal(text: &str) -> Principal {
    Principal::parse(text, Some(&Realm::from(REALM))).unwrap()
}

pub(super) fn file(path: &Path) -> String {
    format!("FILE:{}", path.display())
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap())
}

pub(super) fn later(seconds: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(seconds))
}

pub(super) fn patient() -> Patience {
    Patience::Until(Instant::now() + Duration::from_secs(30))
}

/// Puts other keys into a keytab, in place.
pub(super) fn replace_keytab(path: &Path, with: &Path) {
    let content = KeytabFile::parse(&file(with)).unwrap().load().unwrap();
    fs::write(path, content.to_bytes().as_slice()).unwrap();
}

/// Asks a daemon.
pub(super) fn ask(socket: &Path, call: impl Into<Call>) -> Reply {
    let call = call.into();
    let mut stream = UnixStream::connect(socket).unwrap();
    let message = wire::write_call(7, &call).unwrap();
    stream.write_all(&message).unwrap();
    let mut mark = [0; 4];
    stream.read_exact(&mut mark).unwrap();
    let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
    let mut message = vec![0; length as usize];
    stream.read_exact(&mut message).unwrap();
    wire::read_reply(&message, 7, call.procedure()).unwrap()
}
