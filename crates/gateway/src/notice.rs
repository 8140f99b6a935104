//! What a person is told who does not get what they asked for.

use http::{HeaderValue, StatusCode};
use kerbstone_gss::{GssError, MajorStatus};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_verify::{Blame, PasswordFault};

use crate::certificate::Unmapped;
use crate::forwarding::BadRequest;
use crate::observer::Outcome;
use crate::pool::PoolError;
use crate::rate::TooMany;
use crate::request_path::BadPath;
use crate::rule::Denied;

/// A page in place of the one that was asked for.
#[derive(Debug)]
pub enum Notice {
    /// Show who you are.
    SignIn,
    /// NTLM was offered, which is a password's business.
    Ntlm,
    /// What was offered is no token.
    NotAToken,
    /// What was offered is longer than any token.
    TooLong,
    /// The headers together are longer than what is taken.
    HeadTooLong,
    /// The proof is not accepted.
    NotAccepted(Box<GssError>),
    /// What was offered is no name with a password.
    NotALogin,
    /// The password is not accepted.
    Password(Box<PasswordFault>),
    /// Nobody here can check passwords.
    NoPasswords,
    /// The certificate stands for nobody.
    Unmapped(Unmapped),
    /// The certificate is accepted no more.
    Distrusted(String),
    /// They came too often, or failed too often.
    TooMany(TooMany),
    /// The proof is accepted, and that is not enough.
    Denied {
        /// Why.
        why: Denied,
        /// Who it is.
        principal: String,
    },
    /// There is nothing at that path.
    Nowhere,
    /// The path may mean several places.
    BadPath(BadPath),
    /// The request is none for a gateway.
    BadRequest(BadRequest),
    /// The name of somebody cannot stand in a header.
    Unspeakable,
    /// The page can be read and nothing else.
    ReadOnly,
    /// A back end changed the protocol without being asked.
    BadUpgrade,
    /// There is no answer from what is behind the entry point.
    Pool(Box<PoolError>),
}

/// The same in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is the matter.
    pub title: &'static str,
    /// Why.
    pub why: String,
    /// What the person can do.
    pub advice: Vec<String>,
}

impl Notice {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::NotAccepted(error) if is_ours(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAccepted(_) => StatusCode::UNAUTHORIZED,
            Self::Password(fault) => match fault.blame() {
                Blame::Visitor => StatusCode::UNAUTHORIZED,
                Blame::House => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::NoPasswords => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotAToken | Self::NotALogin | Self::BadPath(_) => StatusCode::BAD_REQUEST,
            Self::BadRequest(why) => why.status(),
            Self::ReadOnly => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLong | Self::HeadTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            // Not 401: that would have to invite to Negotiate again, and the client would come with NTLM again.
            Self::Ntlm
            | Self::Denied { .. }
            | Self::Unmapped(_)
            | Self::Distrusted(_)
            | Self::Unspeakable => StatusCode::FORBIDDEN,
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::BadUpgrade => StatusCode::BAD_GATEWAY,
            Self::Pool(error) => error.status(),
        }
    }

    /// What it counts as.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::SignIn => Outcome::Asked,
            Self::Ntlm
            | Self::NotAToken
            | Self::NotALogin
            | Self::TooLong
            | Self::NotAccepted(_)
            | Self::Password(_)
            | Self::NoPasswords
            | Self::Distrusted(_) => Outcome::Refused,
            Self::Denied { .. } | Self::Unmapped(_) | Self::Unspeakable => Outcome::Denied,
            Self::TooMany(_) => Outcome::Limited,
            Self::Nowhere
            | Self::BadPath(_)
            | Self::BadRequest(_)
            | Self::HeadTooLong
            | Self::ReadOnly => Outcome::Misdirected,
            Self::BadUpgrade => Outcome::Failed,
            Self::Pool(error) => match error.status().is_server_error() {
                true => Outcome::Failed,
                false => Outcome::Misdirected,
            },
        }
    }

    /// The reason in one of a few words, for counting.
    pub fn kind(&self) -> Option<&'static str> {
        Some(match self {
            Self::SignIn => return None,
            Self::Ntlm => "ntlm",
            Self::NotAToken => "no_token",
            Self::TooLong => "token_too_long",
            Self::HeadTooLong => "headers_too_long",
            Self::NotAccepted(error) => ticket_fault(error),
            Self::NotALogin => "no_login",
            Self::Password(fault) => password_fault(fault),
            Self::NoPasswords => "no_passwords",
            Self::Unmapped(_) => "unmapped_certificate",
            Self::Distrusted(_) => "distrusted_certificate",
            Self::TooMany(many) => many.excess.word(),
            Self::Denied { why, .. } => why.kind(),
            Self::Nowhere => "no_entry_point",
            Self::BadPath(_) => "bad_path",
            Self::BadRequest(_) => "bad_request",
            Self::Unspeakable => "unspeakable_name",
            Self::ReadOnly => "read_only",
            Self::BadUpgrade => "bad_upgrade",
            Self::Pool(error) => pool_error(error),
        })
    }

    /// `Retry-After`, where coming again helps.
    pub fn retry_after(&self) -> Option<HeaderValue> {
        match self {
            Self::TooMany(many) => Some(many.header()),
            Self::Password(fault) => {
                let after = fault.retry_after()?;
                Some(HeaderValue::from(after.as_secs().max(1)))
            }
            Self::Pool(error) => Some(HeaderValue::from(error.retry_after()?.as_secs().max(1))),
            _ => None,
        }
    }

    /// For the audit log: the whole reason, of which the person may be told less.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::SignIn | Self::Nowhere => None,
            Self::NotAccepted(error) => Some(error.to_string()),
            Self::Password(fault) => Some(fault.to_string()),
            Self::Unmapped(why) => Some(why.to_string()),
            Self::Distrusted(why) => Some(why.clone()),
            Self::TooMany(many) => Some(many.to_string()),
            Self::Pool(error) => Some(error.to_string()),
            Self::Denied { why, .. } => Some(why.to_string()),
            Self::BadPath(why) => Some(why.to_string()),
            Self::BadRequest(why) => Some(why.to_string()),
            other => Some(other.words().title.to_owned()),
        }
    }

    /// For the person.
    pub fn words(&self) -> Words {
        match self {
            Self::SignIn => words(
                "Sign in to go on",
                "This page is for people who are signed in with Kerberos, and your browser has not shown a ticket.",
                &[
                    "Get a ticket in a terminal with `kerb login` (or `kinit`), then come back here.",
                    "Browsers show tickets only to sites that they are told about: in Firefox \
                     `network.negotiate-auth.trusted-uris`, in Chromium the policy `AuthServerAllowlist`.",
                ],
            ),
            Self::Ntlm => words(
                "Your browser offered NTLM",
                "This server takes Kerberos tickets only. Your browser had none for it, and offered a password by NTLM \
                 instead, which is not taken here.",
                &[
                    "Close the password window: no password typed there can work.",
                    "Sign in to the realm first (`kerb login`, `kinit`, or the domain's sign-in), then load this page again.",
                    "Use the server's full name in the address: tickets are made for names, not for addresses.",
                ],
            ),
            Self::NotAToken => words(
                "That was no Kerberos token",
                "Your program sent something under the name Negotiate that cannot be read as a token.",
                &[
                    "If you wrote the program: send the token of `gss_init_sec_context` in base64, in one `Authorization` header.",
                ],
            ),
            Self::TooLong => words(
                "Your ticket is too long",
                "The Authorization header is longer than this server takes.",
                &[
                    "Tickets grow with the groups that their owner is in; ask whoever looks after this server to raise \
                   `authorization_octets`.",
                ],
            ),
            Self::HeadTooLong => words(
                "The request's headers are too long",
                "They are longer than this server takes.",
                &["Delete this site's cookies, and load the page again."],
            ),
            Self::NotAccepted(error) => not_accepted(error),
            Self::NotALogin => words(
                "That was no name with a password",
                "Your program sent something under the name Basic that cannot be read as a name and a password.",
                &[
                    "If you wrote the program: send `NAME:PASSWORD` in base64, in UTF-8, in one `Authorization` header.",
                ],
            ),
            Self::Password(fault) => words(
                "You are not signed in",
                fault.told(),
                &[
                    "Passwords are those of the realm: `kerb login` (or `kinit`) in a terminal shows whether yours works.",
                ],
            ),
            Self::NoPasswords => words(
                "Passwords cannot be checked here",
                "This server has not been told how.",
                &["Tell whoever looks after this server."],
            ),
            Self::Unmapped(_) => words(
                "Your certificate stands for nobody here",
                "It is in order, but no rule of this server says who you are by it.",
                &["Ask whoever looks after this server, or use another certificate."],
            ),
            Self::Distrusted(_) => words(
                "Your certificate is accepted no more",
                "It has expired, or it was revoked.",
                &["Ask whoever gave it to you for another one."],
            ),
            Self::TooMany(many) => words(
                "That was too often",
                &format!(
                    "More is asked here than may be; come again in {} seconds.",
                    many.retry_after.as_secs().saturating_add(1)
                ),
                &[],
            ),
            Self::Denied { why, principal } => denied(why, principal),
            Self::Nowhere => words(
                "There is nothing here",
                "No entry point of this gateway covers the address.",
                &[],
            ),
            Self::BadPath(why) => words(
                "The address is ambiguous",
                &format!("It is refused because {why}."),
                &[],
            ),
            Self::BadRequest(why) => words(
                "The request cannot be served",
                &format!("It is refused: {why}."),
                &[],
            ),
            Self::Unspeakable => words(
                "Your name cannot be passed on",
                "It has characters that cannot stand in an HTTP header.",
                &["Ask the administrator of your realm for another name."],
            ),
            Self::ReadOnly => words(
                "This page can only be read",
                "Nothing can be sent to it.",
                &[],
            ),
            Self::BadUpgrade => words(
                "The application's answer makes no sense",
                "You are let in, but the application changed the protocol without being asked.",
                &["If it stays so, tell whoever looks after the application."],
            ),
            Self::Pool(error) => error.words(),
        }
    }
}

/// What is wrong behind an entry point, for counting.
const fn pool_error(error: &PoolError) -> &'static str {
    match error {
        PoolError::NobodyUp { .. } => "nobody_up",
        PoolError::QueueFull { .. } => "queue_full",
        PoolError::QueuedTooLong { .. } => "queued_too_long",
        PoolError::Unreachable { .. } => "unreachable",
        PoolError::ConnectSlow { .. } => "connect_slow",
        PoolError::AnswerSlow { .. } => "answer_slow",
        PoolError::Closed { .. } => "closed",
        PoolError::Malformed { .. } => "malformed_answer",
        PoolError::HeadTooLong { .. } => "head_too_long",
        PoolError::Unspeakable(_) => "unspeakable",
        PoolError::LengthRequired { .. } => "length_required",
        PoolError::BodyLost(_) => "body_lost",
    }
}

impl From<PoolError> for Notice {
    fn from(error: PoolError) -> Self {
        Self::Pool(Box::new(error))
    }
}

/// What is wrong with a password, for counting.
const fn password_fault(fault: &PasswordFault) -> &'static str {
    match fault {
        PasswordFault::Wrong => "wrong_password",
        PasswordFault::Unknown(_) => "unknown_name",
        PasswordFault::Expired => "password_expired",
        PasswordFault::Locked(_) => "locked",
        PasswordFault::KdcSilent(_) => "kdc_silent",
        PasswordFault::Busy => "busy",
        PasswordFault::Unproved(_) => "kdc_unproved",
        _ => "password_unchecked",
    }
}

/// What is wrong with a ticket, for counting.
fn ticket_fault(error: &GssError) -> &'static str {
    match error {
        GssError::Replay { .. } => "replay",
        GssError::Skew { .. } => "clock_skew",
        GssError::BadBindings | GssError::MissingBindings => "channel_bindings",
        ours if is_ours(ours) => "no_keys",
        other => match other.krb_code() {
            ErrorCode::KRB_AP_ERR_REPEAT => "replay",
            ErrorCode::KRB_AP_ERR_SKEW => "clock_skew",
            ErrorCode::KRB_AP_ERR_TKT_EXPIRED => "ticket_expired",
            ErrorCode::KRB_AP_ERR_BADKEYVER
            | ErrorCode::KRB_AP_ERR_NOKEY
            | ErrorCode::KRB_AP_ERR_NOT_US => "other_key",
            _ => "bad_token",
        },
    }
}

fn words(title: &'static str, why: &str, advice: &[&str]) -> Words {
    Words {
        title,
        why: why.to_owned(),
        advice: advice.iter().map(|&line| line.to_owned()).collect(),
    }
}

/// Whether the server is to blame rather than the client's ticket.
const fn is_ours(error: &GssError) -> bool {
    match error {
        GssError::ReplayCache(_) | GssError::NoAcceptorCredential(_) => true,
        // The proxy is not there, or has no keys for us.
        GssError::Proxied { major, .. } => {
            major.0 == MajorStatus::UNAVAILABLE.0 || major.0 == MajorStatus::NO_CRED.0
        }
        _ => false,
    }
}

fn denied(why: &Denied, principal: &str) -> Words {
    let title = "You are signed in, but may not come in here";
    let why = format!("You are {principal}, and {why}.");
    words(
        title,
        &why,
        &["Ask whoever looks after the application to let you in, or sign in as somebody else."],
    )
}

/// What was wrong with a ticket, without the names and versions of keys that only the server's own people need.
fn not_accepted(error: &GssError) -> Words {
    const AGAIN: &str = "Load the page again: your browser makes a new proof for each request.";
    const SIGN_IN: &str = "Sign in again: `kerb login` (or `kinit`), then load the page again.";
    const REPORT: &str = "If it stays so, tell whoever looks after this server: its keytab is out of step with the KDC.";
    let title = "Your ticket was not accepted";
    match error {
        GssError::Skew { theirs, ours, .. } => {
            let apart = theirs.abs_diff(*ours).as_secs();
            let why = format!(
                "Your computer's clock says {theirs}, this server's {ours}: they are {apart} seconds apart."
            );
            words(
                title,
                &why,
                &["Set your computer's clock (by NTP, if it can), then load the page again."],
            )
        }
        GssError::WrongPrincipal { ticket, .. } => {
            let why = format!("It is a ticket for {ticket}, which this server is not.");
            words(
                title,
                &why,
                &[
                    "Use the server's full name in the address.",
                    "If it is right: tell whoever looks after this server that its keytab lacks this name.",
                ],
            )
        }
        GssError::KeyVersion { principal, .. } => {
            let why = format!(
                "It is sealed with a key of {principal} that this server does not have, an older or a newer one."
            );
            words(title, &why, &[SIGN_IN, REPORT])
        }
        GssError::KeyEnctype {
            principal, wanted, ..
        } => {
            let why = format!(
                "It is sealed with {wanted}, for which this server has no key of {principal}."
            );
            words(title, &why, &[REPORT])
        }
        GssError::KeyMismatch { principal, .. } => {
            let why = format!("It is sealed with another key of {principal} than this server has.");
            words(title, &why, &[SIGN_IN, REPORT])
        }
        GssError::Replay { .. } => words(
            title,
            "The same proof has been accepted before: somebody sent it again.",
            &[AGAIN],
        ),
        GssError::BadBindings => words(
            title,
            "Your browser's encrypted connection ends somewhere else than here: something stands between you and this server.",
            &[
                "If a proxy or a virus scanner opens your connections, it must leave this site alone.",
            ],
        ),
        GssError::MissingBindings => words(
            title,
            "This server takes only proofs that are bound to the encrypted connection, and your program's is not.",
            &[
                "Use a program that sends channel bindings, or ask whoever looks after this server to do without.",
            ],
        ),
        GssError::Mechanism(_) => words(
            title,
            "Your browser offered no mechanism that this server speaks: Kerberos is the only one.",
            &[SIGN_IN],
        ),
        ours if is_ours(ours) => words(
            "This server cannot check tickets just now",
            "Something is wrong on the server's side; your ticket may be in order.",
            &["Try again in a moment; if it stays so, tell whoever looks after this server."],
        ),
        GssError::Proxied { major, .. } if major.0 == MajorStatus::BAD_BINDINGS.0 => {
            not_accepted(&GssError::BadBindings)
        }
        GssError::Proxied { .. } => match sealed(error.krb_code()) {
            Some(why) => words(title, why, &[SIGN_IN, REPORT]),
            None => by_code(title, error, &[SIGN_IN, AGAIN]),
        },
        other => by_code(title, other, &[SIGN_IN, AGAIN]),
    }
}

/// What a proxy says of the keys, in our words: its own tell more than a client is to know.
const fn sealed(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::KRB_AP_ERR_BADKEYVER => {
            "It is sealed with a key of the service that this server does not have, an older or a newer one."
        }
        ErrorCode::KRB_AP_ERR_NOKEY | ErrorCode::KDC_ERR_ETYPE_NOSUPP => {
            "It is sealed with a kind of key for which this server has none."
        }
        ErrorCode::KRB_AP_ERR_BAD_INTEGRITY | ErrorCode::KRB_AP_ERR_MODIFIED => {
            "It is sealed with another key of the service than this server has."
        }
        ErrorCode::KRB_AP_ERR_NOT_US => "It is a ticket for another service than this server.",
        _ => return None,
    })
}

fn by_code(title: &'static str, error: &GssError, advice: &[&str]) -> Words {
    let why = match error.krb_code() {
        ErrorCode::KRB_AP_ERR_TKT_EXPIRED => "It has expired.".to_owned(),
        ErrorCode::KRB_AP_ERR_TKT_NYV => "It is not valid yet.".to_owned(),
        ErrorCode::KRB_AP_ERR_REPEAT => {
            "The same proof has been accepted before: somebody sent it again.".to_owned()
        }
        ErrorCode::KRB_AP_ERR_SKEW => {
            "Your computer's clock and this server's are too far apart: set yours.".to_owned()
        }
        _ => format!("The server says: {error}."),
    };
    words(title, &why, advice)
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Principal;
    use kerbstone_proto::time::KerberosTime;

    use super::*;

    fn refused(error: GssError) -> Notice {
        Notice::NotAccepted(Box::new(error))
    }

    #[test]
    fn a_skewed_clock_is_told_by_how_much() {
        let notice = refused(GssError::Skew {
            whose: "the client's",
            theirs: KerberosTime::from_unix(1_800_000_000),
            ours: KerberosTime::from_unix(1_800_000_900),
            allowed: 300,
        });
        assert_eq!(notice.status(), StatusCode::UNAUTHORIZED);
        assert!(
            notice.words().why.contains("900 seconds apart"),
            "{:?}",
            notice.words()
        );
    }

    #[test]
    fn strangers_are_not_told_which_keys_the_server_has() {
        let ticket = Principal::parse("HTTP/other@EXAMPLE.TEST", None).unwrap();
        let notice = refused(GssError::WrongPrincipal {
            ticket: Box::new(ticket),
            have: "HTTP/secret-name@EXAMPLE.TEST".to_owned(),
        });
        assert!(!notice.words().why.contains("secret-name"));
        assert!(
            notice.reason().unwrap().contains("secret-name"),
            "the log has it"
        );
    }

    #[test]
    fn what_a_proxy_says_of_keys_is_for_the_log_only() {
        let notice = refused(GssError::Proxied {
            major: MajorStatus::FAILURE,
            minor: 0x96c7_3a00 + 44,
            text: "the keytab has version 1".to_owned(),
        });
        assert_eq!(notice.status(), StatusCode::UNAUTHORIZED);
        let why = notice.words().why;
        assert!(why.contains("an older or a newer one"), "{why}");
        assert!(!why.contains("version 1"), "{why}");
        assert!(notice.reason().unwrap().contains("version 1"));
        let gone = refused(GssError::Proxied {
            major: MajorStatus::UNAVAILABLE,
            minor: 0,
            text: "the proxy is not reached".to_owned(),
        });
        assert_eq!(gone.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn trouble_of_the_server_is_not_blamed_on_the_ticket() {
        let notice = refused(GssError::NoAcceptorCredential("empty".to_owned()));
        assert_eq!(notice.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn ntlm_and_denials_do_not_ask_again() {
        assert_eq!(Notice::Ntlm.status(), StatusCode::FORBIDDEN);
        let denied = Notice::Denied {
            why: Denied::User,
            principal: "bob@EXAMPLE.TEST".to_owned(),
        };
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
        assert!(denied.words().why.contains("bob@EXAMPLE.TEST"));
    }
}
