//! Folders that the daemon needs, computed from its configuration.

use std::collections::BTreeSet;
use std::env;
use std::path::{Component, Path, PathBuf};

use kerbstone_proxy::daemon::Hall;
use kerbstone_proxy::settings::Settings;

use super::super::flags::Flags;
use super::super::kernel_nfsd;

/// Read by the C library, its name services and the Kerberos configuration.
const READ: [&str; 11] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys/devices/system/cpu",
    "/run",
    "/var/run",
    "/var/lib/sss",
    "/var/db",
    "/var/cache",
];
/// Written by everybody.
const WRITE: [&str; 4] = ["/dev", "/tmp", "/var/tmp", kernel_nfsd::SWITCH];

/// Where the daemon may read, and where it may write as well.
#[derive(Debug, Default)]
pub(super) struct Places {
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
}

impl Places {
    /// What this configuration needs.
    pub(super) fn of(flags: &Flags, hall: &Hall) -> Self {
        let mut places = Self {
            read: READ.iter().map(PathBuf::from).collect(),
            write: WRITE.iter().map(PathBuf::from).collect(),
        };
        places.add_environment();
        places.add_flags(flags);
        places.add_settings(hall.settings());
        places
    }

    pub(super) fn read(&self) -> impl Iterator<Item = &Path> {
        self.read.iter().map(PathBuf::as_path)
    }

    pub(super) fn write(&self) -> impl Iterator<Item = &Path> {
        self.write.iter().map(PathBuf::as_path)
    }

    /// What is neither in these places nor below them.
    pub(super) fn beyond(&self, others: &Self) -> Vec<PathBuf> {
        let is_in =
            |path: &Path, set: &BTreeSet<PathBuf>| set.iter().any(|one| path.starts_with(one));
        let to_read = self
            .read()
            .filter(|path| !is_in(path, &others.read) && !is_in(path, &others.write));
        let to_write = self.write().filter(|path| !is_in(path, &others.write));
        to_read.chain(to_write).map(Path::to_owned).collect()
    }

    fn add_environment(&mut self) {
        for name in ["KRB5_CONFIG", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME"] {
            let value = env::var(name).unwrap_or_default();
            for file in name_parts(name, &value) {
                add(&mut self.read, folder_of(file));
            }
        }
        for name in ["KRB5CCNAME", "KRB5_TRACE"] {
            let file = env::var(name).unwrap_or_default();
            add(&mut self.write, folder_of(&file));
        }
        for name in ["KRB5RCACHEDIR", "TMPDIR"] {
            let value = env::var_os(name).map(PathBuf::from);
            add(&mut self.write, value);
        }
    }

    fn add_flags(&mut self, flags: &Flags) {
        let sources = flags.sources();
        add(&mut self.read, parent(&sources.file));
        add(&mut self.read, sources.directory);
        add(&mut self.write, flags.audit.as_deref().and_then(parent));
    }

    fn add_settings(&mut self, settings: &Settings) {
        add(&mut self.write, parent(&settings.default_socket));
        for directory in &settings.directories {
            add(&mut self.write, Some(directory.path.clone()));
        }
        for service in &settings.services {
            add(&mut self.write, service.socket.as_deref().and_then(parent));
            for element in &service.cred_store {
                let folder = folder_of(&element.value);
                match element.key.as_str() {
                    "keytab" | "client_keytab" => add(&mut self.read, folder),
                    _ => add(&mut self.write, folder),
                }
            }
        }
    }
}

/// KRB5_CONFIG is a list, the others are one name.
fn name_parts<'a>(variable: &str, value: &'a str) -> Vec<&'a str> {
    match variable {
        "KRB5_CONFIG" => value.split(':').collect(),
        _ => vec![value],
    }
}

fn add(set: &mut BTreeSet<PathBuf>, folder: Option<PathBuf>) {
    set.extend(folder.filter(|folder| folder.is_absolute()));
}

/// The folder of a cache or keytab, as far as it is the same for everybody; none when it is no file.
fn folder_of(name: &str) -> Option<PathBuf> {
    let path = match name.split_once(':') {
        Some(("FILE" | "WRFILE" | "DIR" | "dfl" | "file2", path)) => path.trim_start_matches(':'),
        _ if name.starts_with('/') => name,
        _ => return None,
    };
    let fixed: PathBuf = Path::new(path)
        .components()
        .take_while(|component| !is_variable(*component))
        .collect();
    let is_whole = fixed.as_os_str().len() == path.trim_end_matches('/').len();
    if is_whole && !name.starts_with("DIR:") {
        parent(&fixed)
    } else {
        Some(fixed)
    }
}

fn is_variable(component: Component<'_>) -> bool {
    component.as_os_str().to_string_lossy().contains('%')
}

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_end_before_what_differs_between_users() {
        let cases = [
            (
                "FILE:/var/lib/gssproxy/clients/krb5cc_%U",
                Some("/var/lib/gssproxy/clients"),
            ),
            ("/etc/krb5.keytab", Some("/etc")),
            ("FILE:/srv/%u/keys/a.keytab", Some("/srv")),
            ("DIR:/run/user/%U/krb5cc", Some("/run/user")),
            ("DIR:/srv/caches", Some("/srv/caches")),
            ("KEYRING:persistent:0", None),
            ("MEMORY:x", None),
            ("", None),
        ];
        for (name, folder) in cases {
            assert_eq!(folder_of(name), folder.map(PathBuf::from), "{name}");
        }
    }

    #[test]
    fn only_what_is_new_is_beyond() {
        let set = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let old = Places {
            read: set(&["/etc"]),
            write: set(&["/tmp", "/var/lib/gssproxy"]),
        };
        let new = Places {
            read: set(&["/etc/keys", "/srv/keys", "/tmp/keys"]),
            write: set(&["/var/lib/gssproxy/clients", "/etc"]),
        };
        let beyond = new.beyond(&old);
        assert_eq!(beyond, ["/srv/keys", "/etc"].map(PathBuf::from));
    }
}
