//! krb5.conf, read again when its files have changed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerbstone_client::{ClientError, Context, Environment};

use super::file_identity::FileIdentity;

/// So often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The configuration in force.
#[derive(Debug)]
pub(super) struct Configuration {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    context: Arc<Context>,
    files: Vec<(PathBuf, Option<FileIdentity>)>,
    looked: Instant,
}

impl Configuration {
    pub(super) fn new(environment: Environment) -> Result<Self, ClientError> {
        let state = State::read(environment)?;
        Ok(Self {
            state: Mutex::new(state),
        })
    }

    /// The context, and whether it is another than at the last call.
    pub(super) fn context(&self) -> (Arc<Context>, bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        if state.looked.elapsed() >= LOOK {
            is_new = state.look_again();
        }
        (Arc::clone(&state.context), is_new)
    }
}

impl State {
    fn read(environment: Environment) -> Result<Self, ClientError> {
        let looked = Instant::now();
        let context = Context::new(environment)?;
        let identified = |path: &PathBuf| (path.clone(), FileIdentity::of(path).ok());
        Ok(Self {
            files: context.files().iter().map(identified).collect(),
            context: Arc::new(context),
            looked,
        })
    }

    /// A configuration that cannot be read leaves the one before in force.
    fn look_again(&mut self) -> bool {
        self.looked = Instant::now();
        let has_changed = |(path, identity): &(PathBuf, Option<FileIdentity>)| {
            FileIdentity::of(path).ok() != *identity
        };
        if !self.files.iter().any(has_changed) {
            return false;
        }
        match Self::read(self.context.environment().clone()) {
            Ok(state) => {
                *self = state;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "krb5.conf has changed and cannot be read; the one before stays in force");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_krb5_conf_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("krb5.conf");
        let conf = |realm| format!("[libdefaults]\ndefault_realm = {realm}\n");
        fs::write(&path, conf("ONE.TEST")).unwrap();
        let environment = Environment {
            krb5_config: Some(path.display().to_string()),
            ..Environment::default()
        };
        let configuration = Configuration::new(environment).unwrap();
        let realm = || {
            configuration.state.lock().unwrap().looked -= LOOK;
            let (context, is_new) = configuration.context();
            (context.default_realm().unwrap().to_string(), is_new)
        };
        assert_eq!(realm(), ("ONE.TEST".to_owned(), false));
        fs::write(&path, conf("ANOTHER.TEST")).unwrap();
        assert_eq!(realm(), ("ANOTHER.TEST".to_owned(), true));
        assert_eq!(realm(), ("ANOTHER.TEST".to_owned(), false));
        fs::write(&path, "[libdefaults").unwrap();
        assert_eq!(realm(), ("ANOTHER.TEST".to_owned(), false));
    }
}
