//! The side that is asked.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;
use std::sync::Arc;

use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::mech_list_mic::MechListMic;
use super::token::{NegState, NegTokenInit, NegTokenResp, NegotiationToken, hints};
use super::{OFFERED, WHAT};
use crate::framing::{FRAME_TAG, unframe};
use crate::{AcceptorCredential, ChannelBindings, Context, GssError, Oid, Refused, Step, krb5};

const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

/// Accepts one context, whichever way its initiator comes: by SPNEGO, or with krb5 tokens alone.
#[derive(Debug)]
pub struct Acceptor {
    pub(super) krb5: krb5::Acceptor,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Start,
    /// The initiator does not negotiate.
    Bare,
    Negotiating(Box<Negotiation>),
    Done,
}

#[derive(Debug)]
pub(super) struct Negotiation {
    /// As the initiator numbers it.
    pub(super) mech: Oid,
    pub(super) mic: MechListMic,
    /// When nothing is missing but the initiator's proof.
    pub(super) context: Option<Box<Context>>,
    /// What the next answer is the first to say.
    pub(super) news: Option<Oid>,
}

impl Acceptor {
    /// A machine that waits for the first token; bindings as [`krb5::Acceptor::new`] has them.
    pub const fn new(
        credential: Arc<AcceptorCredential>,
        bindings: Option<ChannelBindings>,
    ) -> Self {
        Self {
            krb5: krb5::Acceptor::new(credential, bindings),
            state: State::Start,
        }
    }

    /// Lets the initiator be bound to one of these instead; see [`krb5::Acceptor::or_bound_to`].
    #[must_use]
    pub fn or_bound_to(mut self, others: impl IntoIterator<Item = ChannelBindings>) -> Self {
        self.krb5 = self.krb5.or_bound_to(others);
        self
    }

    /// Keeps the initiator's ticket; see [`krb5::Acceptor::keep_evidence`].
    #[must_use]
    pub fn keep_evidence(mut self) -> Self {
        self.krb5 = self.krb5.keep_evidence();
        self
    }

    /// Takes the initiator's token and says what to do. An empty first token asks for the
    /// acceptor's list of mechanisms, as protocols do in which the acceptor speaks first.
    ///
    /// # Errors
    /// No context will come of it. The machine is of no use after that.
    pub fn step(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        match mem::replace(&mut self.state, State::Done) {
            State::Start if input.is_empty() => {
                self.state = State::Start;
                Ok(Step::Continue {
                    token: hints(&OFFERED),
                })
            }
            State::Start if is_bare(input) => self.go_on_bare(input, now, rng),
            State::Start => self.begin(input, now, rng),
            State::Bare => self.go_on_bare(input, now, rng),
            State::Negotiating(negotiation) => self.go_on(negotiation, input, now, rng),
            State::Done => Err(GssError::Misuse(
                "the acceptor has come to its end, established or refused",
            )
            .into()),
        }
    }

    fn go_on_bare(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let step = self.krb5.step(input, now, rng)?;
        if matches!(step, Step::Continue { .. }) {
            self.state = State::Bare;
        }
        Ok(step)
    }

    fn begin(
        &mut self,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        if input.starts_with(NTLM_SIGNATURE) {
            return Err(GssError::NoCommonMechanism(vec![Oid::NTLMSSP]).into());
        }
        let init = match NegotiationToken::parse(input) {
            Ok(NegotiationToken::Init(init)) => init,
            Ok(NegotiationToken::Response(_)) => {
                return Err(rejection(GssError::DefectiveToken {
                    what: WHAT,
                    why: "it is an answer where a negotiation should begin",
                }));
            }
            Err(error) if is_spnego(input) => return Err(rejection(error)),
            Err(error) => return Err(error.into()),
        };
        let Some((place, mech)) = choose(&init) else {
            return Err(rejection(GssError::NoCommonMechanism(init.mechs)));
        };
        let mut mic = MechListMic::new(init.mech_list);
        if place != 0 {
            mic.require();
            // The optimistic token is of the mechanism that is not spoken here.
            return Ok(self.ask(mech, mic, NegState::RequestMic));
        }
        let Some(token) = init.mech_token else {
            return Ok(self.ask(mech, mic, NegState::AcceptIncomplete));
        };
        let negotiation = Box::new(Negotiation {
            news: Some(mech.clone()),
            mech,
            mic,
            context: None,
        });
        self.take(negotiation, Some(token), init.mic, now, rng)
    }

    /// Says which mechanism it shall be, and waits for its first token.
    fn ask(&mut self, mech: Oid, mic: MechListMic, state: NegState) -> Step {
        let token = NegTokenResp {
            state: Some(state),
            supported_mech: Some(mech.clone()),
            ..NegTokenResp::default()
        };
        let token = token.to_bytes();
        self.state = State::Negotiating(Box::new(Negotiation {
            mech,
            mic,
            context: None,
            news: None,
        }));
        Step::Continue { token }
    }

    fn go_on(
        &mut self,
        negotiation: Box<Negotiation>,
        input: &[u8],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let defective = |why| rejection(GssError::DefectiveToken { what: WHAT, why });
        let response = match NegotiationToken::parse(input) {
            Ok(NegotiationToken::Response(response)) => response,
            Ok(NegotiationToken::Init(_)) => {
                return Err(defective("it begins another negotiation in this one"));
            }
            Err(error) => return Err(rejection(error)),
        };
        if response.state == Some(NegState::Reject) {
            return Err(GssError::NegotiationRejected.into());
        }
        if response
            .supported_mech
            .is_some_and(|mech| mech != negotiation.mech)
        {
            return Err(defective("its mechanism is not the one that was agreed on"));
        }
        if response.response_token.is_none() && response.mic.is_none() {
            return Err(defective("there is nothing in it"));
        }
        self.take(negotiation, response.response_token, response.mic, now, rng)
    }

    /// A token of the mechanism, or a proof, or both.
    fn take(
        &mut self,
        mut negotiation: Box<Negotiation>,
        token: Option<&[u8]>,
        mic: Option<&[u8]>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Step, Refused> {
        let news = negotiation.news.take();
        let mut answer = None;
        if let Some(token) = token {
            if negotiation.context.is_some() {
                return Err(rejection(GssError::DefectiveToken {
                    what: WHAT,
                    why: "it has a token for a mechanism that has come to its end",
                }));
            }
            match self.krb5.step(token, now, rng) {
                Ok(Step::Established { token, context }) => {
                    negotiation.context = Some(context);
                    answer = token;
                }
                Ok(Step::Continue { token }) => answer = Some(token),
                Err(refused) => return Err(wrap_refusal(refused, news)),
            }
        }
        let mut reply = NegTokenResp {
            state: Some(NegState::AcceptIncomplete),
            supported_mech: news,
            response_token: answer.as_deref(),
            mic: None,
        };
        let Some(context) = negotiation.context.as_mut() else {
            if mic.is_some() {
                return Err(rejection(GssError::DefectiveToken {
                    what: WHAT,
                    why: "its mechListMIC comes before the mechanism's end",
                }));
            }
            let token = reply.to_bytes();
            self.state = State::Negotiating(negotiation);
            return Ok(Step::Continue { token });
        };
        let proof = negotiation
            .mic
            .exchange(context, mic, answer.is_some())
            .map_err(rejection)?;
        reply.state = Some(proof.state);
        reply.mic = proof.mic.as_deref();
        // Whoever sent the last proof has ours already.
        let is_worth_sending = token.is_some() || proof.mic.is_some();
        let token = is_worth_sending.then(|| reply.to_bytes());
        match (token, negotiation.context.take()) {
            (Some(token), context) if negotiation.mic.is_awaited() => {
                negotiation.context = context;
                self.state = State::Negotiating(negotiation);
                Ok(Step::Continue { token })
            }
            (token, Some(context)) => Ok(Step::Established { token, context }),
            (_, None) => Err(GssError::Misuse("the context is gone").into()),
        }
    }
}

/// The initiator's most preferred mechanism that is spoken here, and its place.
fn choose(init: &NegTokenInit<'_>) -> Option<(usize, Oid)> {
    let place = init.mechs.iter().position(Oid::is_krb5)?;
    Some((place, init.mechs.get(place)?.clone()))
}

/// Whether a token is of krb5 without a negotiation around it: framed, or an AP-REQ in DCE style.
fn is_bare(input: &[u8]) -> bool {
    match input.first() {
        Some(&FRAME_TAG) => unframe(input)
            .is_ok_and(|framed| framed.mech.is_krb5() || framed.mech == Oid::KRB5_USER_TO_USER),
        first => first == Some(&krb5::AP_REQ_TAG),
    }
}

fn is_spnego(input: &[u8]) -> bool {
    unframe(input).is_ok_and(|framed| framed.mech == Oid::SPNEGO)
}

fn rejection(error: GssError) -> Refused {
    let token = NegTokenResp {
        state: Some(NegState::Reject),
        ..NegTokenResp::default()
    };
    Refused {
        error,
        token: Some(token.to_bytes()),
    }
}

/// Says no, and gives the mechanism's own words along.
fn wrap_refusal(refused: Refused, news: Option<Oid>) -> Refused {
    let token = NegTokenResp {
        state: Some(NegState::Reject),
        supported_mech: news,
        response_token: refused.token.as_deref(),
        mic: None,
    };
    Refused {
        token: Some(token.to_bytes()),
        error: refused.error,
    }
}
