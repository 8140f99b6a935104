//! What a socket serves: the seam between the transports and the machines behind them.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use kerbstone_kdc::{Answer, AuditEvent, Kdc, Outcome, Peer, Transport};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::audit::AuditLog;

/// A longer answer would be cut into fragments, which firewalls drop: the client comes again over TCP.
const LONGEST_DATAGRAM: usize = 1400;

/// Something that answers one request with one reply. It is shared by all threads.
pub(crate) trait Door: Send + Sync + 'static {
    /// The reply; an empty one means that the request deserves no answer.
    fn answer(
        &self,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8>;

    /// The reply to a request that is longer than the service takes; none if the protocol has none.
    fn too_long(&self, now: Timestamp) -> Vec<u8>;

    /// Called when a batch of requests has been answered.
    fn batch_done(&self);

    /// Whether an answer may take milliseconds, so that others should not wait behind it.
    fn is_slow(&self) -> bool;
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// The peer of a request that came over `transport`.
pub(crate) fn peer(address: IpAddr, port: u16, transport: Transport) -> Peer {
    Peer::new(Some(address), port, transport)
}

/// Tickets: AS and TGS.
pub(crate) struct TicketDoor {
    pub(crate) kdc: Arc<Kdc>,
    pub(crate) audit: Option<Arc<AuditLog>>,
}

/// New passwords (RFC 3244).
pub(crate) struct PasswordDoor {
    pub(crate) kdc: Arc<Kdc>,
    pub(crate) audit: Option<Arc<AuditLog>>,
}

impl Door for TicketDoor {
    fn answer(
        &self,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let Answer { reply, audit } = self.kdc.answer(request, now, peer, rng);
        record(self.audit.as_deref(), &audit);
        if peer.transport == Transport::Udp && reply.len() > LONGEST_DATAGRAM {
            return self.kdc.too_big(request, now);
        }
        reply
    }

    fn too_long(&self, now: Timestamp) -> Vec<u8> {
        self.kdc.too_long(now)
    }

    fn batch_done(&self) {
        flush_if_due(self.audit.as_deref());
    }

    fn is_slow(&self) -> bool {
        false
    }
}

impl Door for PasswordDoor {
    fn answer(
        &self,
        request: &[u8],
        now: Timestamp,
        peer: &Peer,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let Answer { reply, audit } = self.kdc.answer_password(request, now, peer, rng);
        record(self.audit.as_deref(), &audit);
        reply
    }

    fn too_long(&self, _: Timestamp) -> Vec<u8> {
        Vec::new()
    }

    fn batch_done(&self) {
        flush_if_due(self.audit.as_deref());
    }

    fn is_slow(&self) -> bool {
        true
    }
}

fn record(log: Option<&AuditLog>, event: &AuditEvent) {
    report_trouble(event);
    if let Some(log) = log {
        LINE.with_borrow_mut(|line| {
            line.clear();
            event.write_json_line(line);
            log.record(line);
        });
    }
}

thread_local! {
    /// Where this thread puts its audit lines together.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What is wrong on our side is told to whoever looks after the service, also when the audit log cannot be written.
fn report_trouble(event: &AuditEvent) {
    if let Outcome::Refused { code, why } = &event.outcome
        && *code == ErrorCode::KDC_ERR_SVC_UNAVAILABLE
    {
        let reason = event.note.as_deref().unwrap_or(why);
        tracing::error!(exchange = event.exchange.name(), %reason, "a request could not be served");
    }
}

fn flush_if_due(log: Option<&AuditLog>) {
    if let Some(log) = log {
        log.flush_if_due();
    }
}
