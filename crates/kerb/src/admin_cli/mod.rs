//! `kerb admin`: administers the realms of a running KDC through its socket.

mod confirmation;
mod desk;
mod dump;
mod keytab;
mod new_password;
mod policy;
mod principal;
mod principal_view;
mod privileges;
mod realm;
pub(crate) mod table;
mod trust;
mod typed_value;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kerbstone_proto::name::Realm;

use self::desk::Desk;
use crate::console::Console;
use crate::failure::Failure;
use crate::serve::{DEFAULT_CONFIG, Settings};

/// The command line of `kerb admin`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The KDC's admin socket; without it, the one that the settings name.
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The KDC's settings file.
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// The realm of names that name none; not needed when the KDC has only one.
    #[arg(long, global = true, value_name = "REALM")]
    realm: Option<String>,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Users and services.
    #[command(subcommand)]
    Principal(principal::Task),
    /// What passwords must be, and when wrong ones lock out.
    #[command(subcommand)]
    Policy(policy::Task),
    /// Keys of services in files.
    #[command(subcommand)]
    Keytab(keytab::Task),
    /// Realms and their settings.
    #[command(subcommand)]
    Realm(realm::Task),
    /// Keys shared with other realms.
    #[command(subcommand)]
    Trust(trust::Task),
    /// Write a dump of the whole store while the KDC runs; keys stay sealed.
    Dump(dump::Typed),
    /// Show what you may do, in the letters of kadm5.acl.
    Privileges,
}

/// Does what was typed.
pub(crate) fn run(typed: Typed, console: &mut Console) -> Result<(), Failure> {
    let socket = socket(&typed)?;
    let mut desk = Desk::open(&socket, typed.realm.as_deref().map(Realm::from), console)?;
    match typed.noun {
        Noun::Principal(task) => task.run(&mut desk),
        Noun::Policy(task) => task.run(&mut desk),
        Noun::Keytab(task) => task.run(&mut desk),
        Noun::Realm(task) => task.run(&mut desk),
        Noun::Trust(task) => task.run(&mut desk),
        Noun::Dump(typed) => typed.run(&mut desk),
        Noun::Privileges => privileges::show(&mut desk),
    }
}

fn socket(typed: &Typed) -> Result<PathBuf, Failure> {
    if let Some(socket) = &typed.socket {
        return Ok(socket.clone());
    }
    let cannot = "cannot find the KDC's admin socket";
    let settings = Settings::read(&typed.config).map_err(|error| {
        let help = "name the socket with --socket, or the KDC's settings with --config";
        Failure::refused(cannot, error.to_string(), help)
    })?;
    settings.kdc.admin_socket.ok_or_else(|| {
        let why = format!("{} names none", typed.config.display());
        Failure::refused(
            cannot,
            why,
            "set `admin_socket` under [kdc] there, and restart the KDC",
        )
    })
}
