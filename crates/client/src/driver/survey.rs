//! Every address of every KDC of a realm, asked at once over each transport.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::Timestamp;

use super::{Context, NoPrompter, locate, random, transport};
use crate::clock::Offset;
use crate::diagnosis::{PrincipalProbe, PrincipalState, Told};
use crate::error::ClientError;
use crate::exchange::{Exchange, Schedule, Server, Transport};
use crate::machine::Service;

/// The name in whose stead nobody signs in: what KDCs log when they are only looked at.
const ASKER: &str = "kerb-doctor";

/// One address of a KDC over one transport, and what came of asking it.
#[derive(Clone, Debug)]
pub struct Station {
    /// The server as krb5.conf or DNS names it.
    pub server: Server,
    /// Its address; none when its name has none.
    pub address: Option<SocketAddr>,
    /// How it was asked.
    pub transport: Transport,
    /// What it answered, or why it did not.
    pub outcome: Result<Answered, String>,
}

/// An answer of a KDC.
#[derive(Clone, Debug)]
pub struct Answered {
    /// How long it took.
    pub took: Duration,
    /// How far its clock is ahead of ours, if it said its time.
    pub offset: Option<Offset>,
    /// What it said.
    pub told: Told,
}

impl Context {
    /// The KDCs of a realm in the order in which they are tried.
    pub fn kdcs(&self, realm: &Realm) -> Result<Vec<Server>, ClientError> {
        locate::servers(&self.conf, realm, Service::Kdc, false)
    }

    /// Asks each address of these servers over each transport that they speak, all at once. What has not answered when
    /// `patience` is over counts as silent.
    pub fn survey(
        self: &Arc<Self>,
        realm: &Realm,
        servers: &[Server],
        patience: Duration,
    ) -> Vec<Station> {
        let end = Instant::now().checked_add(patience);
        let asker = Principal::new(PrincipalName::new_principal(&[ASKER]), realm.clone());
        let mut resolving = Vec::new();
        for server in servers {
            let (sender, receiver) = channel();
            let asked = server.clone();
            thread::spawn(move || sender.send(transport::addresses_of(&asked)));
            resolving.push((server, receiver));
        }
        let mut asked = Vec::new();
        let mut stations = Vec::new();
        for (server, receiver) in resolving {
            let addresses = wait(&receiver, end)
                .unwrap_or_else(|| Err("its name was not looked up in time".to_owned()));
            let transports: &[Transport] = match &server.transport {
                Some(only) => std::slice::from_ref(only),
                None => &[Transport::Udp, Transport::Tcp],
            };
            match addresses {
                Err(reason) => stations.extend(transports.iter().map(|&transport| Station {
                    server: server.clone(),
                    address: None,
                    transport,
                    outcome: Err(reason.clone()),
                })),
                Ok(addresses) => {
                    for &address in &addresses {
                        for &transport in transports {
                            let (sender, receiver) = channel();
                            let (context, asker) = (Arc::clone(self), asker.clone());
                            thread::spawn(move || {
                                sender.send(context.ask_at(&asker, address, transport, patience))
                            });
                            asked.push((server, address, transport, receiver));
                        }
                    }
                }
            }
        }
        for (server, address, transport, receiver) in asked {
            let outcome = wait(&receiver, end).unwrap_or_else(|| Err("no answer".to_owned()));
            stations.push(Station {
                server: server.clone(),
                address: Some(address),
                transport,
                outcome,
            });
        }
        stations
    }

    /// Asks one address about a principal.
    fn ask_at(
        &self,
        about: &Principal,
        address: SocketAddr,
        transport: Transport,
        patience: Duration,
    ) -> Result<Answered, String> {
        let server = Server {
            host: address.ip().to_string(),
            port: address.port(),
            transport: Some(transport),
            primary: None,
        };
        let sent = self.now();
        let bytes = PrincipalProbe::request(about, Enctype::DEFAULT, sent, &mut random());
        let schedule = Schedule {
            request_timeout: Some(patience),
            ..Schedule::default()
        };
        let began = Instant::now();
        let suspects = Default::default();
        let mut exchange = Exchange::new(vec![server], bytes.len(), schedule, suspects, began);
        let (reply, _) = transport::carry(&mut exchange, &bytes, &self.trace).map_err(|tried| {
            let last = tried.into_iter().next_back();
            last.map_or_else(|| "no answer".to_owned(), |failure| failure.reason)
        })?;
        let took = began.elapsed();
        let told = PrincipalProbe::read(&reply).map_err(|error| {
            format!(
                "answered with something else than Kerberos: {}",
                error.help()
            )
        })?;
        let midway = sent.saturating_add(took.checked_div(2).unwrap_or_default());
        Ok(Answered {
            took,
            offset: told.time.map(|theirs| offset(theirs, midway)),
            told,
        })
    }

    /// Asks a KDC of the principal's realm what it knows of the principal as a client. Nothing is proved, so nothing is
    /// counted as a failed login.
    pub fn ask_about(
        &self,
        principal: &Principal,
        enctypes: &[Enctype],
    ) -> Result<Told, ClientError> {
        let mut probe = PrincipalProbe::new(principal, enctypes, self.now(), &mut random());
        self.run(&mut probe, &mut NoPrompter)
    }

    /// The encryption types for which the KDC has keys of a principal, asked for one by one, because many KDCs tell no more
    /// than their first choice. Empty when the KDC does not say.
    pub fn enctypes_of(&self, principal: &Principal) -> Vec<Enctype> {
        let has = |enctype: &Enctype| {
            let told = self.ask_about(principal, &[*enctype]);
            told.is_ok_and(|told| match told.state {
                PrincipalState::Known { enctypes, .. } => enctypes.contains(enctype),
                _ => false,
            })
        };
        Enctype::DEFAULT.iter().copied().filter(has).collect()
    }
}

fn wait<T>(receiver: &Receiver<T>, end: Option<Instant>) -> Option<T> {
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    receiver.recv_timeout(left.unwrap_or_default()).ok()
}

/// KDCs that tell no microseconds say the second alone.
fn offset(theirs: Timestamp, ours: Timestamp) -> Offset {
    match theirs.usec {
        0 => Offset::from_whole_second(theirs.time, ours),
        _ => Offset::between(theirs, ours),
    }
}
