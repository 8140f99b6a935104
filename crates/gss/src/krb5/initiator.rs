//! The side that begins.

use std::time::Duration;

use kerbstone_proto::message::Ticket;
use kerbstone_proto::ticket_source::TicketSource;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use crate::{ChannelBindings, GssError, GssFlags, Name, Refused, Step};

/// Whom to reach, and how.
#[derive(Clone, Debug)]
pub struct InitiatorOptions {
    /// Whom.
    pub target: Name,
    /// What the context shall do. Integrity and confidentiality come of themselves.
    pub flags: GssFlags,
    /// How long it shall last; as long as the ticket if nothing is said.
    pub lifetime: Option<Duration>,
    /// What the context is bound to.
    pub bindings: Option<ChannelBindings>,
    /// Whether the target's key is that of its own ticket-granting ticket.
    pub user_to_user: UserToUser,
}

/// Where a ticket for somebody without a long-lived key comes from.
#[derive(Clone, Debug, Default)]
pub enum UserToUser {
    /// The target has a key of its own.
    #[default]
    No,
    /// The target is asked for its ticket-granting ticket first.
    Ask,
    /// This is it.
    With(Ticket),
}

impl InitiatorOptions {
    /// A context with mutual authentication, replay and sequence detection.
    pub const fn new(target: Name) -> Self {
        Self {
            target,
            flags: GssFlags::MUTUAL
                .union(GssFlags::REPLAY)
                .union(GssFlags::SEQUENCE),
            lifetime: None,
            bindings: None,
            user_to_user: UserToUser::No,
        }
    }
}

/// Establishes a context with a target.
#[derive(Debug)]
pub struct Initiator {
    options: InitiatorOptions,
}

impl Initiator {
    /// A machine that has not begun yet.
    pub const fn new(options: InitiatorOptions) -> Self {
        Self { options }
    }

    /// Takes the other side's token, none at first, and says what to do.
    pub fn step(
        &mut self,
        input: Option<&[u8]>,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let _ = (input, tickets, now, rng, &self.options);
        Err(GssError::Unavailable("not yet").into())
    }
}
