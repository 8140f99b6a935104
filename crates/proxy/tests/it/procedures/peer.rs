//! Contexts between this process and an engine, without a C library.

use std::sync::Arc;

use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{Context, GssFlags, Name, Step, krb5, spnego};
use kerbstone_proxy::procedures::{Answer, Engine};
use kerbstone_proxy::settings::{Caller, Service};
use kerbstone_proxy::wire::{AcceptSecContextArgs, AcceptSecContextResult, Call, Opaque, Reply};

use super::site::{Site, TARGET, answer, engine, now, own_caller};

/// What contexts of the tests do if nothing else is said.
pub(crate) const USUAL: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE);

/// An engine with a service that meets every caller.
pub(crate) struct Counter {
    pub(crate) engine: Engine,
    pub(crate) service: Arc<Service>,
    pub(crate) caller: Caller,
}

impl Counter {
    pub(crate) fn of(site: &Site, service: Service) -> Self {
        Self {
            engine: engine(site.mit.krb5_conf(), site.mit.folder()),
            service: Arc::new(service),
            caller: own_caller(),
        }
    }

    pub(crate) fn ask(&self, call: impl Into<Call>) -> Answer {
        answer(&self.engine, &self.caller, &self.service, &call.into())
    }

    #[track_caller]
    pub(crate) fn accept(&self, args: AcceptSecContextArgs) -> AcceptSecContextResult {
        match self.ask(args).reply {
            Reply::AcceptSecContext(result) => result,
            other => panic!("{other:?}"),
        }
    }
}

/// The initiator's machine.
pub(crate) enum Initiator {
    Krb5(Box<krb5::Initiator>),
    Spnego(Box<spnego::Initiator>),
}

/// Alice, with her own tickets.
pub(crate) struct Alice {
    client: Client,
}

impl Alice {
    pub(crate) fn of(site: &Site) -> Self {
        let environment = Environment {
            krb5_config: Some(site.mit.krb5_conf().display().to_string()),
            ccname: Some(format!("FILE:{}", site.alice.cache().display())),
            ..Environment::default()
        };
        Self {
            client: Client::new(environment).unwrap(),
        }
    }

    pub(crate) fn options(flags: GssFlags) -> InitiatorOptions {
        InitiatorOptions {
            flags,
            ..InitiatorOptions::new(Name::host_based(TARGET))
        }
    }

    pub(crate) fn step(&self, machine: &mut Initiator, token: Option<&[u8]>) -> Step {
        let mut tickets = CacheTickets::new(&self.client, self.client.default_cache().unwrap());
        let rng = &mut rand::rng();
        match machine {
            Initiator::Krb5(machine) => machine.step(token, &mut tickets, now(), rng),
            Initiator::Spnego(machine) => machine.step(token, &mut tickets, now(), rng),
        }
        .unwrap()
    }

    /// Establishes a context with an engine; gives our side and the engine's last reply.
    #[track_caller]
    pub(crate) fn meet(
        &self,
        machine: &mut Initiator,
        counter: &Counter,
        base: &AcceptSecContextArgs,
    ) -> (Context, AcceptSecContextResult) {
        let mut args = base.clone();
        let mut input = None;
        let mut result = AcceptSecContextResult::default();
        loop {
            let (token, context) = match self.step(machine, input.as_deref()) {
                Step::Continue { token } => (Some(token), None),
                Step::Established { token, context } => (token, Some(context)),
            };
            if let Some(token) = token {
                args.token = token.into();
                result = counter.accept(args.clone());
                assert!(result.status.major < 2, "{result:?}");
                args.context = result.context.clone();
                input = result
                    .token
                    .clone()
                    .filter(|token| !token.is_empty())
                    .map(Opaque::into_vec);
            }
            if let Some(context) = context {
                assert_eq!(result.status.major, 0, "the acceptor has not finished");
                return (*context, result);
            }
        }
    }
}
