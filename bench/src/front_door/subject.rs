//! The servers of the race, each behind TLS with the same certificate.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_testkit::lab::{Port, find_program};
use rustix::process::geteuid;

use crate::meter::Meter;
use crate::site::Site;
use crate::subject::loopback;

const NOBODY: u32 = 65_534;
const MODULES: &str = "/usr/lib/apache2/modules";
/// What back ends answer.
pub(crate) const PAGE: &str = "the page\n";

/// A running server.
pub(crate) struct Subject {
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    _ports: Vec<Port>,
}

impl Subject {
    /// `kerb gateway` in front of a back end, with the service's key in a keytab of its own, and one thread as `HAProxy` has.
    ///
    /// Pages: `/open` for everybody, `/fresh` for tickets, `/session` for tickets and then cookies. A second listener, at
    /// the port after, asks for certificates.
    ///
    /// # Errors
    /// A gateway that does not come up.
    pub(crate) fn gateway(site: &Site, back_end: SocketAddr, reuse: bool) -> io::Result<Self> {
        let folder = folder(site, if reuse { "gateway" } else { "gateway-close" })?;
        let ports = vec![Port::claim(), Port::claim()];
        let [address, certified] = [0, 1].map(|at| loopback(ports[at].number()));
        let files = site.path().display();
        let reuse = if reuse { "" } else { "reuse = \"never\"\n" };
        let entries = [
            ("/open", "\"none\""),
            ("/fresh", "\"negotiate\""),
            ("/session", "\"session\", \"negotiate\""),
            ("/certified", "\"certificate\""),
        ]
        .map(|(path, ways)| {
            format!("[[gateway.entry]]\npath = \"{path}\"\nways = [{ways}]\npool = \"page\"\nname = \"principal\"\n")
        });
        let settings = format!(
            "[gateway]\nlisten = [\"{address}\"]\ncertificate = \"{files}/server.pem\"\nkey = \"{files}/server.key\"\n\
             keytab = \"{}\"\nservice = \"host\"\nkrb5_conf = \"{}\"\nworkers = 1\n\
             [gateway.limits]\nconnections = 20000\n\
             [gateway.sessions]\nkeys = \"session.keys\"\n\
             [gateway.certificates]\nca = \"{files}/ca.pem\"\n\
             [[gateway.certificates.map]]\nfrom = \"cn\"\nprincipal = \"{{cn}}@BENCH.TEST\"\n\
             [[gateway.listener]]\nname = \"certified\"\nlisten = [\"{certified}\"]\nclient_certificates = \"required\"\n\
             [[gateway.pool]]\nname = \"page\"\nmembers = [\"http://{back_end}\"]\n{reuse}\
             {}",
            site.keytab().display(),
            site.krb5_conf().display(),
            entries.concat(),
        );
        let path = folder.join("kerbstone.toml");
        fs::write(&path, settings)?;
        let mut command = Command::new(crate::ours::binary()?);
        command.args(["gateway", "--config"]).arg(&path);
        site.point(&mut command);
        Self::start(command, folder, address, ports)
    }

    /// The port at which a gateway asks for certificates.
    pub(crate) fn certified(&self) -> SocketAddr {
        let second = self._ports.get(1).unwrap_or(&self._ports[0]);
        loopback(second.number())
    }

    /// Apache with `mod_auth_gssapi` and `mod_ssl`, with its pages `/open`, `/fresh`, `/session` in files, or
    /// in front of a back end.
    ///
    /// # Errors
    /// An Apache that does not come up; one that is not here is `None`.
    pub(crate) fn apache(site: &Site, back_end: Option<SocketAddr>) -> io::Result<Option<Self>> {
        let Some(program) = find_program("apache2") else {
            return Ok(None);
        };
        let name = match back_end {
            Some(_) => "apache-proxy",
            None => "apache",
        };
        let folder = folder(site, name)?;
        let ports = vec![Port::claim()];
        let address = loopback(ports[0].number());
        let path = folder.join("httpd.conf");
        fs::write(&path, httpd_conf(site, &folder, address.port(), back_end))?;
        for page in ["open", "fresh", "session"] {
            fs::write(folder.join(page), PAGE)?;
        }
        fs::copy(site.keytab(), folder.join("keytab"))?;
        fs::create_dir_all(folder.join("rcache"))?;
        if geteuid().is_root() {
            for name in ["keytab", "rcache"] {
                chown(folder.join(name), Some(NOBODY), Some(NOBODY))?;
            }
        }
        let mut command = Command::new(program);
        command.args(["-D", "FOREGROUND", "-f"]).arg(&path);
        command
            .env("KRB5_CONFIG", site.krb5_conf())
            .env("KRB5RCACHEDIR", folder.join("rcache"));
        Self::start(command, folder, address, ports).map(Some)
    }

    /// `HAProxy` in front of a back end; `certified` asks for certificates, `reuse` keeps connections to the back end.
    ///
    /// # Errors
    /// An `HAProxy` that does not come up; one that is not here is `None`.
    pub(crate) fn haproxy(
        site: &Site,
        back_end: SocketAddr,
        certified: bool,
        reuse: bool,
    ) -> io::Result<Option<Self>> {
        let files = site.path().display();
        let verify = if certified {
            format!("verify required ca-file {files}/ca.pem")
        } else {
            String::new()
        };
        let mode = if reuse {
            "http-keep-alive"
        } else {
            "http-server-close"
        };
        let text = format!(
            "frontend door\n bind ADDRESS ssl crt {files}/both.pem alpn http/1.1 {verify}\n option {mode}\n\
             \x20default_backend pages\nbackend pages\n option {mode}\n server one {back_end}\n"
        );
        Self::haproxy_of(site, &format!("haproxy-{certified}-{reuse}"), &text)
    }

    /// `HAProxy` as the back end of everybody: it answers by itself, without TLS.
    ///
    /// # Errors
    /// As for [`Self::haproxy`].
    pub(crate) fn origin(site: &Site) -> io::Result<Option<Self>> {
        let text = format!(
            "frontend origin\n bind ADDRESS\n http-request return status 200 content-type text/plain string \"{}\"\n",
            PAGE.trim()
        );
        Self::haproxy_of(site, "origin", &text)
    }

    fn haproxy_of(site: &Site, name: &str, text: &str) -> io::Result<Option<Self>> {
        let Some(program) = find_program("haproxy") else {
            return Ok(None);
        };
        let folder = folder(site, name)?;
        let ports = vec![Port::claim()];
        let address = loopback(ports[0].number());
        let path = folder.join("haproxy.cfg");
        let common = "global\n nbthread 1\n maxconn 9500\n tune.ssl.default-dh-param 2048\n\
                      defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n";
        let text = text.replace("ADDRESS", &address.to_string());
        fs::write(&path, format!("{common}{text}"))?;
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(&path);
        Self::start(command, folder, address, ports).map(Some)
    }

    fn start(
        mut command: Command,
        folder: PathBuf,
        address: SocketAddr,
        ports: Vec<Port>,
    ) -> io::Result<Self> {
        let log = fs::File::create(folder.join("log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let subject = Self {
            child,
            folder,
            address,
            _ports: ports,
        };
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > limit {
                return Err(io::Error::other(subject.log()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(subject)
    }

    /// What it costs.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(self.child.id())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let limit = Instant::now() + Duration::from_secs(3);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < limit {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Apache's workers may read.
fn folder(site: &Site, name: &str) -> io::Result<PathBuf> {
    let folder = site.path().join(name);
    fs::create_dir_all(&folder)?;
    for path in [site.path(), &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}

fn httpd_conf(site: &Site, folder: &Path, port: u16, back_end: Option<SocketAddr>) -> String {
    let (path, files) = (folder.display(), site.path().display());
    let modules = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "session",
        "session_cookie",
        "socache_shmcb",
        "ssl",
        "auth_gssapi",
        "proxy",
        "proxy_http",
    ]
    .map(|module| format!("LoadModule {module}_module {MODULES}/mod_{module}.so\n"));
    let user = match geteuid().is_root() {
        true => format!("User #{NOBODY}\nGroup #{NOBODY}\n"),
        false => String::new(),
    };
    let proxied: String = back_end.map_or_else(String::new, |back_end| {
        ["open", "fresh", "session"]
            .map(|page| format!("ProxyPass /{page} http://{back_end}/\n"))
            .concat()
    });
    let protected = |page: &str, further: &str| {
        format!(
            "<Location /{page}>\nAuthType GSSAPI\nAuthName Bench\nGssapiCredStore keytab:{path}/keytab\n{further}\
             Require valid-user\n</Location>\n"
        )
    };
    format!(
        "ServerRoot {path}\nDefaultRuntimeDir {path}\nPidFile {path}/httpd.pid\nErrorLog {path}/error.log\n\
         Listen 127.0.0.1:{port}\nServerName localhost\nDocumentRoot {path}\nStartServers 2\nMaxKeepAliveRequests 0\n\
         {}{user}LogLevel warn\nSSLEngine on\nSSLCertificateFile {files}/server.pem\n\
         SSLCertificateKeyFile {files}/server.key\nSSLSessionCache shmcb:{path}/ssl(512000)\n\
         <Directory {path}>\nRequire all granted\n</Directory>\n{proxied}{}{}",
        modules.concat(),
        protected("fresh", ""),
        protected(
            "session",
            "GssapiUseSessions On\nGssapiSessionKey file:FOLDER/session.key\nSession On\n\
             SessionCookieName gssapi_session path=/session;httponly;secure;\n"
        )
        .replace("FOLDER", "/tmp"),
    )
    .replace("/tmp/session.key", &format!("{path}/rcache/session.key"))
}
