//! The gateway's listeners while it serves: opened, bound for the workers, and read anew.

use std::sync::Arc;
use std::time::Duration;

use kerbstone_gateway::Gateway;
use kerbstone_gateway::listener::{self, CannotListen, Doors, Listener, ListenerSettings};
use kerbstone_gateway::tls::TlsError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::settings::GatewaySettings;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// All listeners.
#[derive(Clone, Debug)]
pub(super) struct Entrance(Vec<Arc<Listener>>);

/// A listener that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the listener {listener}: {source}")]
pub(crate) struct ListenerFault {
    listener: String,
    source: Box<TlsError>,
}

impl Entrance {
    /// Reads what the listeners need.
    ///
    /// # Errors
    /// [`super::service::ServiceError`] names the listener, and the file.
    pub(super) fn open(settings: &GatewaySettings) -> Result<Self, super::service::ServiceError> {
        let listeners = settings.listeners()?.into_iter().map(|settings| {
            let name = settings.name.clone();
            let opened = Listener::open(settings).map(Arc::new);
            opened.map_err(|source| ListenerFault {
                listener: name,
                source: Box::new(source),
            })
        });
        Ok(Self(listeners.collect::<Result<_, _>>()?))
    }

    /// Binds every address, for each worker anew.
    ///
    /// # Errors
    /// [`CannotListen`]
    pub(super) fn bind(&self, workers: usize) -> Result<Vec<Doors>, CannotListen> {
        listener::bind(&self.0, workers)
    }

    /// Reads certificates, keys and lists anew. What cannot be read stays as it was.
    pub(super) fn reload(&self) {
        for listener in &self.0 {
            if let Err(error) = listener.reload() {
                tracing::error!(listener = listener.name(), %error, "its certificates stay as they were");
            }
        }
    }

    /// Reads anew what has changed, whenever it has.
    pub(super) async fn watch(self, gateway: Arc<Gateway>) {
        loop {
            tokio::time::sleep(LOOK).await;
            match gateway.table().certificates.reload_if_changed() {
                Ok(false) => {}
                Ok(true) => tracing::info!("tables of certificates read anew"),
                Err(error) => tracing::error!(%error, "the table stays as it was"),
            }
            for listener in &self.0 {
                match listener.reload_if_changed() {
                    Ok(false) => {}
                    Ok(true) => {
                        tracing::info!(listener = listener.name(), "certificates read anew")
                    }
                    Err(error) => {
                        tracing::error!(listener = listener.name(), %error, "its certificates stay as they were");
                    }
                }
            }
        }
    }

    /// What the listeners were told when the process began.
    pub(super) fn settings(&self) -> Vec<ListenerSettings> {
        let settings = self.0.iter().map(|listener| listener.settings().clone());
        settings.collect()
    }

    /// Where one can knock, for the log.
    pub(super) fn addresses(&self) -> Vec<String> {
        let addresses = self.0.iter().flat_map(|listener| listener.addresses());
        addresses.map(ToString::to_string).collect()
    }
}

/// Lets this process open as many files as it may have: each visitor takes one, and a second on the way to a back end.
pub(super) fn allow_all_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _as_it_was = setrlimit(Resource::Nofile, all);
}
