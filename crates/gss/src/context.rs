//! An established context, whoever negotiated it.

use std::ops::Range;
use std::time::Duration;

use kerbstone_crypto::Key;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::AuthorizationData;
use kerbstone_proto::name::Principal;
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::{KerberosTime, Timestamp};

use crate::krb5::sequence_window::SequenceWindow;
use crate::{GssFlags, Oid};

/// Two sides that know each other, and keys between them.
#[derive(Debug)]
pub struct Context {
    pub(crate) is_initiator: bool,
    pub(crate) flags: GssFlags,
    pub(crate) mech: Oid,
    pub(crate) initiator: Principal,
    pub(crate) acceptor: Principal,
    pub(crate) times: TicketTimes,
    pub(crate) ticket_flags: TicketFlags,
    /// For how long after the ticket's end the acceptor goes on.
    pub(crate) grace: Duration,
    /// The initiator's key, or the ticket's if it proposed none.
    pub(crate) subkey: Key,
    pub(crate) acceptor_subkey: Option<Key>,
    pub(crate) send_sequence: u64,
    pub(crate) window: SequenceWindow,
    pub(crate) delegated: Vec<ServiceTicket>,
    pub(crate) evidence: Option<Box<ServiceTicket>>,
    pub(crate) authorization_data: AuthorizationData,
    pub(crate) pac: Option<Vec<u8>>,
}

/// How much of a context is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ExportForm {
    /// What it takes to go on with messages.
    #[default]
    Minimal,
    /// The initiator's PAC in the form in which MIT's library has attributes of names too, for
    /// `gss_get_name_attribute` in the process that imports it.
    WithAttributes,
}

/// The times of the ticket behind a context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketTimes {
    /// When the initiator signed in.
    pub authtime: KerberosTime,
    /// From when on the ticket is good.
    pub starttime: KerberosTime,
    /// Until when.
    pub endtime: KerberosTime,
    /// Until when it can be renewed.
    pub renew_till: KerberosTime,
}

/// Where a message stands among those that came before (RFC 2743 1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// It is the next one, or the context does not look.
    InOrder,
    /// Earlier ones have not come.
    Gap,
    /// It came before.
    Duplicate,
    /// Too old to say whether it came before.
    Old,
    /// Later ones have come already.
    Unsequenced,
}

/// A message out of a wrap token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// What was said.
    pub message: Vec<u8>,
    /// Whether it was encrypted.
    pub confidential: bool,
    /// Where it stands among the others.
    pub order: Order,
}

/// Where in a wrap token the message lies, after it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnwrappedInPlace {
    /// What was said: these bytes of the buffer.
    pub message: Range<usize>,
    /// Whether it was encrypted.
    pub confidential: bool,
    /// Where it stands among the others.
    pub order: Order,
}

/// What is to be said of a message in parts, after it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartsUnwrapped {
    /// Whether it was encrypted.
    pub confidential: bool,
    /// Where it stands among the others.
    pub order: Order,
}

/// A piece of a message that is protected where it lies, as in `gss_wrap_iov`.
#[derive(Debug)]
pub enum Part<'a> {
    /// Room for the token's header; exactly as long as [`Context::part_lengths`] says.
    Header(&'a mut [u8]),
    /// To be encrypted where it lies.
    Data(&'a mut [u8]),
    /// To be protected against changes only, and not part of the token.
    SignOnly(&'a [u8]),
    /// Room for padding; of length 0 with the encryption types of today.
    Padding(&'a mut [u8]),
    /// Room for the token's trailer.
    Trailer(&'a mut [u8]),
}

/// How much room the parts of a token take beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLengths {
    /// The header.
    pub header: usize,
    /// The padding.
    pub padding: usize,
    /// The trailer.
    pub trailer: usize,
}

impl Context {
    /// Whether this side began.
    pub const fn is_initiator(&self) -> bool {
        self.is_initiator
    }

    /// The mechanism.
    pub const fn mech(&self) -> &Oid {
        &self.mech
    }

    /// What the context does.
    pub const fn flags(&self) -> GssFlags {
        self.flags
    }

    /// Who began.
    pub const fn initiator_name(&self) -> &Principal {
        &self.initiator
    }

    /// Who accepted.
    pub const fn acceptor_name(&self) -> &Principal {
        &self.acceptor
    }

    /// How long the context lasts; zero when it is over.
    pub fn lifetime(&self, now: Timestamp) -> Duration {
        let end = self.times.endtime.saturating_add(self.grace);
        end.duration_since(now.time)
    }

    /// The times of the ticket.
    pub const fn ticket_times(&self) -> TicketTimes {
        self.times
    }

    /// The flags of the ticket.
    pub const fn ticket_flags(&self) -> TicketFlags {
        self.ticket_flags
    }

    /// The key between the two sides: the acceptor's, or the initiator's if it has none.
    pub fn session_key(&self) -> &Key {
        self.acceptor_subkey.as_ref().unwrap_or(&self.subkey)
    }

    /// The initiator's ticket-granting ticket, if it delegated one.
    pub fn delegated(&self) -> &[ServiceTicket] {
        &self.delegated
    }

    /// The initiator's own ticket, at an acceptor that was told to
    /// [keep](crate::krb5::Acceptor::keep_evidence) it.
    pub fn evidence(&self) -> Option<&ServiceTicket> {
        self.evidence.as_deref()
    }

    /// What the KDC says about the initiator, at the acceptor.
    pub const fn authorization_data(&self) -> &AuthorizationData {
        &self.authorization_data
    }

    /// The initiator's PAC (MS-PAC), at the acceptor: if the KDC signed it with the acceptor's key
    /// and for this initiator.
    pub fn pac(&self) -> Option<&[u8]> {
        self.pac.as_deref()
    }
}
