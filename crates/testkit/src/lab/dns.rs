use std::env;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::daemon::{accepts_tcp, has_udp};
use super::presence::absent;
use super::{Daemon, find_program, kerb_binary, require};

/// Set in the process that has a network to itself.
const APART: &str = "KERBSTONE_APART";
const PORT: u16 = 53;
/// The type number of URI records (RFC 7553), which dnsmasq knows by number alone.
const URI: u16 = 256;

/// Loopback only, and the C library asks the name server there, whatever this machine has in between.
const MOVE_IN: &str = "ip link set lo up \
    && mount --bind \"$0/resolv.conf\" /etc/resolv.conf \
    && mount --bind \"$0/nsswitch.conf\" /etc/nsswitch.conf \
    && exec \"$@\"";

/// Whether this process has a network to itself, where names are asked of 127.0.0.1; a test that hears no is over.
///
/// `test` is the test's whole name. Outside, it is run again inside, in a process of its own. Where that is not possible, because
/// we are not root or a program is missing, the test skips itself, or fails when `CI=true`.
///
/// # Panics
/// When the test fails inside.
#[must_use = "a test that hears no is over"]
pub fn has_network_to_itself(test: &str) -> bool {
    if env::var_os(APART).is_some() {
        return true;
    }
    if require("dnsmasq", "dnsmasq-base") && require("ip", "iproute2") && namespaces_can_be_made() {
        run_apart(test);
    }
    false
}

fn namespaces_can_be_made() -> bool {
    let tried = Command::new("unshare")
        .args(["--net", "--mount", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        absent(
            "the right to make network namespaces",
            "run the test as root: sudo --preserve-env cargo xtask test",
        );
    }
    can
}

fn run_apart(test: &str) {
    let folder = TempDir::with_prefix("kerbstone-apart-").expect("a folder for the network");
    let write = |name, text| {
        fs::write(folder.path().join(name), text).expect("a file of the name service");
    };
    write("resolv.conf", "nameserver 127.0.0.1\n");
    write("nsswitch.conf", "hosts: files dns\n");
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", MOVE_IN])
        .arg(folder.path())
        .arg(env::current_exe().expect("the test's own path"))
        .args(["--exact", test, "--nocapture"])
        .env(APART, "1")
        .env("KERBSTONE_KERB", kerb_binary())
        .stdin(Stdio::null())
        .output()
        .expect("unshare can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test} in a network of its own:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What a name server is to say.
#[derive(Debug, Clone, Default)]
pub struct Records(Vec<String>);

impl Records {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The address of a host.
    #[must_use]
    pub fn host(self, name: &str, address: Ipv4Addr) -> Self {
        self.option(format!("--host-record={name},{address}"))
    }

    /// The address of a host, without the way back that [`host`](Self::host) gives it.
    #[must_use]
    pub fn address(self, name: &str, address: Ipv4Addr) -> Self {
        self.option(format!("--address=/{name}/{address}"))
    }

    /// Another name of a host.
    #[must_use]
    pub fn alias(self, name: &str, host: &str) -> Self {
        self.option(format!("--cname={name},{host}"))
    }

    /// The name that an address leads back to.
    #[must_use]
    pub fn pointer(self, address: Ipv4Addr, name: &str) -> Self {
        let [a, b, c, d] = address.octets();
        self.option(format!("--ptr-record={d}.{c}.{b}.{a}.in-addr.arpa,{name}"))
    }

    /// Where a service is (RFC 2782).
    #[must_use]
    pub fn srv(self, name: &str, priority: u16, weight: u16, host: &str, port: u16) -> Self {
        self.option(format!(
            "--srv-host={name},{host},{port},{priority},{weight}"
        ))
    }

    /// Where a service is, as a URI with weight 1 (RFC 7553).
    #[must_use]
    pub fn uri(self, name: &str, priority: u16, target: &str) -> Self {
        let mut data = format!("{priority:04x}0001");
        for byte in target.bytes() {
            let _ = write!(data, "{byte:02x}");
        }
        self.option(format!("--dns-rr={name},{URI},{data}"))
    }

    /// A text.
    #[must_use]
    pub fn txt(self, name: &str, text: &str) -> Self {
        self.option(format!("--txt-record={name},{text}"))
    }

    fn option(mut self, option: String) -> Self {
        self.0.push(option);
        self
    }
}

/// A name server on port 53 of a network of our own; of names under `example` that it was not told, it says that they do not exist.
#[derive(Debug)]
pub struct Dns {
    daemon: Daemon,
    _folder: TempDir,
}

impl Dns {
    /// Starts dnsmasq.
    ///
    /// # Panics
    /// When it does not come up, and outside a [network of one's own](has_network_to_itself).
    #[must_use]
    pub fn start(records: &Records) -> Self {
        assert!(env::var_os(APART).is_some(), "port 53 is not ours here");
        let folder = TempDir::with_prefix("kerbstone-dns-").expect("a folder for the lab");
        let mut command =
            Command::new(find_program("dnsmasq").expect("dnsmasq is on this machine"));
        command
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
            ])
            .args(["--user=root", "--group=root"])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces"])
            .args(["--no-hosts", "--no-resolv", "--local=/example/"])
            .args(["--log-queries", "--log-facility=-"])
            .args(&records.0);
        let daemon = Daemon::start(command, &folder.path().join("dnsmasq.out"), || {
            has_udp(PORT) && accepts_tcp(PORT)
        });
        Self {
            daemon,
            _folder: folder,
        }
    }

    /// What it has been asked so far: `SRV _kerberos._udp.LAB.EXAMPLE`.
    #[must_use]
    pub fn questions(&self) -> Vec<String> {
        self.daemon.output().lines().filter_map(question).collect()
    }
}

/// Reads `dnsmasq[7]: query[SRV] name from 127.0.0.1`.
fn question(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(": query[")?;
    let (kind, rest) = rest.split_once("] ")?;
    let (name, _) = rest.split_once(" from ")?;
    Some(format!("{kind} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_from_the_servers_log() {
        assert_eq!(
            question("dnsmasq[7]: query[SRV] _kerberos._udp.LAB.EXAMPLE from 127.0.0.1"),
            Some("SRV _kerberos._udp.LAB.EXAMPLE".into())
        );
        assert_eq!(
            question("dnsmasq[7]: config kdc.lab.example is 127.0.0.1"),
            None
        );
    }
}
