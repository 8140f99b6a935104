//! A keytab's keys against the KDC's: by a ticket where somebody has one to ask with, else by the keys themselves.

use kerbstone_client::ClientError;
use kerbstone_client::diagnosis::{KeytabFit, PrincipalState};
use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::keytab::{Keytab, KeytabEntry};
use kerbstone_proto::name::{Principal, Realm};

use super::finding::{Area, Cause, Finding, advice};
use super::keytab::{principals, writing};
use super::witness::{Answer, Witness};
use crate::compat::describe_enctype;

/// More principals of one keytab are not compared.
const COMPARED: usize = 16;

/// A keytab, and by whom the KDC is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compared<'a> {
    pub(super) keytab: &'a Keytab,
    /// Where it is, for advice.
    pub(super) path: &'a str,
    pub(super) witness: &'a Witness,
}

/// Compares keys with the KDC's: of `first`, if it is there, then of the others. `realms` are those whose KDCs answer.
pub(super) fn compare(
    compared: &Compared<'_>,
    first: &[Principal],
    realms: &[Realm],
) -> Vec<Finding> {
    let mut order = principals(compared.keytab);
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
            findings.push(compared.one(principal));
        } else {
            let says = format!("not compared, as no KDC of {} answers", principal.realm);
            findings.push(Finding::note(Area::Keytab, principal, says));
        }
    }
    findings
}

impl Compared<'_> {
    fn one(&self, principal: &Principal) -> Finding {
        match self.witness.ask(principal) {
            Answer::Ticket(ticket) => {
                self.fitting(principal, &KeytabFit::of(&ticket, self.keytab, principal))
            }
            Answer::Unknown => self.gone(principal),
            Answer::Seen(told) | Answer::NoWay { told, .. } => {
                self.by_login(principal, &told.state)
            }
            Answer::Refused(error)
                if error.krb_code() == Some(ErrorCode::KDC_ERR_MUST_USE_USER2USER) =>
            {
                let known = PrincipalState::Known {
                    enctypes: Vec::new(),
                    kvno: None,
                };
                self.by_login(principal, &known)
            }
            Answer::Refused(error) | Answer::Silence(error) => Finding::warning(
                Area::Keytab,
                principal,
                Cause::Refused,
                format!("the KDC gives no ticket to compare its key with: {error}"),
                advice(&error, "see the KDC's log for its reason"),
            ),
        }
    }

    fn fitting(&self, principal: &Principal, fit: &KeytabFit) -> Finding {
        let (cause, says) = match fit {
            KeytabFit::Opens { kvno, enctype } => {
                let says = format!("its key (version {kvno}, {enctype}) opens the KDC's tickets");
                return Finding::ok(Area::Keytab, principal, says);
            }
            KeytabFit::NoEntry { .. } => {
                return Finding::note(Area::Keytab, principal, "the keytab has no key for it");
            }
            KeytabFit::CannotTry { enctype } => return untried(principal, *enctype),
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
                (Cause::WrongKvno, says)
            }
            KeytabFit::MissingEnctype { ticket, keytab, .. } => {
                let has: Vec<String> = keytab.iter().map(|&one| describe_enctype(one)).collect();
                let says = format!(
                    "the KDC's tickets are made with {}, and the keytab has a key for {} alone",
                    describe_enctype(*ticket),
                    has.join(", ")
                );
                (Cause::WrongEnctype, says)
            }
            KeytabFit::WrongKey { kvno, enctype } => {
                let says = format!(
                    "the keytab's key (version {kvno}, {enctype}) does not open the KDC's tickets, though the \
                     version is right: it is another key"
                );
                (Cause::WrongKey, says)
            }
        };
        self.problem(principal, cause, says)
    }

    /// What new keys mend.
    fn problem(&self, principal: &Principal, cause: Cause, says: String) -> Finding {
        let help = format!(
            "write the present keys, restart the service, and let people sign in anew: {}",
            writing(self.path, &principal.to_string())
        );
        Finding::problem(Area::Keytab, principal, cause, says, help)
    }

    /// Nobody has a ticket to ask with: the KDC says whether it takes the key itself.
    fn by_login(&self, principal: &Principal, state: &PrincipalState) -> Finding {
        let versions = self.versions(principal);
        match state {
            PrincipalState::Unknown => return self.gone(principal),
            PrincipalState::KeyExpired => return expired(principal),
            PrincipalState::Known {
                kvno: Some(kvno), ..
            } if !versions.contains(kvno) => {
                let fit = KeytabFit::WrongKvno {
                    ticket: *kvno,
                    keytab: versions,
                };
                return self.fitting(principal, &fit);
            }
            _ => {}
        }
        match self.witness.login(principal) {
            Ok(_) => Finding::ok(Area::Keytab, principal, "the KDC takes its key"),
            Err(error) => self.refused(principal, &error),
        }
    }

    fn refused(&self, principal: &Principal, error: &ClientError) -> Finding {
        if let Some(says) = self.no_common_enctype(principal) {
            return self.problem(principal, Cause::WrongEnctype, says);
        }
        match error {
            ClientError::UnknownClient { .. } => self.gone(principal),
            ClientError::PasswordExpired { .. } => expired(principal),
            ClientError::PreauthenticationFailed { .. }
            | ClientError::PasswordIncorrect { .. }
            | ClientError::NoKeyInKeytab { .. } => {
                let says = format!(
                    "the KDC refuses its key (version {}): the key was changed after the keytab was written",
                    numbers(&self.versions(principal))
                );
                self.problem(principal, Cause::WrongKvno, says)
            }
            error => Finding::warning(
                Area::Keytab,
                principal,
                Cause::Refused,
                format!("the KDC does not let it sign in: {error}"),
                advice(error, "see the KDC's log for its reason"),
            ),
        }
    }

    fn no_common_enctype(&self, principal: &Principal) -> Option<String> {
        let at_kdc = self.witness.enctypes_of(principal);
        let mut here: Vec<i32> = self.own(principal).map(|entry| entry.key.enctype).collect();
        here.dedup();
        if at_kdc.is_empty() || at_kdc.iter().any(|one| here.contains(&one.number())) {
            return None;
        }
        let theirs: Vec<String> = at_kdc.iter().map(Enctype::to_string).collect();
        let ours: Vec<String> = here.into_iter().map(describe_enctype).collect();
        Some(format!(
            "the KDC has keys for {}, the keytab for {} alone",
            theirs.join(", "),
            ours.join(", ")
        ))
    }

    fn gone(&self, principal: &Principal) -> Finding {
        let realm = &principal.realm;
        Finding::problem(
            Area::Keytab,
            principal,
            Cause::MissingService,
            format!("the keytab has keys for it, and the realm {realm} has no such principal"),
            format!(
                "add it again and write its new keys ({}), or remove these",
                writing(self.path, &principal.to_string())
            ),
        )
    }

    fn own(&self, principal: &Principal) -> impl Iterator<Item = &KeytabEntry> {
        let entries = self.keytab.entries();
        entries.filter(move |entry| entry.principal == *principal)
    }

    fn versions(&self, principal: &Principal) -> Vec<u32> {
        let mut versions: Vec<u32> = self.own(principal).map(|entry| entry.kvno).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

fn untried(principal: &Principal, enctype: i32) -> Finding {
    Finding::warning(
        Area::Keytab,
        principal,
        Cause::WrongEnctype,
        format!(
            "the KDC's tickets are made with {}, which is not tried here",
            describe_enctype(enctype)
        ),
        "give the service keys of aes256-cts-hmac-sha1-96 or newer",
    )
}

fn expired(principal: &Principal) -> Finding {
    Finding::problem(
        Area::Keytab,
        principal,
        Cause::KeyExpired,
        "its key has expired at the KDC, so that it cannot sign in by itself",
        format!("give it new keys, or end the expiry: kadmin modprinc -pwexpire never {principal}"),
    )
}

fn numbers(versions: &[u32]) -> String {
    let shown: Vec<String> = versions.iter().map(u32::to_string).collect();
    shown.join(", ")
}
