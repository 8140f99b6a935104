//! The proof that both sides saw the same list of mechanisms (RFC 4178 5).

use super::WHAT;
use super::token::NegState;
use crate::krb5::{Reader, Writer};
use crate::{Context, GssError, Order};

/// Who has proved it to whom.
#[derive(Debug)]
pub(super) struct MechListMic {
    list: Vec<u8>,
    is_required: bool,
    is_sent: bool,
    is_received: bool,
}

/// What is to be sent when the mechanism has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) state: NegState,
    /// To be sent along.
    pub(super) mic: Option<Vec<u8>>,
}

impl MechListMic {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.put_counted(&self.list);
        for said in [self.is_required, self.is_sent, self.is_received] {
            writer.put_bool(said);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, GssError> {
        Ok(Self {
            list: reader.counted()?.to_vec(),
            is_required: reader.bool()?,
            is_sent: reader.bool()?,
            is_received: reader.bool()?,
        })
    }

    /// `list` is the list as the initiator sent it.
    pub(super) const fn new(list: Vec<u8>) -> Self {
        Self {
            list,
            is_required: false,
            is_sent: false,
            is_received: false,
        }
    }

    pub(super) const fn require(&mut self) {
        self.is_required = true;
    }

    /// Whether the other side's proof is still to come.
    pub(super) const fn is_awaited(&self) -> bool {
        self.is_required && !self.is_received
    }

    /// Checks the other side's proof, if it came, and gives ours, if one is due. `goes_along` says
    /// whether a token of the mechanism is sent at the same time, so that the other side could not
    /// know of our end yet.
    pub(super) fn exchange(
        &mut self,
        context: &mut Context,
        received: Option<&[u8]>,
        goes_along: bool,
    ) -> Result<Proof, GssError> {
        match received {
            Some(_) if self.is_received => {
                return Err(GssError::DefectiveToken {
                    what: WHAT,
                    why: "its mechListMIC came before",
                });
            }
            Some(mic) => self.verify(context, mic)?,
            None if self.is_required && !goes_along => return Err(GssError::MissingMechListMic),
            None => {}
        }
        let mut mic = None;
        if self.is_required && !self.is_sent {
            mic = Some(context.get_mic(&self.list));
            self.is_sent = true;
        }
        let state = if self.is_awaited() {
            NegState::AcceptIncomplete
        } else {
            NegState::AcceptCompleted
        };
        Ok(Proof { state, mic })
    }

    fn verify(&mut self, context: &mut Context, mic: &[u8]) -> Result<(), GssError> {
        match context.verify_mic(&self.list, mic) {
            Ok(Order::InOrder) => {}
            Ok(_) | Err(GssError::BadMic(_)) => return Err(GssError::WrongMechListMic),
            Err(error) => return Err(error),
        }
        // Whoever proves wants a proof.
        self.is_required = true;
        self.is_received = true;
        Ok(())
    }
}
