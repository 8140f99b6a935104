//! The control socket: the running gateway is asked how it is and told what to do, by its own user and by root.
//!
//! One order a line, as JSON; one line comes back for each.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kerbstone_admin::door::{self, Access, DoorError};
use kerbstone_gateway::Gateway;
use kerbstone_gateway::observer::Commanded;
use kerbstone_gateway::pool::Wanted;
use kerbstone_proto::time::Timestamp;
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

/// Orders are short.
const LONGEST_ORDER: u64 = 64 << 10;
/// Askers at once; further ones wait.
const ASKERS: usize = 16;
/// How long somebody may think between two orders.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the gateway may be asked and told.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Order {
    /// How it is.
    Status,
    /// How its pools are.
    Pools,
    /// That a member shall be used so: `ready`, `drain` or `maintenance`.
    Set {
        /// `MEMBER`, or `POOL/MEMBER`.
        member: String,
        /// The state.
        state: String,
    },
    /// That sessions of somebody that have begun are void.
    Revoke {
        /// The user or the principal.
        user: String,
    },
    /// That it reads its settings and what they name anew.
    Reload,
}

/// What comes back.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    /// It was done, and this came of it.
    Done(Value),
    /// It was not done.
    Refused {
        /// Why.
        why: String,
        /// What to do about it.
        help: String,
    },
}

/// Asks the service to read everything anew, and is told what came of it.
pub(super) type Reload = oneshot::Sender<Result<(), String>>;

/// The gateway's end.
pub(super) struct Control {
    gateway: Arc<Gateway>,
    reloads: mpsc::Sender<Reload>,
}

/// Makes the socket, for the gateway's own user alone.
///
/// # Errors
/// [`DoorError`] when the path cannot be had.
pub(super) fn bind(path: &Path) -> Result<StdListener, DoorError> {
    door::bind(path, Access::Owner)
}

impl Control {
    pub(super) const fn new(gateway: Arc<Gateway>, reloads: mpsc::Sender<Reload>) -> Self {
        Self { gateway, reloads }
    }

    /// Answers for ever. To be called within a runtime.
    ///
    /// # Errors
    /// The system's, when the socket cannot be used.
    pub(super) async fn serve(self, listener: StdListener) -> io::Result<()> {
        let listener = UnixListener::from_std(listener)?;
        let (control, places) = (Arc::new(self), Arc::new(Semaphore::new(ASKERS)));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return Ok(());
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let control = Arc::clone(&control);
                    tokio::spawn(async move {
                        if let Err(error) = control.converse(stream).await {
                            tracing::debug!(%error, "somebody left the control socket");
                        }
                        drop(place);
                    });
                }
                // Too many open files, most likely: later there may be fewer.
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    async fn converse(&self, mut stream: UnixStream) -> io::Result<()> {
        let uid = stream.peer_cred()?.uid();
        if uid != 0 && uid != geteuid().as_raw() {
            let refused = Reply::refused("that is for the gateway's own user and for root", "");
            return stream.write_all(refused.line().as_bytes()).await;
        }
        let (reader, mut writer) = stream.split();
        let mut reader = BufReader::new(reader);
        let mut line = String::new();
        loop {
            line.clear();
            let mut bounded = (&mut reader).take(LONGEST_ORDER);
            let read = timeout(PATIENCE, bounded.read_line(&mut line)).await;
            if read.map_err(|_| io::ErrorKind::TimedOut)?? == 0 {
                return Ok(());
            }
            let reply = self.obey(uid, &line).await;
            writer.write_all(reply.line().as_bytes()).await?;
        }
    }

    async fn obey(&self, uid: u32, line: &str) -> Reply {
        let order = match serde_json::from_str(line) {
            Ok(order) => order,
            Err(error) => {
                let help = "kerb and the running gateway may be of different versions: restart the gateway";
                return Reply::refused(format!("that is no order: {error}"), help);
            }
        };
        let reply = match &order {
            Order::Status => return self.status(),
            Order::Pools => return self.pools(),
            Order::Set { member, state } => self.set(member, state),
            Order::Revoke { user } => self.revoke(user),
            Order::Reload => self.reload().await,
        };
        self.write_down(uid, &order, &reply);
        reply
    }

    fn status(&self) -> Reply {
        Reply::done(&self.gateway.status(None, SystemTime::now()))
    }

    fn pools(&self) -> Reply {
        Reply::done(&self.gateway.status(None, SystemTime::now()).into_pools())
    }

    fn set(&self, member: &str, state: &str) -> Reply {
        let Some(wanted) = Wanted::of(state) else {
            return Reply::refused(
                format!("there is no state `{state}`"),
                "it is one of ready, drain and maintenance",
            );
        };
        let reports = self.gateway.pool_reports();
        let found: Vec<(String, String)> = reports
            .iter()
            .flat_map(|pool| pool.members.iter().map(move |one| (&pool.name, &one.name)))
            .filter(|(pool, name)| match member.split_once('/') {
                Some((of, named)) if *pool == of => *name == named,
                _ => *name == member,
            })
            .map(|(pool, name)| (pool.clone(), name.clone()))
            .collect();
        let members = || {
            let all = reports.iter().flat_map(|pool| {
                pool.members
                    .iter()
                    .map(move |one| format!("{}/{}", pool.name, one.name))
            });
            format!("the members are {}", all.collect::<Vec<_>>().join(", "))
        };
        match found.as_slice() {
            [] => Reply::refused(format!("there is no member `{member}`"), members()),
            [(pool, name)] => match self.gateway.set_member(pool, name, wanted) {
                Ok(()) => Reply::done(&format!("{pool}/{name}: {}", wanted.name())),
                Err(error) => Reply::refused(error.to_string(), members()),
            },
            _ => Reply::refused(
                format!("`{member}` is a member of several pools"),
                "write it as POOL/MEMBER",
            ),
        }
    }

    fn revoke(&self, user: &str) -> Reply {
        match self.gateway.revoke_sessions(user, now()) {
            Ok(()) => Reply::done(&format!(
                "sessions of {user} that began before now are void"
            )),
            Err(why) => Reply::refused(
                why.to_string(),
                "the sections [gateway.session] and [[gateway.entry]] say where sessions are",
            ),
        }
    }

    async fn reload(&self) -> Reply {
        let (told, outcome) = oneshot::channel();
        if self.reloads.send(told).await.is_err() {
            return Reply::refused("the gateway is stopping", "");
        }
        match outcome.await {
            Ok(Ok(())) => Reply::done(&"settings, certificates and keys are read anew"),
            Ok(Err(why)) => Reply::refused(
                why,
                "what could not be read stays as it was; `kerb gateway check` says more",
            ),
            Err(_) => Reply::refused("the gateway is stopping", ""),
        }
    }

    fn write_down(&self, uid: u32, order: &Order, reply: &Reply) {
        let words = order.words();
        self.gateway.observer().commanded(&Commanded {
            at: now(),
            uid,
            order: &words,
            refused: match reply {
                Reply::Done(_) => None,
                Reply::Refused { why, .. } => Some(why),
            },
        });
    }
}

impl Order {
    /// For the audit log.
    fn words(&self) -> String {
        match self {
            Self::Status => "status".to_owned(),
            Self::Pools => "pools".to_owned(),
            Self::Set { member, state } => format!("{state} {member}"),
            Self::Revoke { user } => format!("revoke the sessions of {user}"),
            Self::Reload => "reload".to_owned(),
        }
    }
}

impl Reply {
    fn done(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self::Done(value),
            Err(error) => Self::refused(error.to_string(), ""),
        }
    }

    fn refused(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused {
            why: why.into(),
            help: help.into(),
        }
    }

    fn line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_lines_of_json_and_nothing_is_taken_for_one_that_is_none() {
        let order: Order =
            serde_json::from_str(r#"{"do":"set","member":"v3/keystone1","state":"drain"}"#)
                .unwrap();
        assert_eq!(order.words(), "drain v3/keystone1");
        for bad in [
            "{}",
            "status",
            r#"{"do":"stop"}"#,
            r#"{"do":"set","member":"a"}"#,
        ] {
            assert!(serde_json::from_str::<Order>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reply_is_one_line() {
        let reply = Reply::refused("two\nlines", "none");
        assert_eq!(reply.line().matches('\n').count(), 1);
        assert_eq!(serde_json::from_str::<Reply>(&reply.line()).unwrap(), reply);
    }
}
