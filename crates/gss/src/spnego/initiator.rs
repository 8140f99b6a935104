//! The side that begins.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;

use kerbstone_proto::ticket_source::TicketSource;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::mech_list_mic::MechListMic;
use super::token::{NegState, NegTokenInit, NegTokenResp, NegotiationToken, mech_list};
use super::{OFFERED, WHAT};
use crate::krb5::InitiatorOptions;
use crate::{Context, GssError, Oid, Refused, Step, krb5};

/// Establishes a context with a target through a negotiation.
#[derive(Debug)]
pub struct Initiator {
    pub(super) options: InitiatorOptions,
    pub(super) mechs: Vec<Oid>,
    pub(super) krb5: krb5::Initiator,
    pub(super) mic: MechListMic,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Start,
    /// The acceptor has not said yet which mechanism it takes.
    Offered(Option<Box<Context>>),
    /// It has; the context if the mechanism has come to its end.
    Agreed(Option<Box<Context>>),
    Done,
}

/// What the mechanism gave: a token, and the context when it has come to its end.
type Spoken = (Option<Vec<u8>>, Option<Box<Context>>);

/// What a step works with.
struct Means<'a> {
    tickets: &'a mut dyn TicketSource,
    now: Timestamp,
    rng: &'a mut dyn CryptoRng,
}

impl Initiator {
    /// A machine that has not begun yet.
    pub fn new(options: InitiatorOptions) -> Self {
        Self {
            krb5: krb5::Initiator::new(options.clone()),
            options,
            mechs: OFFERED.to_vec(),
            mic: MechListMic::new(mech_list(&OFFERED)),
            state: State::Start,
        }
    }

    /// Offers those mechanisms, the best first, instead of krb5 alone. One of them must be krb5,
    /// the only one that can be agreed on; while it is not the first, no token is sent for it
    /// before the acceptor has taken it, and both sides prove that they saw the same list.
    #[must_use]
    pub fn offer(mut self, mechs: Vec<Oid>) -> Self {
        self.mic = MechListMic::new(mech_list(&mechs));
        self.mechs = mechs;
        self
    }

    /// Why delegation was asked for and did not come about; the context goes on without.
    pub const fn not_delegated(&self) -> Option<&GssError> {
        self.krb5.not_delegated()
    }

    /// Takes the other side's token, none at first, and says what to do. In protocols in which the
    /// acceptor speaks first, its list of mechanisms may be given for the first token.
    ///
    /// # Errors
    /// No context will come of it. The machine is of no use after that.
    pub fn step(
        &mut self,
        input: Option<&[u8]>,
        tickets: &mut dyn TicketSource,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let mut means = Means { tickets, now, rng };
        let input = input.filter(|token| !token.is_empty());
        match (mem::replace(&mut self.state, State::Done), input) {
            (State::Start, hints) => self.begin(hints, &mut means),
            (State::Offered(context), Some(input)) => self.agree(context, input, &mut means),
            (State::Agreed(context), Some(input)) => {
                let response = parse_response(input)?;
                check_refusal(&response)?;
                self.take(context, &response, &mut means)
            }
            (State::Offered(_) | State::Agreed(_), None) => Err(GssError::DefectiveToken {
                what: WHAT,
                why: "the acceptor's answer is missing",
            }
            .into()),
            (State::Done, _) => Err(GssError::Misuse(
                "the initiator has come to its end, established or refused",
            )
            .into()),
        }
    }

    fn begin(&mut self, hints: Option<&[u8]>, means: &mut Means<'_>) -> Result<Step, Refused> {
        if let Some(hints) = hints {
            check_hints(hints)?;
        }
        if !self.mechs.iter().any(Oid::is_krb5) {
            return Err(GssError::Misuse("krb5 must be among the mechanisms offered").into());
        }
        let (token, context) = if self.prefers_krb5() {
            self.ask_krb5(None, means)?
        } else {
            self.mic.require();
            (None, None)
        };
        let first = NegTokenInit {
            mech_list: mech_list(&self.mechs),
            mech_token: token.as_deref(),
            ..NegTokenInit::default()
        };
        self.state = State::Offered(context);
        Ok(Step::Continue {
            token: first.to_bytes(),
        })
    }

    fn prefers_krb5(&self) -> bool {
        self.mechs.first().is_some_and(Oid::is_krb5)
    }

    /// Reads the acceptor's choice.
    fn agree(
        &mut self,
        context: Option<Box<Context>>,
        input: &[u8],
        means: &mut Means<'_>,
    ) -> Result<Step, Refused> {
        let response = parse_response(input)?;
        check_refusal(&response)?;
        if let Some(mech) = &response.supported_mech
            && !mech.is_krb5()
        {
            return Err(GssError::MechanismNotOffered(mech.clone()).into());
        }
        let wants_mic = response.state == Some(NegState::RequestMic);
        if wants_mic {
            self.mic.require();
        }
        let has_optimistic_token = self.prefers_krb5() && !wants_mic;
        if has_optimistic_token || response.response_token.is_some() {
            return self.take(context, &response, means);
        }
        // It has had no token of krb5 yet, or passed it over because it saw another list.
        self.krb5 = krb5::Initiator::new(self.options.clone());
        let (token, context) = self.ask_krb5(None, means)?;
        self.answer(context, token, None)
    }

    /// A token of the mechanism, or a proof, or both.
    fn take(
        &mut self,
        mut context: Option<Box<Context>>,
        response: &NegTokenResp<'_>,
        means: &mut Means<'_>,
    ) -> Result<Step, Refused> {
        let mut token = None;
        match (&context, response.response_token) {
            (None, Some(input)) => {
                (token, context) = self.hear_krb5(input, response.state, means)?
            }
            (None, None) => return Err(defective("the mechanism's answer is missing in it")),
            (Some(_), Some(_)) if response.state == Some(NegState::Reject) => {}
            (Some(_), Some(_)) => {
                return Err(defective(
                    "it has a token for a mechanism that has come to its end",
                ));
            }
            (Some(_), None) => {}
        }
        if response.state == Some(NegState::Reject) {
            return Err(GssError::NegotiationRejected.into());
        }
        self.answer(context, token, response.mic)
    }

    /// What is to be sent after the mechanism has spoken.
    fn answer(
        &mut self,
        mut context: Option<Box<Context>>,
        token: Option<Vec<u8>>,
        mic: Option<&[u8]>,
    ) -> Result<Step, Refused> {
        let mut reply = NegTokenResp {
            state: Some(NegState::AcceptIncomplete),
            response_token: token.as_deref(),
            ..NegTokenResp::default()
        };
        let Some(established) = context.as_mut() else {
            if mic.is_some() {
                return Err(defective(
                    "its mechListMIC comes before the mechanism's end",
                ));
            }
            let token = reply.to_bytes();
            self.state = State::Agreed(None);
            return Ok(Step::Continue { token });
        };
        let proof = self
            .mic
            .exchange(established, mic, token.is_some())
            .map_err(reject)?;
        reply.mic = proof.mic.as_deref();
        let is_last = token.is_none() && !self.mic.is_awaited();
        if is_last {
            reply.state = Some(NegState::AcceptCompleted);
        }
        let bytes = (token.is_some() || proof.mic.is_some()).then(|| reply.to_bytes());
        match (bytes, context) {
            (token, Some(context)) if is_last => Ok(Step::Established { token, context }),
            // Who sends the mechanism's last token waits for the acceptor to say that it is done.
            (Some(token), context) => {
                self.state = State::Agreed(context);
                Ok(Step::Continue { token })
            }
            (None, _) => Err(GssError::MissingMechListMic.into()),
        }
    }

    fn ask_krb5(&mut self, input: Option<&[u8]>, means: &mut Means<'_>) -> Result<Spoken, Refused> {
        let step = self.krb5.step(input, means.tickets, means.now, means.rng)?;
        Ok(match step {
            Step::Continue { token } => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
        })
    }

    /// As [`Self::ask_krb5`], with the mechanism's words on a rejection.
    fn hear_krb5(
        &mut self,
        input: &[u8],
        state: Option<NegState>,
        means: &mut Means<'_>,
    ) -> Result<Spoken, Refused> {
        let answered = self.ask_krb5(Some(input), means);
        match answered {
            // A rejection is the end of it, so nobody wants to hear of our trouble with it.
            Err(refused) if state == Some(NegState::Reject) => Err(refused.error.into()),
            Err(refused) => Err(reject(refused.error)),
            Ok(answered) => Ok(answered),
        }
    }
}

fn parse_response(input: &[u8]) -> Result<NegTokenResp<'_>, GssError> {
    match NegotiationToken::parse(input)? {
        NegotiationToken::Response(response) => Ok(response),
        NegotiationToken::Init(_) => Err(GssError::DefectiveToken {
            what: WHAT,
            why: "it is no answer but the beginning of a negotiation: ours may have been sent back",
        }),
    }
}

/// A rejection without a token of the mechanism that tells more.
fn check_refusal(response: &NegTokenResp<'_>) -> Result<(), GssError> {
    if response.state == Some(NegState::Reject) && response.response_token.is_none() {
        return Err(GssError::NegotiationRejected);
    }
    Ok(())
}

/// The acceptor's list. Nothing protects it, so it serves to fail early only.
fn check_hints(hints: &[u8]) -> Result<(), GssError> {
    match NegotiationToken::parse(hints)? {
        NegotiationToken::Init(init) if init.mechs.iter().any(Oid::is_krb5) => Ok(()),
        NegotiationToken::Init(init) => Err(GssError::NoCommonMechanism(init.mechs)),
        NegotiationToken::Response(_) => Err(GssError::DefectiveToken {
            what: WHAT,
            why: "it is an answer to something that was not said yet",
        }),
    }
}

fn defective(why: &'static str) -> Refused {
    reject(GssError::DefectiveToken { what: WHAT, why })
}

fn reject(error: GssError) -> Refused {
    let token = NegTokenResp {
        state: Some(NegState::Reject),
        ..NegTokenResp::default()
    };
    Refused {
        error,
        token: Some(token.to_bytes()),
    }
}
