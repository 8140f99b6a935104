use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;

use super::daemon::accepts_tcp;
use super::presence::{require, require_file};
use super::{Daemon, Keys, Port, find_program};

const MODULES: &str = "/usr/lib/apache2/modules";
const LOADED: &[&str] = &[
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "headers",
    "auth_gssapi",
];
/// Whom Apache becomes when root starts it: nobody, by number, because names differ between systems.
const NOBODY: u32 = 65_534;

/// Apache's httpd with mod_auth_gssapi on loopback.
///
/// Every page asks for Negotiate, and shows in headers what the module found out: `X-User` is `REMOTE_USER`, `X-Ccache`
/// is `KRB5CCNAME`, that is the cache of delegated credentials.
#[derive(Debug)]
pub struct Apache {
    server: Daemon,
    port: Port,
    folder: TempDir,
}

impl Apache {
    /// Starts the server with a service's keys; each page is a name and its further directives, in which `FOLDER`
    /// stands for [`folder`](Self::folder). `None` when Apache or its module is not on this machine.
    ///
    /// # Panics
    /// When it does not come up, and when it is missing although `CI=true`.
    #[must_use]
    pub fn start<'a>(
        krb5_conf: &Path,
        keys: impl Into<Keys<'a>>,
        pages: &[(&str, &str)],
    ) -> Option<Self> {
        let keys = keys.into();
        let module = Path::new(MODULES).join("mod_auth_gssapi.so");
        if !require("apache2", "apache2") || !require_file(&module, "libapache2-mod-auth-gssapi") {
            return None;
        }
        let folder = TempDir::with_prefix("kerbstone-apache-").expect("a folder for Apache");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))
            .expect("a folder that its workers may enter");
        let port = Port::claim();
        fs::copy(krb5_conf, folder.path().join("krb5.conf")).expect("Apache's krb5.conf");
        for name in ["pages", "rcache", "delegated"] {
            fs::create_dir(folder.path().join(name)).expect("one of Apache's folders");
        }
        for (page, _) in pages {
            fs::write(folder.path().join("pages").join(page), "the page\n").expect("a page");
        }
        give_to_workers(folder.path(), &["rcache", "delegated"]);
        if let Keys::Keytab(keytab) = keys {
            fs::copy(keytab, folder.path().join("HTTP.keytab")).expect("Apache's keytab");
            give_to_workers(folder.path(), &["HTTP.keytab"]);
        }
        let settings = folder.path().join("httpd.conf");
        let text = httpd_conf(folder.path(), port.number(), keys, pages);
        fs::write(&settings, text).expect("httpd.conf");
        let server = Daemon::start(
            command(folder.path(), keys, &settings),
            &folder.path().join("apache.out"),
            || accepts_tcp(port.number()),
        );
        Some(Self {
            server,
            port,
            folder,
        })
    }

    /// As whom its workers run; `None` when they are the user who runs the test.
    #[must_use]
    pub fn worker() -> Option<u32> {
        geteuid().is_root().then_some(NOBODY)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its folder; `delegated` in it belongs to the workers.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("error.log")).unwrap_or_default();
        self.server.output() + &String::from_utf8_lossy(&log)
    }
}

fn command(folder: &Path, keys: Keys<'_>, settings: &Path) -> Command {
    let program: PathBuf = find_program("apache2").expect("Apache was found before");
    let mut command = keys.command(&program);
    command
        .args([OsStr::new("-D"), OsStr::new("FOREGROUND")])
        .args([OsStr::new("-f"), settings.as_os_str()])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env("KRB5RCACHEDIR", folder.join("rcache"));
    command
}

/// Root's Apache gives its rights away before it reads any of these.
fn give_to_workers(folder: &Path, names: &[&str]) {
    let Some(worker) = Apache::worker() else {
        return;
    };
    for name in names {
        chown(folder.join(name), Some(worker), Some(worker)).expect("files for Apache's workers");
    }
}

fn httpd_conf(folder: &Path, port: u16, keys: Keys<'_>, pages: &[(&str, &str)]) -> String {
    let path = folder.display();
    let store = match keys {
        Keys::Keytab(_) => format!("GssapiCredStore keytab:{path}/HTTP.keytab"),
        Keys::Proxy { .. } => String::new(),
    };
    let mut text = format!(
        "ServerRoot {path}\n\
         DefaultRuntimeDir {path}\n\
         PidFile {path}/httpd.pid\n\
         ErrorLog {path}/error.log\n\
         Listen 127.0.0.1:{port}\n\
         ServerName 127.0.0.1\n\
         DocumentRoot {path}/pages\n\
         StartServers 2\n"
    );
    for module in LOADED {
        let _ = writeln!(text, "LoadModule {module}_module {MODULES}/mod_{module}.so");
    }
    // Known only once the module is loaded.
    text.push_str("LogLevel info auth_gssapi:debug\n");
    if let Some(worker) = Apache::worker() {
        let _ = writeln!(text, "User #{worker}\nGroup #{worker}");
    }
    for (page, directives) in pages {
        let _ = writeln!(
            text,
            "<Location /{page}>\n\
             AuthType GSSAPI\n\
             AuthName Lab\n\
             {store}\n\
             Require valid-user\n\
             Header always set X-User expr=%{{REMOTE_USER}}\n\
             Header always set X-Ccache %{{KRB5CCNAME}}e\n\
             {}\n\
             </Location>",
            directives.replace("FOLDER", &path.to_string())
        );
    }
    text
}
