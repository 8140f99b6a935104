//! The daemons of the race, with the same configuration.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_testkit::lab::find_program;

use crate::meter::Meter;
use crate::request::user;
use crate::site::{SILENT_REALM, Site};

/// Who keeps the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `kerb proxy`.
    Ours,
    /// Debian's gssproxy.
    Gssproxy,
}

/// The services of the configuration, each with a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Accepts with a keytab.
    Accept,
    /// Initiates; tickets lie in a cache of the service's.
    Stored,
    /// Initiates; tickets lie in the handle that the client holds, or nowhere.
    Sealed,
    /// Initiates in the realm that never answers.
    Stuck,
}

impl Door {
    const ALL: [Self; 4] = [Self::Accept, Self::Stored, Self::Sealed, Self::Stuck];

    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Stored => "stored",
            Self::Sealed => "sealed",
            Self::Stuck => "stuck",
        }
    }

    fn credentials(self, site: &Site, folder: &Path) -> String {
        let keytab = site.keytab();
        let keytab = keytab.display();
        let client = format!("cred_store = client_keytab:{keytab}\ncred_usage = initiate\n");
        let alice = user(0);
        match self {
            Self::Accept => format!("cred_store = keytab:{keytab}\ncred_usage = accept\n"),
            Self::Stored => format!(
                "{client}cred_store = ccache:FILE:{}\nkrb5_principal = {alice}\n",
                folder.join("store").display()
            ),
            Self::Sealed => format!("{client}krb5_principal = {alice}\n"),
            Self::Stuck => format!("{client}krb5_principal = {alice}@{SILENT_REALM}\n"),
        }
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    folder: PathBuf,
}

impl Daemon {
    /// `None` when it is not on this machine.
    ///
    /// # Errors
    /// A daemon that does not come up.
    pub(crate) fn start(kind: Kind, site: &Site, replay_cache: bool) -> io::Result<Option<Self>> {
        let (program, first) = match kind {
            Kind::Ours => (crate::ours::binary()?, Some("proxy")),
            Kind::Gssproxy => match find_program("gssproxy") {
                Some(program) => (program, None),
                None => return Ok(None),
            },
        };
        let folder = site.path().join(format!("{kind:?}-{replay_cache}"));
        fs::create_dir_all(&folder)?;
        let settings = folder.join("gssproxy.conf");
        fs::write(&settings, configuration(site, &folder)?)?;
        let mut command = Command::new(program);
        command.args(first).arg("-i").arg("-c").arg(&settings);
        command.arg("-s").arg(folder.join("default.sock"));
        site.point(&mut command);
        command.env_remove("KRB5CCNAME");
        match replay_cache {
            true => command.env("KRB5RCACHEDIR", &folder),
            false => command.env("KRB5RCACHENAME", "none:"),
        };
        let log = fs::File::create(folder.join("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let daemon = Self {
            child: command.spawn()?,
            folder,
        };
        daemon.wait()?;
        Ok(Some(daemon))
    }

    pub(crate) fn socket(&self, door: Door) -> PathBuf {
        socket(&self.folder, door)
    }

    pub(crate) fn meter(&self) -> Meter {
        Meter::new(self.child.id())
    }

    fn wait(&self) -> io::Result<()> {
        let limit = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(self.socket(Door::Stuck)).is_err() {
            if Instant::now() > limit {
                let words = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("no daemon: {words}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn socket(folder: &Path, door: Door) -> PathBuf {
    folder.join(format!("{}.sock", door.name()))
}

fn configuration(site: &Site, folder: &Path) -> io::Result<String> {
    let uid = fs::metadata(folder)?.uid();
    let services = Door::ALL.map(|door| {
        format!(
            "[service/{}]\nmechs = krb5\neuid = {}\nsocket = {}\n{}",
            door.name(),
            uid,
            socket(folder, door).display(),
            door.credentials(site, folder),
        )
    });
    Ok(format!("[gssproxy]\n{}", services.concat()))
}
