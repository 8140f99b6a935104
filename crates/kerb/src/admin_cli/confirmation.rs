//! "Are you sure?"

use std::io::{self, BufRead};

use crate::console::{Console, err};
use crate::failure::Failure;
use crate::terminal;

/// Goes on when `--yes` was given or somebody at the terminal types `yes`.
pub(crate) fn confirm(question: &str, yes: bool, console: &mut Console) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let unconfirmed = || Failure::refused(question, "not confirmed", "say --yes if you are sure");
    if !terminal::is_interactive() {
        return Err(unconfirmed());
    }
    err!(console, "{question}? Type yes: ");
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(unconfirmed()),
    }
}
