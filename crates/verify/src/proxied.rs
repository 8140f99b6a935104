//! Contexts that a proxy accepts: it has the keys, and we get the context.
//!
//! The proxy speaks the gssproxy protocol, and SPNEGO in it (`mechs = krb5 spnego`), which ours does. What it exports is
//! imported here, and the context is as good as one of our own making. Nothing is tried twice: a token that comes a
//! second time is a replay.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_gss::{ChannelBindings, Context, GssError, GssFlags, MajorStatus, Refused, Step};
use kerbstone_proxy::client::ClientError;
use kerbstone_proxy::client::asynchronous::Pool;
use kerbstone_proxy::wire::{
    self, AcceptSecContextArgs, AcceptSecContextResult, Call, Opaque, Reply, RpcOption, options,
};

/// So many calls are under way at a time; others wait for their turn.
const CALLS: usize = 32;
/// How long a client's request may wait for the proxy. Accepting asks no KDC.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the proxy is, and what is asked of the contexts that it accepts.
#[derive(Debug)]
pub struct ProxyDoor {
    pool: Pool,
    requires_bindings: bool,
    wants_delegated: bool,
}

/// One negotiation by way of the proxy.
#[derive(Debug)]
pub(crate) struct Proxied {
    door: Arc<ProxyDoor>,
    /// The first goes where every proxy reads it, the others as an option.
    bindings: Vec<ChannelBindings>,
    /// What the proxy wants to have back with the next token.
    unfinished: Option<wire::Context>,
    /// What the client has delegated.
    delegated: Option<wire::Credential>,
}

impl ProxyDoor {
    /// The proxy that listens at this socket.
    pub const fn at(socket: PathBuf) -> Self {
        Self {
            pool: Pool::new(socket, CALLS, PATIENCE),
            requires_bindings: false,
            wants_delegated: false,
        }
    }

    /// Asks for what clients delegate, sealed by the proxy.
    #[must_use]
    pub const fn with_delegation(mut self) -> Self {
        self.wants_delegated = true;
        self
    }

    /// Refuses initiators that are not bound to our channel, when we know it.
    #[must_use]
    pub const fn require_bindings(mut self) -> Self {
        self.requires_bindings = true;
        self
    }

    pub(crate) fn begin(self: &Arc<Self>, bindings: Vec<ChannelBindings>) -> Proxied {
        Proxied {
            door: Arc::clone(self),
            bindings,
            unfinished: None,
            delegated: None,
        }
    }

    async fn accept(&self, args: AcceptSecContextArgs) -> Result<AcceptSecContextResult, GssError> {
        match self.pool.call(&Call::AcceptSecContext(args)).await {
            Ok(Reply::AcceptSecContext(result)) => Ok(result),
            Ok(_) => Err(unavailable("the proxy answered another call".to_owned())),
            Err(error) => {
                tracing::error!(%error, socket = %self.pool.path().display(), "the proxy is of no help");
                Err(unavailable(words(&error)))
            }
        }
    }
}

impl Proxied {
    pub(crate) async fn step(&mut self, token: &[u8]) -> Result<Step, Refused> {
        let others = self.bindings.iter().skip(1);
        let others =
            others.map(|other| RpcOption::new(options::OTHER_BINDINGS, &other.application_data));
        let args = AcceptSecContextArgs {
            context: mem::take(&mut self.unfinished),
            token: Opaque::from(token),
            channel_bindings: self.bindings.first().map(on_the_wire),
            return_delegated: self.door.wants_delegated,
            options: others.collect(),
            ..AcceptSecContextArgs::default()
        };
        let result = self.door.accept(args).await?;
        let token = result
            .token
            .map(Opaque::into_vec)
            .filter(|token| !token.is_empty());
        match MajorStatus(low(result.status.major)) {
            MajorStatus::COMPLETE => {
                let context = self.established(result.context)?;
                self.delegated = result.delegated;
                Ok(Step::Established {
                    token,
                    context: Box::new(context),
                })
            }
            MajorStatus::CONTINUE_NEEDED => {
                self.unfinished = result.context;
                Ok(Step::Continue {
                    token: token.unwrap_or_default(),
                })
            }
            major => Err(Refused {
                error: refusal(major, &result.status),
                token,
            }),
        }
    }

    pub(crate) const fn delegated(&self) -> Option<&wire::Credential> {
        self.delegated.as_ref()
    }

    fn established(&self, context: Option<wire::Context>) -> Result<Context, GssError> {
        let context = context.filter(|context| context.open).ok_or_else(|| {
            unavailable("the proxy says that the context stands, and sends none".to_owned())
        })?;
        let context = Context::import(&context.exported_token)?;
        if context.is_initiator() {
            return Err(unavailable(
                "the proxy sent an initiator's context".to_owned(),
            ));
        }
        let is_bound = context.flags().contains(GssFlags::CHANNEL_BOUND);
        match self.door.requires_bindings && !self.bindings.is_empty() && !is_bound {
            true => Err(GssError::MissingBindings),
            false => Ok(context),
        }
    }
}

fn on_the_wire(bindings: &ChannelBindings) -> wire::ChannelBindings {
    wire::ChannelBindings {
        initiator_address_type: bindings.initiator_address.kind.into(),
        initiator_address: bindings.initiator_address.address.as_slice().into(),
        acceptor_address_type: bindings.acceptor_address.kind.into(),
        acceptor_address: bindings.acceptor_address.address.as_slice().into(),
        application_data: bindings.application_data.as_slice().into(),
    }
}

fn refusal(major: MajorStatus, status: &wire::Status) -> GssError {
    let text = |opaque: &Opaque| {
        let text = opaque.strip_suffix(b"\0").unwrap_or(opaque);
        String::from_utf8_lossy(text).into_owned()
    };
    let reason = text(&status.minor_text);
    GssError::Proxied {
        major,
        minor: low(status.minor),
        text: match reason.is_empty() {
            true => text(&status.major_text),
            false => reason,
        },
    }
}

/// The proxy is at fault, or whoever set it up.
const fn unavailable(text: String) -> GssError {
    GssError::Proxied {
        major: MajorStatus::UNAVAILABLE,
        minor: 0,
        text,
    }
}

/// The socket's path is for the log, not for clients.
fn words(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable { source, .. } => format!("the proxy is not reached: {source}"),
        other => other.to_string(),
    }
}

/// Statuses have 32 bits.
fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
