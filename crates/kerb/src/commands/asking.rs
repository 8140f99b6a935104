//! Questions of `kerb`: on the terminal where there is one, silently from a pipe.

use kerbstone_client::{ClientError, Prompter, Question};
use zeroize::Zeroizing;

use crate::console::{Console, err};
use crate::terminal;

/// Asks on standard error, so that standard output stays clean.
pub(crate) struct Asking<'a> {
    console: &'a mut Console,
}

impl<'a> Asking<'a> {
    /// Asks on a console.
    pub(crate) const fn new(console: &'a mut Console) -> Self {
        Self { console }
    }
}

impl Prompter for Asking<'_> {
    fn ask(&mut self, question: &Question) -> Result<Vec<Zeroizing<String>>, ClientError> {
        if let Some(banner) = &question.banner {
            err!(self.console, "{banner}\n");
        }
        let ask = |prompt: &kerbstone_client::Prompt| hidden(&prompt.text, self.console);
        question.prompts.iter().map(ask).collect()
    }
}

/// One question with a hidden answer.
pub(crate) fn hidden(text: &str, console: &mut Console) -> Result<Zeroizing<String>, ClientError> {
    let interactive = terminal::is_interactive();
    if interactive {
        err!(console, "{text}: ");
    }
    let answer = terminal::read_hidden();
    if interactive {
        err!(console, "\n");
    }
    answer.map_err(|_| ClientError::PromptInterrupted)
}
