//! A password that has been changed for the tour, and is changed back whatever happens.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use rand::RngExt;
use tokio::time::timeout;

use super::clients::ourselves;
use super::shell::Shell;
use super::suite::Suite;
use super::verdict::{NotPassed, failed};
use crate::up::Site;

/// How long putting things in order may take when nobody wants to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// The change that is open at the moment.
#[derive(Debug, Default)]
pub(super) struct OpenChange(RefCell<Option<Change>>);

/// Whose password may be another.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The principal.
    pub(super) who: String,
    /// What it has to be again.
    pub(super) old: String,
    /// What it may be.
    pub(super) new: String,
}

impl Change {
    /// A change to a password that nobody knows.
    pub(super) fn of(who: &str, old: &str) -> Self {
        let mut rng = rand::rng();
        let new: String = (0..20)
            .map(|_| char::from(rng.random_range(b'a'..=b'z')))
            .collect();
        Self {
            who: who.to_owned(),
            old: old.to_owned(),
            // Whatever a policy asks for.
            new: format!("{new}-7X"),
        }
    }
}

impl OpenChange {
    /// Notes a change before it is made.
    pub(super) fn open(&self, change: Change) {
        self.0.replace(Some(change));
    }

    /// The old password is in place again.
    pub(super) fn close(&self) {
        self.0.take();
    }

    /// Puts the old password in place if a change was left open.
    ///
    /// # Errors
    /// The password is another now; the error says which.
    pub(super) async fn undo(&self, site: &Site, scratch: &Path) -> Result<(), String> {
        let Some(Change { who, old, new }) = self.0.borrow().clone() else {
            return Ok(());
        };
        let kerb = Suite::kerb(ourselves());
        let put_back = async {
            let shell =
                Shell::new(site, scratch, "undo").map_err(|error| failed(error.to_string()))?;
            let changed = shell.run(kerb.change_password(&who, &new, &old)).await?;
            match changed.is_success() {
                true => Ok(()),
                // It may never have been changed, and then the new one is none.
                false => match shell.run(kerb.sign_in(&who, &new)).await?.is_success() {
                    true => Err(changed.trouble()),
                    false => Ok(()),
                },
            }
        };
        let undone: Result<(), NotPassed> = match timeout(PATIENCE, put_back).await {
            Ok(undone) => undone,
            Err(_late) => Err(failed("it takes too long")),
        };
        undone.map_err(|_| format!("the password of {who} is {new} now"))?;
        self.close();
        Ok(())
    }
}
