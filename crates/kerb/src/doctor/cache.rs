//! The credential cache: whose it is, and whether its ticket is still good.

use std::path::PathBuf;

use kerbstone_client::{CacheName, ClientError, Context};
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::name::Realm;

use super::finding::{Area, Cause, Finding, advice};
use super::permissions::{self, whoami};
use crate::commands::human;

/// A ticket that ends sooner is worth a word, in seconds.
const SOON: i64 = 600;

/// A cache, and what is in it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) findings: Vec<Finding>,
    /// Its content, where the ticket-granting ticket is good.
    pub(super) usable: Option<CredentialCache>,
    /// Whose it is.
    pub(super) owner: Option<kerbstone_proto::name::Principal>,
    pub(super) file: Option<PathBuf>,
}

/// Reads the default cache.
pub(super) fn read(context: &Context) -> Held {
    let name = match context.default_cache_name() {
        Ok(name) => name,
        Err(error) => {
            return Held {
                findings: vec![unreadable("KRB5CCNAME", &error)],
                ..Held::default()
            };
        }
    };
    let shown = name.to_string();
    // Looking must not make a directory or a file.
    if let CacheName::Dir(path) = &name
        && !path.is_dir()
    {
        return Held {
            findings: vec![nobody(&shown)],
            ..Held::default()
        };
    }
    let loaded = context
        .default_cache()
        .and_then(|cache| Ok((cache.name().clone(), cache.load()?)));
    match loaded {
        Ok((name, content)) => {
            let (finding, good) = judge(&name.to_string(), &content, context);
            let owner = Some(content.principal.clone());
            let file = match name {
                CacheName::File(path) | CacheName::DirMember(path) => Some(path),
                _ => None,
            };
            Held {
                findings: std::iter::once(finding)
                    .chain(other_realm(&content, context))
                    .collect(),
                usable: good.then_some(content),
                owner,
                file,
            }
        }
        Err(ClientError::NoCache { .. }) => Held {
            findings: vec![nobody(&shown)],
            ..Held::default()
        },
        Err(error) => Held {
            findings: vec![unreadable(&shown, &error)],
            ..Held::default()
        },
    }
}

fn nobody(shown: &str) -> Finding {
    Finding::note(Area::Cache, shown, "nobody is signed in").with_help("kerb login, or kinit")
}

fn unreadable(shown: &str, error: &ClientError) -> Finding {
    let path = shown.strip_prefix("FILE:").unwrap_or(shown);
    let denied = matches!(error, ClientError::CacheIo { error, .. }
        if error.kind() == std::io::ErrorKind::PermissionDenied);
    if denied {
        let owner = permissions::owner(path.as_ref());
        return Finding::problem(
            Area::Cache,
            shown,
            Cause::CacheUnreadable,
            format!("{} may not read it ({owner})", whoami()),
            "sign in as this user, or point KRB5CCNAME to a cache of theirs",
        );
    }
    let help = advice(error, "kdestroy removes it, kerb login makes a new one");
    let says = format!("cannot be read here: {error}");
    if matches!(error, ClientError::UnknownCacheType { .. }) {
        return Finding::warning(Area::Cache, shown, Cause::CacheUnreadable, says, help);
    }
    Finding::problem(Area::Cache, shown, Cause::CacheUnreadable, says, help)
}

fn judge(shown: &str, content: &CredentialCache, context: &Context) -> (Finding, bool) {
    let owner = &content.principal;
    let again = format!("sign in again: kerb login {owner}, or kinit {owner}");
    let start = content.config(CredentialCache::START_REALM, None);
    let realm = start.map_or_else(|| owner.realm.clone(), |realm| Realm::from(realm.to_vec()));
    let of_realm = |ticket: &&Credential| {
        let granted = ticket.server.name.krbtgt_realm();
        ticket.server.is_krbtgt() && granted.as_ref() == Some(&realm)
    };
    let newest = content.tickets().filter(of_realm).max_by_key(|t| t.endtime);
    let Some(tgt) = newest else {
        let says = format!("belongs to {owner}, and has no ticket-granting ticket of {realm}");
        let finding = Finding::warning(Area::Cache, shown, Cause::NotSignedIn, says, again);
        return (finding, false);
    };
    let now = context.now().time.unix();
    let left = tgt.endtime.unix().saturating_sub(now);
    if left <= 0 {
        let says = format!(
            "the ticket of {owner} expired {}",
            human::until(tgt.endtime.unix(), now)
        );
        let finding = Finding::problem(Area::Cache, shown, Cause::CacheExpired, says, again);
        return (finding, false);
    }
    if tgt.flags.contains(TicketFlags::INVALID) {
        let says = format!("the ticket of {owner} is postdated, and was not validated");
        let finding = Finding::warning(
            Area::Cache,
            shown,
            Cause::CacheExpired,
            says,
            "kinit -v, once its time has come",
        );
        return (finding, false);
    }
    let renewable = match tgt.flags.contains(TicketFlags::RENEWABLE) {
        true => format!(
            ", renewable for {}",
            human::duration(tgt.renew_till.unix().saturating_sub(now))
        ),
        false => ", not renewable".to_owned(),
    };
    let says = format!(
        "{owner} is signed in for {}{renewable}",
        human::duration(left)
    );
    let finding = if left < SOON {
        let help = match tgt.flags.contains(TicketFlags::RENEWABLE) {
            true => "renew it: kerb renew, or kinit -R".to_owned(),
            false => again,
        };
        Finding::note(Area::Cache, shown, says).with_help(help)
    } else {
        Finding::ok(Area::Cache, shown, says)
    };
    (finding, true)
}

fn other_realm(content: &CredentialCache, context: &Context) -> Option<Finding> {
    let default = context.default_realm().ok()?;
    let owner = &content.principal;
    (owner.realm != default).then(|| {
        let says = format!(
            "is of the realm {}, and krb5.conf has {default} as the default",
            owner.realm
        );
        Finding::note(Area::Cache, owner, says)
    })
}
