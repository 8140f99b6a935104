//! `kerb admin realm`: realms and their settings.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kerbstone_admin::{AttributeChange, Change, Operation, RealmChanges, RealmView, Reply};
use kerbstone_proto::name::Realm;
use kerbstone_realm::TransitPolicy;
use serde::Serialize;

use super::confirmation::confirm;
use super::desk::{Desk, unexpected};
use super::table;
use super::typed_value::{Keysalts, attributes, keysalts, length, say_length};
use crate::console::{Console, out};
use crate::failure::Failure;

/// What to do with realms.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Add a realm to this KDC.
    Add {
        /// Its name, by custom the site's domain in capitals.
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Show a realm's settings.
    Show {
        /// Its name; without it, the KDC's only realm.
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the realms of this KDC.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a realm's settings.
    Modify {
        /// Its name.
        name: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Delete a realm with everything in it.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// What may differ from the defaults.
#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Longest life of tickets: 12h.
    #[arg(long, value_name = "TIME", value_parser = length)]
    max_life: Option<Duration>,
    /// How long tickets can be renewed at most: 7d.
    #[arg(long, value_name = "TIME", value_parser = length)]
    max_renewable_life: Option<Duration>,
    /// Keys that new principals get, best first.
    #[arg(long, value_name = "LIST", value_parser = keysalts)]
    enctypes: Option<Keysalts>,
    /// Attributes of new users: +requires_preauth.
    #[arg(long, value_name = "LIST", value_parser = attributes, allow_hyphen_values = true)]
    user_attributes: Option<AttributeChange>,
    /// Policy of new principals.
    #[arg(long, value_name = "POLICY")]
    default_policy: Option<String>,
    /// New principals get no policy.
    #[arg(long, conflicts_with = "default_policy")]
    no_default_policy: bool,
    /// Tickets that passed through realms that this one does not know: refused by the KDC, or left to the service.
    #[arg(long)]
    transit: Option<Transit>,
    /// Whether tickets get a PAC, without which no service can act for users.
    #[arg(long, value_name = "BOOL")]
    pac: Option<bool>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transit {
    Refuse,
    LeaveToService,
}

impl Task {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        match self {
            Self::Add { name, changes } => {
                let realm = Realm::from(name.as_str());
                let changes = changes.read();
                let operation = Operation::CreateRealm { realm, changes };
                desk.ask(&format!("cannot add the realm {name}"), operation)?;
                out!(desk.console, "realm {name} added\n");
            }
            Self::Show { name, json } => return show(name.as_deref(), json, desk),
            Self::List { json } => return list(json, desk),
            Self::Modify { name, changes } => {
                let realm = Realm::from(name.as_str());
                let changes = changes.read();
                let operation = Operation::ModifyRealm { realm, changes };
                desk.ask(&format!("cannot change the realm {name}"), operation)?;
                out!(desk.console, "realm {name} changed\n");
            }
            Self::Delete { name, yes } => return delete(&name, yes, desk),
        }
        Ok(())
    }
}

impl Changes {
    fn read(self) -> RealmChanges {
        RealmChanges {
            max_life: self.max_life,
            max_renewable_life: self.max_renewable_life,
            keysalts: self.enctypes.map(|list| list.0),
            user_attributes: self.user_attributes.unwrap_or_default(),
            default_policy: match self.default_policy {
                Some(policy) => Change::Set(policy),
                None if self.no_default_policy => Change::Clear,
                None => Change::Keep,
            },
            transit: self.transit.map(|transit| match transit {
                Transit::Refuse => TransitPolicy::Enforce,
                Transit::LeaveToService => TransitPolicy::LeaveToService,
            }),
            issues_pac: self.pac,
        }
    }
}

/// The form of `--json`; lengths of time are seconds.
#[derive(Serialize)]
struct Row {
    realm: String,
    max_life: u64,
    max_renewable_life: u64,
    enctypes: Vec<String>,
    user_attributes: String,
    default_policy: Option<String>,
    refuses_unknown_transit: bool,
    issues_pac: bool,
    trusts: Vec<super::trust::Row>,
}

impl Row {
    fn new(view: &RealmView) -> Self {
        Self {
            realm: view.realm.to_string(),
            max_life: view.max_life.as_secs(),
            max_renewable_life: view.max_renewable_life.as_secs(),
            enctypes: view.keysalts.iter().map(ToString::to_string).collect(),
            user_attributes: view.user_attributes.to_string(),
            default_policy: view.default_policy.clone(),
            refuses_unknown_transit: view.enforces_transit,
            issues_pac: view.issues_pac,
            trusts: view.trusts.iter().map(super::trust::Row::new).collect(),
        }
    }
}

/// A realm as the KDC knows it.
pub(super) fn get(realm: Realm, desk: &mut Desk<'_>) -> Result<RealmView, Failure> {
    let what = format!("cannot show the realm {realm}");
    match desk.ask(&what, Operation::GetRealm { realm })? {
        Reply::Realm(view) => Ok(*view),
        _ => Err(unexpected()),
    }
}

fn show(name: Option<&str>, json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let realm = name.map_or_else(|| desk.realm(), |name| Ok(Realm::from(name)))?;
    let view = get(realm, desk)?;
    if json {
        return table::json(&Row::new(&view), desk.console);
    }
    print(&view, desk.console);
    Ok(())
}

fn print(view: &RealmView, console: &mut Console) {
    let enctypes: Vec<String> = view.keysalts.iter().map(ToString::to_string).collect();
    let trusts: Vec<String> = view
        .trusts
        .iter()
        .map(|trust| trust.realm.to_string())
        .collect();
    let transit = match view.enforces_transit {
        true => "refused when it is not permitted",
        false => "left to the service",
    };
    let none = || "none".to_owned();
    let facts = [
        ("realm", view.realm.to_string()),
        ("max life", say_length(Some(view.max_life), "")),
        (
            "max renewable life",
            say_length(Some(view.max_renewable_life), ""),
        ),
        ("enctypes", enctypes.join(", ")),
        ("attributes of new users", view.user_attributes.to_string()),
        (
            "policy of new principals",
            view.default_policy.clone().unwrap_or_else(none),
        ),
        ("path through other realms", transit.to_owned()),
        (
            "PAC in tickets",
            if view.issues_pac { "yes" } else { "no" }.to_owned(),
        ),
        (
            "trusts",
            if trusts.is_empty() {
                none()
            } else {
                trusts.join(", ")
            },
        ),
    ];
    table::facts(facts, console);
}

fn list(json: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let names: Vec<String> = desk.realms()?.iter().map(ToString::to_string).collect();
    if json {
        return table::json(&names, desk.console);
    }
    for name in names {
        out!(desk.console, "{name}\n");
    }
    Ok(())
}

fn delete(name: &str, yes: bool, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let question = format!("delete the realm {name} with every principal in it");
    confirm(&question, yes, desk.console)?;
    let operation = Operation::DeleteRealm {
        realm: Realm::from(name),
    };
    match desk.ask(&format!("cannot delete the realm {name}"), operation)? {
        Reply::Deleted(records) => {
            out!(
                desk.console,
                "realm {name} deleted with {records} records\n"
            );
        }
        _ => return Err(unexpected()),
    }
    Ok(())
}
