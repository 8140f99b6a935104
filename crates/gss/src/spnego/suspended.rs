//! Negotiations that wait for the other side in another process, or in none, as machines of krb5
//! do ([`crate::krb5::Initiator::suspend`]).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::sync::Arc;

use zeroize::Zeroizing;

use super::acceptor::{self, Negotiation};
use super::initiator;
use super::mech_list_mic::MechListMic;
use super::{Acceptor, Initiator};
use crate::krb5::{InitiatorOptions, Reader, Writer};
use crate::{AcceptorCredential, ChannelBindings, Context, GssError, Oid, krb5};

/// `sni1`.
const INITIATOR: u32 = 0x736e_6931;
/// `sna1`.
const ACCEPTOR: u32 = 0x736e_6131;
/// The longest list of mechanisms that an initiator of ours offers.
const MAX_MECHS: usize = 64;

const START: u32 = 0;
const BARE: u32 = 1;
const NEGOTIATING: u32 = 2;
const AGREED: u32 = 3;

const UNKNOWN_STATE: GssError = GssError::Import("it is in no state that a negotiation is in");
const OVER: GssError = GssError::Misuse("a negotiation that is over cannot be suspended");

impl Initiator {
    /// What is needed to go on later. The keys are in it in clear: [seal](crate::suspended) it
    /// before it leaves.
    ///
    /// # Errors
    /// [`GssError::Misuse`] when the negotiation is over.
    pub fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        let (state, context) = match self.state {
            initiator::State::Start => (START, None),
            initiator::State::Offered(context) => (NEGOTIATING, context),
            initiator::State::Agreed(context) => (AGREED, context),
            initiator::State::Done => return Err(OVER),
        };
        let mut writer = Writer::default();
        writer.put_u32(INITIATOR);
        self.krb5.write_state(&mut writer);
        writer.put_length(self.mechs.len());
        for mech in &self.mechs {
            writer.put_counted(mech.contents());
        }
        self.mic.write(&mut writer);
        writer.put_u32(state);
        put_context(&mut writer, context);
        Ok(writer.into_bytes())
    }

    /// Goes on where [`suspend`](Self::suspend) stopped, with the same options.
    ///
    /// # Errors
    /// [`GssError::Import`] when the bytes are none of a suspended initiator.
    pub fn resume(suspended: &[u8], options: InitiatorOptions) -> Result<Self, GssError> {
        let mut reader = Reader::new(suspended);
        reader.expect(INITIATOR)?;
        let krb5 = krb5::Initiator::read_state(&mut reader, options.clone())?;
        let count = reader.length()?;
        if count > MAX_MECHS {
            return Err(GssError::Import("it offers too many mechanisms"));
        }
        let mechs = (0..count)
            .map(|_| reader.oid_contents())
            .collect::<Result<Vec<Oid>, _>>()?;
        let mic = MechListMic::read(&mut reader)?;
        let state = reader.u32()?;
        let context = context(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            options,
            mechs,
            krb5,
            mic,
            state: match (state, context) {
                (START, None) => initiator::State::Start,
                (NEGOTIATING, context) => initiator::State::Offered(context),
                (AGREED, context) => initiator::State::Agreed(context),
                _ => return Err(UNKNOWN_STATE),
            },
        })
    }
}

impl Acceptor {
    /// What is needed to go on later. The keys are in it in clear, and delegated tickets with
    /// theirs: [seal](crate::suspended) it before it leaves.
    ///
    /// # Errors
    /// [`GssError::Misuse`] when the negotiation is over.
    pub fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        let mut writer = Writer::default();
        writer.put_u32(ACCEPTOR);
        self.krb5.write_state(&mut writer);
        match self.state {
            acceptor::State::Start => writer.put_u32(START),
            acceptor::State::Bare => writer.put_u32(BARE),
            acceptor::State::Negotiating(negotiation) => {
                let Negotiation {
                    mech,
                    mic,
                    context,
                    news,
                } = *negotiation;
                writer.put_u32(NEGOTIATING);
                writer.put_counted(mech.contents());
                mic.write(&mut writer);
                put_context(&mut writer, context);
                writer.put_bool(news.is_some());
            }
            acceptor::State::Done => return Err(OVER),
        }
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
        let krb5 = krb5::Acceptor::read_state(&mut reader, credential, bindings)?;
        let state = match reader.u32()? {
            START => acceptor::State::Start,
            BARE => acceptor::State::Bare,
            NEGOTIATING => acceptor::State::Negotiating(Box::new(negotiation(&mut reader)?)),
            _ => return Err(UNKNOWN_STATE),
        };
        reader.finish()?;
        Ok(Self { krb5, state })
    }
}

fn negotiation(reader: &mut Reader<'_>) -> Result<Negotiation, GssError> {
    let mech = reader.oid_contents()?;
    let mic = MechListMic::read(reader)?;
    let context = context(reader)?;
    let is_news = reader.bool()?;
    Ok(Negotiation {
        news: is_news.then(|| mech.clone()),
        mech,
        mic,
        context,
    })
}

fn put_context(writer: &mut Writer, context: Option<Box<Context>>) {
    writer.put_bool(context.is_some());
    if let Some(context) = context {
        writer.put_context(*context);
    }
}

fn context(reader: &mut Reader<'_>) -> Result<Option<Box<Context>>, GssError> {
    match reader.bool()? {
        true => reader.context().map(Box::new).map(Some),
        false => Ok(None),
    }
}
