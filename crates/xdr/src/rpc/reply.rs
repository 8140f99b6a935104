use thiserror::Error;

use super::REPLY;
use super::call::Credential;
use super::record::{begin_record, finish_record};
use crate::Xdr;
use crate::error::XdrError;
use crate::opaque::Opaque;
use crate::reader::Reader;
use crate::writer::Writer;

const ACCEPTED: u32 = 0;
const DENIED: u32 = 1;

const SUCCESS: u32 = 0;
const PROG_UNAVAIL: u32 = 1;
const PROG_MISMATCH: u32 = 2;
const PROC_UNAVAIL: u32 = 3;
const GARBAGE_ARGS: u32 = 4;
const SYSTEM_ERR: u32 = 5;

const RPC_MISMATCH: u32 = 0;
const AUTH_ERROR: u32 = 1;

/// What a server answers to a call that it does not execute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such program here.
    #[error("no such program (PROG_UNAVAIL)")]
    ProgramUnavailable,
    /// The program is here, in other versions.
    #[error("the program has versions {low} to {high} (PROG_MISMATCH)")]
    ProgramMismatch {
        /// The lowest version served.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// No such procedure in the program.
    #[error("no such procedure (PROC_UNAVAIL)")]
    ProcedureUnavailable,
    /// The arguments are not what the procedure takes.
    #[error("arguments that the procedure does not take (GARBAGE_ARGS)")]
    GarbageArguments,
    /// The server cannot execute it, for reasons of its own.
    #[error("the server failed (SYSTEM_ERR)")]
    SystemError,
    /// The caller speaks another version of ONC RPC.
    #[error("the server speaks RPC versions {low} to {high} (RPC_MISMATCH)")]
    RpcMismatch {
        /// The lowest version spoken.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// The caller is not who it should be.
    #[error("the caller is refused: {0:?} (AUTH_ERROR)")]
    Authentication(AuthStatus),
}

/// Why a caller is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Xdr)]
pub enum AuthStatus {
    /// No fault.
    Ok = 0,
    /// The credential's seal is broken.
    BadCredential = 1,
    /// The client must begin a new session.
    RejectedCredential = 2,
    /// The verifier's seal is broken.
    BadVerifier = 3,
    /// The verifier is expired or was seen before.
    RejectedVerifier = 4,
    /// Rejected for security reasons.
    TooWeak = 5,
    /// The response's verifier is bogus.
    InvalidResponse = 6,
    /// No reason is given.
    Failed = 7,
    /// Kerberos: no reason is given.
    KerberosGeneric = 8,
    /// Kerberos: the credential has expired.
    KerberosExpired = 9,
    /// Kerberos: something is wrong with the ticket file.
    KerberosTicketFile = 10,
    /// Kerberos: the authenticator cannot be decoded.
    KerberosDecode = 11,
    /// Kerberos: the ticket is for another address.
    KerberosAddress = 12,
    /// RPCSEC_GSS: no credentials for this user.
    GssCredentialProblem = 13,
    /// RPCSEC_GSS: something is wrong with the context.
    GssContextProblem = 14,
}

/// Why a reply brings no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ReplyFault {
    /// The reply cannot be read.
    #[error("an unreadable reply: {0}")]
    Unreadable(#[from] XdrError),
    /// The message is no reply.
    #[error("no reply but a message of type {0}")]
    NoReply(u32),
    /// The reply is to another call.
    #[error("a reply to call {got}, while waiting for {wanted}")]
    OtherCall {
        /// The call that is waited for.
        wanted: u32,
        /// The call that was answered.
        got: u32,
    },
    /// A status that RFC 5531 does not know.
    #[error("a reply of unknown status {0}")]
    UnknownStatus(u32),
    /// The server refuses.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// Begins a record with the header of a successful reply; the result follows.
pub fn begin_success(xid: u32) -> Writer {
    begin_accepted(xid, SUCCESS)
}

/// The record that refuses a call.
///
/// # Errors
/// None that comes from the values: a refusal is a few words long.
pub fn refuse(xid: u32, refusal: Refusal) -> Result<Opaque, XdrError> {
    finish_record(match refusal {
        Refusal::ProgramUnavailable => begin_accepted(xid, PROG_UNAVAIL),
        Refusal::ProgramMismatch { low, high } => {
            with_versions(begin_accepted(xid, PROG_MISMATCH), low, high)
        }
        Refusal::ProcedureUnavailable => begin_accepted(xid, PROC_UNAVAIL),
        Refusal::GarbageArguments => begin_accepted(xid, GARBAGE_ARGS),
        Refusal::SystemError => begin_accepted(xid, SYSTEM_ERR),
        Refusal::RpcMismatch { low, high } => {
            with_versions(begin_denied(xid, RPC_MISMATCH), low, high)
        }
        Refusal::Authentication(status) => {
            let mut out = begin_denied(xid, AUTH_ERROR);
            status.encode(&mut out);
            out
        }
    })
}

/// Reads the header of the reply to call `xid`; the result is what the reader has left.
///
/// # Errors
/// [`ReplyFault`].
pub fn read_reply(input: &mut Reader<'_>, xid: u32) -> Result<(), ReplyFault> {
    let got = input.u32()?;
    let kind = input.u32()?;
    if kind != REPLY {
        return Err(ReplyFault::NoReply(kind));
    }
    if got != xid {
        return Err(ReplyFault::OtherCall { wanted: xid, got });
    }
    match input.u32()? {
        ACCEPTED => read_accepted(input),
        DENIED => Err(read_denied(input)?),
        other => Err(ReplyFault::UnknownStatus(other)),
    }
}

fn read_accepted(input: &mut Reader<'_>) -> Result<(), ReplyFault> {
    Credential::read(input)?;
    Err(ReplyFault::Refused(match input.u32()? {
        SUCCESS => return Ok(()),
        PROG_UNAVAIL => Refusal::ProgramUnavailable,
        PROG_MISMATCH => Refusal::ProgramMismatch {
            low: input.u32()?,
            high: input.u32()?,
        },
        PROC_UNAVAIL => Refusal::ProcedureUnavailable,
        GARBAGE_ARGS => Refusal::GarbageArguments,
        SYSTEM_ERR => Refusal::SystemError,
        other => return Err(ReplyFault::UnknownStatus(other)),
    }))
}

fn read_denied(input: &mut Reader<'_>) -> Result<ReplyFault, XdrError> {
    Ok(ReplyFault::Refused(match input.u32()? {
        RPC_MISMATCH => Refusal::RpcMismatch {
            low: input.u32()?,
            high: input.u32()?,
        },
        AUTH_ERROR => Refusal::Authentication(AuthStatus::decode(input)?),
        other => return Ok(ReplyFault::UnknownStatus(other)),
    }))
}

fn begin_accepted(xid: u32, status: u32) -> Writer {
    let mut out = begin_reply(xid, ACCEPTED);
    Credential::NONE.write(&mut out);
    out.u32(status);
    out
}

fn begin_denied(xid: u32, status: u32) -> Writer {
    let mut out = begin_reply(xid, DENIED);
    out.u32(status);
    out
}

fn begin_reply(xid: u32, status: u32) -> Writer {
    let mut out = begin_record();
    out.u32(xid);
    out.u32(REPLY);
    out.u32(status);
    out
}

fn with_versions(mut out: Writer, low: u32, high: u32) -> Writer {
    out.u32(low);
    out.u32(high);
    out
}
