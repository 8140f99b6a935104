//! What people have delegated, for back ends that go on in their names: a credential cache in a folder, whose name is the
//! variable `KRB5CCNAME`.
//!
//! With keys of our own it is an ordinary cache with the person's ticket-granting ticket. With a proxy it holds what the
//! proxy has sealed: nobody reads the ticket, and it is of use only to programs with the mechglue plugin that the same
//! service of the same proxy serves.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use nix::unistd::User;
use rand::RngExt;

/// How the names of our files begin; others in the folder are left alone.
const PREFIX: &str = "kerbstone-";
const NEW: &str = ".kerbstone-new-";
/// What was left by somebody who was killed is gone after this.
const LEFTOVER: Duration = Duration::from_secs(3600);
/// A name may have 255 octets; some go to the prefix and what makes it unique.
const MOST_NAME: usize = 200;
const MOST_CACHE: u64 = 1 << 20;

/// Whose the files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CacheOwner {
    /// The gateway's own user's.
    #[default]
    Gateway,
    /// The local user's whose ticket it is, with their group. It takes the right to give files away (`CAP_CHOWN`).
    LocalUser,
}

/// How caches are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationSettings {
    /// Where; the folder is made with mode 0711 when it is missing.
    pub folder: PathBuf,
    /// Whether each sign-in gets a file of its own; else each person has one, which the next sign-in replaces.
    pub is_unique: bool,
    /// The mode of the files.
    pub mode: u32,
    /// Whose they are.
    pub owner: CacheOwner,
}

/// Why what was delegated cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum DelegationFault {
    /// The system refused.
    #[error("cannot keep a delegated ticket in {path}: {source}", path = path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file would belong to a local user, and the principal is none.
    #[error("a delegated ticket cannot be given to {0}: this host has no such user")]
    NoUser(String),
    /// The name is too long for a file.
    #[error("the principal's name is too long for a file's")]
    TooLong,
}

/// The folder of caches.
#[derive(Debug)]
pub struct Delegation {
    settings: DelegationSettings,
}

impl Delegation {
    /// Makes the folder, where it is missing.
    ///
    /// # Errors
    /// [`DelegationFault`] when there can be none.
    pub fn open(settings: DelegationSettings) -> Result<Self, DelegationFault> {
        let delegation = Self { settings };
        let folder = &delegation.settings.folder;
        if !folder.is_dir() {
            let made = fs::create_dir_all(folder)
                .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o711)));
            made.map_err(|source| delegation.failed(source))?;
        }
        Ok(delegation)
    }

    /// Keeps a cache of `principal`, which is `local_name` here, in the place of one that was there. The answer is its
    /// name, for `KRB5CCNAME`.
    ///
    /// # Errors
    /// [`DelegationFault`]; nothing is kept then.
    pub fn keep(
        &self,
        principal: &Principal,
        local_name: Option<&str>,
        cache: &CredentialCache,
    ) -> Result<String, DelegationFault> {
        let folder = &self.settings.folder;
        let path = folder.join(self.file_name(principal)?);
        let new = folder.join(format!("{NEW}{}", letters()));
        let owner = self.owner(principal, local_name)?;
        let written = self
            .write(&new, cache, owner.as_ref())
            .and_then(|()| fs::rename(&new, &path));
        written.map_err(|source| {
            // It holds a ticket.
            let _gone = fs::remove_file(&new);
            self.failed(source)
        })?;
        Ok(format!("FILE:{}", path.display()))
    }

    /// Removes caches whose tickets have all ended, and says how many. To be called now and then, on a thread that may
    /// wait for files.
    ///
    /// # Errors
    /// [`DelegationFault`] when the folder cannot be read; a file that cannot is left alone.
    pub fn sweep(&self, now: KerberosTime) -> Result<usize, DelegationFault> {
        let entries = fs::read_dir(&self.settings.folder).map_err(|source| self.failed(source))?;
        let mut removed: usize = 0;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let path = entry.path();
            let is_over = (name.starts_with(PREFIX) && has_ended(&path, now))
                || (name.starts_with(NEW) && is_leftover(&path));
            if is_over && fs::remove_file(&path).is_ok() {
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }

    fn file_name(&self, principal: &Principal) -> Result<String, DelegationFault> {
        let mut name = String::from(PREFIX);
        for octet in principal.unparse() {
            match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'@' => {
                    name.push(char::from(octet));
                }
                octet => name.push_str(&format!("%{octet:02x}")),
            }
        }
        if name.len() > MOST_NAME {
            return Err(DelegationFault::TooLong);
        }
        if self.settings.is_unique {
            // No principal has a tilde left in its name, so no one's file is another's.
            name.push('~');
            name.push_str(&letters());
        }
        Ok(name)
    }

    fn owner(
        &self,
        principal: &Principal,
        local_name: Option<&str>,
    ) -> Result<Option<User>, DelegationFault> {
        if self.settings.owner == CacheOwner::Gateway {
            return Ok(None);
        }
        let found = local_name.and_then(|name| User::from_name(name).ok().flatten());
        match found {
            Some(user) => Ok(Some(user)),
            None => Err(DelegationFault::NoUser(principal.to_string())),
        }
    }

    fn write(&self, new: &Path, cache: &CredentialCache, owner: Option<&User>) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(new)?;
        file.write_all(&cache.to_bytes())?;
        if let Some(user) = owner {
            fchown(&file, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        // Behind the owner's change, which takes bits away, and whatever the umask is.
        file.set_permissions(fs::Permissions::from_mode(self.settings.mode & 0o777))
    }

    fn failed(&self, source: io::Error) -> DelegationFault {
        DelegationFault::Io {
            path: self.settings.folder.clone(),
            source,
        }
    }
}

/// Whether all tickets of a cache are over. A sealed one says nothing of its end: its file is as old as a ticket gets.
fn has_ended(path: &Path, now: KerberosTime) -> bool {
    let mut octets = Vec::new();
    let Ok(file) = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path)
    else {
        return false;
    };
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return false;
    }
    if file.take(MOST_CACHE).read_to_end(&mut octets).is_err() {
        return false;
    }
    let Ok(cache) = CredentialCache::parse(&octets) else {
        return false;
    };
    let mut ends = cache.tickets().map(|ticket| ticket.endtime).peekable();
    match ends.peek() {
        Some(end) if end.is_zero() => age(path).is_some_and(|age| age > LONGEST_TICKET),
        Some(_) => ends.all(|end| end < now),
        None => true,
    }
}

/// Sealed tickets that are older than this have ended, as realms go.
const LONGEST_TICKET: Duration = Duration::from_secs(24 * 3600);

fn is_leftover(path: &Path) -> bool {
    age(path).is_some_and(|age| age > LEFTOVER)
}

fn age(path: &Path) -> Option<Duration> {
    let changed = fs::symlink_metadata(path).ok()?.modified().ok()?;
    SystemTime::now().duration_since(changed).ok()
}

fn letters() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = rand::rng();
    (0..10)
        .filter_map(|_| {
            let place = random.random_range(0..ALPHABET.len());
            ALPHABET.get(place).map(|&letter| char::from(letter))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use kerbstone_proto::ccache::Credential;
    use kerbstone_proto::flags::TicketFlags;
    use kerbstone_proto::key_block::KeyBlock;

    use super::*;

    fn principal(text: &str) -> Principal {
        Principal::parse(text, None).unwrap()
    }

    fn cache(endtime: i64) -> CredentialCache {
        let alice = principal("alice@EXAMPLE.TEST");
        let mut cache = CredentialCache::new(alice.clone());
        let endtime = KerberosTime::from_unix(endtime);
        cache.credentials.push(Credential {
            server: Principal::krbtgt(&alice.realm, &alice.realm),
            client: alice,
            key: KeyBlock::new(18, [7; 32]),
            authtime: endtime,
            starttime: endtime,
            endtime,
            renew_till: KerberosTime::ZERO,
            is_skey: false,
            flags: TicketFlags::FORWARDED,
            addresses: Vec::new(),
            authdata: Vec::new(),
            ticket: vec![1, 2, 3],
            second_ticket: Vec::new(),
        });
        cache
    }

    fn delegation(folder: &Path, is_unique: bool) -> Delegation {
        Delegation::open(DelegationSettings {
            folder: folder.join("caches"),
            is_unique,
            mode: 0o640,
            owner: CacheOwner::Gateway,
        })
        .unwrap()
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from(name.strip_prefix("FILE:").unwrap())
    }

    #[test]
    fn each_person_has_one_file_or_each_sign_in_has() {
        let folder = tempfile::tempdir().unwrap();
        let alice = principal("alice@EXAMPLE.TEST");
        let one = delegation(folder.path(), false);
        let first = one.keep(&alice, None, &cache(100)).unwrap();
        assert_eq!(one.keep(&alice, None, &cache(200)).unwrap(), first);
        let held = CredentialCache::parse(&fs::read(path(&first)).unwrap()).unwrap();
        assert_eq!(held, cache(200));
        assert_eq!(fs::metadata(path(&first)).unwrap().mode() & 0o777, 0o640);
        let each = delegation(folder.path(), true);
        let names = [0, 1].map(|_| each.keep(&alice, None, &cache(100)).unwrap());
        assert_ne!(names[0], names[1]);
        assert_eq!(
            fs::read_dir(folder.path().join("caches")).unwrap().count(),
            3
        );
    }

    #[test]
    fn no_name_leads_out_of_the_folder_or_to_anothers_file() {
        let folder = tempfile::tempdir().unwrap();
        let delegation = delegation(folder.path(), false);
        let mut names: Vec<String> = [
            "..\\/..\\/etc@E",
            "a\\/b@E",
            "a/b@E",
            "a%2fb@E",
            "a\\ b@E",
            "~@E",
        ]
        .iter()
        .map(|name| delegation.keep(&principal(name), None, &cache(1)).unwrap())
        .collect();
        for name in &names {
            assert_eq!(
                path(name).parent(),
                Some(folder.path().join("caches").as_path()),
                "{name}"
            );
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 6);
        let long = principal(&format!("{}@E", "a".repeat(250)));
        let refused = delegation.keep(&long, None, &cache(1));
        assert!(matches!(refused, Err(DelegationFault::TooLong)));
    }

    #[test]
    fn caches_that_are_over_go_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let delegation = delegation(folder.path(), false);
        let over = delegation
            .keep(&principal("alice@E"), None, &cache(100))
            .unwrap();
        let good = delegation
            .keep(&principal("bob@E"), None, &cache(300))
            .unwrap();
        let caches = folder.path().join("caches");
        let others = [caches.join("krb5cc_0"), caches.join("kerbstone-notes")];
        for other in &others {
            fs::write(other, "something else").unwrap();
        }
        symlink(path(&over), caches.join("kerbstone-link")).unwrap();
        assert_eq!(delegation.sweep(KerberosTime::from_unix(200)).unwrap(), 1);
        assert!(!path(&over).exists());
        assert!(path(&good).exists() && others.iter().all(|other| other.exists()));
    }

    #[test]
    fn a_file_for_a_local_user_is_theirs_or_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut delegation = delegation(folder.path(), false);
        delegation.settings.owner = CacheOwner::LocalUser;
        let alice = principal("alice@EXAMPLE.TEST");
        let me = User::from_uid(nix::unistd::geteuid()).unwrap().unwrap();
        let kept = delegation.keep(&alice, Some(&me.name), &cache(1)).unwrap();
        assert_eq!(fs::metadata(path(&kept)).unwrap().uid(), me.uid.as_raw());
        for name in [None, Some("no-such-user-here")] {
            let refused = delegation.keep(&alice, name, &cache(1));
            assert!(matches!(refused, Err(DelegationFault::NoUser(_))));
        }
    }
}
