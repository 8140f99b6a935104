//! `kerb proxy check`: what is wrong with a configuration, and which caller gets which key.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use kerbstone_client::{ClientError, KeytabFile};
use kerbstone_proxy::settings::{
    Caller, Right, Service, Settings, SettingsError, Sources, Verdict, Warning,
};
use nix::unistd::{Uid, User};

use super::flags::Flags;
use crate::admin_cli::table;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};

/// The command line of `kerb proxy check`.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// The configuration file, read alone, or a folder with gssproxy.conf and NN-*.conf [default: /etc/gssproxy].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Explain which service and which keys a process of this user, or uid, gets.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// The program that it runs, as a path without links.
    #[arg(long, value_name = "PROGRAM", requires = "user")]
    program: Option<PathBuf>,
    /// The socket that it uses, if not the default one.
    #[arg(long, value_name = "SOCKET", requires = "user")]
    at: Option<PathBuf>,
}

/// Runs `kerb proxy check`.
///
/// # Errors
/// The configuration would be refused, or no service serves the caller that was asked about.
pub(super) fn run(typed: &Typed, flags: &Flags, console: &mut Console) -> Result<(), Failure> {
    let sources = sources(typed, flags);
    let (settings, mut warnings) = Settings::load(&sources).map_err(|error| refused(&error))?;
    match &typed.user {
        Some(user) => explain(&settings, user, typed, console),
        None => {
            warnings.extend(surroundings(&settings));
            show(&settings, &warnings, console);
            Ok(())
        }
    }
}

fn refused(error: &SettingsError) -> Failure {
    Failure::refused(
        "the configuration is refused",
        error.to_string(),
        error.help(),
    )
}

fn sources(typed: &Typed, flags: &Flags) -> Sources {
    let Some(named) = &typed.file else {
        return flags.sources();
    };
    let socket = flags.socket.as_deref();
    if named.is_dir() {
        return Sources::from_flags(Some(&named.join("gssproxy.conf")), Some(named), socket);
    }
    Sources::from_flags(Some(named), flags.config_dir.as_deref(), socket)
}

fn show(settings: &Settings, warnings: &[Warning], console: &mut Console) {
    let rows = settings.services.iter().map(|service| {
        [
            service.name.clone(),
            socket(service),
            callers(service),
            store(service),
            rights(service),
        ]
    });
    table::print(
        ["SERVICE", "SOCKET", "CALLERS", "CREDENTIALS", "MAY"],
        rows,
        console,
    );
    for warning in warnings {
        out!(console, "\nwarning: {warning}\n");
        if !warning.help.is_empty() {
            out!(console, "help: {}\n", warning.help);
        }
    }
    out!(
        console,
        "\n{}, {}; the default socket is {}\n",
        counted(settings.services.len(), "service"),
        counted(warnings.len(), "warning"),
        settings.default_socket.display()
    );
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn socket(service: &Service) -> String {
    service
        .socket
        .as_deref()
        .map_or_else(|| "default".to_owned(), |path| path.display().to_string())
}

fn callers(service: &Service) -> String {
    let mut lines = Vec::new();
    if service.allow_any_uid {
        lines.push("any uid".to_owned());
    } else {
        lines.push(format!("uid {}", service.euid));
    }
    lines.extend(
        service
            .program
            .as_deref()
            .map(|program| program.display().to_string()),
    );
    lines.extend(service.selinux_context.clone());
    if service.socket_access.mode != 0o666 {
        lines.push(format!("socket's mode {:04o}", service.socket_access.mode));
    }
    lines.join("\n")
}

fn store(service: &Service) -> String {
    if service.cred_store.is_empty() {
        return "the daemon's own".to_owned();
    }
    let lines: Vec<String> = service
        .cred_store
        .iter()
        .map(|element| format!("{}:{}", element.key, element.value))
        .collect();
    lines.join("\n")
}

/// What callers may do; where its own user may do more than others, both.
fn rights(service: &Service) -> String {
    let words = |rights: Vec<Right>| -> String {
        let words: Vec<&str> = rights.into_iter().map(Right::short).collect();
        words.join(", ")
    };
    let own = words(service.rights(service.euid));
    let others = words(service.rights(service.euid.wrapping_add(1)));
    if !service.allow_any_uid || own == others {
        return own;
    }
    format!("{others}\nuid {}: {own}", service.euid)
}

fn explain(
    settings: &Settings,
    user: &str,
    typed: &Typed,
    console: &mut Console,
) -> Result<(), Failure> {
    let (uid, name) = user_named(user)?;
    let caller = Caller {
        uid,
        gid: uid,
        pid: 0,
        program: typed.program.clone(),
        socket: typed.at.clone().filter(|at| *at != settings.default_socket),
        selinux_context: None,
    };
    let verdicts = settings.explain(&caller);
    let mut served = None;
    let rows: Vec<[String; 2]> = verdicts
        .iter()
        .map(|(service, verdict)| {
            let words = match verdict {
                Verdict::Serves => {
                    served = Some(*service);
                    "serves this caller".to_owned()
                }
                Verdict::ServedEarlier => "would, if none before it did".to_owned(),
                Verdict::Not(mismatch) => mismatch.to_string(),
            };
            [service.name.clone(), words]
        })
        .collect();
    table::print(["SERVICE", "VERDICT"], rows, console);
    let Some(service) = served else {
        return Err(Failure {
            what: "no service for this caller".to_owned(),
            why: "the daemon would close its connection without an answer".to_owned(),
            help: "try --program and --at with the program and the socket that it uses".to_owned(),
            exit: Exit::Refused,
        });
    };
    out!(console, "\n");
    let mut facts = vec![
        (
            "service",
            format!("{} ({})", service.name, service.location),
        ),
        ("mechanisms", service.mechanisms().to_owned()),
    ];
    for (key, value) in service.filled_store(uid, name.as_deref()) {
        let words = match (key, value) {
            (_, Err(fault)) => format!("no call succeeds: {fault}"),
            ("keytab" | "client_keytab", Ok(value)) => format!("{value}: {}", keys(&value)),
            (_, Ok(value)) => value,
        };
        facts.push((key, words));
    }
    if service.cred_store.is_empty() {
        facts.push(("credentials", "the daemon's own".to_owned()));
    }
    let rights: Vec<String> = service
        .rights(uid)
        .iter()
        .map(ToString::to_string)
        .collect();
    facts.push(("may", rights.join(", ")));
    let (enforced, filtered) = service.flag_names();
    for (fact, flags) in [("flags added", enforced), ("flags taken away", filtered)] {
        if !flags.is_empty() {
            facts.push((fact, flags));
        }
    }
    table::facts(facts, console);
    Ok(())
}

/// A uid, and its name if it has one.
fn user_named(user: &str) -> Result<(u32, Option<String>), Failure> {
    let unknown = |why: String| {
        Failure::refused(
            format!("there is no user {user}"),
            why,
            "give its uid instead",
        )
    };
    let asked = match user.parse() {
        Ok(uid) => {
            let named = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            return Ok((uid, named.map(|user| user.name)));
        }
        Err(_) => User::from_name(user).map_err(|error| unknown(error.to_string()))?,
    };
    let found = asked.ok_or_else(|| unknown("no such name is known on this machine".to_owned()))?;
    Ok((found.uid.as_raw(), Some(found.name)))
}

/// Whose keys a keytab has, or why it cannot be told.
fn keys(name: &str) -> String {
    let keytab = match KeytabFile::parse(name).and_then(|file| file.load()) {
        Ok(keytab) => keytab,
        Err(ClientError::NoKeytab { .. }) => return "there is no such file".to_owned(),
        Err(error) => return error.to_string(),
    };
    let principals: BTreeSet<String> = keytab
        .entries()
        .map(|entry| format!("{} (kvno {})", entry.principal, entry.kvno))
        .collect();
    if principals.is_empty() {
        return "it has no keys".to_owned();
    }
    Vec::from_iter(principals).join(", ")
}

/// What the configuration names and the machine does not have.
fn surroundings(settings: &Settings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for service in &settings.services {
        let mut warn = |message: String, help: &str| {
            warnings.push(Warning {
                location: service.location.clone(),
                message: format!("[service/{}]: {message}", service.name),
                help: help.to_owned(),
            });
        };
        if let Some(program) = &service.program {
            check_program(program, &mut warn);
        }
        for element in &service.cred_store {
            let is_keytab = element.key == "keytab" || element.key == "client_keytab";
            if is_keytab && !element.value.contains('%') {
                check_keytab(&element.value, &mut warn);
            }
        }
        check_folder(service, settings, &mut warn);
    }
    warnings
}

fn check_program(program: &Path, warn: &mut impl FnMut(String, &str)) {
    match fs::canonicalize(program) {
        Ok(canonical) if canonical != program => warn(
            format!(
                "{} is a link, and callers have the path {}",
                program.display(),
                canonical.display()
            ),
            "write the path without links",
        ),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => warn(
            format!("there is no program {}", program.display()),
            "install it, or correct the path",
        ),
        // Somebody else's folder: the daemon can tell.
        Err(_) => {}
    }
}

fn check_keytab(name: &str, warn: &mut impl FnMut(String, &str)) {
    match KeytabFile::parse(name).and_then(|file| file.load()) {
        Ok(keytab) if keytab.entries().next().is_none() => warn(
            format!("the keytab {name} has no keys"),
            "write some: kerb admin keytab add",
        ),
        Ok(_) => {}
        Err(ClientError::KeytabIo { error, .. }) if error.kind() == ErrorKind::PermissionDenied => {
        }
        Err(error) => warn(error.to_string(), "write it, or correct the path"),
    }
}

fn check_folder(service: &Service, settings: &Settings, warn: &mut impl FnMut(String, &str)) {
    let Some(folder) = service.socket.as_deref().and_then(Path::parent) else {
        return;
    };
    let is_made = settings
        .directories
        .iter()
        .any(|directory| directory.path == folder);
    if !is_made && fs::metadata(folder).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        warn(
            format!(
                "the folder of its socket, {}, is not there",
                folder.display()
            ),
            "make it, or correct the path",
        );
    }
}
