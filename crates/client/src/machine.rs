//! The shape that all machines here have.
//!
//! ```text
//! loop {
//!     match machine.poll() {
//!         Some(Step::Send(request)) => machine.handle(Input::Reply(&carry(request)?), now, rng)?,
//!         Some(Step::Ask(question)) => machine.handle(Input::Answers(ask(question)?), now, rng)?,
//!         Some(Step::LocalAddress { realm }) => machine.handle(Input::LocalAddress(of(realm)), now, rng)?,
//!         Some(Step::Done(outcome)) => return Ok(outcome),
//!         None => unreachable: a machine that waits for nothing is done
//!     }
//! }
//! ```

use kerbstone_proto::message::HostAddress;
use kerbstone_proto::name::Realm;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::ClientError;

/// A conversation that asks for packets to be carried and questions to be answered.
pub trait Machine {
    /// What it ends with.
    type Output;

    /// Tells what came in. Each step is answered once.
    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError>;

    /// What is to happen now; nothing while an answer is awaited.
    fn poll(&mut self) -> Option<Step<Self::Output>>;

    /// What happened since the last time, in the words of KRB5_TRACE.
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// When to come back if no answer comes: never, as losses and dead servers are the business of
    /// [`Exchange`](crate::exchange::Exchange).
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

/// What a machine wants done.
#[derive(Debug)]
pub enum Step<T> {
    /// Carry a request to a realm's servers and bring the reply.
    Send(Request),
    /// Ask the user.
    Ask(Question),
    /// Say which address of this host packets to the realm's password servers carry.
    LocalAddress {
        /// The realm.
        realm: Realm,
    },
    /// It is over.
    Done(T),
}

/// What a machine is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The reply to a [`Step::Send`].
    Reply(&'a [u8]),
    /// The answers to a [`Step::Ask`], as many as there were prompts.
    Answers(Vec<Zeroizing<String>>),
    /// The answer to a [`Step::LocalAddress`].
    LocalAddress(HostAddress),
}

/// Bytes for a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose servers.
    pub realm: Realm,
    /// Which of them.
    pub service: Service,
    /// What to send, without a stream's length in front.
    pub bytes: Vec<u8>,
}

/// The servers of a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// AS and TGS.
    Kdc,
    /// RFC 3244.
    Kpasswd,
}

/// Something to ask the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// What to say first, if anything.
    pub banner: Option<String>,
    /// One line each to be answered.
    pub prompts: Vec<Prompt>,
}

/// One line to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The words, without the colon and blank that programs put behind them.
    pub text: String,
    /// Whether what is typed stays invisible.
    pub hidden: bool,
}

impl Prompt {
    /// A prompt for a password.
    pub fn hidden(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hidden: true,
        }
    }
}
