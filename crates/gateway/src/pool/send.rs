//! A request's way through a pool: to a member, to another one if that fails, and back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use tokio::time::sleep;

use super::dispatch::Outcome;
use super::error::PoolError;
use super::member::{Member, MemberId};
use super::pool::Pool;
use super::seat::Seat;
use super::settings::{PoolSettings, Reuse, StickBy};
use super::stick_table::StickKey;
use crate::body::Body;
use crate::hop_by_hop;
use crate::outbound::Outbound;
use crate::transport::{
    AnswerBody, AnswerHead, Asked, ConnectFault, ConnectLimits, Dialect, Exchange, ExchangeFault,
    Framing, HeadReader, Link, Protocol, Remains, RequestBody, Upload, request_head,
};
use crate::uwsgi;

/// A request that must not be sent twice goes over a kept connection only if that was used so lately that the member
/// will hardly close it at this moment.
const FRESH: Duration = Duration::from_secs(1);
/// The pause before a member is asked again that has failed the same request, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who has answered; it goes with the answer, as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The member.
    pub member: Arc<str>,
    /// How often others, or itself, had been tried in vain before.
    pub retries: u32,
}

/// What stays the same of a request from attempt to attempt.
struct Errand {
    /// The request; its body is elsewhere.
    outbound: Outbound,
    settings: Arc<PoolSettings>,
    wants_upgrade: bool,
    /// It may be sent twice (RFC 9110 9.2.2).
    is_idempotent: bool,
}

/// An attempt that came to nothing.
struct Failed {
    error: PoolError,
    member: MemberId,
    /// The body, where the request may be sent again.
    again: Option<RequestBody>,
}

impl Pool {
    /// Sends a request to a member, to another one if that fails and nothing is lost by it, and waits for the head of
    /// the answer. Headers that concern the member's connection are gone from that, but `Upgrade` on a 101, where
    /// [`AnswerBody::take_tunnel`] has the connection.
    ///
    /// # Errors
    /// [`PoolError`] says what the client is told.
    pub async fn send(
        self: &Arc<Self>,
        outbound: Outbound,
    ) -> Result<Response<AnswerBody>, PoolError> {
        let (errand, mut body) = Errand::new(outbound, self.settings());
        let key = errand.key();
        let queue = errand.settings.timeouts.queue;
        let mut avoid = Vec::new();
        let mut failures = 0_u32;
        let mut before = None;
        loop {
            let Some(seat) = self.seat(queue, key.as_ref(), &avoid).await? else {
                let error = before.take().unwrap_or_else(|| self.nobody_up());
                if avoid.is_empty() {
                    return Err(error);
                }
                // Everybody who is left has failed it, and may be back by now.
                sleep(pause(failures)).await;
                avoid.clear();
                before = Some(error);
                continue;
            };
            if failures > 0 {
                seat.member.counts.retried.fetch_add(1, Ordering::Relaxed);
            }
            let failed = match errand.attempt(seat, body).await {
                Ok(mut response) => {
                    if let Some(served) = response.extensions_mut().get_mut::<Served>() {
                        served.retries = failures;
                    }
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            failures = failures.saturating_add(1);
            tracing::info!(pool = self.name(), error = %failed.error, failures, "a request failed");
            match failed.again {
                Some(again) if failures <= errand.settings.retries => body = again,
                _ => return Err(failed.error),
            }
            avoid.push(failed.member);
            before = Some(failed.error);
        }
    }
}

fn pause(failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

impl Errand {
    fn new(mut outbound: Outbound, settings: Arc<PoolSettings>) -> (Self, RequestBody) {
        let body = std::mem::replace(&mut outbound.body, Body::whole(""));
        let errand = Self {
            wants_upgrade: request_head::wants_upgrade(&outbound.head),
            is_idempotent: outbound.head.method.is_idempotent(),
            outbound,
            settings,
        };
        (errand, RequestBody::new(body))
    }

    /// By what the pool knows who it is.
    fn key(&self) -> Option<StickKey> {
        let address = || StickKey::Address(self.outbound.client.ip());
        Some(match self.settings.stickiness?.by {
            StickBy::Source => address(),
            StickBy::User => match &self.outbound.user {
                Some(user) => StickKey::User(user.clone()),
                None => address(),
            },
        })
    }

    /// Sends the request to a member, over a kept connection if there is one.
    async fn attempt(
        &self,
        seat: Seat,
        mut body: RequestBody,
    ) -> Result<Response<AnswerBody>, Failed> {
        let member = Arc::clone(&seat.member);
        if let Some(link) = self.kept(&member) {
            match self.exchange(&member, link, body).await {
                Ok((exchange, head)) => return Ok(self.answer(seat, exchange, head)),
                // The member has closed the connection meanwhile, which says nothing against it.
                Err(Unanswered {
                    fault: Fault::Exchange(ExchangeFault::Closed(_)),
                    again: Some(again),
                    was_answered: false,
                }) => body = again,
                Err(unanswered) => return Err(unanswered.at(seat)),
            }
        }
        let limits = ConnectLimits {
            connect: self.settings.timeouts.connect,
            tls: self.settings.timeouts.tls,
        };
        let link = match member.connect(limits).await {
            Ok(link) => link,
            Err(fault) => return Err(unreachable(seat, fault, body)),
        };
        match self.exchange(&member, link, body).await {
            Ok((exchange, head)) => Ok(self.answer(seat, exchange, head)),
            Err(unanswered) => Err(unanswered.at(seat)),
        }
    }

    fn kept(&self, member: &Member) -> Option<Link> {
        let Reuse::Kept { idle, .. } = self.settings.reuse else {
            return None;
        };
        member.take(match self.is_idempotent {
            true => idle,
            false => idle.min(FRESH),
        })
    }

    /// Sends the request, and waits for the head of the answer.
    async fn exchange(
        &self,
        member: &Member,
        mut link: Link,
        mut body: RequestBody,
    ) -> Result<(Exchange, AnswerHead), Unanswered> {
        body.begin_again();
        let space = std::mem::take(&mut link.space);
        let (head, framing) = match member.address.protocol {
            Protocol::Uwsgi => self.uwsgi_head(space, &mut body).await?,
            Protocol::Http | Protocol::Https => self
                .http_head(space, &body)
                .map_err(|error| Fault::Unspeakable(error.0))?,
        };
        let (dialect, wants_upgrade) = match member.address.protocol {
            Protocol::Uwsgi => (Dialect::Uwsgi, false),
            Protocol::Http | Protocol::Https => (Dialect::Http, self.wants_upgrade),
        };
        let asked = Asked::by(&self.outbound.head.method, wants_upgrade);
        let upload = Upload::new(head, framing, body);
        let mut exchange = Exchange::new(link, upload, HeadReader::new(dialect, asked));
        match exchange.head(self.settings.timeouts.answer).await {
            Ok(head) => Ok((exchange, head)),
            Err(fault) => Err(self.unanswered(fault, exchange.give_up())),
        }
    }

    fn http_head(
        &self,
        mut space: Vec<u8>,
        body: &RequestBody,
    ) -> Result<(Vec<u8>, Framing), request_head::Unspeakable> {
        let framing = body.length().map_or(Framing::Chunked, Framing::Length);
        let Outbound {
            head,
            told,
            headers,
            ..
        } = &self.outbound;
        let is_kept = self.settings.reuse != Reuse::Never;
        let written = request_head::write(&mut space, head, told, headers, framing, is_kept);
        written.map(|()| (space, framing))
    }

    async fn uwsgi_head(
        &self,
        space: Vec<u8>,
        body: &mut RequestBody,
    ) -> Result<(Vec<u8>, Framing), Unanswered> {
        if body.length().is_none() {
            let gathered = body.gather().await;
            if !gathered
                .map_err(ExchangeFault::Body)
                .map_err(Fault::Exchange)?
            {
                return Err(Fault::Endless.into());
            }
        }
        let length = body.length().unwrap_or_default();
        let Outbound {
            head,
            told,
            client,
            front,
            ..
        } = &self.outbound;
        let written = uwsgi::write(space, head, told, client, front, length);
        match written {
            Ok(head) => Ok((head, Framing::Length(length))),
            Err(uwsgi::TooLong(octets)) => Err(Fault::TooLong(octets).into()),
        }
    }

    /// Whether what is left of a request may go out again, is decided here.
    fn unanswered(&self, fault: ExchangeFault, remains: Remains) -> Unanswered {
        let Remains {
            body,
            was_sent,
            was_answered,
        } = remains;
        let may_be_repeated = matches!(fault, ExchangeFault::Closed(_))
            && (self.is_idempotent || !was_sent)
            && body.can_begin_again();
        Unanswered {
            fault: Fault::Exchange(fault),
            again: may_be_repeated.then_some(body),
            was_answered,
        }
    }

    fn answer(&self, mut seat: Seat, exchange: Exchange, head: AnswerHead) -> Response<AnswerBody> {
        seat.answered();
        let served = Served {
            member: seat.member.name.clone(),
            retries: 0,
        };
        let AnswerHead {
            status,
            mut headers,
            length,
            is_persistent,
        } = head;
        let timeouts = &self.settings.timeouts;
        let body = match status {
            StatusCode::SWITCHING_PROTOCOLS => {
                pass_upgrade(&mut headers);
                AnswerBody::tunnel(exchange, timeouts.tunnel, seat)
            }
            _ => {
                hop_by_hop::remove(&mut headers);
                let is_persistent = is_persistent && self.settings.reuse != Reuse::Never;
                AnswerBody::new(exchange, length, is_persistent, timeouts.between, seat)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response.extensions_mut().insert(served);
        response
    }
}

fn pass_upgrade(headers: &mut HeaderMap) {
    let protocol = headers.get(header::UPGRADE).cloned();
    hop_by_hop::remove(headers);
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
    }
}

/// Why there is no answer, without who did not give it.
enum Fault {
    Exchange(ExchangeFault),
    Unspeakable(&'static str),
    TooLong(usize),
    Endless,
}

/// A request that was not answered.
struct Unanswered {
    fault: Fault,
    /// The body, where the request may be sent again.
    again: Option<RequestBody>,
    /// Something of an answer had come.
    was_answered: bool,
}

impl From<Fault> for Unanswered {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            again: None,
            was_answered: false,
        }
    }
}

impl Unanswered {
    /// Says who did not answer, and gives the place back.
    fn at(self, seat: Seat) -> Failed {
        let id = seat.member.id;
        let member = seat.member.name.to_string();
        let error = match self.fault {
            Fault::Exchange(ExchangeFault::Body(error)) => PoolError::BodyLost(error),
            Fault::Unspeakable(what) => PoolError::Unspeakable(what),
            Fault::TooLong(octets) => PoolError::HeadTooLong { octets },
            Fault::Endless => PoolError::LengthRequired { member },
            Fault::Exchange(fault) => {
                seat.unanswered(Outcome::Unclear);
                match fault {
                    ExchangeFault::Slow(limit) => PoolError::AnswerSlow { member, limit },
                    ExchangeFault::Malformed(why) => PoolError::Malformed { member, why },
                    ExchangeFault::Closed(error) => PoolError::Closed {
                        member,
                        why: error.to_string(),
                    },
                    ExchangeFault::Body(error) => PoolError::BodyLost(error),
                }
            }
        };
        Failed {
            error,
            member: id,
            again: self.again,
        }
    }
}

/// Nothing has gone out, so that any request may go elsewhere.
fn unreachable(seat: Seat, fault: ConnectFault, body: RequestBody) -> Failed {
    let id = seat.member.id;
    let member = seat.member.name.to_string();
    let why = fault.to_string();
    let (error, outcome) = match fault {
        ConnectFault::Slow(limit) => (
            PoolError::ConnectSlow { member, limit },
            Outcome::Dawdled(why),
        ),
        ConnectFault::Refused(_) | ConnectFault::Tls(_) => (
            PoolError::Unreachable {
                member,
                why: why.clone(),
            },
            Outcome::Refused(why),
        ),
    };
    seat.unanswered(outcome);
    Failed {
        error,
        member: id,
        again: body.can_begin_again().then_some(body),
    }
}
