//! What the gateway goes by: the entry points and all that they name. It is replaced as a whole while the gateway serves;
//! a request ends by the table that it began by.

use std::collections::BTreeMap;
use std::sync::Arc;

use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_verify::{AcceptorSource, Passwords};

use crate::certificate::CertificateMap;
use crate::delegation::Delegation;
use crate::entry_points::EntryPoints;
use crate::groups::Groups;
use crate::identity_headers::IdentityHeaders;
use crate::limits::Limits;
use crate::local_names::LocalNames;
use crate::pool::Pools;
use crate::rate::Rates;
use crate::session::Sessions;

/// What the gateway goes by.
pub struct Table {
    /// The ways in.
    pub entry_points: EntryPoints,
    /// The headers that say who somebody is.
    pub headers: Arc<IdentityHeaders>,
    /// Who accepts tickets.
    pub acceptors: Arc<AcceptorSource>,
    /// Who is which user here.
    pub local_names: LocalNames,
    /// Who is in which group.
    pub groups: Groups,
    /// Realms, and the domains of their people.
    pub domains: BTreeMap<String, String>,
    /// The servers behind it.
    pub pools: Arc<Pools>,
    /// Whose certificate is whose.
    pub certificates: CertificateMap,
    /// Who checks passwords, where any way needs it.
    pub passwords: Option<Arc<Passwords>>,
    /// Sessions, where any way goes on with them.
    pub sessions: Option<Arc<Sessions>>,
    /// Where tickets go that people send along, where back ends go on with them.
    pub delegation: Option<Arc<Delegation>>,
    /// How often who may come.
    pub rates: Arc<Rates>,
    /// What one client may cost.
    pub limits: Limits,
}

impl Table {
    /// Entry points, the pools that they lead to, and whoever accepts tickets for them; the rest as if nothing had been
    /// said.
    pub fn new(
        entry_points: EntryPoints,
        pools: Arc<Pools>,
        acceptors: Arc<AcceptorSource>,
    ) -> Self {
        Self {
            entry_points,
            headers: Arc::default(),
            acceptors,
            local_names: LocalNames::new(Krb5Conf::default()),
            groups: Groups::default(),
            domains: BTreeMap::new(),
            pools,
            certificates: CertificateMap::default(),
            passwords: None,
            sessions: None,
            delegation: None,
            rates: Arc::default(),
            limits: Limits::default(),
        }
    }

    /// Goes on with what an older table remembers of people, where the settings of it are the same: who signed out, and
    /// who failed how often.
    pub fn adopt(&mut self, old: &Self) {
        if let (Some(sessions), Some(old)) = (&mut self.sessions, &old.sessions)
            && sessions.are_those_of(old)
        {
            *sessions = Arc::clone(old);
        }
        if self.rates.settings() == old.rates.settings() {
            self.rates = Arc::clone(&old.rates);
        }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("entry_points", &self.entry_points)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
