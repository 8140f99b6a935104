//! One request: who comes, may they come in, and what do they get.

mod back_end;
mod judgement;
mod sign_in;
mod ways;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use kerbstone_proto::time::Timestamp;

use crate::basic;
use crate::body::Body;
use crate::connection::Connection;
use crate::entry_point::{Destination, EntryPoint};
use crate::forwarding;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::negotiate;
use crate::notice::Notice;
use crate::observer::{Event, Outcome, ServedBy, SessionStep};
use crate::outbound::ClientAddress;
use crate::pages::{self, Form};
use crate::place::{Asked, HostName};
use crate::pool::{Pool, Served};
use crate::request_path::RequestPath;
use crate::session::SessionFault;
use crate::status::{self, Exchange, RequestLine};
use crate::table::Table;
use crate::way::Way;
use crate::ways_in::{self, Asker};
use crate::whoami::Whoami;

/// A request under way, and what has been found out about it so far.
struct Visit<'a> {
    gateway: &'a Gateway,
    table: &'a Table,
    connection: &'a Arc<Connection>,
    now: Timestamp,
    form: Form,
    entry_point: Option<&'a EntryPoint>,
    /// The way that decides.
    way: Option<Way>,
    identity: Option<Identity>,
    user: Option<String>,
    /// The host that the client named.
    host: HostName,
    /// The cache with the ticket that the person has sent along.
    delegated_cache: Option<String>,
    session: Option<SessionStep>,
    /// Why a session's cookie counts for nothing.
    session_fault: Option<SessionFault>,
    /// Why nobody was signed in by the form, in words and in one.
    refusal: Option<(String, &'static str)>,
    /// The form, in the place of the notice that asks who somebody is.
    asking: Option<Response<Body>>,
    /// Whether that is the answer.
    shows_form: bool,
    /// Cookies to be set by the answer.
    cookies: Vec<HeaderValue>,
    /// For the client, on whatever answer it gets.
    token: Option<Vec<u8>>,
    /// Who answered behind the entry point.
    served_by: Option<(Arc<Pool>, Served)>,
    /// Whether the answer is the back end's.
    is_forwarded: bool,
    /// Octets that have been read of the request's body.
    octets_in: Arc<AtomicU64>,
}

/// Answers a request.
pub(crate) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let busy = connection.activity.begin();
    let began = Instant::now();
    let table = gateway.table();
    let (mut head, body) = request.into_parts();
    let forged_headers = table.headers.strip(&mut head.headers);
    let (method, uri) = (head.method.clone(), head.uri.clone());
    let line = RequestLine::of(&head, &*gateway.observer);
    let mut visit = Visit::new(gateway, &table, connection, &head);
    let outcome = visit.serve(head, body).await;
    let (mut response, outcome, why, reason) = match outcome {
        Ok(response) => match visit.refusal.take() {
            Some((why, word)) => (response, Outcome::Refused, Some(why), Some(word)),
            None => (response, visit.admitted(), None, None),
        },
        Err(notice) => {
            let form = visit.asking.take();
            let page = form.filter(|_| matches!(notice, Notice::SignIn));
            visit.shows_form = page.is_some();
            let page = page.unwrap_or_else(|| pages::notice(&notice, visit.form, &method, &uri));
            (page, notice.outcome(), notice.reason(), notice.kind())
        }
    };
    let fault = visit.session_fault.as_ref();
    let why = why.or_else(|| fault.map(SessionFault::to_string));
    let reason = reason.or_else(|| fault.map(|fault| fault.word()));
    visit.sign(&mut response);
    let principal = visit
        .identity
        .as_ref()
        .map(|identity| identity.principal.to_string());
    let event = Event {
        at: visit.now,
        client: connection.client.ip(),
        method: &method,
        path: uri.path(),
        entry_point: visit.entry_point.map(|point| point.label().as_ref()),
        way: visit.way,
        outcome,
        why: why.as_deref(),
        reason,
        principal: principal.as_deref(),
        user: visit.user.as_deref(),
        forged_headers,
        session: visit.session,
        served_by: visit.served_by.as_ref().map(|(pool, served)| ServedBy {
            pool: pool.name(),
            member: &served.member,
            retries: served.retries,
        }),
        status: response.status(),
        took: began.elapsed(),
    };
    gateway.observer.decided(&event);
    let counts = gateway.ledger.decided(&event);
    let exchange = Exchange::new(counts, &event, visit.octets_in, line, &gateway.observer);
    response.map(|body| body.keeping(busy).ending(exchange))
}

impl<'a> Visit<'a> {
    fn new(
        gateway: &'a Gateway,
        table: &'a Table,
        connection: &'a Arc<Connection>,
        head: &Parts,
    ) -> Self {
        Self {
            gateway,
            table,
            connection,
            now: Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default()),
            form: Form::wanted(&head.headers),
            entry_point: None,
            way: None,
            identity: None,
            user: None,
            host: HostName::parse(""),
            delegated_cache: None,
            session: None,
            session_fault: None,
            refusal: None,
            asking: None,
            shows_form: false,
            cookies: Vec::new(),
            token: None,
            served_by: None,
            is_forwarded: false,
            octets_in: Arc::default(),
        }
    }

    const fn admitted(&self) -> Outcome {
        match self.identity {
            Some(_) => Outcome::Admitted,
            None => Outcome::Open,
        }
    }

    async fn serve(&mut self, head: Parts, body: Incoming) -> Result<Response<Body>, Notice> {
        let limits = &self.table.limits;
        // hyper bounds its buffer, which may hold more than that by then.
        if forwarding::head_length(&head)
            > usize::try_from(limits.header_octets).unwrap_or(usize::MAX)
        {
            return Err(Notice::HeadTooLong);
        }
        let authorization = head.headers.get_all(header::AUTHORIZATION).iter();
        if authorization.map(HeaderValue::len).sum::<usize>() > limits.authorization_octets {
            return Err(Notice::TooLong);
        }
        forwarding::framing(&head).map_err(Notice::BadRequest)?;
        let host = forwarding::host(&head).map_err(Notice::BadRequest)?;
        self.host = HostName::of(&host);
        let path = RequestPath::of(head.uri.path()).map_err(Notice::BadPath)?;
        if self.is_for_the_form(&head.uri) {
            return self.sign_in(&head, body).await;
        }
        let asked = Asked {
            host: &self.host,
            listener: self.connection.listener.name(),
            method: &head.method,
            path: &path,
        };
        let entry_point = self.table.entry_points.of(&asked).ok_or(Notice::Nowhere)?;
        self.entry_point = Some(entry_point);
        let admitted = self
            .table
            .rates
            .admit(self.source(), entry_point.number(), Instant::now());
        admitted.map_err(Notice::TooMany)?;
        if matches!(entry_point.destination, Destination::SignOut) {
            return self.sign_out(&head);
        }
        self.enter(entry_point, &head).await?;
        let told = self.judge(entry_point).await?;
        self.begin_session(entry_point);
        match &entry_point.destination {
            Destination::Whoami => self.whoami(&head),
            Destination::Status => self.status(&head),
            Destination::WaysIn => self.ways_in(&head),
            Destination::SignOut => self.sign_out(&head),
            Destination::Pool(pool) => {
                self.forward(head, body, host, told, entry_point, pool)
                    .await
            }
        }
    }

    /// Where the request comes from, as far as that tells people apart.
    fn source(&self) -> Option<IpAddr> {
        match self.connection.client {
            ClientAddress::Internet(client) => Some(client.ip()),
            ClientAddress::Local => None,
        }
    }

    fn whoami(&self, head: &Parts) -> Result<Response<Body>, Notice> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Notice::ReadOnly);
        }
        let identity = self.identity.as_ref().ok_or(Notice::SignIn)?;
        let page = Whoami::new(
            identity,
            &self.connection.tls,
            self.connection.client.ip(),
            self.now,
        );
        Ok(pages::whoami(&page, self.form))
    }

    fn status(&self, head: &Parts) -> Result<Response<Body>, Notice> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Notice::ReadOnly);
        }
        let viewer = self.user.clone().or_else(|| {
            let identity = self.identity.as_ref()?;
            Some(identity.principal.to_string())
        });
        let status = self.gateway.status(viewer, SystemTime::now());
        Ok(status::answer(&status, self.form))
    }

    fn ways_in(&self, head: &Parts) -> Result<Response<Body>, Notice> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Notice::ReadOnly);
        }
        let asker = Asker {
            host: &self.host,
            listener: self.connection.listener.name(),
            listeners: self.gateway.listeners(),
        };
        Ok(ways_in::answer(&self.table.entry_points, &asker))
    }

    /// Puts our own proof, or the invitations to bring one, on the answer.
    fn sign(&mut self, response: &mut Response<Body>) {
        for cookie in self.cookies.drain(..) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        let is_refused = response.status() == StatusCode::UNAUTHORIZED;
        if is_refused && self.is_forwarded {
            // Clients would take our proof for an invitation to go on with a context that stands already: with
            // requests-kerberos it ends in a traceback. What the back end asks for stays.
            return;
        }
        let headers = response.headers_mut();
        if let Some(token) = &self.token {
            headers.append(
                header::WWW_AUTHENTICATE,
                negotiate::challenge(Some(token.as_slice())),
            );
            return;
        }
        if !is_refused || self.identity.is_some() {
            return;
        }
        for way in self.entry_point.iter().flat_map(|point| &point.ways) {
            let challenge = match way {
                Way::Negotiate => negotiate::challenge(None),
                // A browser's password window would hide the form.
                Way::Basic if !self.shows_form => basic::challenge(self.host.as_str()),
                _ => continue,
            };
            headers.append(header::WWW_AUTHENTICATE, challenge);
        }
    }
}
