use std::ops::RangeInclusive;

use thiserror::Error;

use super::record::begin_record;
use super::reply::{AuthStatus, Refusal};
use super::{AUTH_NONE, CALL, MAX_AUTH, RPC_VERSION};
use crate::error::XdrError;
use crate::reader::Reader;
use crate::writer::Writer;

/// What stands before a procedure's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallHeader<'a> {
    /// What the reply will repeat.
    pub xid: u32,
    /// The program called.
    pub program: u32,
    /// Its version.
    pub version: u32,
    /// The procedure called.
    pub procedure: u32,
    /// What the caller says of itself.
    pub credential: Credential<'a>,
    /// How it proves that.
    pub verifier: Credential<'a>,
}

/// A credential or a verifier: bytes whose meaning depends on the flavour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credential<'a> {
    /// Which kind: [`AUTH_NONE`], [`RPCSEC_GSS`](super::RPCSEC_GSS) or another.
    pub flavor: u32,
    /// At most 400 bytes.
    pub body: &'a [u8],
}

/// A program as a server offers it, in one version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its number.
    pub number: u32,
    /// The version served.
    pub version: u32,
    /// The procedures served.
    pub procedures: RangeInclusive<u32>,
}

/// Why a call is not executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CallFault {
    /// The header cannot be read, so there is nothing to answer: close the stream.
    #[error("no call: {0}")]
    Unreadable(#[from] XdrError),
    /// The message is a reply: close the stream.
    #[error("no call but a message of type {0}")]
    NoCall(u32),
    /// The call is for another program, version or procedure, or by somebody without rights.
    #[error("{refusal}")]
    Refused {
        /// The call that is refused.
        xid: u32,
        /// What to answer.
        refusal: Refusal,
    },
    /// The arguments are not what the procedure takes.
    #[error("arguments that the procedure does not take: {why}")]
    Arguments {
        /// The call that is refused.
        xid: u32,
        /// What is wrong with them.
        why: XdrError,
    },
}

impl CallFault {
    /// What to answer ([`refuse`](super::refuse)), and to which call; none: close the stream.
    pub const fn answer(&self) -> Option<(u32, Refusal)> {
        match *self {
            Self::Unreadable(_) | Self::NoCall(_) => None,
            Self::Refused { xid, refusal } => Some((xid, refusal)),
            Self::Arguments { xid, .. } => Some((xid, Refusal::GarbageArguments)),
        }
    }
}

/// Reads a call's header; the arguments are what the reader has left.
///
/// # Errors
/// [`CallFault`]: what to answer, or that the stream is to be closed.
pub fn read_call<'a>(input: &mut Reader<'a>) -> Result<CallHeader<'a>, CallFault> {
    let xid = input.u32()?;
    let kind = input.u32()?;
    if kind != CALL {
        return Err(CallFault::NoCall(kind));
    }
    let rpc_version = input.u32()?;
    let header = CallHeader {
        xid,
        program: input.u32()?,
        version: input.u32()?,
        procedure: input.u32()?,
        credential: Credential::read(input)?,
        verifier: Credential::read(input)?,
    };
    if rpc_version != RPC_VERSION {
        let refusal = Refusal::RpcMismatch {
            low: RPC_VERSION,
            high: RPC_VERSION,
        };
        return Err(CallFault::Refused { xid, refusal });
    }
    Ok(header)
}

/// Begins a record with a call by nobody in particular; its arguments follow.
pub fn begin_call(xid: u32, program: u32, version: u32, procedure: u32) -> Writer {
    let mut out = begin_record();
    for word in [xid, CALL, RPC_VERSION, program, version, procedure] {
        out.u32(word);
    }
    Credential::NONE.write(&mut out);
    Credential::NONE.write(&mut out);
    out
}

impl Program {
    /// Whether this call, by a caller without credentials, is for this program.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub fn serves(&self, call: &CallHeader<'_>) -> Result<(), CallFault> {
        let refusal = if call.program != self.number {
            Refusal::ProgramUnavailable
        } else if call.version != self.version {
            Refusal::ProgramMismatch {
                low: self.version,
                high: self.version,
            }
        } else if !self.procedures.contains(&call.procedure) {
            Refusal::ProcedureUnavailable
        } else if call.credential.flavor != AUTH_NONE {
            Refusal::Authentication(AuthStatus::Failed)
        } else {
            return Ok(());
        };
        Err(CallFault::Refused {
            xid: call.xid,
            refusal,
        })
    }
}

impl<'a> Credential<'a> {
    /// Nobody in particular.
    pub const NONE: Self = Self {
        flavor: AUTH_NONE,
        body: &[],
    };

    pub(super) fn read(input: &mut Reader<'a>) -> Result<Self, XdrError> {
        Ok(Self {
            flavor: input.u32()?,
            body: input.opaque(MAX_AUTH)?,
        })
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u32(self.flavor);
        out.opaque(self.body);
    }
}
