//! Whole messages: what goes over the socket, with header and mark.

use kerbstone_xdr::rpc::{
    self, CallFault, Refusal, ReplyFault, begin_call, begin_success, finish_record,
};
use kerbstone_xdr::{Opaque, Reader, XdrError};

use super::program::SERVED;
use super::{Call, PROGRAM, Procedure, Reply, VERSION};

/// Reads a client's message, without its mark: the call's number, to be repeated in the reply, and
/// the call.
///
/// # Errors
/// [`CallFault::answer`] says what to [`refuse`], or that the connection is to be closed.
pub fn read_call(message: &[u8]) -> Result<(u32, Call), CallFault> {
    let mut input = Reader::new(message);
    let header = rpc::read_call(&mut input)?;
    SERVED.serves(&header)?;
    let xid = header.xid;
    let procedure = Procedure::from_number(header.procedure).ok_or(CallFault::Refused {
        xid,
        refusal: Refusal::ProcedureUnavailable,
    })?;
    let call =
        Call::decode(procedure, input.rest()).map_err(|why| CallFault::Arguments { xid, why })?;
    Ok((xid, call))
}

/// The record that answers a call; `SYSTEM_ERR` in place of a result that is too long to send.
///
/// # Errors
/// None that comes from the values.
pub fn write_reply(xid: u32, reply: &Reply) -> Result<Opaque, XdrError> {
    let mut out = begin_success(xid);
    reply.encode(&mut out);
    finish_record(out).or_else(|_| refuse(xid, Refusal::SystemError))
}

/// The record that refuses a call.
///
/// # Errors
/// None that comes from the values.
pub fn refuse(xid: u32, refusal: Refusal) -> Result<Opaque, XdrError> {
    rpc::refuse(xid, refusal)
}

/// The record that asks a server.
///
/// # Errors
/// [`XdrError::OverLimit`]: the arguments are too long to send.
pub fn write_call(xid: u32, call: &Call) -> Result<Opaque, XdrError> {
    let mut out = begin_call(xid, PROGRAM, VERSION, call.procedure().number());
    call.encode(&mut out);
    finish_record(out)
}

/// Reads a server's message, without its mark: the reply to that call.
///
/// # Errors
/// [`ReplyFault`].
pub fn read_reply(message: &[u8], xid: u32, procedure: Procedure) -> Result<Reply, ReplyFault> {
    let mut input = Reader::new(message);
    rpc::read_reply(&mut input, xid)?;
    Ok(Reply::decode(procedure, input.rest())?)
}
