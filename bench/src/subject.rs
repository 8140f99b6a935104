//! The servers under measurement, each filled with the same number of users and services.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kerbstone_testkit::lab::{Heimdal, Mit, Port, Setup};

use crate::floor::Kind;
use crate::load::Exchange;
use crate::meter::Meter;
use crate::ours::Ours;
use crate::request::{AsExchange, MODEL, PASSWORD, REALM, service, user, user_key};

/// One server of the race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The bare echo and cryptography.
    Floor(Kind),
    /// This workspace's `kerb kdc`, a thread for each core.
    Ours,
    /// The same with one thread for datagrams, to see what a further core brings.
    OursOneThread,
    /// MIT's krb5kdc, told to keep no record of logins.
    MitLean,
    /// MIT's krb5kdc as installed, its users with `requires_preauth`.
    MitDefault,
    /// Heimdal's kdc.
    Heimdal,
}

impl Subject {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor(_) => "floor (echo + cryptography)",
            Self::Ours => "kerb kdc",
            Self::OursOneThread => "kerb kdc, one thread",
            Self::MitLean => "MIT, no lockout bookkeeping",
            Self::MitDefault => "MIT, requires_preauth",
            Self::Heimdal => "Heimdal",
        }
    }
}

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) meter: Meter,
    /// From the start of the process to the first answer, where it is measured.
    pub(crate) ready_after: Option<Duration>,
    _keeper: Keeper,
}

/// What keeps the server alive until it is dropped.
#[expect(dead_code, reason = "held for their Drop alone")]
enum Keeper {
    Mit(Box<Mit>),
    Heimdal(Box<Heimdal>),
    Ours(Ours),
    Floor(Floor),
}

/// Starts a server with `principals` users and as many services; `None` when it is not on this machine.
///
/// # Errors
/// A file or process that cannot be had.
pub(crate) fn start(
    subject: Subject,
    principals: usize,
    reply: usize,
) -> io::Result<Option<Running>> {
    match subject {
        Subject::Floor(kind) => Floor::start(kind, reply).map(Some),
        Subject::Ours => start_ours(principals, 0).map(Some),
        Subject::OursOneThread => start_ours(principals, 1).map(Some),
        Subject::MitLean => start_mit(&lean_setup(), "-requires_preauth", principals),
        Subject::MitDefault => start_mit(&setup(), "+requires_preauth", principals),
        Subject::Heimdal => start_heimdal(principals),
    }
}

fn start_ours(principals: usize, workers: usize) -> io::Result<Running> {
    let ours = Ours::start(principals, workers)?;
    Ok(Running {
        address: ours.address,
        meter: Meter::new(ours.pid()),
        ready_after: Some(ours.ready_after),
        _keeper: Keeper::Ours(ours),
    })
}

fn setup() -> Setup {
    Setup::realm(REALM).enctypes(&["aes256-cts"])
}

fn lean_setup() -> Setup {
    // The lab's text goes on inside the realm; this ends the realm and leaves a section of modules open for it.
    setup().kdc_conf(
        "database_module = lean\n}\n[dbmodules]\nlean = {\ndb_library = db2\ndisable_last_success = true\n\
         disable_lockout = true",
    )
}

fn start_mit(setup: &Setup, preauth: &str, principals: usize) -> io::Result<Option<Running>> {
    let Some(mut mit) = Mit::start(setup) else {
        return Ok(None);
    };
    mit.stop();
    mit.admin(&["addprinc", preauth, "-pw", PASSWORD, MODEL]);
    let dump = mit.folder().join("dump");
    let path = dump.to_string_lossy().into_owned();
    mit.run("kdb5_util", &["dump", &path]).succeeded();
    multiply(
        &dump,
        principals,
        |line| line.starts_with("princ\t") && line.contains(&format!("\t{MODEL}@")),
        mit_line,
    )?;
    mit.run("kdb5_util", &["load", &path]).succeeded();
    mit.start_servers();
    Ok(Some(Running {
        address: loopback(mit.addresses().kdc),
        meter: Meter::new(
            mit.kdc_id()
                .ok_or_else(|| io::Error::other("the KDC does not run"))?,
        ),
        ready_after: None,
        _keeper: Keeper::Mit(Box::new(mit)),
    }))
}

fn start_heimdal(principals: usize) -> io::Result<Option<Running>> {
    let Some(mut heimdal) = Heimdal::start(&setup()) else {
        return Ok(None);
    };
    heimdal.stop();
    heimdal.add_user(MODEL, PASSWORD);
    let dump = heimdal.folder().join("dump");
    let path = dump.to_string_lossy().into_owned();
    heimdal.admin(&["dump", &path]);
    multiply(
        &dump,
        principals,
        |line| line.starts_with(&format!("{MODEL}@")),
        |line, name| line.replacen(MODEL, name, 1),
    )?;
    heimdal.admin(&["load", &path]);
    heimdal.start_servers();
    Ok(Some(Running {
        address: loopback(heimdal.addresses().kdc),
        meter: Meter::new(
            heimdal
                .kdc_id()
                .ok_or_else(|| io::Error::other("the KDC does not run"))?,
        ),
        ready_after: None,
        _keeper: Keeper::Heimdal(Box::new(heimdal)),
    }))
}

/// Rewrites a dump with one line per user and service, each made of the model's line.
fn multiply(
    dump: &Path,
    principals: usize,
    is_model: impl Fn(&str) -> bool,
    rename: impl Fn(&str, &str) -> String,
) -> io::Result<()> {
    let mut text = fs::read_to_string(dump)?;
    let model = text.lines().find(|line| is_model(line)).map(str::to_owned);
    let model = model.ok_or_else(|| io::Error::other("the dump lacks the model user"))?;
    for index in 0..principals {
        for name in [user(index), service(index)] {
            text.push_str(&rename(&model, &name));
            text.push('\n');
        }
    }
    fs::write(dump, text)
}

/// A line of a dump of MIT's for another name: the third field counts the name's octets.
fn mit_line(model: &str, name: &str) -> String {
    let principal = format!("{name}@{REALM}");
    let mut fields: Vec<String> = model.split('\t').map(str::to_owned).collect();
    if let Some(length) = fields.get_mut(2) {
        *length = principal.len().to_string();
    }
    if let Some(field) = fields.get_mut(6) {
        *field = principal;
    }
    fields.join("\t")
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The floor's process.
struct Floor {
    child: Child,
    _port: Port,
}

impl Floor {
    fn start(kind: Kind, reply: usize) -> io::Result<Running> {
        let claim = Port::claim();
        let port = claim.number();
        let kind = if kind == Kind::As { "as" } else { "tgs" };
        let child = Command::new(std::env::current_exe()?)
            .args(["floor", kind, &port.to_string(), &reply.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        let floor = Self {
            child,
            _port: claim,
        };
        wait_for_udp(loopback(port))?;
        Ok(Running {
            address: loopback(port),
            meter: Meter::new(floor.child.id()),
            ready_after: None,
            _keeper: Keeper::Floor(floor),
        })
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something answers a login there.
///
/// # Errors
/// Nothing did within ten seconds.
pub(crate) fn wait_for_udp(server: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    let (login, _) = AsExchange::new(1, user_key().map_err(io::Error::other)?).request();
    while Instant::now() < deadline {
        // A port without a server answers with an ICMP error, which is as good as silence.
        if socket
            .send(&login)
            .and_then(|_| socket.recv(&mut [0; 4096]))
            .is_ok()
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("nothing answers at {server}"),
    ))
}
