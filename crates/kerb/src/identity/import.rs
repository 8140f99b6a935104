//! `kerb identity import`: what another Keystone knows, taken over with its ids.

use std::collections::BTreeMap;
use std::env;

use clap::Args;
use kerbstone_identity::directory::DirectoryError;
use kerbstone_identity::import::{Collected, ImportError, Tally};
use tokio::runtime::Builder;
use zeroize::Zeroizing;

use super::bootstrap::{directory_help, open};
use super::keystone_api::{AskError, KeystoneApi};
use super::settings::IdentitySettings;
use crate::console::{Console, out};
use crate::failure::{Exit, Failure};

const CANNOT: &str = "cannot take over what that Keystone knows";
/// The order in which people read it.
const TABLES: [&str; 11] = [
    "domains",
    "projects",
    "users",
    "groups",
    "memberships",
    "roles",
    "implications",
    "assignments",
    "regions",
    "services",
    "endpoints",
];

/// The command line of `kerb identity import`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The other Keystone. A token of its administrator is read from OS_TOKEN, the authorities to believe from OS_CACERT.
    #[arg(long, value_name = "URL")]
    from: String,
    /// Write it to the store; without this nothing is written, and what would be is told.
    #[arg(long)]
    apply: bool,
}

/// Asks, tells, and writes when it is meant.
pub(super) fn run(
    typed: &Typed,
    settings: &IdentitySettings,
    console: &mut Console,
) -> Result<(), Failure> {
    let token = env::var("OS_TOKEN").map(Zeroizing::new).map_err(|_| {
        Failure::misused(
            CANNOT,
            "there is no token",
            "OS_TOKEN=$(openstack token issue -f value -c id) as the other Keystone's administrator",
        )
    })?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused(CANNOT, error.to_string(), ""))?;
    let collected = runtime
        .block_on(collect(&typed.from, &token))
        .map_err(|error| unanswered(&error))?;
    let directory = open(&settings.store, CANNOT)?;
    let taken = directory.change(|change| {
        let tallies = collected.take_over(change)?;
        match typed.apply {
            true => Ok(tallies),
            false => Err(Outcome::Told(tallies)),
        }
    });
    match taken {
        Ok(tallies) => {
            tell(&tallies, console);
            out!(
                console,
                "written; now make the administrator: kerb identity bootstrap --admin USER\n"
            );
            Ok(())
        }
        Err(Outcome::Told(tallies)) => {
            tell(&tallies, console);
            out!(console, "nothing was written; --apply writes it\n");
            Ok(())
        }
        Err(Outcome::Refused(error)) => Err(refused(&error)),
    }
}

/// Why a change is not written.
enum Outcome {
    /// Nobody wanted it to be.
    Told(BTreeMap<&'static str, Tally>),
    Refused(ImportError),
}

impl From<ImportError> for Outcome {
    fn from(error: ImportError) -> Self {
        Self::Refused(error)
    }
}

impl From<DirectoryError> for Outcome {
    fn from(error: DirectoryError) -> Self {
        Self::Refused(error.into())
    }
}

async fn collect(url: &str, token: &Zeroizing<String>) -> Result<Collected, AskError> {
    let mut api = KeystoneApi::at(url, token)?;
    let domains = api.list("/domains", "domains").await?;
    let groups = api.list("/groups", "groups").await?;
    let id = |value: &serde_json::Value| {
        let id = value.get("id").and_then(serde_json::Value::as_str);
        id.unwrap_or_default().to_owned()
    };
    let mut roles = api.list("/roles", "roles").await?;
    for domain in &domains {
        let path = format!("/roles?domain_id={}", id(domain));
        roles.extend(api.list(&path, "roles").await?);
    }
    let mut members = Vec::new();
    for group in &groups {
        let group = id(group);
        let users = api.list(&format!("/groups/{group}/users"), "users").await?;
        members.push((group, users.iter().map(id).collect()));
    }
    Ok(Collected {
        projects: api.list("/projects", "projects").await?,
        users: api.list("/users", "users").await?,
        inferences: api.list("/role_inferences", "role_inferences").await?,
        assignments: api.list("/role_assignments", "role_assignments").await?,
        regions: api.list("/regions", "regions").await?,
        services: api.list("/services", "services").await?,
        endpoints: api.list("/endpoints", "endpoints").await?,
        domains,
        groups,
        members,
        roles,
    })
}

fn tell(tallies: &BTreeMap<&'static str, Tally>, console: &mut Console) {
    for table in TABLES {
        let Some(tally) = tallies.get(table) else {
            continue;
        };
        let counts = [
            (tally.new, "new"),
            (tally.changed, "changed"),
            (tally.same, "there already"),
            (tally.left_out, "left out"),
        ];
        let told = counts.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = told
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        out!(console, "{table:<14}{}\n", words.join(", "));
    }
}

fn unanswered(error: &AskError) -> Failure {
    let (help, exit) = match error {
        AskError::Url(_) => (
            "name it as clients do: https://keystone.example.org:5000/v3",
            Exit::Usage,
        ),
        AskError::Token => (
            "OS_TOKEN=$(openstack token issue -f value -c id)",
            Exit::Usage,
        ),
        AskError::Authorities { .. } => ("name a file of authorities in OS_CACERT", Exit::Refused),
        AskError::Unreachable { .. } => (
            "is it there? a certificate of an authority of your own needs OS_CACERT",
            Exit::NoAnswer,
        ),
        AskError::Answer { .. } => ("ask again; nothing was written", Exit::NoAnswer),
        AskError::Refused { .. } => (
            "the token has to be an administrator's, and to be good still; nothing was written",
            Exit::Refused,
        ),
    };
    Failure {
        exit,
        ..Failure::refused(CANNOT, error.to_string(), help)
    }
}

fn refused(error: &ImportError) -> Failure {
    let help = match error {
        ImportError::InTheWay(_) => {
            "begin with an empty store, and run kerb identity bootstrap afterwards: it keeps what it finds; nothing was written"
        }
        ImportError::Directory(error) => directory_help(error),
    };
    Failure::refused(CANNOT, error.to_string(), help)
}
