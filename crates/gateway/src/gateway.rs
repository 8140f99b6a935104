//! The gateway as a whole: what it knows, shared by all connections.

use std::sync::{Arc, PoisonError, RwLock};

use kerbstone_verify::AcceptorSource;

use crate::entry_point::EntryPoints;
use crate::identity_headers::IdentityHeaders;
use crate::limits::Limits;
use crate::local_names::LocalNames;
use crate::observer::Observer;
use crate::tls::TlsIdentity;
use crate::upstream::Upstream;

/// What a gateway is made of.
pub struct Setup {
    /// The certificate and its key.
    pub tls: TlsIdentity,
    /// The ways in.
    pub entry_points: EntryPoints,
    /// The headers that say who somebody is.
    pub headers: IdentityHeaders,
    /// Who accepts tickets.
    pub acceptors: AcceptorSource,
    /// Who is which user here.
    pub local_names: LocalNames,
    /// What one client may cost.
    pub limits: Limits,
    /// Who keeps the books.
    pub observer: Arc<dyn Observer>,
}

/// A gateway, which all connections share.
pub struct Gateway {
    tls: RwLock<TlsIdentity>,
    pub(crate) entry_points: EntryPoints,
    pub(crate) headers: Arc<IdentityHeaders>,
    pub(crate) acceptors: AcceptorSource,
    pub(crate) local_names: LocalNames,
    pub(crate) limits: Limits,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) upstream: Upstream,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("entry_points", &self.entry_points)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("entry_points", &self.entry_points)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Puts it together; [`crate::server::serve`] opens it.
    pub fn new(setup: Setup) -> Self {
        Self {
            tls: RwLock::new(setup.tls),
            entry_points: setup.entry_points,
            headers: Arc::new(setup.headers),
            acceptors: setup.acceptors,
            local_names: setup.local_names,
            upstream: Upstream::new(&setup.limits),
            limits: setup.limits,
            observer: setup.observer,
        }
    }

    /// The keys that tickets are opened with; they can be replaced while the gateway serves.
    pub const fn acceptors(&self) -> &AcceptorSource {
        &self.acceptors
    }

    /// Shows another certificate from the next connection on.
    pub fn replace_tls(&self, tls: TlsIdentity) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = tls;
    }

    pub(crate) fn tls(&self) -> TlsIdentity {
        self.tls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
