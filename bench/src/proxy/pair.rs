//! Pairs of MIT's programs, one end of each behind a daemon.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::daemon::{Daemon, Door};
use crate::site::{SILENT_REALM, Site};

const SOURCE: &str = include_str!("../../peers/proxied_gss.c");

/// The compiled program.
pub(crate) struct Program(PathBuf);

/// Where a credential comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Acquired once.
    Acquired,
    /// The default one, each time.
    Default,
}

/// What a round of contexts took.
pub(crate) struct Outcome {
    pub(crate) wall: Duration,
    /// In the library of the proxied end, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Program {
    /// `None` when there is no compiler, or no header.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn build(site: &Site) -> io::Result<Option<Self>> {
        let source = site.path().join("proxied_gss.c");
        let program = site.path().join("proxied_gss");
        fs::write(&source, SOURCE)?;
        let built = Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .arg(&program)
            .arg(&source)
            .arg("-lgssapi_krb5")
            .stderr(Stdio::null())
            .status();
        Ok(built
            .is_ok_and(|status| status.success())
            .then_some(Self(program)))
    }

    /// Establishes `count` contexts in each of `pairs` pairs at once, one end through that door.
    ///
    /// # Errors
    /// What the programs say.
    pub(crate) fn contexts(
        &self,
        site: &Site,
        daemon: &Daemon,
        door: Door,
        credential: Credential,
        (pairs, count): (usize, usize),
    ) -> io::Result<Outcome> {
        let start = Instant::now();
        let running: Vec<Pair> = (0..pairs)
            .map(|number| self.pair(site, (daemon, door), credential, number, count))
            .collect::<io::Result<_>>()?;
        let mut latencies = Vec::new();
        for pair in running {
            latencies.extend(pair.finish()?);
        }
        let wall = start.elapsed();
        latencies.sort_unstable();
        Ok(Outcome { wall, latencies })
    }

    fn pair(
        &self,
        site: &Site,
        (daemon, door): (&Daemon, Door),
        credential: Credential,
        number: usize,
        count: usize,
    ) -> io::Result<Pair> {
        let log = |end: &str| site.path().join(format!("{end}-{number}.log"));
        let socket = daemon.socket(door);
        let is_proxied = |end: &str| (end == "accept") == (door == Door::Accept);
        let (from_acceptor, to_initiator) = io::pipe()?;
        let (from_initiator, to_acceptor) = io::pipe()?;
        let mut ends = ["accept", "init"].map(|end| {
            let mut command = Command::new(&self.0);
            site.point(&mut command);
            let how = match (is_proxied(end), credential) {
                (true, Credential::Default) => "default",
                _ => "acquired",
            };
            command.arg(end).arg(how).arg(log(end));
            command.env("KRB5RCACHENAME", "none:");
            if is_proxied(end) {
                behind(&mut command, &socket);
            }
            command
        });
        let [accept, init] = &mut ends;
        init.arg(site.service()).arg(count.to_string());
        accept.stdin(from_initiator).stdout(to_initiator);
        init.stdin(from_acceptor).stdout(to_acceptor);
        let [acceptor, initiator] = ends
            .each_mut()
            .map(|end| end.stderr(Stdio::piped()).spawn());
        Ok(Pair {
            ends: [acceptor?, initiator?],
            log: log(if door == Door::Accept {
                "accept"
            } else {
                "init"
            }),
        })
    }

    /// A program that waits for the KDC that never answers.
    ///
    /// # Errors
    /// A process that cannot be had.
    pub(crate) fn stuck(&self, site: &Site, daemon: &Daemon) -> io::Result<Stuck> {
        let mut command = Command::new(&self.0);
        site.point(&mut command);
        behind(&mut command, &daemon.socket(Door::Stuck));
        command.args(["init", "default", "/dev/null"]);
        command
            .arg(format!("host/anything@{SILENT_REALM}"))
            .arg("1");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Stuck(quiet.stderr(Stdio::null()).spawn()?))
    }
}

/// Ends with its value.
pub(crate) struct Stuck(Child);

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn behind(command: &mut Command, socket: &Path) {
    command
        .env("GSS_USE_PROXY", "yes")
        .env("GSSPROXY_SOCKET", socket)
        .env("GSSPROXY_BEHAVIOR", "REMOTE_FIRST")
        // What is behind the daemon is not beside it, and what it hands out stays in the program.
        .env("KRB5CCNAME", "MEMORY:")
        .env("KRB5_KTNAME", "FILE:/nonexistent");
}

struct Pair {
    ends: [Child; 2],
    log: PathBuf,
}

impl Pair {
    fn finish(self) -> io::Result<Vec<Duration>> {
        for end in self.ends {
            let output = end.wait_with_output()?;
            if !output.status.success() {
                let words = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(io::Error::other(format!("{}: {words}", output.status)));
            }
        }
        let text = fs::read_to_string(&self.log)?;
        let nanoseconds = text.lines().filter_map(|line| line.parse().ok());
        Ok(nanoseconds.map(Duration::from_nanos).collect())
    }
}
