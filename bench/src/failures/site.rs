//! A site as `kerb up` runs it, with pools behind its gateway.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ours::binary;

/// The page that visitors open.
pub(super) const PAGE: &str = "/app";
const PATIENCE: Duration = Duration::from_secs(20);

/// A running site.
pub(super) struct UpSite {
    folder: TempDir,
    supervisor: Child,
}

impl UpSite {
    /// Makes a site, gives its gateway two pools, and starts it; the page is the first pool's.
    ///
    /// # Errors
    /// A site that does not come up.
    pub(super) fn start(pools: [[SocketAddr; 2]; 2]) -> io::Result<Self> {
        let folder = TempDir::with_prefix("kerbstone-failures-")?;
        let supervisor = up(folder.path())?;
        let mut site = Self { folder, supervisor };
        site.await_health()?;
        let settings = site.settings();
        let mut text = fs::read_to_string(&settings)?;
        text.push_str("\n[gateway.sessions]\nkeys = \"sessions/keys\"\n");
        for (name, members) in ["one", "two"].iter().zip(pools) {
            let [first, second] = members;
            text.push_str(&format!(
                "\n[[gateway.pool]]\nname = \"{name}\"\nmembers = [\"http://{first}\", \"http://{second}\"]\n"
            ));
        }
        text.push_str(&format!(
            "\n[[gateway.entry]]\npath = \"{PAGE}\"\nways = [\"session\", \"negotiate\"]\npool = \"one\"\n"
        ));
        fs::write(&settings, text)?;
        // New files (the cookies' keys) are for a new process: its walls are up before it reads settings anew.
        let gateway = site.role("gateway")?;
        kill(gateway.pid, "KILL")?;
        site.await_other("gateway", gateway.pid)?;
        Ok(site)
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn krb5_conf(&self) -> PathBuf {
        self.path().join("krb5.conf")
    }

    fn settings(&self) -> PathBuf {
        self.path().join("kerbstone.toml")
    }

    /// Leads the page to another pool, as an administrator does.
    ///
    /// # Errors
    /// The settings cannot be written.
    pub(super) fn lead_to(&self, pool: &str) -> io::Result<()> {
        let text = fs::read_to_string(self.settings())?;
        let (before, entry) = text
            .rsplit_once("pool = ")
            .ok_or_else(|| io::Error::other("no pool in the settings"))?;
        let after = entry.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(
            self.settings(),
            format!("{before}pool = \"{pool}\"\n{after}"),
        )?;
        kill(self.role("gateway")?.pid, "HUP")
    }

    /// Kills a role's process, which the supervisor starts again.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn kill(&self, role: &str) -> io::Result<()> {
        kill(self.role(role)?.pid, "KILL")
    }

    /// Where the gateway listens.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn door(&self) -> io::Result<SocketAddr> {
        self.role("gateway")?
            .https
            .ok_or_else(|| io::Error::other("the gateway has no address"))
    }

    /// Signs somebody in, with a cache of their own.
    ///
    /// # Errors
    /// The KDC refuses.
    pub(super) fn sign_in(&self, person: &str) -> io::Result<String> {
        let list = fs::read_to_string(self.path().join("demo-passwords"))?;
        let line = list
            .lines()
            .find(|line| line.starts_with(&format!("{person}@")));
        let password = line
            .and_then(|line| line.split_once(' '))
            .map(|(_, password)| password);
        let password =
            password.ok_or_else(|| io::Error::other(format!("no password of {person}")))?;
        let cache = format!(
            "FILE:{}",
            self.path().join(format!("cache-{person}")).display()
        );
        let mut child = Command::new(binary()?)
            .args(["login", "--cache", &cache, person])
            .env("KRB5_CONFIG", self.krb5_conf())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{password}")?;
        }
        succeeded(&child.wait_with_output()?)?;
        Ok(cache)
    }

    /// Waits until every role is well.
    ///
    /// # Errors
    /// They are not for long.
    pub(super) fn await_health(&mut self) -> io::Result<()> {
        let limit = Instant::now() + PATIENCE;
        while !self.is_healthy() {
            if Instant::now() > limit || self.supervisor.try_wait()?.is_some() {
                let log = fs::read_to_string(self.path().join("said")).unwrap_or_default();
                return Err(io::Error::other(format!("the site is not well: {log}")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn await_other(&mut self, role: &str, pid: u32) -> io::Result<()> {
        let limit = Instant::now() + PATIENCE;
        while self.role(role).map_or(true, |present| present.pid == pid) {
            if Instant::now() > limit {
                return Err(io::Error::other(format!("{role} is not started again")));
            }
            thread::sleep(Duration::from_millis(50));
        }
        self.await_health()
    }

    fn is_healthy(&self) -> bool {
        let status = Command::new(binary().unwrap_or_default())
            .args(["status", "--json"])
            .arg(self.path())
            .output();
        status.is_ok_and(|output| output.status.success())
    }

    fn role(&self, name: &str) -> io::Result<Role> {
        let output = Command::new(binary()?)
            .args(["status", "--json"])
            .arg(self.path())
            .output()?;
        let report: serde_json::Value =
            serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
        let role = report["roles"]
            .as_array()
            .and_then(|roles| roles.iter().find(|role| role["name"] == name));
        let pid = role.and_then(|role| role["pid"].as_u64());
        let pid = pid.and_then(|pid| u32::try_from(pid).ok());
        Ok(Role {
            pid: pid.ok_or_else(|| io::Error::other(format!("{name} does not run")))?,
            https: role
                .and_then(|role| role["addresses"]["https"].as_str())
                .and_then(|address| address.parse().ok()),
        })
    }
}

struct Role {
    pid: u32,
    https: Option<SocketAddr>,
}

fn up(folder: &Path) -> io::Result<Child> {
    let log = fs::File::create(folder.join("said"))?;
    Command::new(binary()?)
        .arg("up")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn kill(pid: u32, signal: &str) -> io::Result<()> {
    let pid = pid.to_string();
    succeeded(&Command::new("kill").args(["-s", signal, &pid]).output()?)
}

fn succeeded(output: &Output) -> io::Result<()> {
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
    }
}

impl Drop for UpSite {
    fn drop(&mut self) {
        let _ = kill(self.supervisor.id(), "TERM");
        let _ = self.supervisor.wait();
    }
}
