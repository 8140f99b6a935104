//! Our library in the place of a program that alice has started, with the tickets of her session.

use std::path::Path;

use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{GssFlags, Name, Refused, Step};
use kerbstone_proto::time::Timestamp;
use kerbstone_testkit::lab::Session;
use rand::rng;

use crate::stage::Stage;

/// What contexts of the tests do if nothing else is said.
pub(crate) const USUAL: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE);

pub(crate) struct Caller {
    client: Client,
}

impl Caller {
    pub(crate) fn on(stage: &Stage) -> Self {
        Self::new(stage.server.krb5_conf(), &stage.session)
    }

    pub(crate) fn new(krb5_conf: &Path, session: &Session) -> Self {
        let environment = Environment {
            krb5_config: Some(krb5_conf.display().to_string()),
            ccname: Some(format!("FILE:{}", session.cache().display())),
            ..Environment::default()
        };
        Self {
            client: Client::new(environment).expect("the lab's krb5.conf"),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.client.now()
    }

    /// One step of a negotiation.
    pub(crate) fn negotiate(
        &self,
        initiator: &mut kerbstone_gss::spnego::Initiator,
        input: Option<&[u8]>,
    ) -> Result<Step, Refused> {
        initiator.step(input, &mut self.tickets(), self.now(), &mut rng())
    }

    /// One step of the mechanism alone.
    pub(crate) fn step(
        &self,
        initiator: &mut kerbstone_gss::krb5::Initiator,
        input: Option<&[u8]>,
    ) -> Result<Step, Refused> {
        initiator.step(input, &mut self.tickets(), self.now(), &mut rng())
    }

    pub(crate) fn tickets(&self) -> CacheTickets<'_> {
        let cache = self.client.default_cache().expect("the session's cache");
        CacheTickets::new(&self.client, cache)
    }
}

/// A context with a service on a host, written `service@host`.
pub(crate) fn options(target: &str, flags: GssFlags) -> InitiatorOptions {
    InitiatorOptions {
        flags,
        ..InitiatorOptions::new(Name::host_based(target))
    }
}
