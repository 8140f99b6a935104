//! A realm of MIT's, a service with a keytab, and an engine behind a socket.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use kerbstone_client::Environment;
use kerbstone_proto::time::Timestamp;
use kerbstone_proxy::desk::{Desk, DeskEnvironment, Patience};
use kerbstone_proxy::procedures::{Answer, Decision, Engine};
use kerbstone_proxy::settings::{
    Caller, CredStoreElement, CredUsage, Location, Mechs, Service, SocketAccess,
};
use kerbstone_proxy::wire::{self, Call};
use kerbstone_testkit::lab::{Mit, Session, Setup, Suite};
use tempfile::TempDir;

pub(crate) const REALM: &str = "PROXY.TEST";
pub(crate) const SERVICE: &str = "http/www.proxy.test";
pub(crate) const TARGET: &str = "http@www.proxy.test";

/// How long a call may wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service for this process' user, without a credential store.
pub(crate) fn service(name: &str) -> Service {
    Service {
        name: name.to_owned(),
        location: Location {
            file: Arc::from(Path::new("gssproxy.conf")),
            line: 1,
        },
        euid: own_uid(),
        allow_any_uid: false,
        program: None,
        socket: None,
        socket_access: SocketAccess::default(),
        selinux_context: None,
        mechs: Mechs {
            krb5: true,
            spnego: false,
        },
        cred_store: Vec::new(),
        krb5_principal: None,
        cred_usage: CredUsage::Both,
        trusted: false,
        impersonate: false,
        allow_protocol_transition: false,
        allow_constrained_delegation: false,
        allow_client_ccache_sync: false,
        filter_flags: 1,
        enforce_flags: 0,
        min_lifetime: Duration::from_secs(15),
        kernel_nfsd: false,
    }
}

/// An entry of a credential store.
pub(crate) fn stored(key: &str, value: impl Into<String>) -> CredStoreElement {
    CredStoreElement {
        key: key.to_owned(),
        value: value.into(),
    }
}

pub(crate) fn own_uid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap())
}

pub(crate) fn own_caller() -> Caller {
    Caller {
        uid: own_uid(),
        gid: 0,
        pid: 1,
        program: None,
        socket: None,
        selinux_context: None,
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap())
}

/// An engine that reads this krb5.conf.
pub(crate) fn engine(krb5_conf: &Path, folder: &Path) -> Engine {
    let environment = DeskEnvironment {
        kerberos: Environment {
            krb5_config: Some(krb5_conf.display().to_string()),
            ..Environment::default()
        },
        replay_cache: None,
        replay_cache_dir: Some(folder.to_owned()),
    };
    Engine::new(Arc::new(Desk::new(environment).unwrap())).unwrap()
}

/// Answers as the daemon does: first without waiting, then with patience.
pub(crate) fn answer(
    engine: &Engine,
    caller: &Caller,
    service: &Arc<Service>,
    call: &Call,
) -> Answer {
    engine
        .answer(caller, service, call, Patience::Never, now())
        .or_else(|_| {
            let patience = Patience::Until(Instant::now() + PATIENCE);
            engine.answer(caller, service, call, patience, now())
        })
        .unwrap()
}

/// A realm with alice, who is signed in, and a web service.
pub(crate) struct Site {
    pub(crate) mit: Mit,
    pub(crate) alice: Session,
    pub(crate) keytab: PathBuf,
}

impl Site {
    pub(crate) fn start() -> Option<Self> {
        let mit = Mit::start(&Setup::realm(REALM))?;
        mit.add_user("alice", "wonderland");
        mit.add_service(SERVICE);
        mit.admin(&["modprinc", "+ok_as_delegate", SERVICE]);
        let keytab = mit.keytab(SERVICE);
        let alice = Session::new(Suite::Mit, mit.krb5_conf());
        alice.sign_in("alice", "wonderland", &["-f"]).succeeded();
        Some(Self { mit, alice, keytab })
    }

    /// A service whose keytab is that of the web service.
    pub(crate) fn web_service(&self) -> Service {
        Service {
            cred_store: vec![stored("keytab", self.keytab.display().to_string())],
            ..service("web")
        }
    }

    /// A door for plugins.
    pub(crate) fn proxy(&self, service: Service) -> Proxy {
        Proxy::start(self.mit.krb5_conf(), Arc::new(service), own_caller())
    }

    /// What an application runs with that may read alice's tickets and asks no proxy.
    pub(crate) fn environment_of_alice(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.environment();
        environment.push((
            "KRB5CCNAME",
            format!("FILE:{}", self.alice.cache().display()),
        ));
        environment.push(("GSS_USE_PROXY", "no".into()));
        environment
    }

    /// What the web service runs with when it may read its keytab and asks no proxy.
    pub(crate) fn environment_of_web(&self) -> Vec<(&'static str, String)> {
        self.environment_with(&self.keytab)
    }

    /// The same with another keytab.
    pub(crate) fn environment_with(&self, keytab: &Path) -> Vec<(&'static str, String)> {
        let mut environment = self.environment();
        environment.push(("KRB5_KTNAME", format!("FILE:{}", keytab.display())));
        environment.push(("KRB5CCNAME", "MEMORY:none".into()));
        environment.push(("GSS_USE_PROXY", "no".into()));
        environment
    }

    /// What an application runs with that has nothing but the proxy.
    pub(crate) fn environment_of(&self, proxy: &Proxy) -> Vec<(&'static str, String)> {
        let mut environment = self.environment();
        environment.extend([
            ("GSS_USE_PROXY", "yes".into()),
            ("GSSPROXY_BEHAVIOR", "REMOTE_ONLY".into()),
            ("GSSPROXY_SOCKET", proxy.socket().display().to_string()),
            (
                "KRB5CCNAME",
                format!("FILE:{}/client.ccache", proxy.folder.path().display()),
            ),
            ("KRB5_KTNAME", "FILE:/nonexistent/keytab".into()),
        ]);
        environment
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let folder = self.mit.folder().display().to_string();
        vec![
            ("KRB5_CONFIG", self.mit.krb5_conf().display().to_string()),
            ("KRB5RCACHEDIR", folder.clone()),
            ("HOME", folder),
        ]
    }
}

/// An engine behind a socket, with a thread for each connection.
pub(crate) struct Proxy {
    pub(crate) folder: TempDir,
    pub(crate) engine: Engine,
    pub(crate) service: Arc<Service>,
    decisions: Arc<Mutex<Vec<Decision>>>,
}

impl Proxy {
    pub(crate) fn start(krb5_conf: &Path, service: Arc<Service>, caller: Caller) -> Self {
        let folder = TempDir::with_prefix("kerbstone-engine-").unwrap();
        let engine = engine(krb5_conf, folder.path());
        let decisions = Arc::default();
        let proxy = Self {
            folder,
            engine,
            service,
            decisions,
        };
        let listener = UnixListener::bind(proxy.socket()).unwrap();
        let (engine, service) = (proxy.engine.clone(), Arc::clone(&proxy.service));
        let decisions = Arc::clone(&proxy.decisions);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (engine, service) = (engine.clone(), Arc::clone(&service));
                let (caller, decisions) = (caller.clone(), Arc::clone(&decisions));
                thread::spawn(move || serve(stream?, &engine, &caller, &service, &decisions));
            }
        });
        proxy
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("proxy.sock")
    }

    /// What was decided since it was asked last.
    pub(crate) fn decisions(&self) -> Vec<Decision> {
        std::mem::take(&mut self.decisions.lock().unwrap())
    }
}

fn serve(
    mut stream: UnixStream,
    engine: &Engine,
    caller: &Caller,
    service: &Arc<Service>,
    decisions: &Mutex<Vec<Decision>>,
) -> io::Result<()> {
    loop {
        let mut mark = [0; 4];
        stream.read_exact(&mut mark)?;
        let length = u32::from_be_bytes(mark) & 0x7fff_ffff;
        let mut message = vec![0; length as usize];
        stream.read_exact(&mut message)?;
        let (xid, call) = wire::read_call(&message).unwrap();
        let Answer { reply, decision } = answer(engine, caller, service, &call);
        decisions.lock().unwrap().push(decision);
        stream.write_all(&wire::write_reply(xid, &reply).unwrap())?;
    }
}
