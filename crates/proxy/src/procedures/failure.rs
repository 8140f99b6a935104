//! Why a call fails, and the status that tells its client so.

use std::fmt;

use kerbstone_client::ClientError;
use kerbstone_gss::{GssError, MajorStatus, Oid};

use super::minor::Minor;
use crate::desk::DeskError;
use crate::wire;

/// A required parameter is missing (RFC 2744 3.9.1).
const CALL_INACCESSIBLE_READ: u32 = 1 << 24;
/// A parameter is malformed.
const CALL_BAD_STRUCTURE: u32 = 3 << 24;

/// The longest detail, in bytes.
const MAX_DETAIL: usize = 512;

/// What MIT's library says of the bits above an error.
const CALLING: [(u32, &str); 3] = [
    (
        CALL_INACCESSIBLE_READ,
        "A required input parameter could not be read",
    ),
    (2 << 24, "A required output parameter could not be written"),
    (CALL_BAD_STRUCTURE, "A parameter was malformed"),
];

/// What it says of those below.
const SUPPLEMENTARY: [(MajorStatus, &str); 5] = [
    (
        MajorStatus::CONTINUE_NEEDED,
        "The routine must be called again to complete its function",
    ),
    (
        MajorStatus::DUPLICATE_TOKEN,
        "The token was a duplicate of an earlier token",
    ),
    (
        MajorStatus::OLD_TOKEN,
        "The token's validity period has expired",
    ),
    (
        MajorStatus::UNSEQ_TOKEN,
        "A later token has already been processed",
    ),
    (
        MajorStatus::GAP_TOKEN,
        "An expected per-message token was not received",
    ),
];

/// Why a call has not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It would have to wait for somebody, and shall not.
    MustWait,
    /// It cannot be done.
    Failed(Failure),
}

/// What a procedure ends in.
pub(super) type Outcome<T> = Result<T, Trouble>;

/// A call that is refused, in the words of GSS-API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) major: MajorStatus,
    pub(super) minor: Minor,
    /// What is to be said of the minor status beyond MIT's text for it.
    pub(super) detail: Option<String>,
}

impl Failure {
    /// A major status alone.
    pub(super) const fn of_major(major: MajorStatus) -> Self {
        Self::new(major, Minor::NONE)
    }

    /// A major and a minor status.
    pub(super) const fn new(major: MajorStatus, minor: Minor) -> Self {
        Self {
            major,
            minor,
            detail: None,
        }
    }

    /// A failure of no particular kind.
    pub(super) const fn of_minor(minor: Minor) -> Self {
        Self::new(MajorStatus::FAILURE, minor)
    }

    /// What the call needs is not in it.
    pub(super) fn missing(what: &str) -> Self {
        Self {
            major: MajorStatus(CALL_INACCESSIBLE_READ),
            minor: Minor::EINVAL,
            detail: Some(format!("the call has no {what}")),
        }
    }

    /// Something in the call has a form that it must not have.
    pub(super) fn malformed(what: &str) -> Self {
        Self {
            major: MajorStatus(CALL_BAD_STRUCTURE),
            minor: Minor::EINVAL,
            detail: Some(what.to_owned()),
        }
    }

    /// The service may not do that.
    pub(super) fn forbidden(why: impl Into<String>) -> Self {
        Self::new(MajorStatus::UNAUTHORIZED, Minor::EACCES).because(why)
    }

    /// Says more of it.
    #[must_use]
    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        let mut why = why.into();
        // What others wrote may be in it, and others may write long.
        why.truncate(why.floor_char_boundary(MAX_DETAIL));
        self.detail = Some(why);
        self
    }

    /// What a client shows of the minor status.
    pub(super) fn minor_text(&self) -> String {
        match (self.minor.text(), &self.detail) {
            (Some(text), Some(detail)) if detail.starts_with(text) => detail.clone(),
            (Some(text), Some(detail)) => format!("{text}: {detail}"),
            (Some(text), None) => text.to_owned(),
            (None, Some(detail)) => detail.clone(),
            (None, None) => "Unknown error".to_owned(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.minor == Minor::NONE && self.detail.is_none() {
            return f.write_str(&major_text(self.major));
        }
        f.write_str(&self.minor_text())
    }
}

/// What MIT's library prints for a major status.
pub(super) fn major_text(major: MajorStatus) -> String {
    let calling = CALLING
        .iter()
        .filter(|(bits, _)| major.0 & 0xff00_0000 == *bits)
        .map(|(_, text)| *text);
    let routine = MajorStatus(major.0 & 0x00ff_0000);
    let supplementary = SUPPLEMENTARY
        .iter()
        .filter(|(bit, _)| major.0 & bit.0 != 0)
        .map(|(_, text)| *text);
    let texts: Vec<&str> = calling
        .chain(routine.message())
        .chain(supplementary)
        .collect();
    texts.join(", ")
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<&GssError> for Failure {
    fn from(error: &GssError) -> Self {
        let source = match error {
            GssError::Ticket { source, .. } | GssError::Delegation { source, .. } => source,
            _ => return Self::of_gss(error),
        };
        match (
            source.downcast_ref::<DeskError>(),
            source.downcast_ref::<ClientError>(),
        ) {
            (Some(source), _) => Self::from(source),
            (_, Some(source)) => Self::from(source),
            _ => Self::of_gss(error),
        }
    }
}

impl Failure {
    fn of_gss(error: &GssError) -> Self {
        let minor = match error {
            GssError::NoAcceptorCredential(_) => Minor::KEYTAB_NO_MATCH,
            GssError::Unavailable(_) => Minor::ENOTSUP,
            GssError::Misuse(_) => Minor::EINVAL,
            GssError::Name(_) | GssError::BadName(_) | GssError::BadNameType(_) => {
                Minor::PARSE_MALFORMED
            }
            other => Minor::of_code(other.krb_code()),
        };
        let major = match error {
            GssError::Ticket { .. } => MajorStatus::FAILURE,
            // As MIT has it: the supplementary bit alone would be no error to a client.
            GssError::Replay { .. } => MajorStatus::FAILURE,
            other => other.major(),
        };
        Self::new(major, minor).because(error.to_string())
    }
}

impl From<&ClientError> for Failure {
    fn from(error: &ClientError) -> Self {
        let major = match error {
            ClientError::NoCache { .. }
            | ClientError::NoCacheFor { .. }
            | ClientError::NoKeytab { .. }
            | ClientError::NoKeyInKeytab { .. }
            | ClientError::NoTicket { .. } => MajorStatus::NO_CRED,
            ClientError::TicketExpired { .. } => MajorStatus::CREDENTIALS_EXPIRED,
            _ => MajorStatus::FAILURE,
        };
        Self::new(major, Minor::of_client(error)).because(error.mit_text())
    }
}

impl From<GssError> for Trouble {
    fn from(error: GssError) -> Self {
        Self::Failed(Failure::from(&error))
    }
}

impl From<&DeskError> for Failure {
    fn from(error: &DeskError) -> Self {
        let (major, minor) = match error {
            DeskError::Client(source) => return Self::from(source),
            DeskError::Gss(source) => return Self::from(source),
            DeskError::CacheOfAnother => (MajorStatus::NO_CRED, Minor::CACHE_NO_MATCH),
            DeskError::NoKeyOf => (MajorStatus::NO_CRED, Minor::KEYTAB_NO_MATCH),
            DeskError::EmptyCache => (MajorStatus::NO_CRED, Minor::EMPTY_CACHE),
            DeskError::WrongUsage(_) => (MajorStatus::NO_CRED, Minor::USAGE_MISMATCH),
            DeskError::Handle(_) => (MajorStatus::DEFECTIVE_CREDENTIAL, Minor::EINVAL),
            DeskError::TooLarge(_) => (MajorStatus::FAILURE, Minor::ENOSPC),
            _ => (MajorStatus::FAILURE, Minor::EINVAL),
        };
        Self::new(major, minor).because(error.to_string())
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::WouldWait => Self::MustWait,
            error => Self::Failed(Failure::from(&error)),
        }
    }
}

/// A status that says what a client shows: both texts are C strings.
pub(super) fn status(mech: &Oid, major: MajorStatus, failure: Option<&Failure>) -> wire::Status {
    let minor = failure.map_or(Minor::NONE, |failure| failure.minor);
    let major = match failure {
        Some(_) => never_success(major),
        None => major,
    };
    wire::Status {
        major: major.0.into(),
        mech: mech.contents().into(),
        minor: minor.0.into(),
        major_text: c_string(major_text(major)),
        minor_text: match failure.filter(|_| minor != Minor::NONE) {
            Some(failure) => c_string(failure.minor_text()),
            None => wire::Opaque::new(),
        },
        ..wire::Status::default()
    }
}

/// Whatever went wrong, no client shall take it for success.
const fn never_success(major: MajorStatus) -> MajorStatus {
    const ERRORS: u32 = 0xffff_0000;
    if major.0 & ERRORS == 0 {
        return MajorStatus(major.0 | MajorStatus::FAILURE.0);
    }
    major
}

fn c_string(text: String) -> wire::Opaque {
    if text.is_empty() {
        return wire::Opaque::new();
    }
    let mut bytes = text.replace('\0', " ").into_bytes();
    bytes.push(0);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_major_status_is_told_bit_by_bit_as_mit_does() {
        assert_eq!(
            major_text(MajorStatus(0x3_0000 | 0x0300_0000)),
            "A parameter was malformed, A supplied name was of an unsupported type"
        );
        assert_eq!(
            major_text(MajorStatus(0x12)),
            "The token was a duplicate of an earlier token, \
             An expected per-message token was not received"
        );
        assert_eq!(major_text(MajorStatus::COMPLETE), "");
    }

    #[test]
    fn a_failure_is_never_told_as_a_success() {
        for major in [MajorStatus::COMPLETE, MajorStatus::DUPLICATE_TOKEN] {
            let failure = Failure::of_major(major);
            let told = status(&Oid::KRB5, major, Some(&failure));
            assert_ne!(told.major & 0xffff_0000, 0, "{told:?}");
        }
    }

    #[test]
    fn mits_text_comes_first_and_ours_adds_to_it() {
        let failure = Failure::of_minor(Minor::KDC_UNREACHABLE).because("tried nobody");
        assert_eq!(
            failure.minor_text(),
            "Cannot contact any KDC for requested realm: tried nobody"
        );
    }
}
