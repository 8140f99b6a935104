//! An initiator that waits for the acceptor's answer in another process, or in none: a daemon
//! without a memory gives it to its caller and takes it back with the answer.
//!
//! The form is our own, and for our own eyes: nobody else reads it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use kerbstone_proto::ap_exchange::PendingApReq;
use kerbstone_proto::message::ApReq;
use kerbstone_proto::time::Timestamp;
use zeroize::Zeroizing;

use super::exported_context::{Reader, Writer};
use super::initiator::{Initiator, InitiatorOptions, Requested, State};
use crate::{Context, GssError, Name};

/// `kgi1`.
const MARK: u32 = 0x6b67_6931;

impl Initiator {
    /// What is needed to go on later. The keys are in it in clear: seal it before it leaves.
    ///
    /// # Errors
    /// [`GssError::Misuse`] unless the initiator waits for the answer to its request.
    pub fn suspend(self) -> Result<Zeroizing<Vec<u8>>, GssError> {
        let State::Requested(requested) = self.state else {
            return Err(GssError::Misuse(
                "only an initiator that waits for the acceptor's answer can be suspended",
            ));
        };
        let Requested { pending, context } = *requested;
        let mut writer = Writer::default();
        writer.put_u32(MARK);
        writer.put_counted(&pending.request.to_der());
        writer.put_time(pending.sent_at.time);
        writer.put_u32(pending.sent_at.usec);
        writer.put_key(&pending.session_key);
        writer.put_counted(&context.export());
        Ok(writer.into_bytes())
    }

    /// Goes on where [`suspend`](Self::suspend) stopped.
    ///
    /// # Errors
    /// [`GssError::Import`] when the bytes are none of a suspended initiator.
    pub fn resume(suspended: &[u8]) -> Result<Self, GssError> {
        let mut reader = Reader::new(suspended);
        reader.expect(MARK)?;
        let request = ApReq::from_der(reader.counted()?)
            .map_err(|_| GssError::Import("its request cannot be read"))?;
        let sent_at = Timestamp::new(reader.time()?, reader.u32()?);
        let session_key = reader.key()?.ok_or(GssError::Import("it has no key"))?;
        let context = Context::import(reader.counted()?)?;
        reader.finish()?;
        let options = InitiatorOptions {
            flags: context.flags,
            ..InitiatorOptions::new(Name::Principal(context.acceptor.clone()))
        };
        let pending = PendingApReq {
            request,
            sent_at,
            session_key,
            subkey: Some(context.subkey.clone()),
            seq_number: None,
        };
        let mut initiator = Self::new(options);
        initiator.state = State::Requested(Box::new(Requested { pending, context }));
        Ok(initiator)
    }
}
