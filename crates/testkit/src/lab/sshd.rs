use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;

use super::daemon::accepts_tcp;
use super::{Daemon, Finished, Keys, Port, find_program, require};

/// The folder into which sshd of Debian locks what it does before anybody has signed in.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

/// OpenSSH's sshd on loopback, which takes Kerberos and nothing else, for the user who runs the test.
#[derive(Debug)]
pub struct Sshd {
    server: Daemon,
    port: Port,
    user: String,
    folder: TempDir,
}

impl Sshd {
    /// Starts the server with a service's keys; the principals are those who may sign in as the user who runs the
    /// test. `None` when OpenSSH's programs are not on this machine.
    ///
    /// # Panics
    /// When it does not come up, and when it is missing although `CI=true`.
    #[must_use]
    pub fn start<'a>(
        krb5_conf: &Path,
        keys: impl Into<Keys<'a>>,
        principals: &[&str],
    ) -> Option<Self> {
        let keys = keys.into();
        if !require("sshd", "openssh-server") || !require("ssh-keygen", "openssh-client") {
            return None;
        }
        let folder = TempDir::with_prefix("kerbstone-sshd-").expect("a folder for sshd");
        let port = Port::claim();
        let user = own_name();
        let path = folder.path();
        write_krb5_conf(path, krb5_conf);
        permit(path, &user, principals);
        make_host_key(path);
        fs::write(path.join("sshd_config"), sshd_config(path, port.number()))
            .expect("sshd_config of the lab");
        if geteuid().is_root() {
            fs::create_dir_all(PRIVILEGE_SEPARATION).expect("a folder that sshd insists on");
        }
        let server = Daemon::start(command(path, keys), &path.join("sshd.out"), || {
            accepts_tcp(port.number())
        });
        Some(Self {
            server,
            port,
            user,
            folder,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// As whom the principals may sign in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A `krb5.conf` that commands of a session may use.
    #[must_use]
    pub fn krb5_conf(&self) -> std::path::PathBuf {
        self.folder.path().join("krb5.conf")
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.output()
    }
}

fn command(folder: &Path, keys: Keys<'_>) -> Command {
    let program = find_program("sshd").expect("sshd was found before");
    let mut command = keys.command(&program);
    let keytab = match keys {
        Keys::Keytab(keytab) => keytab,
        Keys::Proxy { hidden, .. } => hidden,
    };
    command
        .args(["-D", "-e", "-f"])
        .arg(folder.join("sshd_config"))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env("KRB5RCACHEDIR", folder)
        .env("KRB5_KTNAME", format!("FILE:{}", keytab.display()));
    command
}

fn sshd_config(folder: &Path, port: u16) -> String {
    format!(
        "ListenAddress 127.0.0.1:{port}\n\
         HostKey {folder}/host_key\n\
         PidFile none\n\
         UsePAM no\n\
         PermitRootLogin yes\n\
         StrictModes no\n\
         AuthorizedKeysFile none\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PubkeyAuthentication no\n\
         GSSAPIAuthentication yes\n\
         GSSAPIKeyExchange yes\n\
         GSSAPIStrictAcceptorCheck no\n\
         PrintMotd no\n\
         LogLevel DEBUG1\n",
        folder = folder.display()
    )
}

/// Keeps the list of who may sign in out of the user's home, and what sshd leaves without a name out of the user's own
/// cache.
fn write_krb5_conf(folder: &Path, realms: &Path) {
    let text = fs::read_to_string(realms).expect("the realm's krb5.conf");
    let list = format!(
        "\n[libdefaults]\nk5login_directory = {}\ndefault_ccache_name = FILE:{}\n",
        folder.join("k5login").display(),
        folder.join("unnamed.ccache").display(),
    );
    fs::write(folder.join("krb5.conf"), text + &list).expect("sshd's krb5.conf");
}

fn permit(folder: &Path, user: &str, principals: &[&str]) {
    let lists = folder.join("k5login");
    fs::create_dir(&lists).expect("a folder for lists of who may sign in");
    fs::write(lists.join(user), principals.join("\n") + "\n").expect("a list of who may sign in");
    for path in [folder, &lists] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("a folder to look into");
    }
}

fn make_host_key(folder: &Path) {
    let program = find_program("ssh-keygen").expect("ssh-keygen was found before");
    let mut command = Command::new(program);
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(folder.join("host_key"));
    Finished::of(&mut command, "ssh-keygen", "").succeeded();
}

/// The name of the user who runs the test.
fn own_name() -> String {
    let uid = geteuid().as_raw().to_string();
    fs::read_to_string("/etc/passwd")
        .unwrap_or_default()
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&uid.as_str()))
        .and_then(|fields| fields.first().map(ToString::to_string))
        .expect("a user whom /etc/passwd knows")
}
