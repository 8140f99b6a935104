//! `kerb up`: a realm of one's own on loopback, made at the first start and served until interrupted.
//!
//! And `kerb env`, which points this shell's Kerberos programs, ours and MIT's, at it.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use kerbstone_proto::name::Realm;
use rand::RngExt;

use crate::console::{Console, out};
use crate::failure::Failure;
use crate::serve::{self, FirstRealm, Person};

const CONFIG: &str = "kerbstone.toml";
const KRB5_CONF: &str = "krb5.conf";
const PASSWORDS: &str = "demo-passwords";
const PEOPLE: [&str; 2] = ["alice", "bob"];
/// Services of the site whose keys nobody needs to see yet.
const SERVICE: &str = "host/localhost";

/// The command line of `kerb up`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The site's folder; it is made at the first start.
    #[arg(default_value = "kerb-site")]
    folder: PathBuf,
    /// The realm to make at the first start.
    #[arg(long, default_value = "EXAMPLE.TEST")]
    realm: String,
}

/// The command line of `kerb env`.
#[derive(Debug, Args)]
pub(crate) struct TypedEnv {
    /// The site's folder.
    #[arg(default_value = "kerb-site")]
    folder: PathBuf,
}

/// Makes the site if there is none, and serves it.
pub(crate) fn run(typed: &Typed, console: &mut Console) -> Result<(), Failure> {
    let site = Site::new(&typed.folder);
    if !site.config().exists() {
        site.make(&typed.realm)?;
    }
    site.tell(console)?;
    serve::command::serve(&site.config())
}

/// Prints what a shell must know: `eval "$(kerb env)"`.
pub(crate) fn env(typed: &TypedEnv, console: &mut Console) -> Result<(), Failure> {
    let site = Site::new(&typed.folder);
    if !site.config().exists() {
        let folder = typed.folder.display();
        let help = format!("start one with: kerb up {folder}");
        return Err(Failure::refused(
            "cannot point at a site",
            format!("there is none in {folder}"),
            help,
        ));
    }
    let folder = site.absolute()?;
    out!(
        console,
        "export KRB5_CONFIG={}\nexport KRB5CCNAME={}\n",
        quoted(&folder.join(KRB5_CONF)),
        quoted(&folder.join("ccache"))
    );
    Ok(())
}

struct Site<'a> {
    folder: &'a Path,
}

impl<'a> Site<'a> {
    const fn new(folder: &'a Path) -> Self {
        Self { folder }
    }

    fn config(&self) -> PathBuf {
        self.folder.join(CONFIG)
    }

    /// The folder by a path that holds wherever the reader stands.
    fn absolute(&self) -> Result<PathBuf, Failure> {
        self.folder
            .canonicalize()
            .map_err(|error| self.unusable(&error))
    }

    fn make(&self, realm: &str) -> Result<(), Failure> {
        let ports = free_port().and_then(|tickets| Ok((tickets, free_port()?)));
        let (tickets, passwords) = ports.map_err(|error| self.unusable(&error))?;
        let people = PEOPLE.map(|name| Person {
            name: name.to_owned(),
            password: password(),
        });
        let first = FirstRealm {
            realm: Realm::from(realm),
            config: self.config(),
            listen: vec![tickets],
            password_listen: vec![passwords],
        };
        let cannot = |why: String, help| {
            Failure::refused(format!("cannot make the realm {realm}"), why, help)
        };
        first
            .make_with(&people, &[SERVICE])
            .map_err(|error| cannot(error.to_string(), error.help()))?;
        let lines: String = people
            .iter()
            .map(|person| format!("{}@{realm} {}\n", person.name, person.password))
            .collect();
        self.write(PASSWORDS, 0o600, &lines)?;
        self.write(KRB5_CONF, 0o644, &krb5_conf(realm, tickets, passwords))
    }

    fn write(&self, name: &str, mode: u32, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| self.unusable(&error))
    }

    fn tell(&self, console: &mut Console) -> Result<(), Failure> {
        let passwords = fs::read_to_string(self.folder.join(PASSWORDS)).unwrap_or_default();
        let folder = self.absolute()?;
        out!(
            console,
            "The site is in {}. Its people and their passwords:\n\n",
            folder.display()
        );
        for line in passwords.lines() {
            out!(console, "    {line}\n");
        }
        out!(
            console,
            "\nIn another shell:\n\n    eval \"$(kerb env {})\"\n    kerb login alice\n    kerb ticket {SERVICE}\n    \
             kerb list\n\nkinit, kvno and klist of MIT and Heimdal work there too. Ctrl-C stops the site.\n\n",
            quoted(&folder)
        );
        Ok(())
    }

    fn unusable(&self, error: &io::Error) -> Failure {
        let folder = self.folder.display();
        let help = "name a folder that you may write to: kerb up DIR";
        Failure::refused("cannot set up the site", format!("{folder}: {error}"), help)
    }
}

/// A loopback port that is free for datagrams and for streams.
fn free_port() -> io::Result<SocketAddr> {
    loop {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        if UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// Twelve letters and digits that are not mistaken for each other: 59 bits.
fn password() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..12)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|letter| char::from(*letter))
        .collect()
}

fn krb5_conf(realm: &str, tickets: SocketAddr, passwords: SocketAddr) -> String {
    format!(
        "[libdefaults]\n    default_realm = {realm}\n    dns_lookup_kdc = false\n    dns_lookup_realm = false\n    \
         rdns = false\n    dns_canonicalize_hostname = false\n\n[realms]\n    {realm} = {{\n        kdc = {tickets}\n        \
         kpasswd_server = {passwords}\n        admin_server = {passwords}\n    }}\n\n[domain_realm]\n    localhost = {realm}\n"
    )
}

/// A path as a shell takes it for one word.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_hold_no_letters_that_look_alike() {
        let (one, other) = (password(), password());
        assert_ne!(one, other);
        assert_eq!(one.len(), 12);
        assert!(!one.contains(['l', 'o', '0', '1']));
    }

    #[test]
    fn a_path_with_a_quote_stays_one_word_of_the_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
