//! `kerb admin trust`: keys shared with other realms.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kerbstone_admin::{Operation, Reply, Secret, TrustSecret, TrustView};
use kerbstone_proto::name::{Principal, Realm};
use serde::Serialize;

use super::confirmation::confirm;
use super::desk::{Desk, unexpected};
use super::new_password::PasswordSource;
use super::typed_value::{Keysalts, keysalts};
use super::{realm, table};
use crate::console::out;
use crate::failure::Failure;

/// What to do with trusts.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Share a key with another realm.
    Add(Add),
    /// List the realms that keys are shared with.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop sharing keys with another realm.
    Remove {
        /// The other realm.
        other: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The other realm.
    other: String,
    /// Its users may come here, and ours may not go there.
    #[arg(long)]
    inbound: bool,
    /// Our users may go there, and its users may not come here.
    #[arg(long, conflicts_with = "inbound")]
    outbound: bool,
    #[command(flatten)]
    source: PasswordSource,
    /// Make a random password, and tell it for the other realm.
    #[arg(long, conflicts_with_all = ["password_prompt", "password_stdin"])]
    random: bool,
    /// Write the random password to this new file instead of the terminal.
    #[arg(long, value_name = "FILE", requires = "random")]
    secret_file: Option<PathBuf>,
    /// Keys to make; both realms must make the same.
    #[arg(long, value_name = "LIST", value_parser = keysalts)]
    enctypes: Option<Keysalts>,
    /// Version number of the keys, which must be the same in both realms. Without it: 1.
    #[arg(long)]
    kvno: Option<u32>,
}

/// The form of `--json`.
#[derive(Serialize)]
pub(super) struct Row {
    realm: String,
    inbound: bool,
    outbound: bool,
}

impl Row {
    pub(super) fn new(trust: &TrustView) -> Self {
        Self {
            realm: trust.realm.to_string(),
            inbound: trust.inbound,
            outbound: trust.outbound,
        }
    }
}

impl Task {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(desk),
            Self::List { json } => list(json, desk),
            Self::Remove { other, yes } => remove(&other, yes, desk),
        }
    }
}

impl Add {
    fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let realm = desk.realm()?;
        let other = Realm::from(self.other.as_str());
        let what = format!("cannot add the trust of {realm} and {other}");
        let file = self
            .secret_file
            .as_deref()
            .map(|path| new_file(path, &what))
            .transpose()?;
        let secret = match self.random {
            true => TrustSecret::Random,
            false => {
                let whose = format!("the trust of {realm} and {other}");
                TrustSecret::Password(self.source.read(&whose, desk.console)?)
            }
        };
        let operation = Operation::AddTrust {
            realm: realm.clone(),
            other: other.clone(),
            inbound: !self.outbound,
            outbound: !self.inbound,
            secret,
            keysalts: self.enctypes.map(|list| list.0),
            kvno: self.kvno,
        };
        let reply = desk.ask(&what, operation);
        if let (Err(_), Some(path)) = (&reply, &self.secret_file) {
            let _ = std::fs::remove_file(path);
        }
        let Reply::TrustAdded {
            principals,
            kvno,
            secret,
        } = reply?
        else {
            return Err(unexpected());
        };
        out!(
            desk.console,
            "{realm} and {other} share keys, version {kvno}\n"
        );
        if let Some(secret) = secret {
            hand_over(&secret, file, self.secret_file.as_deref(), desk)?;
        }
        tell_the_other_side(&realm, &principals, desk);
        Ok(())
    }
}

/// Made before the trust, so that no password is lost for want of a place.
fn new_file(path: &Path, what: &str) -> Result<std::fs::File, Failure> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map_err(|error| {
        let help = "--secret-file names a file that does not exist yet";
        Failure::refused(what, format!("{}: {error}", path.display()), help)
    })
}

fn hand_over(
    secret: &Secret,
    file: Option<std::fs::File>,
    path: Option<&Path>,
    desk: &mut Desk<'_>,
) -> Result<(), Failure> {
    let (Some(mut file), Some(path)) = (file, path) else {
        out!(desk.console, "password for the other realm: ");
        desk.console.out_bytes(secret.as_bytes());
        out!(desk.console, "\n");
        return Ok(());
    };
    let mut write = || -> io::Result<()> {
        file.write_all(secret.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|error| {
        let help = "remove the trust and add it again";
        Failure::refused(
            "the trust is added, but its password is lost",
            error.to_string(),
            help,
        )
    })?;
    out!(
        desk.console,
        "password for the other realm: in {}\n",
        path.display()
    );
    Ok(())
}

fn tell_the_other_side(realm: &Realm, principals: &[Principal], desk: &mut Desk<'_>) {
    out!(
        desk.console,
        "the other realm needs the same, with the same password:\n"
    );
    out!(desk.console, "  kerb:  kerb admin trust add {realm}\n");
    for principal in principals {
        out!(desk.console, "  MIT:   kadmin.local addprinc {principal}\n");
    }
}

fn list(json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let realm = desk.realm()?;
    let trusts: Vec<Row> = realm::get(realm, desk)?
        .trusts
        .iter()
        .map(Row::new)
        .collect();
    if json {
        return table::json(&trusts, desk.console);
    }
    let say = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let rows = trusts
        .iter()
        .map(|row| [row.realm.clone(), say(row.inbound), say(row.outbound)]);
    table::print(
        ["REALM", "ITS USERS COME HERE", "OURS GO THERE"],
        rows,
        desk.console,
    );
    Ok(())
}

fn remove(other: &str, yes: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let realm = desk.realm()?;
    confirm(
        &format!("end the trust of {realm} and {other}"),
        yes,
        desk.console,
    )?;
    let what = format!("cannot end the trust of {realm} and {other}");
    let other = Realm::from(other);
    desk.ask(
        &what,
        Operation::RemoveTrust {
            realm: realm.clone(),
            other: other.clone(),
        },
    )?;
    out!(desk.console, "{realm} and {other} share no keys any more\n");
    Ok(())
}
