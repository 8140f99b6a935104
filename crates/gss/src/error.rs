//! What may go wrong with a context, the GSS status that says so to programs, and the words that
//! say so to people.

use std::fmt;

use kerbstone_crypto::{CryptoError, Enctype};
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::name::{NameError, Principal};
use kerbstone_proto::ticket_source::TicketSourceError;
use kerbstone_proto::time::KerberosTime;

use crate::{Oid, ReplayCacheError};

/// A major status of RFC 2744 3.9.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MajorStatus(pub u32);

macro_rules! statuses {
    ($($name:ident = $number:literal << 16, $text:literal;)+) => {
        impl MajorStatus {
            $(#[doc = concat!($text, ".")] pub const $name: Self = Self($number << 16);)+

            /// The name without `GSS_S_`, for the errors among them.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 >> 16 {
                    $($number => Some(stringify!($name)),)+
                    _ => None,
                }
            }

            /// The text that MIT's library prints.
            pub const fn message(self) -> Option<&'static str> {
                match self.0 >> 16 {
                    $($number => Some($text),)+
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    BAD_MECH = 1 << 16, "An unsupported mechanism was requested";
    BAD_NAME = 2 << 16, "An invalid name was supplied";
    BAD_NAMETYPE = 3 << 16, "A supplied name was of an unsupported type";
    BAD_BINDINGS = 4 << 16, "Incorrect channel bindings were supplied";
    BAD_STATUS = 5 << 16, "An invalid status code was supplied";
    BAD_MIC = 6 << 16, "A token had an invalid Message Integrity Check (MIC)";
    NO_CRED = 7 << 16, "No credentials were supplied, or the credentials were unavailable or inaccessible";
    NO_CONTEXT = 8 << 16, "No context has been established";
    DEFECTIVE_TOKEN = 9 << 16, "Invalid token was supplied";
    DEFECTIVE_CREDENTIAL = 10 << 16, "Invalid credential was supplied";
    CREDENTIALS_EXPIRED = 11 << 16, "The referenced credential has expired";
    CONTEXT_EXPIRED = 12 << 16, "The referenced context has expired";
    FAILURE = 13 << 16, "Unspecified GSS failure.  Minor code may provide more information";
    BAD_QOP = 14 << 16, "The quality-of-protection (QOP) requested could not be provided";
    UNAUTHORIZED = 15 << 16, "The operation is forbidden by local security policy";
    UNAVAILABLE = 16 << 16, "The operation or option is not available or unsupported";
    DUPLICATE_ELEMENT = 17 << 16, "The requested credential element already exists";
    NAME_NOT_MN = 18 << 16, "The provided name was not mechanism specific (MN)";
}

impl MajorStatus {
    /// All is well.
    pub const COMPLETE: Self = Self(0);
    /// Another token is needed.
    pub const CONTINUE_NEEDED: Self = Self(1);
    /// The message came before.
    pub const DUPLICATE_TOKEN: Self = Self(2);
    /// The message is so old that it cannot be told whether it came before.
    pub const OLD_TOKEN: Self = Self(4);
    /// A later message has come already.
    pub const UNSEQ_TOKEN: Self = Self(8);
    /// An earlier message has not come.
    pub const GAP_TOKEN: Self = Self(16);
}

impl fmt::Debug for MajorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "GSS_S_{name}"),
            None => write!(f, "MajorStatus({:#x})", self.0),
        }
    }
}

/// Why there is no context, or a message cannot be protected or believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GssError {
    /// The token's bytes make no sense: cut off, of another protocol, or changed on the way.
    #[error("the {what} is malformed: {why}")]
    DefectiveToken {
        /// What it should have been.
        what: &'static str,
        /// What is the matter with it.
        why: &'static str,
    },
    /// A token is longer than any that can be right.
    #[error("a token of {length} bytes is longer than the {limit} that are taken")]
    Oversized {
        /// The token's length.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A token for a mechanism that is not spoken here.
    #[error("the token is for the mechanism {0}, which is not spoken here")]
    Mechanism(Oid),
    /// The other side speaks none of our mechanisms. A browser that offers NTLM alone has no
    /// ticket: its user is not signed in, its policy does not allow Kerberos for this host, or the
    /// KDC has no principal of the host's name.
    #[error("the other side offers {}, and here krb5 is spoken{}", mechanisms(.0), ntlm_hint(.0))]
    NoCommonMechanism(Vec<Oid>),
    /// The acceptor chose a mechanism that was not in the list.
    #[error("the other side chose the mechanism {0}, which was not offered to it")]
    MechanismNotOffered(Oid),
    /// The other side ended the negotiation and gave no reason.
    #[error("the other side rejects the negotiation and does not say why")]
    NegotiationRejected,
    /// The list of mechanisms was changed on the way: somebody may want both sides to use a weaker
    /// one.
    #[error(
        "the two sides saw different lists of mechanisms: somebody between them may have changed it"
    )]
    WrongMechListMic,
    /// The proof that both sides saw the same list of mechanisms is missing where it is needed.
    #[error("the proof that both sides saw the same list of mechanisms (mechListMIC) is missing")]
    MissingMechListMic,
    /// A Kerberos message in the token is refused.
    #[error("{what}: {source}")]
    Kerberos {
        /// Which message.
        what: &'static str,
        /// Why.
        source: ProtoError,
    },
    /// The other side's clock and ours are too far apart: set both by NTP.
    #[error(
        "clock skew too great: {whose} clock says {theirs}, ours {ours}: {} seconds apart, {allowed} are allowed",
        theirs.abs_diff(*ours).as_secs()
    )]
    Skew {
        /// Whose clock it is.
        whose: &'static str,
        /// What it says.
        theirs: KerberosTime,
        /// What ours says.
        ours: KerberosTime,
        /// How many seconds would have been tolerated.
        allowed: u64,
    },
    /// The ticket is for a principal of which the keytab has no key: put the key there, or correct
    /// the name that the client asks for.
    #[error("the ticket is for {ticket}, and the keytab has keys of {have} only")]
    WrongPrincipal {
        /// Whom the ticket is for.
        ticket: Box<Principal>,
        /// Whose keys there are.
        have: String,
    },
    /// The keytab has that principal's keys in other versions: take the new key from the KDC into
    /// the keytab, or let the client sign in again for a new ticket.
    #[error(
        "the ticket for {principal} is sealed with key version {wanted}, the keytab has {have}"
    )]
    KeyVersion {
        /// Whose key it is.
        principal: Box<Principal>,
        /// The version that the ticket names.
        wanted: u32,
        /// The versions at hand.
        have: String,
    },
    /// The keytab has that principal's keys for other encryption types.
    #[error("the ticket for {principal} is sealed with {wanted}, the keytab has {have}")]
    KeyEnctype {
        /// Whose key it is.
        principal: Box<Principal>,
        /// The ticket's encryption type.
        wanted: String,
        /// Those at hand.
        have: String,
    },
    /// The right key by name, version and type does not open the ticket: the keytab is out of step
    /// with the KDC.
    #[error(
        "the key of {principal} (version {kvno}) in the keytab does not open the ticket: it is not the key that the KDC has"
    )]
    KeyMismatch {
        /// Whose key it is.
        principal: Box<Principal>,
        /// The version that the ticket names.
        kvno: u32,
    },
    /// There is no key at all to accept with.
    #[error("no credential to accept with: {0}")]
    NoAcceptorCredential(String),
    /// The request was accepted before. Somebody sends it again.
    #[error("the request of {client} for {server} is a replay: it has been accepted before")]
    Replay {
        /// Whose request.
        client: Box<Principal>,
        /// For whom.
        server: Box<Principal>,
    },
    /// Whether it is a replay cannot be said, so it is refused.
    #[error(transparent)]
    ReplayCache(#[from] ReplayCacheError),
    /// The initiator bound the context to another channel: somebody may stand between.
    #[error(
        "the channel bindings do not match: the initiator's channel ends elsewhere than here, or it binds to other data"
    )]
    BadBindings,
    /// The initiator bound the context to nothing, and here that is required.
    #[error("the initiator sends no channel bindings, which are required here")]
    MissingBindings,
    /// No ticket could be had.
    #[error("no ticket for {server}: {source}")]
    Ticket {
        /// For whom.
        server: String,
        /// Why.
        source: TicketSourceError,
    },
    /// No ticket could be had that the acceptor may use on the initiator's behalf.
    #[error("no ticket to delegate to {server}: {source}")]
    Delegation {
        /// To whom.
        server: Box<Principal>,
        /// Why.
        source: TicketSourceError,
    },
    /// The other side said no.
    #[error("the other side refuses: {}", refusal(*code, text, *their_time, *our_time))]
    PeerRefused {
        /// Its code.
        code: ErrorCode,
        /// Its words.
        text: String,
        /// Its clock.
        their_time: KerberosTime,
        /// Ours.
        our_time: KerberosTime,
    },
    /// The MIC does not belong to the message: it was changed on the way, or is of another context.
    #[error(
        "the integrity check of the {0} failed: it was changed on the way or is of another context"
    )]
    BadMic(&'static str),
    /// The token was made at this end: it was sent back.
    #[error("the {0} comes from our own side: it was sent back to us")]
    Reflected(&'static str),
    /// The ticket behind the context has expired.
    #[error("the context expired at {0}")]
    ContextExpired(KerberosTime),
    /// The ticket at hand is expired.
    #[error("the ticket for {server} expired at {at}")]
    CredentialsExpired {
        /// For whom.
        server: Box<Principal>,
        /// When.
        at: KerberosTime,
    },
    /// The context has no such protection, because it was not asked for or the other side does not
    /// have it.
    #[error("{0}")]
    Unavailable(&'static str),
    /// A name cannot be read.
    #[error("malformed name: {0}")]
    Name(#[from] NameError),
    /// A name is of a kind that means nothing here.
    #[error("{0}")]
    BadName(String),
    /// A name is of a type that is not known.
    #[error("names of the type {0} are not known here")]
    BadNameType(Oid),
    /// An exported context cannot be read.
    #[error("the exported context cannot be imported: {0}")]
    Import(&'static str),
    /// A key cannot be used.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The ticket's keys are of RC4 or DES3, whose messages have a form of their own: give client
    /// and service keys of AES.
    #[error("the session has a key of {0}, with which contexts are not established here")]
    LegacyKey(Enctype),
    /// The proxy that has the keys refuses, or is not reached.
    #[error("{}", told(*.major, .text))]
    Proxied {
        /// The major status.
        major: MajorStatus,
        /// MIT's number for the reason.
        minor: u32,
        /// The reason in words; may be empty.
        text: String,
    },
    /// The caller did things in the wrong order.
    #[error("{0}")]
    Misuse(&'static str),
}

fn told(major: MajorStatus, text: &str) -> String {
    match (text.is_empty(), major.message()) {
        (true, Some(message)) => message.to_owned(),
        (true, None) => "the proxy refuses and does not say why".to_owned(),
        (false, _) => text.to_owned(),
    }
}

fn mechanisms(offered: &[Oid]) -> String {
    let names: Vec<String> = offered.iter().map(Oid::to_string).collect();
    names.join(", ")
}

fn ntlm_hint(offered: &[Oid]) -> &'static str {
    if offered.contains(&Oid::NTLMSSP) {
        "; programs offer NTLM when they have no ticket for this host"
    } else {
        ""
    }
}

fn refusal(
    code: ErrorCode,
    text: &str,
    their_time: KerberosTime,
    our_time: KerberosTime,
) -> String {
    let mut words = code.to_string();
    if !text.is_empty() && text != words {
        words = format!("{words} ({text})");
    }
    if code == ErrorCode::KRB_AP_ERR_SKEW {
        let apart = their_time.abs_diff(our_time).as_secs();
        words =
            format!("{words}: its clock says {their_time}, ours {our_time}: {apart} seconds apart");
    }
    words
}

impl GssError {
    /// The major status with which a GSS library reports it.
    pub const fn major(&self) -> MajorStatus {
        match self {
            Self::DefectiveToken { .. } | Self::Oversized { .. } => MajorStatus::DEFECTIVE_TOKEN,
            Self::Mechanism(_)
            | Self::NoCommonMechanism(_)
            | Self::MechanismNotOffered(_)
            | Self::NegotiationRejected => MajorStatus::BAD_MECH,
            Self::WrongMechListMic => MajorStatus::BAD_MIC,
            Self::MissingMechListMic => MajorStatus::DEFECTIVE_TOKEN,
            Self::Replay { .. } => MajorStatus::DUPLICATE_TOKEN,
            Self::BadBindings | Self::MissingBindings => MajorStatus::BAD_BINDINGS,
            Self::NoAcceptorCredential(_) | Self::Ticket { .. } => MajorStatus::NO_CRED,
            Self::BadMic(_) | Self::Reflected(_) => MajorStatus::BAD_MIC,
            Self::ContextExpired(_) => MajorStatus::CONTEXT_EXPIRED,
            Self::CredentialsExpired { .. } => MajorStatus::CREDENTIALS_EXPIRED,
            Self::Unavailable(_) => MajorStatus::UNAVAILABLE,
            Self::Name(_) | Self::BadName(_) => MajorStatus::BAD_NAME,
            Self::BadNameType(_) => MajorStatus::BAD_NAMETYPE,
            Self::Import(_) => MajorStatus::DEFECTIVE_TOKEN,
            Self::Misuse(_) => MajorStatus::NO_CONTEXT,
            Self::Proxied { major, .. } => *major,
            Self::Kerberos { .. }
            | Self::Skew { .. }
            | Self::WrongPrincipal { .. }
            | Self::KeyVersion { .. }
            | Self::KeyEnctype { .. }
            | Self::KeyMismatch { .. }
            | Self::ReplayCache(_)
            | Self::Delegation { .. }
            | Self::PeerRefused { .. }
            | Self::LegacyKey(_)
            | Self::Crypto(_) => MajorStatus::FAILURE,
        }
    }

    /// The code of the KRB-ERROR that tells the other side.
    pub const fn krb_code(&self) -> ErrorCode {
        match self {
            Self::Kerberos { source, .. } => source.krb_code(),
            Self::Skew { .. } => ErrorCode::KRB_AP_ERR_SKEW,
            Self::WrongPrincipal { .. } => ErrorCode::KRB_AP_ERR_NOT_US,
            Self::KeyVersion { .. } => ErrorCode::KRB_AP_ERR_BADKEYVER,
            Self::KeyEnctype { .. } | Self::NoAcceptorCredential(_) => ErrorCode::KRB_AP_ERR_NOKEY,
            Self::KeyMismatch { .. } => ErrorCode::KRB_AP_ERR_BAD_INTEGRITY,
            Self::Replay { .. } => ErrorCode::KRB_AP_ERR_REPEAT,
            Self::BadMic(_) => ErrorCode::KRB_AP_ERR_MODIFIED,
            Self::Reflected(_) => ErrorCode::KRB_AP_ERR_BADDIRECTION,
            Self::CredentialsExpired { .. } | Self::ContextExpired(_) => {
                ErrorCode::KRB_AP_ERR_TKT_EXPIRED
            }
            Self::PeerRefused { code, .. } => *code,
            Self::Proxied { minor, .. } => code_of(*minor),
            Self::LegacyKey(_) => ErrorCode::KDC_ERR_ETYPE_NOSUPP,
            _ => ErrorCode::KRB_ERR_GENERIC,
        }
    }

    /// What whoever runs this side can do about it, for the `help:` line of a program.
    pub const fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Skew { .. } => "set both clocks by NTP",
            Self::WrongPrincipal { .. } => {
                "extract that principal's key into the keytab, or let the client ask for a name that the keytab has"
            }
            Self::KeyVersion { .. } | Self::KeyMismatch { .. } => {
                "extract the present key into the keytab; a client with an older ticket signs in again"
            }
            Self::KeyEnctype { .. } => {
                "extract the key again with that encryption type, or leave the type out at the KDC"
            }
            Self::NoAcceptorCredential(_) => {
                "check KRB5_KTNAME and that this user may read the keytab"
            }
            Self::Replay { .. } => {
                "a client that sends its token twice is broken; anything else is an attack"
            }
            Self::BadBindings => {
                "a proxy that ends TLS between the two must not have a certificate of its own, or bindings must be off"
            }
            Self::MissingBindings => "use a client that sends channel bindings",
            Self::CredentialsExpired { .. } | Self::ContextExpired(_) => "sign in again",
            Self::LegacyKey(_) => "give both principals keys of AES",
            Self::PeerRefused { code, .. } => match *code {
                ErrorCode::KRB_AP_ERR_SKEW => "set both clocks by NTP",
                ErrorCode::KRB_AP_ERR_BADKEYVER
                | ErrorCode::KRB_AP_ERR_NOKEY
                | ErrorCode::KRB_AP_ERR_BAD_INTEGRITY
                | ErrorCode::KRB_AP_ERR_MODIFIED => {
                    "the service's keytab is not what the KDC has: extract it again there, then sign in again"
                }
                ErrorCode::KRB_AP_ERR_NOT_US => {
                    "ask for the service by the name that its keytab has"
                }
                ErrorCode::KRB_AP_ERR_TKT_EXPIRED => "sign in again",
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The minor status with which MIT's library reports it: its number for a protocol code.
    pub const fn minor(&self) -> u32 {
        match self {
            Self::Proxied { minor, .. } => *minor,
            other => MIT_ERROR_TABLE.wrapping_add(other.krb_code().0.cast_unsigned()),
        }
    }
}

/// Where MIT's numbers for the protocol's errors begin, and how many there are.
const MIT_ERROR_TABLE: u32 = 0x96c7_3a00;
const PROTOCOL_ERRORS: u32 = 128;

const fn code_of(minor: u32) -> ErrorCode {
    let code = minor.wrapping_sub(MIT_ERROR_TABLE);
    match code < PROTOCOL_ERRORS {
        true => ErrorCode(code.cast_signed()),
        false => ErrorCode::KRB_ERR_GENERIC,
    }
}

/// Says of which message it is that a refusal speaks.
pub(crate) fn about(what: &'static str) -> impl Fn(ProtoError) -> GssError {
    move |source| GssError::Kerberos { what, source }
}
