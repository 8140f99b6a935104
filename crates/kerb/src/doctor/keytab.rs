//! Keytabs: whether they can be read, and whose keys are in them.

use std::sync::Arc;

use kerbstone_client::{ClientError, Context, KeytabFile};
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::Principal;

use super::finding::{Area, Cause, Finding, Verdict, advice};
use super::permissions::{self, whoami};

/// A keytab, and how it was found.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) findings: Vec<Finding>,
    /// Its content and name, if it could be read.
    pub(super) content: Option<(Arc<Keytab>, String)>,
    pub(super) file: Option<KeytabFile>,
}

/// How much a keytab matters that cannot be read: one that was named, one on the host of a service that was named, or one
/// that happens to be there.
fn weight(named: bool, service_is_here: bool) -> Verdict {
    match (named, service_is_here) {
        (true, _) => Verdict::Problem,
        (false, true) => Verdict::Warning,
        (false, false) => Verdict::Note,
    }
}

/// Reads the keytab of this name, or the default one. `service_is_here` says that a service in question is this host's.
pub(super) fn read(context: &Context, name: Option<&str>, service_is_here: bool) -> Held {
    let named = name.is_some() || context.environment().keytab.is_some();
    let weight = weight(named, service_is_here);
    let file = match context.keytab(name) {
        Ok(file) => file,
        Err(error) => {
            let shown = name.unwrap_or("the default keytab");
            return Held {
                findings: vec![unreadable(shown, &error, weight)],
                content: None,
                file: None,
            };
        }
    };
    let (findings, content) = match file.load() {
        Ok(keytab) => (about(&file, &keytab), Some(keytab)),
        Err(error) => (vec![not_loaded(&file, &error, weight)], None),
    };
    Held {
        findings,
        content: content.map(|keytab| (Arc::new(keytab), file.name().to_owned())),
        file: Some(file),
    }
}

fn not_loaded(file: &KeytabFile, error: &ClientError, weight: Verdict) -> Finding {
    let path = file.path();
    let shown = path.display();
    match error {
        ClientError::NoKeytab { .. } if weight == Verdict::Note => {
            let says = "there is none; only hosts that offer services need one";
            Finding::note(Area::Keytab, shown, says)
        }
        ClientError::NoKeytab { .. } => Finding {
            verdict: weight,
            ..Finding::problem(
                Area::Keytab,
                &shown,
                Cause::KeytabMissing,
                "there is no such keytab",
                format!(
                    "correct the name, or write it: {}",
                    writing(&shown.to_string(), "PRINCIPAL")
                ),
            )
        },
        ClientError::KeytabIo { error, .. }
            if error.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            let says = format!(
                "{} may not read it ({})",
                whoami(),
                permissions::owner(path)
            );
            if weight == Verdict::Note {
                let says = format!("{says}, as it should be for people; its keys are not compared");
                return Finding::note(Area::Keytab, shown, says)
                    .with_help("run this as the user that runs the service, or as root");
            }
            let help = format!(
                "let the user that runs the service read it, and nobody else: chown USER {shown} && chmod 600 {shown}"
            );
            Finding {
                verdict: weight,
                ..Finding::problem(Area::Keytab, shown, Cause::KeytabUnreadable, says, help)
            }
        }
        other => unreadable(&shown.to_string(), other, weight),
    }
}

fn unreadable(shown: &str, error: &ClientError, weight: Verdict) -> Finding {
    let says = format!("cannot be read: {error}");
    let help = advice(error, "name a keytab that MIT's or our tools wrote");
    Finding {
        verdict: weight.max(Verdict::Warning),
        ..Finding::problem(Area::Keytab, shown, Cause::KeytabUnreadable, says, help)
    }
}

/// What writes a principal's keys to a keytab.
pub(super) fn writing(path: &str, principal: &str) -> String {
    format!(
        "kadmin ktadd -k {path} {principal} (MIT), kerb admin keytab write {path} {principal} (ours)"
    )
}

fn about(file: &KeytabFile, keytab: &Keytab) -> Vec<Finding> {
    let shown = file.path().display();
    let principals = principals(keytab);
    let mut findings = Vec::new();
    if principals.is_empty() {
        findings.push(Finding::warning(
            Area::Keytab,
            &shown,
            Cause::NoKeyForService,
            "there is no key in it",
            format!(
                "write keys to it: {}",
                writing(&shown.to_string(), "PRINCIPAL")
            ),
        ));
    } else {
        let names: Vec<String> = principals
            .iter()
            .take(8)
            .map(Principal::to_string)
            .collect();
        let more = match principals.len().saturating_sub(names.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let says = format!("keys of {}{more}", names.join(", "));
        findings.push(Finding::ok(Area::Keytab, &shown, says));
    }
    if let Some(offset) = keytab.damage() {
        findings.push(Finding::warning(
            Area::Keytab,
            &shown,
            Cause::KeytabUnreadable,
            format!("it is cut off at byte {offset}, and what followed is lost"),
            format!(
                "write it anew: {}",
                writing(&shown.to_string(), "PRINCIPAL")
            ),
        ));
    }
    findings
}

/// Whose keys a keytab has, each once.
pub(super) fn principals(keytab: &Keytab) -> Vec<Principal> {
    let mut principals: Vec<Principal> = Vec::new();
    for entry in keytab.entries() {
        if !principals.contains(&entry.principal) {
            principals.push(entry.principal.clone());
        }
    }
    principals
}

/// A service that the KDC has and the keytab has not.
pub(super) fn without_key(keytab: &Keytab, service: &Principal, meant: bool) -> Option<Finding> {
    let has = principals(keytab);
    if has.contains(service) {
        return None;
    }
    let names: Vec<String> = has.iter().take(4).map(Principal::to_string).collect();
    let says = format!(
        "the keytab has no key for it, only for {}",
        names.join(", ")
    );
    let help = format!(
        "on the service's host: {}",
        writing("/etc/krb5.keytab", &service.to_string())
    );
    Some(if meant {
        Finding::problem(Area::Keytab, service, Cause::NoKeyForService, says, help)
    } else {
        Finding::note(Area::Keytab, service, says).with_help(help)
    })
}
