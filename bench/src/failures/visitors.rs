//! People who come again and again at a steady rate, some with tickets and some with cookies.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use kerbstone_client::cache::{Cache, CacheName};
use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{Name, Step, spnego};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::front_door::client::{Answer, connect, exchange};
use crate::front_door::tickets::get;
use crate::request::now;

/// Somebody, and how they come.
pub(crate) struct Visitor {
    /// Who the back end is to be told of.
    pub(crate) name: &'static str,
    /// Where their tickets are.
    pub(crate) cache: String,
    /// The realm's settings.
    pub(crate) krb5_conf: String,
    /// Whether they keep the cookie that the first ticket brings.
    pub(crate) keeps_cookie: bool,
}

/// What became of a visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The page, with the right name on it.
    Served,
    /// No page.
    Failed,
    /// The page with somebody else's name.
    Mistaken,
}

/// Where they go.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) page: &'static str,
    pub(crate) pause: Duration,
}

impl Visitor {
    /// Comes until told to stop.
    ///
    /// # Errors
    /// Tickets that cannot be read.
    pub(crate) fn come(&self, door: &Door, stop: &AtomicBool) -> io::Result<Vec<Visit>> {
        let environment = Environment {
            krb5_config: Some(self.krb5_conf.clone()),
            ..Environment::default()
        };
        let client = Client::new(environment).map_err(io::Error::other)?;
        let (mut visits, mut cookie, mut stream) = (Vec::new(), None, None);
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next += door.pause;
            let answer = self
                .request(&client, door, cookie.as_deref())
                .and_then(|request| {
                    ask(&mut stream, door, &request, || {
                        self.request(&client, door, cookie.as_deref())
                    })
                });
            let outcome = match &answer {
                Ok(answer) if answer.status() == 200 => {
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    match said.split(' ').nth(1) {
                        Some(name) if name == self.name => Outcome::Served,
                        _ => Outcome::Mistaken,
                    }
                }
                _ => Outcome::Failed,
            };
            if let Ok(answer) = &answer
                && self.keeps_cookie
                && let Some(set) = answer.header("set-cookie")
            {
                cookie = set.split(';').next().map(str::to_owned);
            }
            visits.push(Visit {
                ended: Instant::now(),
                outcome,
            });
        }
        Ok(visits)
    }

    fn request(&self, client: &Client, door: &Door, cookie: Option<&str>) -> io::Result<Vec<u8>> {
        if let Some(cookie) = cookie {
            return Ok(get(door.page, &format!("Cookie: {cookie}\r\n")));
        }
        let name = CacheName::parse(&self.cache).map_err(io::Error::other)?;
        let cache = Cache::resolve(&name).map_err(io::Error::other)?;
        let mut tickets = CacheTickets::new(client, cache);
        let target = Name::host_based("HTTP@localhost");
        let mut initiator = spnego::Initiator::new(InitiatorOptions::new(target));
        let first = initiator.step(None, &mut tickets, now(), &mut rand::rng());
        let Step::Continue { token } = first.map_err(io::Error::other)? else {
            return Err(io::Error::other("the initiator wants no answer"));
        };
        let token = Base64::encode_string(&token);
        Ok(get(
            door.page,
            &format!("Authorization: Negotiate {token}\r\n"),
        ))
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Asks over the kept connection and, as every HTTP client does, over a new one when that was closed meanwhile.
fn ask(
    kept: &mut Option<Stream>,
    door: &Door,
    request: &[u8],
    anew: impl Fn() -> io::Result<Vec<u8>>,
) -> io::Result<Answer> {
    if let Some(mut stream) = kept.take()
        && let Ok(answer) = exchange(&mut stream, request)
    {
        *kept = Some(stream);
        return Ok(answer);
    }
    let mut stream = connect(door.address, &door.tls)?;
    let answer = exchange(&mut stream, &anew()?)?;
    *kept = Some(stream);
    Ok(answer)
}
