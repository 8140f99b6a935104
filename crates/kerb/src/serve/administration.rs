//! Who may administer, as the settings say, and the socket for it.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use kerbstone_admin::acl::{Acl, AclError};
use kerbstone_admin::door::{self, Access, DoorError};
use kerbstone_admin::{Administration, AuditSink, Authority};
use kerbstone_realm::{RealmError, Registrar, Vault};
use nix::unistd::{Group, User};

use super::audit::AuditLog;
use super::settings::{AdminSettings, Settings};

/// Why nobody could administer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// A name under `users` that this host does not know.
    #[error("there is no local user `{0}`, named under `users` of [admin]")]
    UnknownUser(String),
    /// A name as `socket_group` that this host does not know.
    #[error("there is no local group `{0}`, named as `socket_group` of [admin]")]
    UnknownGroup(String),
    /// Users who would never get as far as being recognised.
    #[error("[admin] lists users but no `socket_group`, so that they cannot open the socket")]
    NoGroup,
    /// The file of rules cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A rule cannot be understood.
    #[error("{path}: {source}", path = path.display())]
    Acl { path: PathBuf, source: AclError },
    /// The store cannot be read.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// The socket cannot be had.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl SetupError {
    /// What the administrator can do about it.
    pub(crate) fn help(&self) -> String {
        let text = match self {
            Self::UnknownUser(_) | Self::UnknownGroup(_) => {
                "write a name or a number that `getent` knows"
            }
            Self::NoGroup => "set `socket_group` to a group that they are members of",
            Self::Unreadable { .. } => "correct `acl` under [admin] in kerbstone.toml",
            Self::Acl { .. } => {
                "a line is: principal permissions [target], as in MIT's kadm5.acl; \
                 with several realms every name needs its realm"
            }
            Self::Realm(_) => "restore the latest dump with `kerb kdc restore`",
            Self::Door(error) => error.help(),
        };
        text.to_owned()
    }
}

/// The operations and who may ask for them.
pub(crate) fn open(
    settings: &AdminSettings,
    vault: Arc<Vault>,
    audit: Option<Arc<AuditLog>>,
) -> Result<Arc<Administration>, SetupError> {
    let users: Result<Vec<u32>, _> = settings.users.iter().map(|name| uid(name)).collect();
    let acl = read_acl(settings, &vault)?;
    let administration = Administration::new(vault, Authority::new(users?, acl));
    Ok(Arc::new(match audit {
        Some(log) => administration.with_audit(log),
        None => administration,
    }))
}

fn read_acl(settings: &AdminSettings, vault: &Arc<Vault>) -> Result<Acl, SetupError> {
    let Some(path) = &settings.acl else {
        return Ok(Acl::default());
    };
    let text = std::fs::read_to_string(path).map_err(|source| SetupError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let realms = Registrar::new(Arc::clone(vault)).realms()?;
    let only = match realms.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    Acl::parse(&text, only).map_err(|source| SetupError::Acl {
        path: path.clone(),
        source,
    })
}

/// Makes the socket, when the settings name one.
pub(crate) fn bind(settings: &Settings) -> Result<Option<UnixListener>, SetupError> {
    let access = match &settings.admin.socket_group {
        Some(group) => Access::Group(gid(group)?),
        None if settings.admin.users.is_empty() => Access::Owner,
        None => return Err(SetupError::NoGroup),
    };
    let socket = settings.kdc.admin_socket.as_deref();
    Ok(socket.map(|path| door::bind(path, access)).transpose()?)
}

fn uid(name: &str) -> Result<u32, SetupError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let user = User::from_name(name).ok().flatten();
    user.map(|user| user.uid.as_raw())
        .ok_or_else(|| SetupError::UnknownUser(name.to_owned()))
}

fn gid(name: &str) -> Result<u32, SetupError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let group = Group::from_name(name).ok().flatten();
    group
        .map(|group| group.gid.as_raw())
        .ok_or_else(|| SetupError::UnknownGroup(name.to_owned()))
}

/// What administrators do is in the file before they are told that it is done.
impl AuditSink for AuditLog {
    fn record(&self, line: &str) {
        Self::record(self, line);
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_named_or_numbered() {
        assert_eq!(uid("root").unwrap(), 0);
        assert_eq!(uid("4711").unwrap(), 4711);
        assert!(uid("no-such-user-here").is_err());
        assert_eq!(gid("root").unwrap(), 0);
        assert!(gid("no-such-group-here").is_err());
    }
}
