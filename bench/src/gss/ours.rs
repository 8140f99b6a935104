//! The library of this workspace, with a cache in a file and a replay cache that workers share, as services have them.

use std::fs;
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_client::cache::{Cache, CacheName};
use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::{Acceptor, Initiator, InitiatorOptions};
use kerbstone_gss::replay::SharedReplayCache;
use kerbstone_gss::{AcceptorCredential, AcceptorName, Context, Name, Part, Step};
use kerbstone_proto::keytab::Keytab;

use super::Work;
use crate::meter::thread_cpu;
use crate::request::now;
use crate::site::Site;

/// What lives as long as a program that uses the library.
pub(crate) struct Ours {
    client: Client,
    cache: CacheName,
    target: Name,
    forgetful: Arc<AcceptorCredential>,
    remembering: Arc<AcceptorCredential>,
}

impl Ours {
    /// # Errors
    /// A file of the site that cannot be read.
    pub(crate) fn new(site: &Site) -> io::Result<Self> {
        let environment = Environment {
            krb5_config: Some(site.krb5_conf().display().to_string()),
            ..Environment::default()
        };
        let keytab = Keytab::parse(&fs::read(site.keytab())?).map_err(io::Error::other)?;
        let file = site.path().join("replay");
        let replays = SharedReplayCache::open(file, now(), &mut rand::rng());
        let replays = Arc::new(replays.map_err(io::Error::other)?);
        let forgetful = AcceptorCredential::without_replay_cache(&keytab, AcceptorName::Any);
        let remembering = AcceptorCredential::new(&keytab, AcceptorName::Any, replays);
        Ok(Self {
            client: Client::new(environment).map_err(io::Error::other)?,
            cache: CacheName::parse(&site.cache()).map_err(io::Error::other)?,
            target: Name::user(&site.service(), None).map_err(io::Error::other)?,
            forgetful: Arc::new(forgetful.map_err(io::Error::other)?),
            remembering: Arc::new(remembering.map_err(io::Error::other)?),
        })
    }

    /// # Errors
    /// What the library says.
    pub(crate) fn cost(&self, work: Work) -> io::Result<Duration> {
        match work {
            Work::Establish {
                replay_cache: true,
                count,
            } => self.contexts(&self.remembering, count),
            Work::Establish {
                replay_cache: false,
                count,
            } => self.contexts(&self.forgetful, count),
            Work::Protect {
                size,
                in_place,
                count,
            } => {
                let (mut initiator, mut acceptor) = self.establish(&self.forgetful)?;
                match in_place {
                    true => repeat(count, protect_in_place(&mut initiator, &mut acceptor, size)),
                    false => repeat(count, protect(&mut initiator, &mut acceptor, size)),
                }
            }
        }
    }

    fn contexts(&self, acceptor: &Arc<AcceptorCredential>, count: usize) -> io::Result<Duration> {
        repeat(count, || {
            black_box(self.establish(acceptor)?);
            Ok(())
        })
    }

    fn establish(&self, acceptor: &Arc<AcceptorCredential>) -> io::Result<(Context, Context)> {
        let mut rng = rand::rng();
        let cache = Cache::resolve(&self.cache).map_err(io::Error::other)?;
        let mut tickets = CacheTickets::new(&self.client, cache);
        let mut initiator = Initiator::new(InitiatorOptions::new(self.target.clone()));
        let mut acceptor = Acceptor::new(Arc::clone(acceptor), None);
        let first = initiator.step(None, &mut tickets, now(), &mut rng);
        let Step::Continue { token } = first.map_err(io::Error::other)? else {
            return Err(io::Error::other("the initiator wants no answer"));
        };
        let accepted = acceptor.step(&token, now(), &mut rng);
        let Step::Established {
            token: Some(reply),
            context: accepted,
        } = accepted.map_err(io::Error::other)?
        else {
            return Err(io::Error::other("the acceptor has no answer"));
        };
        let last = initiator.step(Some(&reply), &mut tickets, now(), &mut rng);
        match last.map_err(io::Error::other)? {
            Step::Established { context, .. } => Ok((*context, *accepted)),
            Step::Continue { .. } => Err(io::Error::other("the initiator is not content")),
        }
    }
}

fn protect(
    initiator: &mut Context,
    acceptor: &mut Context,
    size: usize,
) -> impl FnMut() -> io::Result<()> {
    let message = vec![7; size];
    let mut rng = rand::rng();
    move || {
        let token = initiator.wrap(true, &message, &mut rng);
        let opened = acceptor.unwrap(&token).map_err(io::Error::other)?;
        match opened.message.len() == size {
            true => Ok(()),
            false => Err(io::Error::other("another message came out")),
        }
    }
}

fn protect_in_place(
    initiator: &mut Context,
    acceptor: &mut Context,
    size: usize,
) -> impl FnMut() -> io::Result<()> {
    let mut message = vec![7; size];
    let mut rng = rand::rng();
    let lengths = initiator.part_lengths(true, true);
    let mut header = vec![0; lengths.header];
    let mut trailer = vec![0; lengths.trailer];
    move || {
        let mut parts = [
            Part::Header(&mut header),
            Part::Data(&mut message),
            Part::Trailer(&mut trailer),
        ];
        initiator
            .wrap_parts(true, &mut parts, &mut rng)
            .map_err(io::Error::other)?;
        acceptor
            .unwrap_parts(&mut parts)
            .map_err(io::Error::other)?;
        Ok(())
    }
}

/// Does it once to warm up, then so often, and says what one took.
fn repeat(count: usize, mut once: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    once()?;
    let start = thread_cpu()?;
    for _ in 0..count {
        once()?;
    }
    let total = thread_cpu()?.saturating_sub(start);
    Ok(total / u32::try_from(count.max(1)).unwrap_or(u32::MAX))
}
