//! From a message to its reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Instant, UNIX_EPOCH};

use kerbstone_proto::time::Timestamp;
use kerbstone_xdr::rpc::Refusal;
use kerbstone_xdr::{Opaque, rpc};

use super::Hall;
use crate::desk::Patience;
use crate::procedures::{Answer, Decision, WouldWait};
use crate::settings::{Caller, Service};
use crate::wire;

/// What becomes of a message.
#[derive(Debug)]
pub(super) enum Verdict {
    /// A reply, ready to be written.
    Reply(Opaque, Option<Decision>),
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
    tracing::trace!(
        xid,
        uid = caller.uid,
        service = service.name,
        ?call,
        "asked"
    );
    match execute(hall, caller, service, &call, Patience::Never) {
        Ok(answer) => {
            let (reply, decision) = record(xid, answer);
            Verdict::Reply(reply, Some(decision))
        }
        Err(Hitch::WouldWait) => Verdict::Slow(Box::new(Call {
            hall: Arc::clone(hall),
            caller: caller.clone(),
            service: Arc::clone(service),
            xid,
            call,
        })),
        Err(Hitch::Panicked) => Verdict::Reply(refusal_record(xid, Refusal::SystemError), None),
    }
}

impl Call {
    /// Answers the call, asking whom it takes, but not beyond `until`.
    pub(super) fn answer(&self, until: Instant) -> (Opaque, Option<Decision>) {
        let patience = Patience::Until(until);
        match execute(
            &self.hall,
            &self.caller,
            &self.service,
            &self.call,
            patience,
        ) {
            Ok(answer) => {
                let (reply, decision) = record(self.xid, answer);
                (reply, Some(decision))
            }
            Err(_) => (self.refusal(), None),
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
    Verdict::Reply(refusal_record(xid, refusal), None)
}

/// A fault of ours costs its caller an error, not everybody the daemon.
fn execute(
    hall: &Hall,
    caller: &Caller,
    service: &Arc<Service>,
    call: &wire::Call,
    patience: Patience,
) -> Result<Answer, Hitch> {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        hall.engine.answer(caller, service, call, patience, now())
    }));
    match answered {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(WouldWait)) => Err(Hitch::WouldWait),
        Err(_) => {
            tracing::error!(procedure = ?call.procedure(), "a call could not be answered for a fault of ours");
            Err(Hitch::Panicked)
        }
    }
}

fn record(xid: u32, answer: Answer) -> (Opaque, Decision) {
    tracing::trace!(xid, reply = ?answer.reply, "answered");
    let record = wire::write_reply(xid, &answer.reply)
        .unwrap_or_else(|_| refusal_record(xid, Refusal::SystemError));
    (record, answer.decision)
}

/// A refusal is a few words long and always fits.
fn refusal_record(xid: u32, refusal: Refusal) -> Opaque {
    wire::refuse(xid, refusal).unwrap_or_default()
}

fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
}
