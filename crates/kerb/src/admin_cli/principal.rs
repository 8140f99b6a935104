//! `kerb admin principal`: users and services.

use std::time::Duration;

use clap::{Args, Subcommand};
use kerbstone_admin::{
    AttributeChange, Change, KeySource, ListChange, Operation, PrincipalChanges, PrincipalView,
    Reply,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;

use super::confirmation::confirm;
use super::desk::{Desk, unexpected};
use super::new_password::PasswordSource;
use super::typed_value::{Keysalts, attributes, keysalts, length_or_none, time_or_never};
use super::{principal_view, table};
use crate::console::out;
use crate::failure::Failure;

/// What to do with principals.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Add a principal.
    Add(Add),
    /// Show a principal.
    Show {
        /// Its name, or an alias of it.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List names; an alias is a name too.
    List {
        /// Which: * ? [a-z] stand for characters. With an @ in it, it is held against name@REALM.
        glob: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change what a principal may and must do.
    Modify {
        /// Its name.
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Give a principal another name; its password goes on working.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Further names of a principal.
    #[command(subcommand)]
    Alias(Alias),
    /// Delete a principal and its aliases.
    Delete {
        /// Its name; of an alias, the alias alone goes.
        name: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
    /// Set a principal's password.
    Password {
        /// Its name.
        name: String,
        #[command(flatten)]
        source: PasswordSource,
        #[command(flatten)]
        keys: Keys,
    },
    /// Give a principal new random keys.
    RandomKeys {
        /// Its name.
        name: String,
        #[command(flatten)]
        keys: Keys,
    },
    /// Remove keys of old versions.
    Purge {
        /// Its name.
        name: String,
        /// The oldest version to stay; without it the newest alone stays.
        #[arg(long, value_name = "KVNO")]
        keep_from: Option<u32>,
    },
    /// Keep a principal out until it is unlocked.
    Lock {
        /// Its name.
        name: String,
    },
    /// Let a principal in again, also after too many wrong passwords.
    Unlock {
        /// Its name.
        name: String,
    },
    /// String attributes, such as session_enctypes.
    #[command(subcommand)]
    String(Strings),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name: alice, host/www.example.org.
    name: String,
    #[command(flatten)]
    source: PasswordSource,
    /// Give it random keys, as services have.
    #[arg(long, conflicts_with_all = ["password_prompt", "password_stdin"])]
    random_key: bool,
    /// Give it no key, so that it can neither sign in nor serve.
    #[arg(long, conflicts_with_all = ["password_prompt", "password_stdin", "random_key"])]
    no_key: bool,
    #[arg(long, value_name = "LIST", value_parser = keysalts, help = ENCTYPES)]
    enctypes: Option<Keysalts>,
    #[command(flatten)]
    changes: Changes,
}

const ENCTYPES: &str =
    "Keys to make, instead of the policy's or the realm's: aes256-cts,aes256-sha2:special";

/// How new keys are made.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// Keep older versions usable, for tickets that are out.
    #[arg(long)]
    keep_old: bool,
    #[arg(long, value_name = "LIST", value_parser = keysalts, help = ENCTYPES)]
    enctypes: Option<Keysalts>,
}

/// What may differ from the realm's usual principal.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Attributes to switch on and off, by kadmin's names: +requires_preauth,-allow_tix.
    #[arg(long, value_name = "LIST", value_parser = attributes, allow_hyphen_values = true)]
    attributes: Option<AttributeChange>,
    /// Longest life of its tickets: 10h, or none.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    max_life: Option<Change<Duration>>,
    /// How long its tickets can be renewed at most: 7d, or none.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    max_renewable_life: Option<Change<Duration>>,
    /// When it expires: 2027-01-31, +30d, never.
    #[arg(long, value_name = "TIME", value_parser = time_or_never)]
    expires: Option<Change<KerberosTime>>,
    /// When its password expires: 2027-01-31, +30d, never.
    #[arg(long, value_name = "TIME", value_parser = time_or_never)]
    password_expires: Option<Change<KerberosTime>>,
    /// Its policy.
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// It gets no policy.
    #[arg(long, conflicts_with = "policy")]
    no_policy: bool,
    /// Let it act for users at this service; once for each service.
    #[arg(long, value_name = "SERVICE")]
    delegate_to: Vec<String>,
    /// Let it no longer act for users at this service.
    #[arg(long, value_name = "SERVICE")]
    no_delegate_to: Vec<String>,
    /// Let this service act for users at it; once for each service.
    #[arg(long, value_name = "SERVICE")]
    delegate_from: Vec<String>,
    /// Let this service no longer act for users at it.
    #[arg(long, value_name = "SERVICE")]
    no_delegate_from: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Alias {
    /// Give a principal one more name.
    Add {
        /// The additional name.
        alias: String,
        /// Whose it is.
        name: String,
    },
    /// Take a name away.
    Remove {
        /// The additional name.
        alias: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Strings {
    /// Set a string attribute.
    Set {
        /// Whose.
        name: String,
        /// Which.
        key: String,
        /// Its value.
        value: String,
    },
    /// Remove a string attribute.
    Del {
        /// Whose.
        name: String,
        /// Which.
        key: String,
    },
}

impl Task {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(desk),
            Self::Show { name, json } => show(&name, json, desk),
            Self::List { glob, json } => list(glob, json, desk),
            Self::Modify { name, changes } => {
                let principal = desk.principal(&name)?;
                let operation = Operation::ModifyPrincipal {
                    principal: principal.clone(),
                    seen: None,
                    changes: changes.read(desk)?,
                };
                done(desk, "change", &principal, operation, "changed")
            }
            Self::Rename { from, to, yes } => rename(&from, &to, yes, desk),
            Self::Alias(alias) => alias.run(desk),
            Self::Delete { name, yes } => delete(&name, yes, desk),
            Self::Password { name, source, keys } => {
                let principal = desk.principal(&name)?;
                let password = source.read(&principal.to_string(), desk.console)?;
                let operation = Operation::ChangePassword {
                    principal: principal.clone(),
                    password,
                    keep_old: keys.keep_old,
                    keysalts: keys.enctypes.map(|list| list.0),
                };
                new_keys(desk, "set the password of", &principal, operation)
            }
            Self::RandomKeys { name, keys } => {
                let principal = desk.principal(&name)?;
                let operation = Operation::RandomizeKeys {
                    principal: principal.clone(),
                    keep_old: keys.keep_old,
                    keysalts: keys.enctypes.map(|list| list.0),
                    export: false,
                };
                new_keys(desk, "set the keys of", &principal, operation)
            }
            Self::Purge { name, keep_from } => purge(&name, keep_from, desk),
            Self::Lock { name } => {
                let principal = desk.principal(&name)?;
                let operation = Operation::LockPrincipal {
                    principal: principal.clone(),
                };
                done(desk, "lock", &principal, operation, "locked")
            }
            Self::Unlock { name } => {
                let principal = desk.principal(&name)?;
                let operation = Operation::UnlockPrincipal {
                    principal: principal.clone(),
                };
                done(desk, "unlock", &principal, operation, "unlocked")
            }
            Self::String(strings) => strings.run(desk),
        }
    }
}

impl Add {
    fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let principal = desk.principal(&self.name)?;
        let keys = if self.no_key {
            KeySource::None
        } else if self.random_key {
            KeySource::Random
        } else {
            KeySource::Password(self.source.read(&principal.to_string(), desk.console)?)
        };
        let operation = Operation::CreatePrincipal {
            principal: principal.clone(),
            keys,
            keysalts: self.enctypes.map(|list| list.0),
            changes: self.changes.read(desk)?,
        };
        done(desk, "add", &principal, operation, "added")
    }
}

impl Changes {
    fn read(self, desk: &mut Desk<'_>) -> Result<PrincipalChanges, Failure> {
        Ok(PrincipalChanges {
            attributes: self.attributes.unwrap_or_default(),
            max_life: self.max_life.unwrap_or_default(),
            max_renewable_life: self.max_renewable_life.unwrap_or_default(),
            expiration: self.expires.unwrap_or_default(),
            password_expiration: self.password_expires.unwrap_or_default(),
            policy: match self.policy {
                Some(policy) => Change::Set(policy),
                None if self.no_policy => Change::Clear,
                None => Change::Keep,
            },
            delegate_to: list_change(&self.delegate_to, &self.no_delegate_to, desk)?,
            delegate_from: list_change(&self.delegate_from, &self.no_delegate_from, desk)?,
        })
    }
}

fn list_change(
    add: &[String],
    remove: &[String],
    desk: &mut Desk<'_>,
) -> Result<ListChange, Failure> {
    let mut principals = |names: &[String]| {
        names
            .iter()
            .map(|name| desk.principal(name))
            .collect::<Result<_, _>>()
    };
    Ok(ListChange {
        add: principals(add)?,
        remove: principals(remove)?,
    })
}

impl Alias {
    fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        match self {
            Self::Add { alias, name } => {
                let (alias, target) = (desk.principal(&alias)?, desk.principal(&name)?);
                let operation = Operation::AddAlias {
                    alias: alias.clone(),
                    target,
                };
                done(desk, "add the alias", &alias, operation, "added")
            }
            Self::Remove { alias } => {
                let alias = desk.principal(&alias)?;
                let operation = Operation::RemoveAlias {
                    alias: alias.clone(),
                };
                done(desk, "remove the alias", &alias, operation, "removed")
            }
        }
    }
}

impl Strings {
    fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let (name, key, value) = match self {
            Self::Set { name, key, value } => (name, key, Some(value)),
            Self::Del { name, key } => (name, key, None),
        };
        let principal = desk.principal(&name)?;
        let operation = Operation::SetString {
            principal: principal.clone(),
            key,
            value,
        };
        done(desk, "change", &principal, operation, "changed")
    }
}

fn show(name: &str, json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let principal = desk.principal(name)?;
    let view = get(desk, &principal)?;
    if json {
        return table::json(&principal_view::Row::new(&view), desk.console);
    }
    principal_view::print(&view, desk.console);
    Ok(())
}

fn get(desk: &mut Desk<'_>, principal: &Principal) -> Result<PrincipalView, Failure> {
    let operation = Operation::GetPrincipal {
        principal: principal.clone(),
    };
    match desk.ask(&format!("cannot show {principal}"), operation)? {
        Reply::Principal(view) => Ok(*view),
        _ => Err(unexpected()),
    }
}

fn list(pattern: Option<String>, json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let realm = desk.realm()?;
    let operation = Operation::ListPrincipals { realm, pattern };
    let Reply::Principals(names) = desk.ask("cannot list principals", operation)? else {
        return Err(unexpected());
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if json {
        return table::json(&names, desk.console);
    }
    for name in names {
        out!(desk.console, "{name}\n");
    }
    Ok(())
}

fn rename(from: &str, to: &str, yes: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let (from, to) = (desk.principal(from)?, desk.principal(to)?);
    confirm(&format!("rename {from} to {to}"), yes, desk.console)?;
    let operation = Operation::RenamePrincipal {
        from: from.clone(),
        to,
    };
    done(desk, "rename", &from, operation, "renamed")
}

fn delete(name: &str, yes: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let principal = desk.principal(name)?;
    confirm(&format!("delete {principal}"), yes, desk.console)?;
    let operation = Operation::DeletePrincipal {
        principal: principal.clone(),
    };
    done(desk, "delete", &principal, operation, "deleted")
}

fn purge(name: &str, keep_from: Option<u32>, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let principal = desk.principal(name)?;
    let operation = Operation::PurgeKeys {
        principal: principal.clone(),
        keep_from,
    };
    let what = format!("cannot purge the keys of {principal}");
    match desk.ask(&what, operation)? {
        Reply::Purged(count) => out!(desk.console, "{principal}: {count} old keys removed\n"),
        _ => return Err(unexpected()),
    }
    Ok(())
}

/// An operation after which there is nothing to tell but that it is done.
fn done(
    desk: &mut Desk<'_>,
    verb: &str,
    principal: &Principal,
    operation: Operation,
    participle: &str,
) -> Result<(), Failure> {
    desk.ask(&format!("cannot {verb} {principal}"), operation)?;
    out!(desk.console, "{principal} {participle}\n");
    Ok(())
}

fn new_keys(
    desk: &mut Desk<'_>,
    verb: &str,
    principal: &Principal,
    operation: Operation,
) -> Result<(), Failure> {
    let what = format!("cannot {verb} {principal}");
    match desk.ask(&what, operation)? {
        Reply::Kvno(kvno) => out!(desk.console, "{principal} has new keys, version {kvno}\n"),
        _ => return Err(unexpected()),
    }
    Ok(())
}
