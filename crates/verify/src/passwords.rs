//! Passwords, checked at the KDC and kept nowhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerbstone_client::Context;
use kerbstone_gss::Step;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::{KerberosTime, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::acceptor::AcceptorSource;
use crate::errand::{Brought, Errand};
use crate::login_name::Realms;
use crate::password_fault::PasswordFault;
use crate::recent::Recent;
use crate::turnstile::Turnstile;

/// A longer password is nobody's.
const MOST_OCTETS: usize = 1024;
/// What a system may take beyond the time that the exchange has, as for the names of KDCs.
const GRACE: Duration = Duration::from_secs(2);

/// How the KDC proves that it is the one that has our keys. Without that, whoever answers in its place lets in whom they
/// like (as MIT's `krb5_verify_init_creds` says).
#[derive(Clone, Debug)]
pub enum KdcProof {
    /// It makes a ticket for this service of ours, and these acceptors take it.
    Ticket {
        /// Our service, as `HTTP/www.example.org@EXAMPLE.ORG`.
        service: Principal,
        /// Who has its key.
        acceptors: Arc<AcceptorSource>,
    },
    /// Not at all: `verify = false`, said aloud.
    Nothing,
}

/// What checking may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordLimits {
    /// So many are checked at a time, each on a thread.
    pub threads: usize,
    /// How long the KDC may take for one, and how long one may wait for its turn.
    pub patience: Duration,
    /// For how long a password that was right need not be checked again; zero means always.
    pub memory: Duration,
}

impl Default for PasswordLimits {
    fn default() -> Self {
        Self {
            threads: 16,
            patience: Duration::from_secs(10),
            memory: Duration::ZERO,
        }
    }
}

/// Somebody whose password was right.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who it is, as the KDC calls them.
    pub principal: Principal,
    /// When the password was shown.
    pub authenticated_at: KerberosTime,
    /// When their ticket ends.
    pub ends_at: KerberosTime,
    /// Their ticket-granting ticket, for whoever goes on in their name.
    pub tickets: Arc<CredentialCache>,
}

/// Checks passwords. One is made per process, and shared.
#[derive(Debug)]
pub struct Passwords {
    context: Arc<Context>,
    realms: Realms,
    proof: KdcProof,
    limits: PasswordLimits,
    turnstile: Turnstile,
    recent: Recent,
}

impl Passwords {
    /// Checks the passwords of people of these realms at the KDCs that the context knows.
    pub fn new(
        context: Arc<Context>,
        realms: Realms,
        proof: KdcProof,
        limits: PasswordLimits,
    ) -> Self {
        Self {
            turnstile: Turnstile::new(limits.threads, realms.count(), limits.patience),
            recent: Recent::new(limits.memory),
            context,
            realms,
            proof,
            limits,
        }
    }

    /// Checks a name and a password: `alice`, or `alice@OTHER.REALM` where people of that realm may come.
    ///
    /// # Errors
    /// [`PasswordFault`] says why it is not somebody, and who is to blame.
    pub async fn check(
        &self,
        name: &str,
        password: &Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Verified, PasswordFault> {
        let client = self.realms.principal(name)?;
        if password.is_empty() || password.len() > MOST_OCTETS {
            return Err(PasswordFault::Wrong);
        }
        let unparsed = client.to_string();
        if let Some(verified) = self.recent.find(&unparsed, password, now) {
            return Ok(verified);
        }
        let brought = self.ask(client, password).await?;
        let verified = self.prove(brought).await?;
        self.recent.keep(&unparsed, password, &verified, now);
        Ok(verified)
    }

    async fn ask(
        &self,
        client: Principal,
        password: &Zeroizing<String>,
    ) -> Result<Brought, PasswordFault> {
        let place = self.turnstile.enter(&client.realm).await?;
        let service = match &self.proof {
            KdcProof::Ticket { service, .. } => Some(service.clone()),
            KdcProof::Nothing => None,
        };
        let errand = Errand {
            context: Arc::clone(&self.context),
            client,
            password: password.clone(),
            service,
            deadline: Instant::now() + self.limits.patience,
            place,
        };
        let late = |what: &str| PasswordFault::KdcSilent(what.to_owned());
        match timeout(
            self.limits.patience + GRACE,
            spawn_blocking(|| errand.run()),
        )
        .await
        {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(late("the check was given up")),
            Err(_) => Err(late("it takes too long")),
        }
    }

    async fn prove(&self, brought: Brought) -> Result<Verified, PasswordFault> {
        let tgt = &brought.tgt.credential;
        let mut principal = tgt.client.clone();
        let (authenticated_at, ends_at) = (tgt.authtime, tgt.endtime);
        if let (KdcProof::Ticket { acceptors, .. }, Some(token)) = (&self.proof, &brought.token) {
            let step = acceptors
                .begin(Vec::new())
                .step(token, self.context.now())
                .await;
            match step.map_err(|refused| PasswordFault::Unproved(refused.error))? {
                Step::Established { context, .. } => principal = context.initiator_name().clone(),
                Step::Continue { .. } => {
                    return Err(PasswordFault::Unproved(kerbstone_gss::GssError::Misuse(
                        "one token is all there is",
                    )));
                }
            }
        }
        Ok(Verified {
            principal,
            authenticated_at,
            ends_at,
            tickets: Arc::new(brought.tickets),
        })
    }
}
