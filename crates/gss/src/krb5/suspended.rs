//! Machines that wait for the other side in another process, or in none: a daemon without a memory
//! gives them to its caller and takes them back with the answer.
//!
//! The form is our own, and for our own eyes: nobody else reads it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;
use std::sync::Arc;

use kerbstone_proto::ap_exchange::PendingApReq;
use kerbstone_proto::ccache::{CacheVersion, Credential};
use kerbstone_proto::message::{ApReq, HostAddresses, Ticket};
use kerbstone_proto::ticket_source::ServiceTicket;
use kerbstone_proto::time::Timestamp;
use zeroize::Zeroizing;

use super::acceptor::{self, Acceptor, Answered};
use super::exported_context::{Reader, Writer};
use super::initiator::{Initiator, InitiatorOptions, Requested, State};
use crate::{AcceptorCredential, ChannelBindings, Context, GssError, Name};

/// `kgi2`.
const INITIATOR: u32 = 0x6b67_6932;
/// `kga1`.
const ACCEPTOR: u32 = 0x6b67_6131;
/// What may be delegated is one ticket; the form has room for some more.
const MAX_DELEGATED: usize = 16;

const BEGUN: u32 = 0;
const ASKED: u32 = 1;
const WAITING: u32 = 2;
const OVER: u32 = 3;

const UNKNOWN_STATE: GssError = GssError::Import("it is in no state that a machine is in");

impl Initiator {
    /// What is needed to go on later. The keys are in it in clear: [seal](crate::suspended) it
    /// before it leaves.
    ///
    /// # Errors
    /// [`GssError::Misuse`] unless the initiator waits for the answer to its request.
    pub fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        if !matches!(self.state, State::Requested(_)) {
            return Err(GssError::Misuse(
                "only an initiator that waits for the acceptor's answer can be suspended",
            ));
        }
        let mut writer = Writer::default();
        writer.put_u32(INITIATOR);
        self.write_state(&mut writer);
        Ok(writer.into_bytes())
    }

    /// Goes on where [`suspend`](Self::suspend) stopped.
    ///
    /// # Errors
    /// [`GssError::Import`] when the bytes are none of a suspended initiator.
    pub fn resume(suspended: &[u8]) -> Result<Self, GssError> {
        let mut reader = Reader::new(suspended);
        reader.expect(INITIATOR)?;
        // Nothing of the options is asked for again: the request is out.
        let initiator = Self::read_state(&mut reader, InitiatorOptions::new(Name::Anonymous))?;
        reader.finish()?;
        match initiator.state {
            State::Requested(_) => Ok(initiator),
            _ => Err(UNKNOWN_STATE),
        }
    }

    pub(crate) fn write_state(self, writer: &mut Writer) {
        match self.state {
            State::Start => writer.put_u32(BEGUN),
            State::Asked(target) => {
                writer.put_u32(ASKED);
                writer.put_principal(&target);
            }
            State::Requested(requested) => {
                let Requested { pending, context } = *requested;
                writer.put_u32(WAITING);
                writer.put_counted(&pending.request.to_der());
                writer.put_time(pending.sent_at.time);
                writer.put_u32(pending.sent_at.usec);
                writer.put_key(&pending.session_key);
                writer.put_context(context);
            }
            State::Done => writer.put_u32(OVER),
        }
    }

    pub(crate) fn read_state(
        reader: &mut Reader<'_>,
        options: InitiatorOptions,
    ) -> Result<Self, GssError> {
        let state = match reader.u32()? {
            BEGUN => State::Start,
            ASKED => State::Asked(reader.principal("it names no target")?),
            WAITING => State::Requested(Box::new(read_requested(reader)?)),
            OVER => State::Done,
            _ => return Err(UNKNOWN_STATE),
        };
        let mut initiator = Self::new(options);
        initiator.state = state;
        Ok(initiator)
    }
}

fn read_requested(reader: &mut Reader<'_>) -> Result<Requested, GssError> {
    let request = ApReq::from_der(reader.counted()?)
        .map_err(|_| GssError::Import("its request cannot be read"))?;
    let sent_at = Timestamp::new(reader.time()?, reader.u32()?);
    let session_key = reader.key()?.ok_or(GssError::Import("it has no key"))?;
    let context = reader.context()?;
    let pending = PendingApReq {
        request,
        sent_at,
        session_key,
        subkey: Some(context.subkey.clone()),
        seq_number: None,
    };
    Ok(Requested { pending, context })
}

impl Acceptor {
    /// What is needed to go on later. The keys are in it in clear, and delegated tickets with
    /// theirs: [seal](crate::suspended) it before it leaves.
    ///
    /// # Errors
    /// [`GssError::Misuse`] when the acceptor has come to its end.
    pub fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        if matches!(self.state, acceptor::State::Done) {
            return Err(GssError::Misuse(
                "only an acceptor that waits for a token can be suspended",
            ));
        }
        let mut writer = Writer::default();
        writer.put_u32(ACCEPTOR);
        self.write_state(&mut writer);
        Ok(writer.into_bytes())
    }

    /// Goes on where [`suspend`](Self::suspend) stopped, with the same credential and bindings.
    ///
    /// # Errors
    /// [`GssError::Import`] when the bytes are none of a suspended acceptor.
    pub fn resume(
        suspended: &[u8],
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Result<Self, GssError> {
        let mut reader = Reader::new(suspended);
        reader.expect(ACCEPTOR)?;
        let acceptor = Self::read_state(&mut reader, credential, bindings)?;
        reader.finish()?;
        Ok(acceptor)
    }

    pub(crate) fn write_state(self, writer: &mut Writer) {
        match self.state {
            acceptor::State::Start => writer.put_u32(BEGUN),
            acceptor::State::Answered(answered) => {
                writer.put_u32(WAITING);
                writer.put_key(&answered.session_key);
                writer.put_u32(answered.our_sequence);
                writer.put_context(answered.context);
            }
            acceptor::State::Done => writer.put_u32(OVER),
        }
    }

    pub(crate) fn read_state(
        reader: &mut Reader<'_>,
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Result<Self, GssError> {
        let state = match reader.u32()? {
            BEGUN => acceptor::State::Start,
            WAITING => acceptor::State::Answered(Box::new(Answered {
                session_key: reader.key()?.ok_or(GssError::Import("it has no key"))?,
                our_sequence: reader.u32()?,
                context: reader.context()?,
            })),
            OVER => acceptor::State::Done,
            _ => return Err(UNKNOWN_STATE),
        };
        let mut acceptor = Self::new(credential, bindings);
        acceptor.state = state;
        Ok(acceptor)
    }
}

impl Writer {
    /// A context with what was delegated over it.
    pub(crate) fn put_context(&mut self, mut context: Context) {
        let delegated = mem::take(&mut context.delegated);
        let evidence = context.evidence.take();
        self.put_counted(&context.export());
        self.put_bool(evidence.is_some());
        self.put_length(delegated.len());
        for ticket in evidence.as_deref().into_iter().chain(&delegated) {
            self.put_counted(&Credential::from(ticket).encode(CacheVersion::V4));
        }
    }
}

impl Reader<'_> {
    pub(crate) fn context(&mut self) -> Result<Context, GssError> {
        let mut context = Context::import(self.counted()?)?;
        let has_evidence = self.bool()?;
        let count = self.length()?;
        if count > MAX_DELEGATED {
            return Err(GssError::Import("it has too many delegated tickets"));
        }
        if has_evidence {
            context.evidence = Some(Box::new(delegated(self.counted()?)?));
        }
        for _ in 0..count {
            context.delegated.push(delegated(self.counted()?)?);
        }
        Ok(context)
    }
}

fn delegated(bytes: &[u8]) -> Result<ServiceTicket, GssError> {
    const DAMAGED: GssError = GssError::Import("a delegated ticket cannot be read");
    let credential = Credential::decode(bytes, CacheVersion::V4).map_err(|_| DAMAGED)?;
    Ok(ServiceTicket {
        ticket: Ticket::from_der(&credential.ticket).map_err(|_| DAMAGED)?,
        session_key: credential.key.to_key().map_err(|_| DAMAGED)?,
        client: credential.client,
        server: credential.server,
        flags: credential.flags,
        authtime: credential.authtime,
        starttime: credential.starttime,
        endtime: credential.endtime,
        renew_till: Some(credential.renew_till).filter(|time| !time.is_zero()),
        addresses: HostAddresses::from(credential.addresses),
    })
}
