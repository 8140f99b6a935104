//! The keys that tickets are opened with: of a keytab, or of a proxy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use kerbstone_client::KeytabFile;
use kerbstone_gss::replay::{MemoryReplayCache, ReplayCache, SharedReplayCache};
use kerbstone_gss::{AcceptorCredential, AcceptorName};
use kerbstone_proto::time::Timestamp;
use kerbstone_verify::{AcceptorSource, ProxyDoor};

use super::service::ServiceError;
use super::settings::{Bindings, GatewaySettings};

/// What the settings are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To go by them.
    Serve,
    /// To judge them: no file is made, which might belong to somebody else than the service afterwards.
    Look,
}

/// Where keys are, for as long as the process lives.
pub(super) enum Keys {
    /// Here, and what was accepted with them is remembered.
    Own(Arc<dyn ReplayCache>),
    /// Behind a proxy's socket.
    Proxied(PathBuf),
}

impl Keys {
    /// Finds out where they are, and opens the memory of what was accepted with them.
    ///
    /// # Errors
    /// [`ServiceError`] when the settings name none or both, or the memory cannot be had.
    pub(super) fn open(settings: &GatewaySettings, purpose: Purpose) -> Result<Self, ServiceError> {
        match (&settings.keytab, &settings.proxy) {
            (Some(_), None) => match purpose {
                Purpose::Serve => Ok(Self::Own(open_replay_cache(settings)?)),
                Purpose::Look => Ok(Self::Own(Arc::new(
                    MemoryReplayCache::new(&mut rand::rng()),
                ))),
            },
            (None, Some(socket)) => Ok(Self::Proxied(socket.clone())),
            (None, None) => Err(ServiceError::Means("none")),
            (Some(_), Some(_)) => Err(ServiceError::Means("both")),
        }
    }

    /// Who accepts tickets by these settings.
    ///
    /// # Errors
    /// [`ServiceError`] when the keytab cannot be used, or keys are somewhere else than when the process began.
    pub(super) fn acceptors(
        &self,
        settings: &GatewaySettings,
    ) -> Result<AcceptorSource, ServiceError> {
        match (self, &settings.keytab, &settings.proxy) {
            (Self::Own(replays), Some(keytab), None) => {
                let credential = credential(settings, keytab, Arc::clone(replays))?;
                Ok(AcceptorSource::keytab(credential))
            }
            (Self::Proxied(before), None, Some(socket)) if before == socket => {
                let mut door = ProxyDoor::at(socket.clone());
                if settings.delegation.is_some() {
                    door = door.with_delegation();
                }
                Ok(AcceptorSource::proxy(match settings.channel_bindings {
                    Bindings::Verify => door,
                    Bindings::Require => door.require_bindings(),
                }))
            }
            (_, None, None) => Err(ServiceError::Means("none")),
            (_, Some(_), Some(_)) => Err(ServiceError::Means("both")),
            _ => Err(ServiceError::KeysMoved),
        }
    }
}

/// One for the whole process: its threads share it.
fn open_replay_cache(settings: &GatewaySettings) -> Result<Arc<SharedReplayCache>, ServiceError> {
    let now = Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default());
    let opened = SharedReplayCache::open(&settings.replay_cache, now, &mut rand::rng())?;
    Ok(Arc::new(opened))
}

fn credential(
    settings: &GatewaySettings,
    path: &Path,
    replays: Arc<dyn ReplayCache>,
) -> Result<AcceptorCredential, ServiceError> {
    let keytab = KeytabFile::parse(&path.to_string_lossy())?.load()?;
    let name = AcceptorName::HostBased {
        service: settings.service.clone(),
        host: None,
    };
    let credential = AcceptorCredential::new(&keytab, name, replays)
        .map_err(|source| ServiceError::Keys {
            keytab: path.to_owned(),
            source: Box::new(source),
        })?
        .clock_skew(settings.clock_skew);
    Ok(match settings.channel_bindings {
        Bindings::Verify => credential,
        Bindings::Require => credential.require_bindings(),
    })
}
