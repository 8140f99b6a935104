//! `kerb admin policy`: what passwords must be, and when wrong ones lock out.

use std::time::Duration;

use clap::{Args, Subcommand};
use kerbstone_admin::{Change, Operation, PolicyChanges, PolicyView, Reply};
use serde::Serialize;

use super::desk::{Desk, unexpected};
use super::table;
use super::typed_value::{Keysalts, keysalts, length, length_or_none, say_length};
use crate::console::{Console, out};
use crate::failure::Failure;

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Add a policy.
    Add {
        /// Its name.
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Show a policy.
    Show {
        /// Its name.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List policies.
    List {
        /// Which: * ? [a-z] stand for characters.
        glob: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a policy.
    Modify {
        /// Its name.
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Delete a policy that nothing uses.
    Delete {
        /// Its name.
        name: String,
    },
}

/// What a policy demands.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Fewest characters of a password.
    #[arg(long, value_name = "NUMBER")]
    min_length: Option<u32>,
    /// Fewest kinds of characters: lower case, upper case, digits, punctuation, others.
    #[arg(long, value_name = "NUMBER")]
    min_classes: Option<u32>,
    /// Passwords that must not come back.
    #[arg(long, value_name = "NUMBER")]
    history: Option<u32>,
    /// How old a password must be before its owner may change it again: 1h.
    #[arg(long, value_name = "TIME", value_parser = length)]
    min_password_life: Option<Duration>,
    /// How old a password may become: 180d, or none.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    max_password_life: Option<Change<Duration>>,
    /// Wrong passwords that lock out; 0 for never.
    #[arg(long, value_name = "NUMBER")]
    max_failures: Option<u32>,
    /// Failures further apart than this do not add up: 10m, or none: they always do.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    failure_interval: Option<Change<Duration>>,
    /// How long a lockout lasts: 15m, or none: until somebody unlocks.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    lockout_duration: Option<Change<Duration>>,
    /// Longest life of tickets of principals made under it: 10h, or none.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    max_life: Option<Change<Duration>>,
    /// Longest renewable life of tickets of principals made under it: 7d, or none.
    #[arg(long, value_name = "TIME", value_parser = length_or_none)]
    max_renewable_life: Option<Change<Duration>>,
    /// Keys that may be made.
    #[arg(long, value_name = "LIST", value_parser = keysalts)]
    enctypes: Option<Keysalts>,
    /// Any keys may be made.
    #[arg(long, conflicts_with = "enctypes")]
    any_enctypes: bool,
}

impl Task {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let realm = desk.realm()?;
        let (verb, name, operation) = match self {
            Self::Show { name, json } => return show(name, json, desk),
            Self::List { glob, json } => return list(glob, json, desk),
            Self::Add { name, changes } => {
                let changes = changes.read();
                (
                    "add",
                    name.clone(),
                    Operation::CreatePolicy {
                        realm,
                        name,
                        changes,
                    },
                )
            }
            Self::Modify { name, changes } => {
                let changes = changes.read();
                (
                    "change",
                    name.clone(),
                    Operation::ModifyPolicy {
                        realm,
                        name,
                        changes,
                    },
                )
            }
            Self::Delete { name } => (
                "delete",
                name.clone(),
                Operation::DeletePolicy { realm, name },
            ),
        };
        desk.ask(&format!("cannot {verb} the policy {name}"), operation)?;
        let participle = verb.trim_end_matches('e');
        out!(desk.console, "policy {name} {participle}ed\n");
        Ok(())
    }
}

impl Changes {
    fn read(self) -> PolicyChanges {
        PolicyChanges {
            min_password_life: self.min_password_life,
            max_password_life: self.max_password_life.unwrap_or_default(),
            min_length: self.min_length,
            min_classes: self.min_classes,
            history: self.history,
            max_failures: self.max_failures,
            failure_interval: self.failure_interval.unwrap_or_default(),
            lockout_duration: self.lockout_duration.unwrap_or_default(),
            max_life: self.max_life.unwrap_or_default(),
            max_renewable_life: self.max_renewable_life.unwrap_or_default(),
            allowed_keysalts: match self.enctypes {
                Some(list) => Change::Set(list.0),
                None if self.any_enctypes => Change::Clear,
                None => Change::Keep,
            },
        }
    }
}

/// The form of `--json`; lengths of time are seconds.
#[derive(Serialize)]
struct Row {
    name: String,
    min_length: u32,
    min_classes: u32,
    history: u32,
    min_password_life: u64,
    max_password_life: Option<u64>,
    max_failures: u32,
    failure_interval: Option<u64>,
    lockout_duration: Option<u64>,
    max_life: Option<u64>,
    max_renewable_life: Option<u64>,
    enctypes: Option<Vec<String>>,
}

impl Row {
    fn new(policy: &PolicyView) -> Self {
        let seconds = |length: Option<Duration>| length.map(|length| length.as_secs());
        Self {
            name: policy.name.clone(),
            min_length: policy.min_length,
            min_classes: policy.min_classes,
            history: policy.history,
            min_password_life: policy.min_password_life.as_secs(),
            max_password_life: seconds(policy.max_password_life),
            max_failures: policy.max_failures,
            failure_interval: seconds(policy.failure_interval),
            lockout_duration: seconds(policy.lockout_duration),
            max_life: seconds(policy.max_life),
            max_renewable_life: seconds(policy.max_renewable_life),
            enctypes: enctypes(policy),
        }
    }
}

fn enctypes(policy: &PolicyView) -> Option<Vec<String>> {
    let allowed = policy.allowed_keysalts.as_ref()?;
    Some(allowed.iter().map(ToString::to_string).collect())
}

fn show(name: String, json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let what = format!("cannot show the policy {name}");
    let realm = desk.realm()?;
    let Reply::Policy(policy) = desk.ask(&what, Operation::GetPolicy { realm, name })? else {
        return Err(unexpected());
    };
    if json {
        return table::json(&Row::new(&policy), desk.console);
    }
    print(&policy, desk.console);
    Ok(())
}

fn print(policy: &PolicyView, console: &mut Console) {
    let failures = match policy.max_failures {
        0 => "never".to_owned(),
        number => format!("after {number} wrong passwords"),
    };
    let facts = [
        ("policy", policy.name.clone()),
        ("min length", policy.min_length.to_string()),
        ("min classes", policy.min_classes.to_string()),
        ("history", policy.history.to_string()),
        (
            "min password life",
            say_length(Some(policy.min_password_life), "none"),
        ),
        (
            "max password life",
            say_length(policy.max_password_life, "none"),
        ),
        ("locks out", failures),
        (
            "failure interval",
            say_length(policy.failure_interval, "none"),
        ),
        (
            "lockout lasts",
            say_length(policy.lockout_duration, "until unlocked"),
        ),
        ("max life", say_length(policy.max_life, "the realm's")),
        (
            "max renewable life",
            say_length(policy.max_renewable_life, "the realm's"),
        ),
        (
            "enctypes",
            enctypes(policy).map_or_else(|| "any".to_owned(), |list| list.join(", ")),
        ),
    ];
    table::facts(facts, console);
}

fn list(pattern: Option<String>, json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let realm = desk.realm()?;
    let operation = Operation::ListPolicies { realm, pattern };
    let Reply::Policies(names) = desk.ask("cannot list policies", operation)? else {
        return Err(unexpected());
    };
    if json {
        return table::json(&names, desk.console);
    }
    for name in names {
        out!(desk.console, "{name}\n");
    }
    Ok(())
}
