//! From a message to its reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use kerbstone_proto::time::Timestamp;
use kerbstone_xdr::rpc::Refusal;
use kerbstone_xdr::{Opaque, rpc};

use super::Hall;
use super::counts::Tally;
use crate::desk::Patience;
use crate::settings::{Caller, Service};
use crate::wire::{self, Reply};

/// Calling and routine errors of a major status (RFC 2744 3.9.1).
const ERRORS: u64 = 0xffff_0000;

/// What becomes of a message.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A reply, ready to be written.
    Reply(Opaque, Tally),
    /// The call needs a KDC.
    Slow(Box<Call>),
    /// The connection ends, for this reason.
    Close(&'static str),
}

/// A call that waits, with everything that answering it takes.
#[derive(Debug)]
pub(super) struct Call {
    hall: Arc<Hall>,
    caller: Caller,
    service: Arc<Service>,
    xid: u32,
    call: wire::Call,
}

/// Answers a message without waiting for anybody.
pub(super) fn answer(hall: &Arc<Hall>, caller: &Caller, message: &[u8]) -> Verdict {
    let Some(service) = hall.settings.service_for(caller) else {
        return Verdict::Close("no service is for this caller");
    };
    let (xid, call) = match wire::read_call(message) {
        Ok(read) => read,
        Err(fault) => return refuse(&fault),
    };
    match execute(hall, caller, service, &call, Patience::Never) {
        Ok(reply) => {
            let (reply, tally) = record(xid, service, &call, &reply);
            Verdict::Reply(reply, tally)
        }
        Err(Hitch::WouldWait) => Verdict::Slow(Box::new(Call {
            hall: Arc::clone(hall),
            caller: caller.clone(),
            service: Arc::clone(service),
            xid,
            call,
        })),
        Err(Hitch::Panicked) => {
            Verdict::Reply(refusal_record(xid, Refusal::SystemError), Tally::Refused)
        }
    }
}

impl Call {
    /// Answers the call, asking whom it takes, but not beyond `until`.
    pub(super) fn answer(&self, until: Instant) -> (Opaque, Tally) {
        let patience = Patience::Until(until);
        match execute(
            &self.hall,
            &self.caller,
            &self.service,
            &self.call,
            patience,
        ) {
            Ok(reply) => record(self.xid, &self.service, &self.call, &reply),
            Err(_) => (self.refusal(), Tally::Refused),
        }
    }

    /// What is answered when the call finds no place to wait.
    pub(super) fn refusal(&self) -> Opaque {
        refusal_record(self.xid, Refusal::SystemError)
    }
}

/// Why there is no reply.
enum Hitch {
    WouldWait,
    Panicked,
}

/// The refusal that a fault asks for, or the connection's end.
fn refuse(fault: &rpc::CallFault) -> Verdict {
    tracing::info!(target: "gssproxy", "a message is refused: {fault}");
    let Some((xid, refusal)) = fault.answer() else {
        return Verdict::Close("a message is no call");
    };
    Verdict::Reply(refusal_record(xid, refusal), Tally::Refused)
}

/// A fault of ours costs its caller an error, not everybody the daemon.
fn execute(
    hall: &Hall,
    caller: &Caller,
    service: &Arc<Service>,
    call: &wire::Call,
    patience: Patience,
) -> Result<Reply, Hitch> {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        hall.engine.answer(caller, service, call, patience, now())
    }));
    match answered {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(Hitch::WouldWait),
        Err(_) => {
            tracing::error!(procedure = ?call.procedure(), "a call could not be answered for a fault of ours");
            Err(Hitch::Panicked)
        }
    }
}

fn record(xid: u32, service: &Arc<Service>, call: &wire::Call, reply: &Reply) -> (Opaque, Tally) {
    match wire::write_reply(xid, reply) {
        Ok(record) => {
            let tally = Tally::Call {
                service: Arc::clone(service),
                procedure: call.procedure(),
                granted: reply.status().major & ERRORS == 0,
            };
            (record, tally)
        }
        Err(_) => (refusal_record(xid, Refusal::SystemError), Tally::Refused),
    }
}

/// A refusal is a few words long and always fits.
fn refusal_record(xid: u32, refusal: Refusal) -> Opaque {
    wire::refuse(xid, refusal).unwrap_or_default()
}

fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
}
