//! Signing in: the AS exchange, and the change of an expired password on the way.

mod as_exchange;
mod as_reply;
mod initial_ticket;
mod key_info;
mod options;
mod proof;

use kerbstone_proto::ccache::Credential;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use self::as_exchange::AsExchange;
pub(crate) use self::as_exchange::text_of;
pub use self::initial_ticket::InitialTicket;
pub(crate) use self::initial_ticket::credential_of;
pub use self::key_info::KeyInfo;
pub(crate) use self::key_info::hints;
pub use self::options::{LoginOptions, Secret};
use crate::clock::Offset;
use crate::error::ClientError;
use crate::machine::{Input, Machine, Prompt, Question, Step};
use crate::password_change::{Outcome, PasswordChange, ResultCode};

/// How often a user may try to find a new password that is accepted.
const PASSWORD_TRIES: u8 = 3;

/// The machine of a login.
#[derive(Debug)]
pub struct Login {
    client: Principal,
    options: LoginOptions,
    stage: Stage,
    step: Option<Step<InitialTicket>>,
}

#[derive(Debug)]
enum Stage {
    /// The ticket that is wanted; it may turn out that the password has expired.
    Ticket(Box<AsExchange>),
    /// A ticket for the password service.
    ChangeTicket(Box<AsExchange>),
    NewPassword(Change),
    Changing(Change, Box<PasswordChange>, Zeroizing<String>),
    /// The ticket that is wanted, with the new password.
    Again(Box<AsExchange>),
    Over,
}

#[derive(Debug)]
struct Change {
    credential: Box<Credential>,
    offset: Offset,
    tries: u8,
}

impl Login {
    /// A login of `client`. The first request is ready at once.
    pub fn new(
        client: Principal,
        options: LoginOptions,
        secret: Secret,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ClientError> {
        let exchange = AsExchange::new(client.clone(), options.clone(), secret, now, rng)?;
        let mut login = Self {
            client,
            options,
            stage: Stage::Over,
            step: None,
        };
        login.go_on(exchange, Stage::Ticket);
        Ok(login)
    }

    /// The password that was typed on the way, or the secret that the login began with: for one more try elsewhere.
    pub fn secret(&self) -> Option<&Secret> {
        match &self.stage {
            Stage::Ticket(exchange) | Stage::ChangeTicket(exchange) | Stage::Again(exchange) => {
                Some(exchange.secret())
            }
            _ => None,
        }
    }

    /// Takes an exchange's next step over, and stays in its stage.
    fn go_on(&mut self, mut exchange: AsExchange, stage: fn(Box<AsExchange>) -> Stage) {
        self.step = exchange.poll();
        self.stage = stage(Box::new(exchange));
    }

    fn handle_ticket(
        &mut self,
        mut exchange: Box<AsExchange>,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let outcome = exchange.handle(input, now, rng);
        let interactive = !matches!(exchange.secret(), Secret::Keys { .. });
        match outcome {
            Err(ClientError::PasswordExpired { .. })
                if self.options.change_expired && interactive =>
            {
                let change = AsExchange::new(
                    exchange.client().clone(),
                    self.options.for_password_change(),
                    exchange.secret().clone(),
                    now,
                    rng,
                )?;
                self.go_on(change, Stage::ChangeTicket);
                Ok(())
            }
            outcome => {
                self.go_on(*exchange, Stage::Ticket);
                outcome
            }
        }
    }

    fn handle_change_ticket(
        &mut self,
        mut exchange: Box<AsExchange>,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        exchange.handle(input, now, rng)?;
        match exchange.poll() {
            Some(Step::Done(ticket)) => {
                let change = Change {
                    credential: Box::new(ticket.credential),
                    offset: self.trusted(ticket.offset),
                    tries: PASSWORD_TRIES,
                };
                self.ask(
                    change,
                    "Password expired.  You must change it now.".to_owned(),
                );
            }
            step => {
                self.step = step;
                self.stage = Stage::ChangeTicket(exchange);
            }
        }
        Ok(())
    }

    fn ask(&mut self, change: Change, banner: String) {
        self.step = Some(Step::Ask(Question {
            banner: Some(banner),
            prompts: vec![
                Prompt::hidden("Enter new password"),
                Prompt::hidden("Enter it again"),
            ],
        }));
        self.stage = Stage::NewPassword(change);
    }

    fn handle_new_password(
        &mut self,
        change: Change,
        answers: Vec<Zeroizing<String>>,
    ) -> Result<(), ClientError> {
        let mut answers = answers.into_iter();
        let (Some(first), Some(second)) = (answers.next(), answers.next()) else {
            return Err(ClientError::PromptInterrupted);
        };
        if first != second {
            return self.ask_again(change, ClientError::PasswordMismatch, "Password mismatch");
        }
        if first.is_empty() {
            let reason = "New password cannot be zero length";
            let error = ClientError::PasswordRefused {
                reason: reason.to_owned(),
            };
            return self.ask_again(change, error, reason);
        }
        let mut machine = PasswordChange::new(
            change.credential.as_ref().clone(),
            first.clone(),
            None,
            change.offset,
        );
        self.step = pass_on(machine.poll());
        self.stage = Stage::Changing(change, Box::new(machine), first);
        Ok(())
    }

    fn handle_changing(
        &mut self,
        change: Change,
        mut machine: Box<PasswordChange>,
        password: Zeroizing<String>,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        machine.handle(input, now, rng)?;
        match machine.poll() {
            Some(Step::Done(outcome)) if outcome.is_success() => {
                let exchange = AsExchange::new(
                    self.client.clone(),
                    self.options.clone(),
                    Secret::Password(password),
                    now,
                    rng,
                )?;
                self.go_on(exchange, Stage::Again);
                Ok(())
            }
            Some(Step::Done(outcome)) => self.handle_refusal(change, &outcome),
            step => {
                self.step = pass_on(step);
                self.stage = Stage::Changing(change, machine, password);
                Ok(())
            }
        }
    }

    fn handle_refusal(&mut self, change: Change, outcome: &Outcome) -> Result<(), ClientError> {
        let reason = match outcome.message.as_str() {
            "" => outcome.code_text().to_owned(),
            message => format!("{}: {message}", outcome.code_text()),
        };
        let error = ClientError::PasswordRefused {
            reason: reason.clone(),
        };
        if outcome.code != ResultCode::SOFTERROR {
            return Err(error);
        }
        self.ask_again(change, error, &reason)
    }

    fn ask_again(
        &mut self,
        mut change: Change,
        error: ClientError,
        reason: &str,
    ) -> Result<(), ClientError> {
        change.tries = change.tries.saturating_sub(1);
        if change.tries == 0 {
            return Err(error);
        }
        self.ask(change, format!("{reason}.  Please try again."));
        Ok(())
    }

    fn trusted(&self, offset: Offset) -> Offset {
        if self.options.sync_time {
            offset
        } else {
            Offset::default()
        }
    }
}

impl Machine for Login {
    type Output = InitialTicket;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match (std::mem::replace(&mut self.stage, Stage::Over), input) {
            (Stage::Ticket(exchange), input) => self.handle_ticket(exchange, input, now, rng),
            (Stage::ChangeTicket(exchange), input) => {
                self.handle_change_ticket(exchange, input, now, rng)
            }
            (Stage::NewPassword(change), Input::Answers(answers)) => {
                self.handle_new_password(change, answers)
            }
            (Stage::Changing(change, machine, password), input) => {
                self.handle_changing(change, machine, password, input, now, rng)
            }
            (Stage::Again(mut exchange), input) => {
                let outcome = exchange.handle(input, now, rng);
                self.go_on(*exchange, Stage::Again);
                outcome
            }
            _ => Err(ClientError::Misuse("the login did not ask for this")),
        }
    }

    fn poll(&mut self) -> Option<Step<InitialTicket>> {
        self.step.take()
    }
}

/// The steps of a password change are those of the login, but for its end.
fn pass_on(step: Option<Step<Outcome>>) -> Option<Step<InitialTicket>> {
    match step? {
        Step::Send(request) => Some(Step::Send(request)),
        Step::Ask(question) => Some(Step::Ask(question)),
        Step::LocalAddress { realm } => Some(Step::LocalAddress { realm }),
        Step::Done(_) => None,
    }
}
