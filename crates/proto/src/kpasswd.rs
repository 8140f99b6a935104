//! The messages of password changes (RFC 3244): AP-REQ and KRB-PRIV in a frame of lengths.
//!
//! Version 1 changes the client's own password; version 0xff80 can set another's.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use der::Sequence;

use crate::error::ProtoError;
use crate::message::{ApRep, ApReq, KrbError, KrbPriv, Secret};
use crate::name::{KerberosString, Principal, PrincipalName, Realm};
use crate::wire::messages;

/// Bytes before the first message: total length, version, length of the AP message.
const HEADER_LENGTH: usize = 6;
/// The tag of an AP-REQ, by which a request is told from a reply that was sent back.
const AP_REQ_TAG: u8 = 0x6e;
/// The tag of a KRB-ERROR, by which one without a frame is told from a frame.
const KRB_ERROR_TAG: u8 = 0x7e;

/// Which of the two protocols it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum PasswordVersion {
    /// The client changes its own password; the data is the new one.
    Change = 1,
    /// The client sets a password, its own or another's; the data is [`ChangePasswdData`].
    Set = 0xff80,
}

impl PasswordVersion {
    const fn from_number(number: u16) -> Result<Self, ProtoError> {
        match number {
            1 => Ok(Self::Change),
            0xff80 => Ok(Self::Set),
            other => Err(ProtoError::Version(other)),
        }
    }
}

/// A request for a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRequest {
    /// Which protocol it is.
    pub version: PasswordVersion,
    /// With a ticket for `kadmin/changepw`.
    pub ap_req: ApReq,
    /// With the password, encrypted in the subkey of the AP-REQ.
    pub krb_priv: KrbPriv,
}

impl PasswordRequest {
    /// Reads one request, to its last byte.
    ///
    /// A frame without an AP-REQ is [`ProtoError::Framing`]: it may be a server's reply, and a server
    /// that answers those can be set on another (CVE-2002-2443).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtoError> {
        let what = "kpasswd request";
        let frame = Frame::parse(what, bytes)?;
        let version = PasswordVersion::from_number(frame.version)?;
        if frame.ap_message.first() != Some(&AP_REQ_TAG) {
            return Err(ProtoError::Framing { what });
        }
        Ok(Self {
            version,
            ap_req: ApReq::from_der(frame.ap_message)?,
            krb_priv: KrbPriv::from_der(frame.rest)?,
        })
    }

    /// The bytes of this request; an error when it is longer than the 64 KiB of the protocol.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProtoError> {
        let ap_message = self.ap_req.to_der();
        let rest = self.krb_priv.to_der();
        let version = self.version as u16;
        Frame {
            version,
            ap_message: &ap_message,
            rest: &rest,
        }
        .to_bytes("kpasswd request")
    }
}

/// The data of a request of version 0xff80.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct ChangePasswdData {
    /// The new password.
    #[asn1(context_specific = "0")]
    pub newpasswd: Secret,
    /// Whose, if not the client's.
    #[asn1(context_specific = "1", optional = "true")]
    pub targname: Option<PrincipalName>,
    /// In which realm.
    #[asn1(context_specific = "2", optional = "true")]
    pub targrealm: Option<Realm>,
}

impl ChangePasswdData {
    /// Whose password it is, when the message says so in full.
    pub fn target(&self) -> Option<Principal> {
        let name = self.targname.clone()?;
        Some(Principal::new(name, self.targrealm.clone()?))
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordReply {
    /// The server could read the request; what came of it is inside the KRB-PRIV.
    Answered {
        /// Proves the server.
        ap_rep: ApRep,
        /// With a [`PasswordResult`], encrypted in the key of the session.
        krb_priv: KrbPriv,
    },
    /// It could not, or did not want to; its e-data is a [`PasswordResult`].
    Refused(KrbError),
}

impl PasswordReply {
    /// Reads one reply, to its last byte. A KRB-ERROR without a frame is taken too.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtoError> {
        if bytes.first() == Some(&KRB_ERROR_TAG) {
            return KrbError::from_der(bytes).map(Self::Refused);
        }
        let frame = Frame::parse("kpasswd reply", bytes)?;
        PasswordVersion::from_number(frame.version)?;
        if frame.ap_message.is_empty() {
            return KrbError::from_der(frame.rest).map(Self::Refused);
        }
        let ap_rep = ApRep::from_der(frame.ap_message)?;
        let krb_priv = KrbPriv::from_der(frame.rest)?;
        Ok(Self::Answered { ap_rep, krb_priv })
    }

    /// The bytes of this reply, which has version 1 whatever the request had (RFC 3244 2);
    /// an error when it is longer than the 64 KiB of the protocol.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ProtoError> {
        let (ap_message, rest) = match self {
            Self::Answered { ap_rep, krb_priv } => (ap_rep.to_der(), krb_priv.to_der()),
            Self::Refused(error) => (Vec::new(), error.to_der()),
        };
        let version = PasswordVersion::Change as u16;
        Frame {
            version,
            ap_message: &ap_message,
            rest: &rest,
        }
        .to_bytes("kpasswd reply")
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u16);

impl ResultCode {
    /// The password was changed.
    pub const SUCCESS: Self = Self(0);
    /// The request was malformed.
    pub const MALFORMED: Self = Self(1);
    /// The server failed, and will again.
    pub const HARDERROR: Self = Self(2);
    /// The client could not be authenticated.
    pub const AUTHERROR: Self = Self(3);
    /// The new password was refused, or the server failed for now.
    pub const SOFTERROR: Self = Self(4);
    /// The client may not do this.
    pub const ACCESSDENIED: Self = Self(5);
    /// The version is not known.
    pub const BAD_VERSION: Self = Self(6);
    /// The ticket must come from an AS exchange.
    pub const INITIAL_FLAG_NEEDED: Self = Self(7);

    /// The text that MIT's kpasswd prints for the code.
    pub const fn message(self) -> &'static str {
        match self.0 {
            0 => "Success",
            1 => "Malformed request error",
            2 => "Server error",
            3 => "Authentication error",
            4 => "Password change rejected",
            5 => "Access denied",
            6 => "Wrong protocol version",
            7 => "Initial password required",
            _ => "Password change failed",
        }
    }
}

/// A code and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordResult {
    /// What came of the request.
    pub code: ResultCode,
    /// Why, in words; Active Directory sends its policy in binary form here.
    pub text: KerberosString,
}

impl PasswordResult {
    /// That code with that text.
    pub fn new(code: ResultCode, text: impl Into<KerberosString>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// Reads the data of a reply's KRB-PRIV, or the e-data of its KRB-ERROR.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProtoError> {
        let (code, text) = bytes.split_first_chunk().ok_or(ProtoError::Framing {
            what: "kpasswd result",
        })?;
        Ok(Self::new(ResultCode(u16::from_be_bytes(*code)), text))
    }

    /// The bytes for a reply's KRB-PRIV, or the e-data of its KRB-ERROR.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.code.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }
}

/// A request or a reply, cut into its messages.
struct Frame<'a> {
    version: u16,
    ap_message: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Frame<'a> {
    fn parse(what: &'static str, bytes: &'a [u8]) -> Result<Self, ProtoError> {
        let error = || ProtoError::Framing { what };
        let (header, messages) = bytes
            .split_first_chunk::<HEADER_LENGTH>()
            .ok_or_else(error)?;
        let [l1, l2, v1, v2, a1, a2] = *header;
        if usize::from(u16::from_be_bytes([l1, l2])) != bytes.len() {
            return Err(error());
        }
        let ap_length = usize::from(u16::from_be_bytes([a1, a2]));
        let (ap_message, rest) = messages.split_at_checked(ap_length).ok_or_else(error)?;
        Ok(Self {
            version: u16::from_be_bytes([v1, v2]),
            ap_message,
            rest,
        })
    }

    fn to_bytes(&self, what: &'static str) -> Result<Vec<u8>, ProtoError> {
        let length = self
            .ap_message
            .len()
            .saturating_add(self.rest.len())
            .saturating_add(HEADER_LENGTH);
        let too_long = |_| ProtoError::TooLong { what, length };
        let total = u16::try_from(length).map_err(too_long)?;
        let ap_length = u16::try_from(self.ap_message.len()).map_err(too_long)?;
        let mut bytes = Vec::with_capacity(length);
        for number in [total, self.version, ap_length] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(self.ap_message);
        bytes.extend_from_slice(self.rest);
        Ok(bytes)
    }
}

messages! {
    ChangePasswdData = "ChangePasswdData";
}
