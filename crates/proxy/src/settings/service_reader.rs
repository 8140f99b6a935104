//! A section `[service/NAME]` becomes a [`Service`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{SettingsError, ValueFault, Warning};
use super::flags;
use super::ini::Entry;
use super::options::{SectionKind, nearest};
use super::section_reader::{SectionReader, leading_number, refusal};
use super::service::{
    CredStoreElement, CredUsage, DELEGATE, MIN_LIFETIME, Mechs, Service, SocketAccess,
};
use super::substitution::{self, SubstitutionError};
use super::surroundings::Surroundings;

/// What `cred_store` had names of its own for, long ago.
const REMOVED: [(&str, &str); 3] = [
    ("krb5_keytab", "keytab"),
    ("krb5_ccache", "ccache"),
    ("krb5_client_keytab", "client_keytab"),
];

/// Keys that MIT's library takes from a credential store.
const STORE_KEYS: [&str; 6] = [
    "keytab",
    "client_keytab",
    "ccache",
    "rcache",
    "password",
    "verify",
];

/// The longest path of a socket: `sun_path` without its NUL.
const LONGEST_SOCKET: usize = 107;

impl Service {
    /// Nothing when no mechanism of the section is known: such a section is as good as absent.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub(super) fn read<S: Surroundings + ?Sized>(
        name: &str,
        default_socket: &Path,
        reader: &mut SectionReader<'_, S>,
    ) -> Result<Option<Self>, SettingsError> {
        reader.check_names(SectionKind::Service);
        let euid = euid(reader)?;
        let mechs = mechs(reader, reader.required("mechs")?);
        if mechs == Mechs::default() {
            return Ok(None);
        }
        refuse_removed(reader)?;
        let mut service = Self {
            euid,
            cred_store: cred_store(reader)?,
            selinux_context: selinux_context(reader)?,
            socket: socket(reader)?.filter(|socket| socket != default_socket),
            ..Self::with_credentials(name, mechs, reader)?
        };
        service.program = program(reader)?;
        service.allow_any_uid = reader.boolean("allow_any_uid").unwrap_or(false);
        service.trusted = reader.boolean("trusted").unwrap_or(false);
        service.impersonate = reader.boolean("impersonate").unwrap_or(false);
        service.kernel_nfsd = reader.boolean("kernel_nfsd").unwrap_or(false);
        if service.socket.is_none() && service.socket_access != SocketAccess::default() {
            service.socket_access = SocketAccess::default();
            reader.warnings.push(Warning::new(
                &service.location,
                "socket_owner, socket_group and socket_mode are for a service's own socket",
                "add `socket = PATH`",
            ));
        }
        warn_of_nfsd(&service, reader);
        Ok(Some(service))
    }

    /// The part that services and directories have in common; everything else is as if absent.
    ///
    /// # Errors
    /// [`SettingsError::Value`]
    pub(super) fn with_credentials<S: Surroundings + ?Sized>(
        name: &str,
        mechs: Mechs,
        reader: &mut SectionReader<'_, S>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            name: name.to_owned(),
            location: reader.section.location.clone(),
            euid: u32::MAX,
            allow_any_uid: false,
            program: None,
            socket: None,
            socket_access: SocketAccess {
                owner: reader.user("socket_owner")?,
                group: reader.group("socket_group")?,
                mode: reader
                    .mode("socket_mode")?
                    .unwrap_or(SocketAccess::default().mode),
            },
            selinux_context: None,
            mechs,
            cred_store: Vec::new(),
            krb5_principal: reader.text("krb5_principal"),
            cred_usage: cred_usage(reader)?,
            trusted: false,
            impersonate: false,
            allow_protocol_transition: reader.boolean("allow_protocol_transition").unwrap_or(false),
            allow_constrained_delegation: reader
                .boolean("allow_constrained_delegation")
                .unwrap_or(false),
            allow_client_ccache_sync: reader.boolean("allow_client_ccache_sync").unwrap_or(false),
            filter_flags: flag_list(reader, "filter_flags", DELEGATE),
            enforce_flags: flag_list(reader, "enforce_flags", 0),
            min_lifetime: min_lifetime(reader),
            kernel_nfsd: false,
        })
    }
}

/// The mechanisms in a list; others are warned of.
pub(super) fn mechs<S: Surroundings + ?Sized>(
    reader: &mut SectionReader<'_, S>,
    entry: &Entry,
) -> Mechs {
    let mut mechs = Mechs::default();
    let words = entry.value.split([',', ' ']);
    for word in words.filter(|word| !word.is_empty()) {
        match word {
            "krb5" => mechs.krb5 = true,
            "spnego" => mechs.spnego = true,
            _ => {
                let help = nearest(word, ["krb5", "spnego"].into_iter()).map_or_else(
                    || "there are krb5 and spnego".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                );
                reader.warn(
                    entry,
                    format!("unknown mechanism `{word}` is ignored"),
                    help,
                );
            }
        }
    }
    if mechs == Mechs::default() {
        reader.warn(
            entry,
            format!("[{}] has no mechanism and is ignored", reader.section.name),
            "write `mechs = krb5`",
        );
    }
    mechs
}

fn euid<S: Surroundings + ?Sized>(reader: &mut SectionReader<'_, S>) -> Result<u32, SettingsError> {
    let entry = reader.required("euid")?;
    let Some((number, rest)) = leading_number(&entry.value) else {
        let uid = reader.user("euid")?;
        return uid.ok_or_else(|| refusal(entry, "euid", ValueFault::UnknownUser));
    };
    if number < 0
        && let Ok(number) = i32::try_from(number)
    {
        let uid = number.cast_unsigned();
        reader.warn(
            entry,
            format!("`euid = {}` is read as {uid}", entry.value),
            "no process has a negative uid",
        );
        return Ok(uid);
    }
    let uid = u32::try_from(number).map_err(|_| refusal(entry, "euid", ValueFault::Number))?;
    reader.warn_of_rest(entry, uid, rest);
    Ok(uid)
}

fn refuse_removed<S: Surroundings + ?Sized>(
    reader: &SectionReader<'_, S>,
) -> Result<(), SettingsError> {
    for (option, key) in REMOVED {
        if let Some(entry) = reader.entry(option) {
            return Err(SettingsError::Removed {
                location: entry.location.clone(),
                option,
                instead: format!("cred_store = {key}:{}", entry.value),
            });
        }
    }
    Ok(())
}

fn cred_store<S: Surroundings + ?Sized>(
    reader: &mut SectionReader<'_, S>,
) -> Result<Vec<CredStoreElement>, SettingsError> {
    let mut store: Vec<CredStoreElement> = Vec::new();
    for entry in reader.section.all("cred_store") {
        let (key, value) = entry
            .value
            .split_once(':')
            .ok_or_else(|| refusal(entry, "cred_store", ValueFault::CredStore))?;
        if store.iter().any(|element| element.key == key) {
            let message = format!("`{key}:` is in the credential store twice: the first counts");
            reader.warn(entry, message, "remove one of the two");
        } else if !STORE_KEYS.contains(&key) {
            let help = nearest(key, STORE_KEYS.into_iter()).map_or_else(
                || "there are keytab, client_keytab, ccache and rcache".to_owned(),
                |known| format!("did you mean `{known}:`?"),
            );
            reader.warn(entry, format!("unknown key `{key}:` is ignored"), help);
        }
        match substitution::fill_in(value, 0, None) {
            Ok(_) | Err(SubstitutionError::NoUserName) => {}
            Err(fault) => reader
                .warnings
                .push(Warning::substitution(&entry.location, fault)),
        }
        store.push(CredStoreElement {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(store)
}

fn selinux_context<S: Surroundings + ?Sized>(
    reader: &mut SectionReader<'_, S>,
) -> Result<Option<String>, SettingsError> {
    let Some(entry) = reader.entry("selinux_context") else {
        return Ok(None);
    };
    let has_type = entry.value.split(':').nth(2).is_some();
    if !has_type || entry.value.contains(char::is_whitespace) {
        return Err(refusal(
            entry,
            "selinux_context",
            ValueFault::SelinuxContext,
        ));
    }
    reader.warn(
        entry,
        "selinux_context is deprecated",
        "a socket or an euid does the same",
    );
    Ok(Some(entry.value.clone()))
}

fn socket<S: Surroundings + ?Sized>(
    reader: &mut SectionReader<'_, S>,
) -> Result<Option<PathBuf>, SettingsError> {
    let Some(entry) = reader.entry("socket") else {
        return Ok(None);
    };
    if entry.value.is_empty() {
        return Err(refusal(entry, "socket", ValueFault::NoSocket));
    }
    if !entry.value.starts_with('/') {
        reader.warn(
            entry,
            "the socket's path is relative: where it is depends on how the daemon is started",
            "begin it with /",
        );
    }
    if entry.value.len() > LONGEST_SOCKET {
        reader.warn(
            entry,
            format!("the socket's path is longer than {LONGEST_SOCKET} characters"),
            "choose a shorter one: no client can name it",
        );
    }
    Ok(Some(PathBuf::from(&entry.value)))
}

fn program<S: Surroundings + ?Sized>(
    reader: &SectionReader<'_, S>,
) -> Result<Option<PathBuf>, SettingsError> {
    let Some(entry) = reader.entry("program") else {
        return Ok(None);
    };
    let fault = if !entry.value.starts_with('/') {
        ValueFault::RelativeProgram
    } else if entry.value.contains('|') {
        ValueFault::PipeInProgram
    } else {
        return Ok(Some(PathBuf::from(&entry.value)));
    };
    Err(refusal(entry, "program", fault))
}

fn cred_usage<S: Surroundings + ?Sized>(
    reader: &SectionReader<'_, S>,
) -> Result<CredUsage, SettingsError> {
    let Some(entry) = reader.entry("cred_usage") else {
        return Ok(CredUsage::Both);
    };
    match entry.value.to_ascii_lowercase().as_str() {
        "initiate" => Ok(CredUsage::Initiate),
        "accept" => Ok(CredUsage::Accept),
        "both" => Ok(CredUsage::Both),
        _ => Err(refusal(entry, "cred_usage", ValueFault::CredUsage)),
    }
}

fn flag_list<S: Surroundings + ?Sized>(
    reader: &mut SectionReader<'_, S>,
    option: &str,
    default: u32,
) -> u32 {
    let Some(entry) = reader.entry(option) else {
        return default;
    };
    flags::apply(&entry.value, default, |word| {
        reader.warn(
            entry,
            format!("`{word}` in {option} is ignored"),
            "write +NAME, -NAME or +0xNUMBER, such as -DELEGATE",
        );
    })
}

fn min_lifetime<S: Surroundings + ?Sized>(reader: &mut SectionReader<'_, S>) -> Duration {
    let Some(entry) = reader.entry("min_lifetime") else {
        return MIN_LIFETIME;
    };
    let read = leading_number(&entry.value)
        .and_then(|(number, rest)| Some((u32::try_from(number).ok()?, rest)))
        .filter(|(number, _)| i32::try_from(*number).is_ok());
    let Some((seconds, rest)) = read else {
        let message = format!("`min_lifetime = {}` is ignored: 15 counts", entry.value);
        reader.warn(entry, message, "write a number of seconds");
        return MIN_LIFETIME;
    };
    reader.warn_of_rest(entry, seconds, rest);
    Duration::from_secs(seconds.into())
}

fn warn_of_nfsd<S: Surroundings + ?Sized>(service: &Service, reader: &mut SectionReader<'_, S>) {
    let Some(program) = reader.entry("program").filter(|_| service.kernel_nfsd) else {
        return;
    };
    reader.warn(
        program,
        "the kernel's connection comes from no program: this service will never meet it",
        "remove program from the section with kernel_nfsd",
    );
}
