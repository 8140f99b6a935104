//! A realm, a user with a ticket in a cache, and a service with a keytab.

use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::{Principal, Realm};
use tempfile::TempDir;

use crate::ours::Ours;
use crate::request::{REALM, now, service, user, user_key};

/// A realm whose KDC takes everything and answers nothing.
pub(crate) const SILENT_REALM: &str = "SILENT.TEST";

/// What all sides are given.
pub(crate) struct Site {
    folder: TempDir,
    _kdc: Ours,
    silence: Silence,
}

/// Two sockets that nobody reads, in the place of a KDC.
struct Silence {
    datagrams: UdpSocket,
    _streams: Option<TcpListener>,
}

impl Silence {
    fn fall() -> io::Result<Self> {
        let datagrams = UdpSocket::bind("127.0.0.1:0")?;
        let streams = TcpListener::bind(datagrams.local_addr()?).ok();
        Ok(Self {
            datagrams,
            _streams: streams,
        })
    }
}

impl Site {
    /// # Errors
    /// A KDC that does not start, or a ticket that it does not give.
    pub(crate) fn start() -> io::Result<Self> {
        let site = Self {
            folder: TempDir::with_prefix("kerbstone-bench-")?,
            _kdc: Ours::start(1, 0)?,
            silence: Silence::fall()?,
        };
        fs::write(
            site.krb5_conf(),
            krb5_conf(site._kdc.address.port(), &site.silence)?,
        )?;
        fs::write(site.keytab(), &*keytab()?)?;
        let sign_in = ["login", "--keytab"];
        site.kerb(&sign_in, &[&site.keytab().display().to_string(), &user(0)])?;
        site.kerb(&["ticket"], &[&site.service()])?;
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn krb5_conf(&self) -> PathBuf {
        self.path().join("krb5.conf")
    }

    pub(crate) fn keytab(&self) -> PathBuf {
        self.path().join("keytab")
    }

    pub(crate) fn cache(&self) -> String {
        format!("FILE:{}", self.path().join("ccache").display())
    }

    /// The service's principal.
    pub(crate) fn service(&self) -> String {
        format!("{}@{REALM}", service(0))
    }

    /// Points a program at the realm.
    pub(crate) fn point(&self, command: &mut Command) {
        command
            .env("KRB5_CONFIG", self.krb5_conf())
            .env("KRB5CCNAME", self.cache())
            .env("KRB5_KTNAME", self.keytab());
    }

    fn kerb(&self, command: &[&str], rest: &[&str]) -> io::Result<()> {
        let mut kerb = Command::new(crate::ours::binary()?);
        kerb.args(command).args(rest);
        self.point(&mut kerb);
        let output = kerb.output()?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(words))
    }
}

fn krb5_conf(port: u16, silence: &Silence) -> io::Result<String> {
    let silent = silence.datagrams.local_addr()?;
    Ok(format!(
        "[libdefaults]\ndefault_realm = {REALM}\ndns_canonicalize_hostname = false\nrdns = false\n\
         dns_lookup_kdc = false\ndns_lookup_realm = false\n\
         [realms]\n{REALM} = {{\nkdc = 127.0.0.1:{port}\n}}\n{SILENT_REALM} = {{\nkdc = {silent}\n}}\n"
    ))
}

/// Everybody in the realm has the same key.
fn keytab() -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let key = user_key().map_err(io::Error::other)?;
    let realm = Realm::from(REALM);
    let mut keytab = Keytab::new();
    for name in [user(0), service(0), format!("{}@{SILENT_REALM}", user(0))] {
        let entry = KeytabEntry {
            principal: Principal::parse(&name, Some(&realm)).map_err(io::Error::other)?,
            timestamp: now().time,
            kvno: 1,
            key: KeyBlock::from(&key),
        };
        keytab.add(entry).map_err(io::Error::other)?;
    }
    Ok(keytab.to_bytes())
}
