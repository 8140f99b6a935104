//! The side that is asked.

use std::sync::Arc;

use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use crate::{AcceptorCredential, ChannelBindings, GssError, Refused, Step};

/// Accepts one context.
#[derive(Debug)]
pub struct Acceptor {
    credential: Arc<AcceptorCredential>,
    bindings: Option<ChannelBindings>,
}

impl Acceptor {
    /// A machine that waits for the first token.
    pub const fn new(
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        Self {
            credential,
            bindings,
        }
    }

    /// Takes the initiator's token and says what to do.
    pub fn step(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let _ = (input, now, rng, &self.credential, &self.bindings);
        Err(GssError::Unavailable("not yet").into())
    }
}
