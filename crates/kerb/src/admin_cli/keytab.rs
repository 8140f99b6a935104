//! `kerb admin keytab`: keys of services in files.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use clap::Subcommand;
use kerbstone_admin::{ExportedKey, Operation, Reply};
use kerbstone_client::KeytabFile;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use super::desk::{Desk, unexpected};
use super::typed_value::{Keysalts, keysalts, unix_now};
use crate::console::out;
use crate::failure::Failure;

/// What to do with keytabs.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Give principals new random keys and add them to a keytab, which is made when it is missing.
    Write {
        /// The keytab.
        file: String,
        /// Whose keys.
        #[arg(required = true)]
        principals: Vec<String>,
        /// Write the keys that they have instead of new ones; passwords go on working.
        #[arg(long)]
        keep_keys: bool,
        /// Keep older versions of the keys usable, for tickets that are out.
        #[arg(long, conflicts_with = "keep_keys")]
        keep_old: bool,
        /// Keys to make, instead of the policy's or the realm's: aes256-cts,aes256-sha2.
        #[arg(long, value_name = "LIST", value_parser = keysalts, conflicts_with = "keep_keys")]
        enctypes: Option<Keysalts>,
    },
}

impl Task {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let Self::Write {
            file,
            principals,
            keep_keys,
            keep_old,
            enctypes,
        } = self;
        let file = Destination::prepare(&file)?;
        for name in principals {
            let principal = desk.principal(&name)?;
            let operation = match keep_keys {
                true => Operation::ExtractKeys {
                    principal: principal.clone(),
                    kvno: None,
                },
                false => Operation::RandomizeKeys {
                    principal: principal.clone(),
                    keep_old,
                    keysalts: enctypes.as_ref().map(|list| list.0.clone()),
                    export: true,
                },
            };
            let what = format!("cannot write the keys of {principal}");
            let Reply::Keys { keys, .. } = desk.ask(&what, operation)? else {
                return Err(unexpected());
            };
            if keys.is_empty() {
                let help = format!("give it some: kerb admin principal random-keys {principal}");
                return Err(Failure::refused(what, "it has none", help));
            }
            file.add(&principal, &keys)?;
            let kvno = keys.iter().map(|key| key.kvno).max().unwrap_or_default();
            out!(
                desk.console,
                "{principal}: {} keys, newest version {kvno}, written to {}\n",
                keys.len(),
                file.keytab.path().display()
            );
        }
        Ok(())
    }
}

/// The file that keys go to.
struct Destination {
    keytab: KeytabFile,
    /// It was made for this and holds nothing yet.
    is_new: bool,
}

impl Destination {
    /// Makes sure that keys can be written, before old ones are made useless.
    fn prepare(name: &str) -> Result<Self, Failure> {
        let what = format!("cannot write the keytab {name}");
        let keytab = KeytabFile::parse(name).map_err(|error| Failure::of(&what, &error))?;
        let is_new = open(keytab.path()).map_err(|error| {
            let help = "name a file in a folder where you may write";
            Failure::refused(&what, error.to_string(), help)
        })?;
        let destination = Self { keytab, is_new };
        if !is_new && fs::metadata(destination.keytab.path()).is_ok_and(|file| file.len() > 0) {
            destination
                .keytab
                .load()
                .map_err(|error| Failure::of(&what, &error))?;
        }
        Ok(destination)
    }

    fn add(&self, principal: &Principal, keys: &[ExportedKey]) -> Result<(), Failure> {
        let timestamp = KerberosTime::from_unix(unix_now());
        let write = || {
            for key in keys {
                let same = |old: &KeytabEntry| {
                    old.principal == *principal
                        && old.kvno == key.kvno
                        && old.key.enctype == key.enctype
                };
                self.keytab.remove(same)?;
                self.keytab.add(KeytabEntry {
                    principal: principal.clone(),
                    timestamp,
                    kvno: key.kvno,
                    key: KeyBlock::new(key.enctype, key.key.as_bytes()),
                })?;
            }
            Ok(())
        };
        write().map_err(|error| {
            Failure::of(
                format!("cannot write the keys of {principal}, which are new"),
                &error,
            )
        })
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        let path = self.keytab.path();
        if self.is_new && fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens the file for writing, and tells whether it was made by that.
fn open(path: &Path) -> io::Result<bool> {
    let create = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match create {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map(|_| false),
        Err(error) => Err(error),
    }
}
