//! `kerb identity token`: what a token says.

use std::io::{self, Read};

use clap::Args;
use jiff::{Timestamp, Unit};
use kerbstone_identity::token::{
    Federation, Grant, KeyRepository, MethodCodes, Payload, TokenSeal, Unsealed,
};
use zeroize::Zeroizing;

use super::bootstrap::no_keys;
use super::settings::IdentitySettings;
use crate::console::{Console, out};
use crate::failure::Failure;

const CANNOT: &str = "cannot read the token";
/// No token is longer.
const LONGEST: u64 = 8192;

/// The command line of `kerb identity token`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The token. Without it the standard input is read, so that it does not stand in the list of processes.
    token: Option<String>,
}

/// Explains a token of ours, or of a Keystone with which we share keys. Whether it was revoked is not seen from it.
pub(super) fn run(
    typed: Typed,
    settings: &IdentitySettings,
    console: &mut Console,
) -> Result<(), Failure> {
    let token = match typed.token {
        Some(token) => Zeroizing::new(token),
        None => from_input()?,
    };
    let keys = KeyRepository::open(&settings.keys, settings.max_active_keys)
        .map_err(|error| no_keys(CANNOT, &error))?;
    let seal = TokenSeal::new(keys.into(), MethodCodes::new(&settings.methods));
    let now = Timestamp::now();
    let opened = seal.open(token.trim(), now).map_err(|error| {
        let help = format!(
            "tokens are read with the keys in {}, and with `methods` in the order that its maker has",
            settings.keys.display()
        );
        Failure::refused(CANNOT, error.to_string(), help)
    })?;
    for (name, value) in lines(&opened, now) {
        out!(console, "{name:<12}{value}\n");
    }
    Ok(())
}

fn from_input() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = io::stdin().take(LONGEST).read_to_string(&mut text);
    match read {
        Ok(_) if !text.trim().is_empty() => Ok(text),
        _ => Err(Failure::misused(
            CANNOT,
            "there is none",
            "give it as an argument, or on the standard input",
        )),
    }
}

fn lines(opened: &Unsealed<Payload>, now: Timestamp) -> Vec<(&'static str, String)> {
    let Payload {
        user_id,
        methods,
        grant,
        expires_at,
        audit,
    } = &opened.content;
    let mut lines = vec![
        ("version", grant.version().to_string()),
        ("user", user_id.clone()),
        ("methods", methods.join(", ")),
    ];
    lines.extend(scope(grant));
    lines.push(("issued", opened.issued_at.to_string()));
    lines.push((
        "expires",
        format!("{expires_at} ({})", left(*expires_at, now)),
    ));
    lines.push(("audit id", audit.own.clone()));
    if let Some(chain) = &audit.chain {
        lines.push(("audit chain", chain.clone()));
    }
    lines
}

fn left(expires_at: Timestamp, now: Timestamp) -> String {
    let (first, second, words) = match expires_at > now {
        true => (now, expires_at, "from now"),
        false => (expires_at, now, "ago"),
    };
    match first.until((Unit::Hour, second)) {
        Ok(span) => {
            let (hours, minutes) = (span.get_hours(), span.get_minutes());
            match (hours, minutes) {
                (0, 0) => format!("{} seconds {words}", span.get_seconds()),
                (0, minutes) => format!("{minutes} minutes {words}"),
                (hours, minutes) => format!("{hours} hours {minutes} minutes {words}"),
            }
        }
        Err(_) => "far away".to_owned(),
    }
}

fn scope(grant: &Grant) -> Vec<(&'static str, String)> {
    let project = |id: &String| ("project", id.clone());
    let domain = |id: &String| ("domain", id.clone());
    match grant {
        Grant::Unscoped => vec![("scope", "none".to_owned())],
        Grant::Domain(id) => vec![domain(id)],
        Grant::Project(id) => vec![project(id)],
        Grant::Trust {
            project_id,
            trust_id,
        } => project_id
            .iter()
            .map(project)
            .chain([("trust", trust_id.clone())])
            .collect(),
        Grant::FederatedUnscoped(from) => federation(from),
        Grant::FederatedProject(id, from) => {
            [project(id)].into_iter().chain(federation(from)).collect()
        }
        Grant::FederatedDomain(id, from) => {
            [domain(id)].into_iter().chain(federation(from)).collect()
        }
        Grant::Oauth1 {
            project_id,
            access_token_id,
        } => vec![project(project_id), ("access", access_token_id.clone())],
        Grant::System(which) => vec![("system", which.clone())],
        Grant::ApplicationCredential {
            project_id,
            credential_id,
        } => vec![project(project_id), ("credential", credential_id.clone())],
        Grant::Oauth2 {
            project_id,
            domain_id,
            thumbprint,
        } => project_id
            .iter()
            .map(project)
            .chain(domain_id.iter().map(domain))
            .chain(
                thumbprint
                    .iter()
                    .map(|print| ("certificate", print.clone())),
            )
            .collect(),
    }
}

fn federation(from: &Federation) -> Vec<(&'static str, String)> {
    vec![
        ("provider", from.identity_provider_id.clone()),
        ("protocol", from.protocol_id.clone()),
        ("groups", from.group_ids.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use kerbstone_identity::token::AuditIds;

    use super::*;

    #[test]
    fn a_token_is_told_in_lines() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let opened = Unsealed {
            content: Payload {
                user_id: "5f".to_owned(),
                methods: vec!["password".to_owned(), "token".to_owned()],
                grant: Grant::Project("77".to_owned()),
                expires_at: at("2026-03-01T10:30:00Z"),
                audit: AuditIds {
                    own: "own".to_owned(),
                    chain: Some("first".to_owned()),
                },
            },
            issued_at: at("2026-03-01T09:30:00Z"),
        };
        let told = lines(&opened, at("2026-03-01T09:45:00Z"));
        let value = |name| told.iter().find(|line| line.0 == name).unwrap().1.as_str();
        assert_eq!(value("version"), "2");
        assert_eq!(value("methods"), "password, token");
        assert_eq!(value("project"), "77");
        assert_eq!(
            value("expires"),
            "2026-03-01T10:30:00Z (45 minutes from now)"
        );
        assert_eq!(value("audit chain"), "first");
        assert_eq!(
            left(opened.issued_at, at("2026-03-01T11:30:01Z")),
            "2 hours 0 minutes ago"
        );
    }
}
