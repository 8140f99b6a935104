//! Keytabs: whether they can be read, and whether their keys are those of the KDC.

use std::sync::Arc;

use kerbstone_client::diagnosis::{KeytabFit, PrincipalState};
use kerbstone_client::{ClientError, Context, KeytabFile};
use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::keytab::Keytab;
use kerbstone_proto::name::{Principal, Realm};

use super::finding::{Area, Cause, Finding};
use super::permissions::{self, whoami};
use super::witness::{Answer, Witness};
use crate::compat::describe_enctype;

/// More principals of one keytab are not compared.
const COMPARED: usize = 16;

/// A keytab, and how it was found.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) findings: Vec<Finding>,
    /// Its content and name, if it could be read.
    pub(super) content: Option<(Arc<Keytab>, String)>,
    pub(super) file: Option<KeytabFile>,
}

/// Reads the keytab of this name, or the default one. `meant` says that somebody wants this one to work, and does not
/// merely happen to be on a host.
pub(super) fn read(context: &Context, name: Option<&str>, meant: bool) -> Held {
    let meant = meant || name.is_some() || context.environment().keytab.is_some();
    let file = match context.keytab(name) {
        Ok(file) => file,
        Err(error) => {
            let shown = name.unwrap_or("the default keytab");
            return Held {
                findings: vec![unreadable(shown, &error, meant)],
                content: None,
                file: None,
            };
        }
    };
    let named = name.is_some() || context.environment().keytab.is_some();
    let (findings, content) = match file.load() {
        Ok(keytab) => (about(&file, &keytab), Some(keytab)),
        Err(ClientError::NoKeytab { path }) if !named => {
            let says = "there is none; only hosts that offer services need one";
            let finding = Finding::note(Area::Keytab, path.display(), says);
            (vec![finding], None)
        }
        Err(error) => (vec![not_loaded(&file, &error, meant)], None),
    };
    Held {
        findings,
        content: content.map(|keytab| (Arc::new(keytab), file.name().to_owned())),
        file: Some(file),
    }
}

fn not_loaded(file: &KeytabFile, error: &ClientError, meant: bool) -> Finding {
    let path = file.path();
    let shown = path.display();
    match error {
        ClientError::NoKeytab { .. } => Finding::problem(
            Area::Keytab,
            shown,
            Cause::KeytabMissing,
            "there is no such keytab",
            format!(
                "correct the name, or write it: kadmin ktadd -k {} PRINCIPAL",
                path.display()
            ),
        ),
        ClientError::KeytabIo { error, .. }
            if error.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            let who = whoami();
            let owner = permissions::owner(path);
            let says = format!("{who} may not read it ({owner})");
            if !meant {
                let says = format!("{says}, as it should be for people; its keys are not compared");
                return Finding::note(Area::Keytab, shown, says)
                    .with_help("run this as the user that runs the service, or as root");
            }
            Finding::problem(
                Area::Keytab,
                shown,
                Cause::KeytabUnreadable,
                says,
                format!(
                    "let the user that runs the service read it, and nobody else: chown USER {0} && chmod 600 {0}",
                    path.display()
                ),
            )
        }
        other => unreadable(&path.display().to_string(), other, meant),
    }
}

fn unreadable(shown: &str, error: &ClientError, meant: bool) -> Finding {
    let says = format!("cannot be read: {error}");
    let help = match error.help() {
        help if help.is_empty() => "name a keytab that MIT's or our tools wrote".to_owned(),
        help => help,
    };
    if meant {
        return Finding::problem(Area::Keytab, shown, Cause::KeytabUnreadable, says, help);
    }
    Finding::warning(Area::Keytab, shown, Cause::KeytabUnreadable, says, help)
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
            format!("write keys to it: kadmin ktadd -k {shown} PRINCIPAL"),
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
            "write it anew: kadmin ktadd",
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

/// Compares keys with the KDC's: of `first`, if it is there, then of the others. `realms` are those whose KDCs answer.
pub(super) fn compare(
    keytab: &Keytab,
    first: &[Principal],
    realms: &[Realm],
    witness: &Witness,
) -> Vec<Finding> {
    let mut order = principals(keytab);
    order.sort_by_key(|principal| !first.contains(principal));
    let mut findings = Vec::new();
    for (at, principal) in order.iter().enumerate() {
        if at == COMPARED {
            let rest = order.len().saturating_sub(COMPARED);
            findings.push(Finding::note(
                Area::Keytab,
                format!("{rest} more principals"),
                "are not compared; name one to see it",
            ));
            break;
        }
        if realms.contains(&principal.realm) {
            findings.push(one(keytab, principal, witness));
        } else {
            let says = format!("not compared, as no KDC of {} answers", principal.realm);
            findings.push(Finding::note(Area::Keytab, principal, says));
        }
    }
    findings
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
    let help = format!("on the service's host: kadmin ktadd {service}");
    Some(if meant {
        Finding::problem(Area::Keytab, service, Cause::NoKeyForService, says, help)
    } else {
        Finding::note(Area::Keytab, service, says).with_help(help)
    })
}

fn one(keytab: &Keytab, principal: &Principal, witness: &Witness) -> Finding {
    match witness.ask(principal) {
        Answer::Ticket(ticket) => fitting(principal, &KeytabFit::of(&ticket, keytab, principal)),
        Answer::Unknown => gone(principal),
        Answer::Seen(told) => by_login(keytab, principal, &told.state, witness),
        Answer::Refused(error)
            if error.krb_code() == Some(ErrorCode::KDC_ERR_MUST_USE_USER2USER) =>
        {
            let known = PrincipalState::Known {
                enctypes: Vec::new(),
                kvno: None,
            };
            by_login(keytab, principal, &known, witness)
        }
        Answer::Refused(error) | Answer::NoAnswer(error) => Finding::warning(
            Area::Keytab,
            principal,
            Cause::Refused,
            format!("the KDC gives no ticket to compare its key with: {error}"),
            match error.help() {
                help if help.is_empty() => "see the KDC's log for its reason".to_owned(),
                help => help,
            },
        ),
    }
}

fn gone(principal: &Principal) -> Finding {
    Finding::problem(
        Area::Keytab,
        principal,
        Cause::MissingService,
        format!(
            "the keytab has keys for it, and the realm {} has no such principal",
            principal.realm
        ),
        format!(
            "add it again (kadmin addprinc -randkey {principal}, kadmin ktadd {principal}), or remove its keys"
        ),
    )
}

fn fitting(principal: &Principal, fit: &KeytabFit) -> Finding {
    let anew = format!(
        "write the present keys: kadmin ktadd {principal} (here: kerb admin keytab write), then restart the service"
    );
    let problem = |cause, says: String, help: String| {
        Finding::problem(Area::Keytab, principal, cause, says, help)
    };
    match fit {
        KeytabFit::Opens { kvno, enctype } => Finding::ok(
            Area::Keytab,
            principal,
            format!("its key (version {kvno}, {enctype}) opens the KDC's tickets"),
        ),
        KeytabFit::WrongKvno { ticket, keytab } => {
            let newer = keytab.iter().all(|version| version > ticket);
            let why = if newer {
                "this KDC has older keys: it is a replica that lags behind, or was restored from a backup"
            } else {
                "the key was changed after the keytab was written"
            };
            let has = numbers(keytab);
            let says = format!(
                "the KDC's tickets are made with key version {ticket}, the keytab has {has}: {why}"
            );
            problem(Cause::WrongKvno, says, anew)
        }
        KeytabFit::MissingEnctype { ticket, keytab, .. } => {
            let has: Vec<String> = keytab
                .iter()
                .map(|&number| describe_enctype(number))
                .collect();
            let wanted = describe_enctype(*ticket);
            let says = format!(
                "the KDC's tickets are made with {wanted}, and the keytab has a key for {} alone",
                has.join(", ")
            );
            problem(Cause::WrongEnctype, says, anew)
        }
        KeytabFit::WrongKey { kvno, enctype } => problem(
            Cause::WrongKey,
            format!(
                "the keytab's key (version {kvno}, {enctype}) does not open the KDC's tickets, though the version is right: it is another key"
            ),
            anew,
        ),
        KeytabFit::NoEntry { .. } => {
            Finding::note(Area::Keytab, principal, "the keytab has no key for it")
        }
        KeytabFit::CannotTry { enctype } => Finding::warning(
            Area::Keytab,
            principal,
            Cause::WrongEnctype,
            format!(
                "the KDC's tickets are made with {}, which is not tried here",
                describe_enctype(*enctype)
            ),
            "give the service keys of aes256-cts-hmac-sha1-96 or newer",
        ),
    }
}

/// Nobody has a ticket to ask with: the KDC says whether it takes the key itself.
fn by_login(
    keytab: &Keytab,
    principal: &Principal,
    state: &PrincipalState,
    witness: &Witness,
) -> Finding {
    let own = || {
        keytab
            .entries()
            .filter(|entry| entry.principal == *principal)
    };
    match state {
        PrincipalState::Unknown => return gone(principal),
        PrincipalState::KeyExpired => return expired(principal),
        PrincipalState::Known {
            kvno: Some(kvno), ..
        } if !own().any(|e| e.kvno == *kvno) => {
            let mut has: Vec<u32> = own().map(|entry| entry.kvno).collect();
            has.sort_unstable();
            has.dedup();
            let fit = KeytabFit::WrongKvno {
                ticket: *kvno,
                keytab: has,
            };
            return fitting(principal, &fit);
        }
        _ => {}
    }
    match witness.login(principal) {
        Ok(_) => Finding::ok(Area::Keytab, principal, "the KDC takes its key"),
        Err(error) => refused(principal, &error, keytab, witness),
    }
}

fn refused(
    principal: &Principal,
    error: &ClientError,
    keytab: &Keytab,
    witness: &Witness,
) -> Finding {
    let anew = format!(
        "write the present keys: kadmin ktadd {principal} (here: kerb admin keytab write), then restart the service"
    );
    let own = || {
        keytab
            .entries()
            .filter(|entry| entry.principal == *principal)
    };
    let at_kdc = witness.enctypes_of(principal);
    let shared = |enctype: &Enctype| own().any(|entry| entry.key.enctype == enctype.number());
    if !at_kdc.is_empty() && !at_kdc.iter().any(shared) {
        let theirs: Vec<String> = at_kdc.iter().map(Enctype::to_string).collect();
        let mut ours: Vec<String> = own().map(|e| describe_enctype(e.key.enctype)).collect();
        ours.dedup();
        return Finding::problem(
            Area::Keytab,
            principal,
            Cause::WrongEnctype,
            format!(
                "the KDC has keys for {}, the keytab for {} alone",
                theirs.join(", "),
                ours.join(", ")
            ),
            anew,
        );
    }
    match error {
        ClientError::UnknownClient { .. } => gone(principal),
        ClientError::PasswordExpired { .. } => expired(principal),
        ClientError::PreauthenticationFailed { .. }
        | ClientError::PasswordIncorrect { .. }
        | ClientError::NoKeyInKeytab { .. } => {
            let mut versions: Vec<u32> = own().map(|entry| entry.kvno).collect();
            versions.sort_unstable();
            versions.dedup();
            Finding::problem(
                Area::Keytab,
                principal,
                Cause::WrongKvno,
                format!(
                    "the KDC refuses its key (version {}): the key was changed after the keytab was written",
                    numbers(&versions)
                ),
                anew,
            )
        }
        error => Finding::warning(
            Area::Keytab,
            principal,
            Cause::Refused,
            format!("the KDC does not let it sign in: {error}"),
            match error.help() {
                help if help.is_empty() => "see the KDC's log for its reason".to_owned(),
                help => help,
            },
        ),
    }
}

fn expired(principal: &Principal) -> Finding {
    Finding::problem(
        Area::Keytab,
        principal,
        Cause::KeyExpired,
        "its key has expired at the KDC, so that it cannot sign in by itself",
        format!(
            "give it new keys (kadmin ktadd {principal}), or end the expiry: kadmin modprinc -pwexpire never {principal}"
        ),
    )
}

fn numbers(versions: &[u32]) -> String {
    let shown: Vec<String> = versions.iter().map(u32::to_string).collect();
    shown.join(", ")
}
