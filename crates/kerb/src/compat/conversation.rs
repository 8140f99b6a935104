//! Questions in the manner of MIT's prompter: words on standard output, answers from standard input.

use kerbstone_client::{ClientError, Prompter, Question};
use kerbstone_proto::time::KerberosTime;
use zeroize::Zeroizing;

use crate::compat::date::Calendar;
use crate::console::{Console, out};
use crate::terminal::{self, NoAnswer};

/// Mistakes that libkrb5 finds by itself.
const SLIPS: [&str; 2] = ["Password mismatch", "New password cannot be zero length"];

/// A question without an answer.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Why.
    pub(crate) reason: NoAnswer,
    by_mechanism: bool,
}

impl Unread {
    /// kinit's words: a mechanism that cannot go on is named, a user who does not want to is not.
    pub(crate) fn words(&self) -> String {
        match &self.reason {
            NoAnswer::Unreadable if self.by_mechanism => {
                format!("Pre-authentication failed: {}", self.reason)
            }
            reason => reason.to_string(),
        }
    }
}

/// Asks on the terminal or the pipe that the program was given.
pub(crate) struct Conversation<'a> {
    console: &'a mut Console,
    unread: Option<Unread>,
}

impl<'a> Conversation<'a> {
    /// A conversation on a console.
    pub(crate) fn new(console: &'a mut Console) -> Self {
        Self {
            console,
            unread: None,
        }
    }

    /// Why the last question went without an answer.
    pub(crate) fn unread(self) -> Option<Unread> {
        self.unread
    }
}

impl Prompter for Conversation<'_> {
    fn ask(&mut self, question: &Question) -> Result<Vec<Zeroizing<String>>, ClientError> {
        if let Some(banner) = &question.banner {
            // A refusal by the server comes with an empty line behind it.
            let refused = banner.ends_with("Please try again.")
                && !SLIPS.iter().any(|slip| banner.starts_with(slip));
            out!(
                self.console,
                "{banner}\n{}",
                if refused { "\n" } else { "" }
            );
        }
        let mut answers = Vec::new();
        for prompt in &question.prompts {
            let answer = ask_hidden(&prompt.text, self.console);
            answers.push(answer.map_err(|reason| {
                // The first password is asked for by a pre-authentication mechanism, new ones are not.
                let by_mechanism = question.prompts.len() == 1;
                self.unread = Some(Unread {
                    reason,
                    by_mechanism,
                });
                ClientError::PromptInterrupted
            })?);
        }
        Ok(answers)
    }
}

/// One question with a hidden answer.
pub(crate) fn ask_hidden(text: &str, console: &mut Console) -> Result<Zeroizing<String>, NoAnswer> {
    out!(console, "{text}: ");
    let answer = terminal::read_hidden();
    out!(console, "\n");
    answer
}

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const WEEK: i64 = 604_800;

/// Warns of a password that expires soon, as libkrb5 does: always when the KDC says it as a warning, else within a week.
pub(crate) fn warn_of_expiry(
    expires: Option<(KerberosTime, bool)>,
    now: i64,
    calendar: &Calendar,
    console: &mut Console,
) {
    let Some((at, told_as_warning)) = expires else {
        return;
    };
    let left = at.unix().saturating_sub(now);
    if !told_as_warning && !(0..=WEEK).contains(&left) {
        return;
    }
    let when = match left {
        ..HOUR => "less than one hour".to_owned(),
        left if left < 2 * DAY => {
            let plural = if left < 2 * HOUR { "" } else { "s" };
            format!("{} hour{plural}", left / HOUR)
        }
        left => format!("{} days", left / DAY),
    };
    out!(console, "Warning: Your password will expire in {when} on ");
    console.out_bytes(&calendar.long(at.unix()));
    out!(console, "\n");
}
