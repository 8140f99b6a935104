//! What can go wrong between a user and a ticket, told so that the user can act.

use std::path::PathBuf;

use kerbstone_crypto::{CryptoError, Enctype};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::key_block::KeyBlockError;
use kerbstone_proto::name::{NameError, Principal, Realm};

use crate::exchange::Failure;

/// Everything this crate fails with. `Display` is the text that MIT's programs print, [`help`](Self::help) what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The realm does not know the client. The name is misspelt, or belongs to another realm.
    #[error("Client '{client}' not found in Kerberos database")]
    UnknownClient {
        /// The name that was asked for.
        client: Principal,
    },
    /// The realm does not know the service. The name is misspelt, an alias is missing, or the host belongs to another
    /// realm (`[domain_realm]`).
    #[error("Server {server} not found in Kerberos database")]
    UnknownService {
        /// The name that was asked for, with the realm that was asked.
        server: Principal,
    },
    /// No KDC of the realm answered. Every address that was tried is listed with how it failed.
    #[error("Cannot contact any KDC for realm '{realm}'")]
    Unreachable {
        /// The realm.
        realm: Realm,
        /// One line per address.
        tried: Vec<Failure>,
    },
    /// Neither krb5.conf nor DNS names a KDC (or a password server) of the realm.
    #[error("Cannot find KDC for realm \"{realm}\"")]
    NoServers {
        /// The realm.
        realm: Realm,
        /// Where was looked, for the help line.
        looked: String,
    },
    /// The password does not open the KDC's reply, or the KDC refused the proof made from it.
    #[error("Password incorrect")]
    PasswordIncorrect {
        /// Whose.
        client: Principal,
    },
    /// The KDC refused the proof that was made from a keytab's key: the key is not the current one.
    #[error("Preauthentication failed")]
    PreauthenticationFailed {
        /// Whose.
        client: Principal,
        /// Version number and encryption type of the key that was used.
        key: Option<(u32, Enctype)>,
    },
    /// The KDC asks only for kinds of pre-authentication that are not spoken here.
    #[error("Generic preauthentication failure")]
    NoUsablePreauthentication {
        /// The numbers of the kinds that it offers.
        offered: Vec<i32>,
    },
    /// This host's clock and the KDC's disagree by more than the realm allows.
    #[error("Clock skew too great")]
    ClockSkew {
        /// The realm whose KDC said so.
        realm: Realm,
        /// KDC's time minus ours, in seconds.
        offset: i64,
    },
    /// A reply is well protected but its times are not of now, and the clock may not be corrected (`kdc_timesync = 0`).
    #[error("Clock skew too great in KDC reply")]
    ReplySkew {
        /// The realm whose KDC replied.
        realm: Realm,
        /// KDC's time minus ours, in seconds.
        offset: i64,
    },
    /// The password is too old, and there is nobody to ask for a new one.
    #[error("Password has expired")]
    PasswordExpired {
        /// Whose.
        client: Principal,
    },
    /// The two new passwords differ.
    #[error("Password mismatch")]
    PasswordMismatch,
    /// The new password was refused.
    #[error("Password change failed")]
    PasswordRefused {
        /// The server's reason.
        reason: String,
    },
    /// The password server answered with an error of its protocol.
    #[error("{}", .outcome.code_text())]
    PasswordChange {
        /// Code and message.
        outcome: crate::password_change::Outcome,
    },
    /// Nobody answered a prompt.
    #[error("Password read interrupted")]
    PromptInterrupted,
    /// The KDC sends the client from realm to realm without end.
    #[error("Looping detected inside krb5_get_in_tkt")]
    Looping {
        /// The realms, in the order they came.
        realms: Vec<Realm>,
    },
    /// The way to a realm leads over more realms than are asked for one ticket.
    #[error("Too many realms on the way to {realm}")]
    TooFar {
        /// The realm of the service.
        realm: Realm,
    },
    /// A KDC says that the client belongs to another realm, and following is not asked for (`canonicalize`).
    #[error("Realm not local to KDC")]
    WrongRealm {
        /// The client as asked for.
        client: Principal,
        /// The realm that the KDC names, if it does.
        told: Option<Realm>,
    },
    /// A reply is not an answer to what was asked: stale, altered on its way, or from a broken KDC.
    #[error("KDC reply did not match expectations")]
    ReplyModified {
        /// What differs.
        what: &'static str,
    },
    /// What came is no message of Kerberos, or not one that belongs here.
    #[error("Invalid message type")]
    NotAReply {
        /// What was wrong with it.
        why: String,
    },
    /// The KDC answered with an error that has no variant of its own here.
    #[error("{}", kdc_text(*code, text))]
    Kdc {
        /// Its code.
        code: ErrorCode,
        /// Its text, if it sent one.
        text: String,
        /// The realm that was asked.
        realm: Realm,
        /// The principal the request was about.
        about: Principal,
    },
    /// The KDC gives no ticket in the user's name to a service that has no proof of the user (S4U2Self).
    #[error("{}", kdc_text(.0.code, &.0.text))]
    ImpersonationRefused(Box<BehalfRefusal>),
    /// The KDC does not let the service act for the user at another service (S4U2Proxy).
    #[error("{}", kdc_text(.0.code, &.0.text))]
    DelegationRefused(Box<BehalfRefusal>),
    /// The KDC took no notice of the user that was named, or of whom the ticket shown is of.
    #[error("KDC has no support for padata type")]
    ImpersonationUnsupported {
        /// The realm that was asked.
        realm: Realm,
    },
    /// Services of other realms are reached by referral only when somebody acts for a user.
    #[error("Realm specified but S4U2Proxy must use referral realm")]
    DelegationByRealm {
        /// The name with its realm.
        target: Principal,
    },
    /// No ticket in the cache opens the way to what is asked.
    #[error("{}", no_ticket_text(place))]
    NoTicket {
        /// What was looked for.
        wanted: Principal,
        /// The cache, when it is known.
        place: Option<String>,
    },
    /// The ticket-granting ticket has expired.
    #[error("Ticket expired")]
    TicketExpired {
        /// Which.
        server: Principal,
    },
    /// The cache that is named does not exist.
    #[error("{}", no_cache_text(name))]
    NoCache {
        /// Its name.
        name: String,
    },
    /// No cache of the collection is for this principal.
    #[error("Can't find client principal {client} in cache collection")]
    NoCacheFor {
        /// Whose.
        client: Principal,
    },
    /// A cache name of a kind that does not exist or is not supported here.
    #[error("Unknown credential cache type while resolving {name}")]
    UnknownCacheType {
        /// The whole name.
        name: String,
    },
    /// A cache file of a version that is not read here, or no cache at all.
    #[error("Unsupported credentials cache format version number (filename: {name})")]
    CacheVersion {
        /// Which.
        name: String,
        /// What it begins with, in words.
        why: String,
    },
    /// A cache of this kind cannot do that.
    #[error("{what}")]
    CacheUnsupported {
        /// What cannot be done, as MIT says it.
        what: String,
    },
    /// A cache's bytes cannot be read.
    #[error("Bad format in credentials cache (filename: {name})")]
    CacheFormat {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused to read or write a cache.
    #[error("{} (filename: {name})", cache_io_text(.error))]
    CacheIo {
        /// Which.
        name: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// There is no such keytab.
    #[error("Key table file '{}' not found", path.display())]
    NoKeytab {
        /// Its path.
        path: PathBuf,
    },
    /// The keytab has no key that serves.
    #[error("Keytab contains no suitable keys for {client}")]
    NoKeyInKeytab {
        /// Whose key was looked for.
        client: Principal,
        /// The keytab.
        keytab: String,
        /// Names that it has keys for.
        has: Vec<Principal>,
    },
    /// A keytab name of a kind that is not supported here.
    #[error("Unknown Key table type")]
    UnknownKeytabType {
        /// The whole name.
        name: String,
    },
    /// A keytab file of a version that is not read here, or no keytab at all.
    #[error("Unsupported key table format version number")]
    KeytabVersion {
        /// The keytab.
        name: String,
        /// What it begins with, in words.
        why: String,
    },
    /// A keytab's name or bytes are wrong.
    #[error("{why}")]
    Keytab {
        /// The keytab.
        name: String,
        /// What is wrong, in MIT's words.
        why: String,
    },
    /// The system refused to read or write a keytab.
    #[error("{error} (keytab {name})")]
    KeytabIo {
        /// Which.
        name: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// krb5.conf cannot be read.
    #[error("{why}")]
    Configuration {
        /// What is wrong with it.
        why: String,
    },
    /// A name without a realm, and no realm by default.
    #[error("Configuration file does not specify default realm")]
    NoDefaultRealm,
    /// A principal's name is malformed.
    #[error("Malformed representation of principal when parsing name {text}")]
    Name {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// Keys or ciphertexts that cannot be worked with.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
    /// A key in a cache or keytab cannot be worked with.
    #[error("{0}")]
    Key(#[from] KeyBlockError),
    /// The caller did something that the machine has no place for, as a second answer to one question.
    #[error("Invalid argument")]
    Misuse(&'static str),
}

/// Which service was refused a ticket in a user's name, and with which words.
#[derive(Clone, Debug)]
pub struct BehalfRefusal {
    /// The service that asked.
    pub service: Principal,
    /// For whom.
    pub user: Principal,
    /// The service that the ticket would be for.
    pub target: Principal,
    /// The KDC's code.
    pub code: ErrorCode,
    /// Its text, if it sent one.
    pub text: String,
    /// The realm that was asked.
    pub realm: Realm,
}

impl ClientError {
    /// What MIT's programs print for this error, without their name and the trailing "while ...".
    pub fn mit_text(&self) -> String {
        self.to_string()
    }

    /// The protocol's code, where the error came from a KDC or has an equal there.
    pub fn krb_code(&self) -> Option<ErrorCode> {
        Some(match self {
            Self::UnknownClient { .. } => ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
            Self::UnknownService { .. } => ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN,
            Self::PasswordIncorrect { .. } => ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            Self::PreauthenticationFailed { .. } => ErrorCode::KDC_ERR_PREAUTH_FAILED,
            Self::ClockSkew { .. } | Self::ReplySkew { .. } => ErrorCode::KRB_AP_ERR_SKEW,
            Self::PasswordExpired { .. } => ErrorCode::KDC_ERR_KEY_EXP,
            Self::WrongRealm { .. } => ErrorCode::KDC_ERR_WRONG_REALM,
            Self::TicketExpired { .. } => ErrorCode::KRB_AP_ERR_TKT_EXPIRED,
            Self::Kdc { code, .. } => *code,
            Self::ImpersonationRefused(refusal) | Self::DelegationRefused(refusal) => refusal.code,
            Self::ImpersonationUnsupported { .. } => ErrorCode::KDC_ERR_PADATA_TYPE_NOSUPP,
            Self::DelegationByRealm { .. } => ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            _ => return None,
        })
    }

    /// One line for people: why, and what to do. Empty when there is nothing to add.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownClient { client } => format!(
                "the realm {} has no principal {}; check the spelling and the realm (default_realm in krb5.conf)",
                client.realm, client.name
            ),
            Self::UnknownService { server } if server.is_krbtgt() => format!(
                "{} trusts no realm that leads to {}; name the path under [capaths], or ask the realms' administrators",
                server.realm,
                server.name.krbtgt_realm().unwrap_or_default()
            ),
            Self::UnknownService { server } => format!(
                "the realm {} has no service {}; check the host's name, and its realm under [domain_realm]",
                server.realm, server.name
            ),
            Self::Unreachable { realm, tried } => unreachable_help(realm, tried),
            Self::NoServers { realm, looked } => format!(
                "no KDC of {realm} is known ({looked}); set kdc under [realms] {realm} in krb5.conf, or publish \
                 _kerberos._udp.{realm} SRV records"
            ),
            Self::PasswordIncorrect { client } => {
                format!("the password of {client} was refused; check caps lock and the realm")
            }
            Self::PreauthenticationFailed {
                key: Some((kvno, enctype)),
                ..
            } => format!(
                "the KDC does not accept key version {kvno} ({enctype}); fetch a new keytab if keys were changed"
            ),
            Self::PreauthenticationFailed { key: None, .. } => {
                "the KDC does not accept the key; fetch a new keytab if keys were changed"
                    .to_owned()
            }
            Self::NoUsablePreauthentication { offered } => format!(
                "the KDC offers pre-authentication {offered:?}, none of which works here; encrypted timestamp is 2"
            ),
            Self::ClockSkew { realm, offset } | Self::ReplySkew { realm, offset } => {
                skew_help(realm, *offset)
            }
            Self::PasswordExpired { client } => format!("change it first: kpasswd {client}"),
            Self::PasswordMismatch => "type the same new password twice".to_owned(),
            Self::PasswordRefused { reason } => reason.clone(),
            Self::PasswordChange { outcome } => outcome.message.clone(),
            Self::Looping { realms } => {
                format!("the KDCs refer to each other without end: {}", list(realms))
            }
            Self::TooFar { realm } => format!(
                "check the name {realm}; if it is right, write a shorter way to it under [capaths] in krb5.conf"
            ),
            Self::WrongRealm {
                client,
                told: Some(told),
            } => format!(
                "{} belongs to the realm {told}: use {}@{told}, or -C to let the KDC say so",
                client.name, client.name
            ),
            Self::WrongRealm { client, told: None } => {
                format!("{} does not belong to {}", client.name, client.realm)
            }
            Self::ReplyModified { what } => format!(
                "the reply differs from the request in {what}; something on the way altered it or answers in the KDC's place"
            ),
            Self::NotAReply { why } => format!("{why}; is this port really a KDC's?"),
            Self::Kdc {
                realm, about, code, ..
            } => kdc_help(*code, realm, about),
            Self::ImpersonationRefused(refusal) => impersonation_help(refusal),
            Self::DelegationRefused(refusal) => delegation_help(refusal),
            Self::ImpersonationUnsupported { realm } => format!(
                "the KDC of {realm} knows no S4U extensions; MIT 1.8, Heimdal, Active Directory and Kerbstone do"
            ),
            Self::DelegationByRealm { target } => format!(
                "leave the realm out ({}@) and let the KDC refer to it",
                target.name
            ),
            Self::NoTicket { wanted, .. } => {
                format!("there is no usable ticket for {wanted}; sign in with kinit")
            }
            Self::TicketExpired { .. } => "sign in again with kinit".to_owned(),
            Self::NoCache { .. } => {
                "sign in with kinit, or point KRB5CCNAME to the cache".to_owned()
            }
            Self::NoCacheFor { client } => format!("sign in: kinit {client}"),
            Self::UnknownCacheType { .. } => {
                "FILE:, DIR:, KEYRING: and MEMORY: caches work here".to_owned()
            }
            Self::CacheVersion { name, why } => format!("{name} is {why}; was another file meant?"),
            Self::UnknownKeytabType { name } => {
                format!("{name} cannot be read; FILE: keytabs work here")
            }
            Self::KeytabVersion { name, why } => {
                format!("{name} is {why}; was another file meant?")
            }
            Self::CacheFormat { why, .. } => {
                format!("{why}; kdestroy removes the cache, kinit makes a new one")
            }
            Self::NoKeytab { .. } => {
                "name the keytab with -t, or set KRB5_KTNAME or default_keytab_name".to_owned()
            }
            Self::NoKeyInKeytab { keytab, has, .. } if !has.is_empty() => {
                format!("{keytab} has keys for {}", list(has))
            }
            Self::NoKeyInKeytab { keytab, .. } => {
                format!("{keytab} is empty or has no usable enctype")
            }
            Self::NoDefaultRealm => {
                "write the realm after the name (alice@EXAMPLE.COM), or set default_realm under \
                                     [libdefaults] in krb5.conf"
                    .to_owned()
            }
            Self::Name { source, .. } => source.to_string(),
            _ => String::new(),
        }
    }
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().take(8).map(ToString::to_string).collect();
    shown.join(", ")
}

fn unreachable_help(realm: &Realm, tried: &[Failure]) -> String {
    let each: Vec<String> = tried
        .iter()
        .map(|failure| format!("{}: {}", failure.place, failure.reason))
        .collect();
    format!(
        "tried {}; check the network, and kdc under [realms] {realm} in krb5.conf",
        each.join("; ")
    )
}

fn skew_help(realm: &Realm, offset: i64) -> String {
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    format!(
        "this host's clock is {} s {direction} the KDC of {realm}; set the clock (timedatectl, chronyc makestep)",
        offset.unsigned_abs()
    )
}

fn kdc_help(code: ErrorCode, realm: &Realm, about: &Principal) -> String {
    match code {
        ErrorCode::KDC_ERR_CLIENT_REVOKED => {
            format!("{about} is locked or disabled in {realm}; an administrator can unlock it")
        }
        ErrorCode::KDC_ERR_NAME_EXP => format!("the account {about} has expired in {realm}"),
        ErrorCode::KDC_ERR_ETYPE_NOSUPP => {
            format!(
                "the KDC of {realm} and this host share no enctype for {about}; see default_tkt_enctypes"
            )
        }
        ErrorCode::KDC_ERR_BADOPTION => {
            format!(
                "the KDC of {realm} refuses an option of the request for {about}; is the ticket renewable or forwardable?"
            )
        }
        ErrorCode::KDC_ERR_POLICY => format!("the policy of {realm} forbids this for {about}"),
        ErrorCode::KRB_AP_ERR_TKT_EXPIRED => "sign in again with kinit".to_owned(),
        ErrorCode::KDC_ERR_MUST_USE_USER2USER => {
            format!("{about} accepts user-to-user tickets only; give its owner's ticket with -u2u")
        }
        _ => format!("the KDC of {realm} answered {code:?} about {about}"),
    }
}

fn impersonation_help(refusal: &BehalfRefusal) -> String {
    let BehalfRefusal {
        service,
        user,
        code,
        realm,
        ..
    } = refusal;
    match *code {
        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => format!(
            "the realm {} has no user {}; check the spelling",
            user.realm, user.name
        ),
        ErrorCode::KDC_ERR_CLIENT_REVOKED
        | ErrorCode::KDC_ERR_NAME_EXP
        | ErrorCode::KDC_ERR_KEY_EXP => {
            format!("{user} could not sign in to {realm} either; an administrator can see why")
        }
        _ => format!(
            "the KDC of {realm} gives {service} no ticket in the name of {user} ({code:?}); a service may ask only for \
             tickets to itself"
        ),
    }
}

fn delegation_help(refusal: &BehalfRefusal) -> String {
    let BehalfRefusal {
        service,
        user,
        target,
        code,
        realm,
        ..
    } = refusal;
    match *code {
        ErrorCode::KDC_ERR_BADOPTION | ErrorCode::KDC_ERR_POLICY => format!(
            "the KDC of {realm} does not let {service} act for {user} at {target}: the target must be on the service's \
             delegation list (krbAllowedToDelegateTo) or name the service itself, and the ticket shown must be \
             forwardable, which tickets from S4U2Self are when {service} has ok_to_auth_as_delegate"
        ),
        _ => format!(
            "the KDC of {realm} answered {code:?} when {service} asked to act for {user} at {target}"
        ),
    }
}

fn kdc_text(code: ErrorCode, text: &str) -> String {
    if code == ErrorCode::KRB_ERR_GENERIC && !text.is_empty() {
        return format!("KDC returned error string: {text}");
    }
    code.to_string()
}

fn no_ticket_text(place: &Option<String>) -> String {
    match place {
        Some(place) => match place.split_once(':') {
            Some(("FILE" | "DIR", path)) => {
                let path = path.trim_start_matches(':');
                format!("Matching credential not found (filename: {path})")
            }
            _ => "Matching credential not found".to_owned(),
        },
        None => "Matching credential not found".to_owned(),
    }
}

fn no_cache_text(name: &str) -> String {
    match name.split_once(':') {
        Some(("FILE", path)) => format!("No credentials cache found (filename: {path})"),
        Some(("DIR", path)) => {
            format!(
                "No credentials cache found (filename: {})",
                path.trim_start_matches(':')
            )
        }
        Some(("KEYRING", residual)) => format!("Credentials cache keyring '{residual}' not found"),
        Some(_) => "No credentials cache found".to_owned(),
        None => format!("No credentials cache found (filename: {name})"),
    }
}

fn cache_io_text(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "Credentials cache permissions incorrect",
        _ => "Credentials cache I/O operation failed",
    }
}
