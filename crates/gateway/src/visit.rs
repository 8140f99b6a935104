//! One request: who comes, may they come in, and what do they get.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, UNIX_EPOCH};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use kerbstone_gss::{Context, GssError, Oid, Step};
use kerbstone_proto::time::Timestamp;

use crate::body::Body;
use crate::connection::Connection;
use crate::entry_point::{Authentication, BackEnd, Destination, EntryPoint};
use crate::forwarding::{self, Vouching};
use crate::gateway::Gateway;
use crate::identity::{Identity, Naming};
use crate::negotiate::{self, Offer};
use crate::notice::Notice;
use crate::observer::{Event, Outcome};
use crate::pages::{self, Form};
use crate::request_path::RequestPath;
use crate::rule::Denied;
use crate::tunnel;
use crate::whoami::Whoami;

/// A request under way, and what has been found out about it so far.
struct Visit<'a> {
    gateway: &'a Gateway,
    connection: &'a Arc<Connection>,
    now: Timestamp,
    form: Form,
    entry_point: Option<&'a EntryPoint>,
    identity: Option<Identity>,
    user: Option<String>,
    /// For the client, on whatever answer it gets.
    token: Option<Vec<u8>>,
}

/// Answers a request.
pub(crate) async fn answer(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Body> {
    let busy = connection.activity.begin();
    let began = Instant::now();
    let (mut head, body) = request.into_parts();
    let forged_headers = gateway.headers.strip(&mut head.headers);
    let (method, uri) = (head.method.clone(), head.uri.clone());
    let mut visit = Visit::new(gateway, connection, &head);
    let outcome = visit.serve(head, body).await;
    let (mut response, outcome, why) = match outcome {
        Ok(response) => (response, visit.admitted(), None),
        Err(notice) => {
            let page = pages::notice(&notice, visit.form, &method, &uri);
            (page, notice.outcome(), notice.reason())
        }
    };
    visit.sign(&mut response);
    let principal = visit
        .identity
        .as_ref()
        .map(|identity| identity.principal.to_string());
    let entry_point = visit.entry_point.map(|point| point.prefix.to_string());
    gateway.observer.decided(&Event {
        at: visit.now,
        client: connection.client,
        method: &method,
        path: uri.path(),
        entry_point: entry_point.as_deref(),
        way: None,
        outcome,
        why: why.as_deref(),
        reason: None,
        principal: principal.as_deref(),
        user: visit.user.as_deref(),
        forged_headers,
        session: None,
        served_by: None,
        status: response.status(),
        took: began.elapsed(),
    });
    response.map(|body| body.keeping(busy))
}

impl<'a> Visit<'a> {
    fn new(gateway: &'a Gateway, connection: &'a Arc<Connection>, head: &Parts) -> Self {
        Self {
            gateway,
            connection,
            now: Timestamp::from_unix_duration(UNIX_EPOCH.elapsed().unwrap_or_default()),
            form: Form::wanted(&head.headers),
            entry_point: None,
            identity: None,
            user: None,
            token: None,
        }
    }

    const fn admitted(&self) -> Outcome {
        match self.identity {
            Some(_) => Outcome::Admitted,
            None => Outcome::Open,
        }
    }

    async fn serve(&mut self, head: Parts, body: Incoming) -> Result<Response<Body>, Notice> {
        let limits = &self.gateway.limits;
        // hyper bounds its buffer, which may hold more than that by then.
        if forwarding::head_length(&head)
            > usize::try_from(limits.header_octets).unwrap_or(usize::MAX)
        {
            return Err(Notice::HeadTooLong);
        }
        let host = forwarding::host(&head).map_err(Notice::BadRequest)?;
        let path = RequestPath::of(head.uri.path()).map_err(Notice::BadPath)?;
        let entry_point = self.gateway.entry_points.of(&path).ok_or(Notice::Nowhere)?;
        self.entry_point = Some(entry_point);
        if entry_point.authentication == Authentication::Negotiate {
            self.negotiate(&head).await?;
            self.apply_rule(entry_point)?;
        }
        match &entry_point.destination {
            Destination::Whoami => self.whoami(&head),
            Destination::BackEnd(back_end) => self.forward(head, body, host, back_end).await,
        }
    }

    /// Finds out who comes, by the token of this very request.
    async fn negotiate(&mut self, head: &Parts) -> Result<(), Notice> {
        let most = self.gateway.limits.authorization_octets;
        let token = match negotiate::offer(&head.headers, most) {
            Offer::Token(token) => token,
            Offer::Nothing => return Err(Notice::SignIn),
            Offer::Ntlm => return Err(Notice::Ntlm),
            Offer::TooLong => return Err(Notice::TooLong),
            Offer::Malformed => return Err(Notice::NotAToken),
        };
        let mut negotiation = self.connection.negotiation(&self.gateway.acceptors, &token);
        match negotiation.step(&token, self.now).await {
            Ok(Step::Established { token, context }) => {
                self.token = token;
                self.identity = Some(self.identify(&context));
                Ok(())
            }
            Ok(Step::Continue { token }) => {
                self.token = Some(token);
                self.connection.keep(negotiation);
                Err(Notice::SignIn)
            }
            Err(refused) => {
                // Its token stays here: Chromium takes one on a 401 for an invitation to go on, cannot, and comes back
                // without any, so that nobody would ever see the page that says what is wrong.
                Err(match refused.error {
                    GssError::Mechanism(mech) if mech == Oid::NTLMSSP => Notice::Ntlm,
                    error => Notice::NotAccepted(Box::new(error)),
                })
            }
        }
    }

    fn identify(&self, context: &Context) -> Identity {
        let principal = context.initiator_name();
        Identity::of(context, self.gateway.local_names.of(principal))
    }

    fn apply_rule(&mut self, entry_point: &EntryPoint) -> Result<(), Notice> {
        let Some(identity) = &self.identity else {
            return Ok(());
        };
        let denied = |why| Notice::Denied {
            why,
            principal: identity.principal.to_string(),
        };
        entry_point.rule.admit(identity).map_err(denied)?;
        self.user = entry_point.naming.of(identity);
        let needs_name = matches!(entry_point.destination, Destination::BackEnd(_));
        if self.user.is_none() && needs_name && entry_point.naming == Naming::LocalName {
            return Err(denied(Denied::NoLocalName));
        }
        Ok(())
    }

    fn whoami(&self, head: &Parts) -> Result<Response<Body>, Notice> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Notice::ReadOnly);
        }
        // An entry point for this page always asks who is there.
        let identity = self.identity.as_ref().ok_or(Notice::SignIn)?;
        let page = Whoami::new(
            identity,
            &self.connection.tls,
            self.connection.client,
            self.now,
        );
        Ok(pages::whoami(&page, self.form))
    }

    async fn forward(
        &self,
        mut head: Parts,
        body: Incoming,
        host: HeaderValue,
        back_end: &BackEnd,
    ) -> Result<Response<Body>, Notice> {
        let client_side = head.extensions.remove::<OnUpgrade>();
        head.extensions.clear();
        let vouching = self.identity.as_ref().zip(self.user.as_deref());
        let vouching = vouching.map(|(identity, user)| Vouching { user, identity });
        let headers = &self.gateway.headers;
        forwarding::to_back_end(
            &mut head,
            host,
            self.connection.client,
            back_end,
            vouching,
            headers,
        )
        .map_err(|_| Notice::Unspeakable)?;
        let limit = self.gateway.limits.body;
        let progress = Arc::new(AtomicU64::new(0));
        let body = Body::of_client(body, limit, headers, Arc::clone(&progress));
        let request = Request::from_parts(head, body);
        let mut response = self.gateway.upstream.send(request, &progress).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.upgrade(response, client_side);
        }
        forwarding::to_client(response.headers_mut());
        Ok(response.map(|body| Body::of_back_end(body, limit)))
    }

    fn upgrade(
        &self,
        mut response: Response<Incoming>,
        client_side: Option<OnUpgrade>,
    ) -> Result<Response<Body>, Notice> {
        let (Some(client_side), Some(protocol)) = (
            client_side,
            response.headers().get(header::UPGRADE).cloned(),
        ) else {
            return Err(Notice::BackEndDown);
        };
        let back_end_side = hyper::upgrade::on(&mut response);
        let (idle, connection) = (self.gateway.limits.tunnel, Arc::clone(self.connection));
        tokio::spawn(async move {
            tunnel::join(client_side, back_end_side, idle).await;
            // The tunnel keeps the connection's place until it ends.
            drop(connection);
        });
        let headers = response.headers_mut();
        forwarding::to_client(headers);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol);
        Ok(response.map(|_| Body::whole("")))
    }

    /// Puts our own proof, or the invitation to bring one, on the answer.
    fn sign(&self, response: &mut Response<Body>) {
        let is_ours_to_ask = self
            .entry_point
            .is_some_and(|point| point.authentication == Authentication::Negotiate);
        let asks = response.status() == StatusCode::UNAUTHORIZED
            && self.identity.is_none()
            && is_ours_to_ask;
        if self.token.is_some() || asks {
            let challenge = negotiate::challenge(self.token.as_deref());
            response
                .headers_mut()
                .append(header::WWW_AUTHENTICATE, challenge);
        }
    }
}
