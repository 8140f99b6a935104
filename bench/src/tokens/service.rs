//! The services of the race, each with a user that has a role on a project.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_testkit::lab::{self, KeystoneSetup, Port};

use super::post;
use crate::meter::Meter;
use crate::request::{PASSWORD, user};
use crate::site::Site;
use crate::subject::loopback;

/// An identity service under measurement.
pub(crate) trait Service {
    /// Where it speaks HTTP.
    fn address(&self) -> SocketAddr;
    /// What it costs.
    fn meter(&self) -> Meter;
    /// The user, the password and the project.
    fn user(&self) -> [String; 3];

    /// Asks for a token, with a password.
    fn password_request(&self) -> Vec<u8> {
        let [user, password, project] = self.user();
        let identity = format!(
            r#"{{"methods":["password"],"password":{{"user":{{"name":"{user}","domain":{{"id":"default"}},"password":"{password}"}}}}}}"#
        );
        post("/v3/auth/tokens", &scoped(&identity, &project), &[])
    }

    /// Asks for a token, with a token.
    fn rescope(&self, token: &str) -> String {
        let [_, _, project] = self.user();
        scoped(
            &format!(r#"{{"methods":["token"],"token":{{"id":"{token}"}}}}"#),
            &project,
        )
    }
}

fn scoped(identity: &str, project: &str) -> String {
    format!(
        r#"{{"auth":{{"identity":{identity},"scope":{{"project":{{"name":"{project}","domain":{{"id":"default"}}}}}}}}}}"#
    )
}

/// `kerb identity serve`, with a KDC of ours.
pub(crate) struct Ours {
    child: Child,
    address: SocketAddr,
    _site: Site,
    _port: Port,
}

impl Ours {
    /// # Errors
    /// A service that does not come up.
    pub(crate) fn start() -> io::Result<Self> {
        let site = Site::start()?;
        let port = Port::claim();
        let address = loopback(port.number());
        let folder = site.path().join("identity");
        fs::create_dir_all(&folder)?;
        let settings = folder.join("kerbstone.toml");
        fs::write(
            &settings,
            format!(
                "[identity]\nstore = \"identity.redb\"\nkeys = \"fernet\"\nlisten = [\"{address}\"]\n\
                 public_endpoint = \"http://{address}\"\nkeytab = \"{}\"\nservice = \"host\"\n\
                 krb5_conf = \"{}\"\n[identity.domains]\n\"{}\" = \"Default\"\n",
                site.keytab().display(),
                site.krb5_conf().display(),
                crate::request::REALM,
            ),
        )?;
        let run = |words: &[&str]| {
            let mut command = Command::new(crate::ours::binary()?);
            command
                .arg("identity")
                .args(words)
                .arg("--config")
                .arg(&settings);
            site.point(&mut command);
            Ok::<_, io::Error>(command)
        };
        let public = format!("http://{address}/v3");
        let made = run(&["bootstrap", "--admin", &user(0), "--public-url", &public])?.output()?;
        if !made.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&made.stderr).into_owned(),
            ));
        }
        let log = fs::File::create(folder.join("log"))?;
        let child = run(&["serve"])?
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let ours = Self {
            child,
            address,
            _site: site,
            _port: port,
        };
        let limit = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > limit {
                return Err(io::Error::other(fs::read_to_string(folder.join("log"))?));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(ours)
    }
}

impl Service for Ours {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn meter(&self) -> Meter {
        Meter::new(self.child.id())
    }

    fn user(&self) -> [String; 3] {
        [user(0), PASSWORD.to_owned(), "admin".to_owned()]
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keystone under uwsgi, one process.
pub(crate) struct Keystone(lab::Keystone);

impl Keystone {
    /// `None` when it is not on this machine.
    pub(crate) fn start() -> Option<Self> {
        lab::Keystone::start(&KeystoneSetup::default()).map(Self)
    }
}

impl Service for Keystone {
    fn address(&self) -> SocketAddr {
        loopback(self.0.http_port())
    }

    fn meter(&self) -> Meter {
        Meter::new(self.0.id())
    }

    fn user(&self) -> [String; 3] {
        ["admin", lab::Keystone::PASSWORD, "admin"].map(str::to_owned)
    }
}
