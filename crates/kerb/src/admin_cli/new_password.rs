//! Passwords for others: asked for twice on the terminal, or one line of standard input. Never on
//! the command line, where every user of the host could read them.

use clap::Args;
use kerbstone_admin::Secret;
use zeroize::Zeroizing;

use crate::commands::asking::hidden;
use crate::console::Console;
use crate::failure::Failure;

/// Where a password comes from.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PasswordSource {
    /// Ask for the password twice (the default).
    #[arg(long)]
    password_prompt: bool,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with = "password_prompt")]
    password_stdin: bool,
}

impl PasswordSource {
    /// Gets the password.
    pub(crate) fn read(self, whose: &str, console: &mut Console) -> Result<Secret, Failure> {
        let cannot = |why: String, help: &str| {
            Failure::refused(format!("no password for {whose}"), why, help)
        };
        let ask = |question: &str, console: &mut Console| -> Result<Zeroizing<String>, Failure> {
            hidden(question, console).map_err(|error| {
                cannot(
                    error.to_string(),
                    "type one, or give it with --password-stdin",
                )
            })
        };
        let first = ask(&format!("New password for {whose}"), console)?;
        if !self.password_stdin {
            let second = ask(&format!("New password for {whose} again"), console)?;
            if first != second {
                return Err(cannot(
                    "the two are not the same".to_owned(),
                    "type it again",
                ));
            }
        }
        Ok(Secret::from(first.as_bytes()))
    }
}
