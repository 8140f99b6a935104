//! One request: who comes, may they come in, and what do they get.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use kerbstone_gss::{Context, GssError, Oid, Step};
use kerbstone_proto::time::Timestamp;

use crate::body::Body;
use crate::connection::Connection;
use crate::entry_point::{BackEnd, Destination, EntryPoint};
use crate::forwarding::{self, Authorization, Passage};
use crate::gateway::Gateway;
use crate::groups::Wanted;
use crate::identity::{Identity, Naming};
use crate::negotiate::{self, Offer};
use crate::notice::Notice;
use crate::observer::{Event, Outcome};
use crate::outbound::{ClientAddress, Front, Outbound};
use crate::pages::{self, Form};
use crate::place::{Asked, HostName};
use crate::request_path::RequestPath;
use crate::rule::Denied;
use crate::table::Table;
use crate::tunnel;
use crate::variables::{Facts, Variable};
use crate::way::Way;
use crate::whoami::Whoami;

/// Keystone's, which its services and clients read as well.
const X_AUTH_TOKEN: &str = "x-auth-token";
/// The listener that stands in the section `[gateway]` itself.
const MAIN_LISTENER: &str = "main";

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
    /// For the client, on whatever answer it gets.
    token: Option<Vec<u8>>,
    /// Whether the answer is the back end's.
    is_forwarded: bool,
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
    let mut visit = Visit::new(gateway, &table, connection, &head);
    let outcome = visit.serve(head, body).await;
    let (mut response, outcome, why, reason) = match outcome {
        Ok(response) => (response, visit.admitted(), None, None),
        Err(notice) => {
            let page = pages::notice(&notice, visit.form, &method, &uri);
            (page, notice.outcome(), notice.reason(), notice.kind())
        }
    };
    visit.sign(&mut response);
    let principal = visit
        .identity
        .as_ref()
        .map(|identity| identity.principal.to_string());
    gateway.observer.decided(&Event {
        at: visit.now,
        client: connection.client,
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
        session: None,
        served_by: None,
        status: response.status(),
        took: began.elapsed(),
    });
    response.map(|body| body.keeping(busy))
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
            token: None,
            is_forwarded: false,
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
        let host = forwarding::host(&head).map_err(Notice::BadRequest)?;
        let path = RequestPath::of(head.uri.path()).map_err(Notice::BadPath)?;
        let asked = Asked {
            host: &HostName::of(&host),
            listener: MAIN_LISTENER,
            method: &head.method,
            path: &path,
        };
        let entry_point = self.table.entry_points.of(&asked).ok_or(Notice::Nowhere)?;
        self.entry_point = Some(entry_point);
        self.enter(entry_point, &head).await?;
        self.judge(entry_point).await?;
        match &entry_point.destination {
            Destination::Whoami => self.whoami(&head),
            Destination::BackEnd(back_end) => {
                self.forward(head, body, host, entry_point, back_end).await
            }
        }
    }

    /// Takes the first way for which the request carries a proof. A bad proof is refused, whatever ways come after.
    async fn enter(&mut self, entry_point: &EntryPoint, head: &Parts) -> Result<(), Notice> {
        for way in &entry_point.ways {
            self.way = Some(*way);
            let is_taken = match way {
                Way::Negotiate => self.negotiate(head).await?,
                Way::Token => carries_token(&head.headers),
                Way::Nobody => true,
                Way::Certificate | Way::Basic | Way::Form | Way::Session => false,
            };
            if is_taken {
                return Ok(());
            }
        }
        self.way = None;
        Err(Notice::SignIn)
    }

    /// Finds out who comes, by the token of this very request; false if there is none.
    async fn negotiate(&mut self, head: &Parts) -> Result<bool, Notice> {
        let most = self.table.limits.authorization_octets;
        let token = match negotiate::offer(&head.headers, most) {
            Offer::Token(token) => token,
            Offer::Nothing => return Ok(false),
            Offer::Ntlm => return Err(Notice::Ntlm),
            Offer::TooLong => return Err(Notice::TooLong),
            Offer::Malformed => return Err(Notice::NotAToken),
        };
        let mut negotiation = self.connection.negotiation(&self.table.acceptors, &token);
        match negotiation.step(&token, self.now).await {
            Ok(Step::Established { token, context }) => {
                self.token = token;
                self.identity = Some(self.identify(&context));
                Ok(true)
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
        Identity::of(context, self.table.local_names.of(principal))
    }

    /// Whether whoever is known may come in, and how they are called from here on.
    async fn judge(&mut self, entry_point: &EntryPoint) -> Result<(), Notice> {
        let Some(identity) = &mut self.identity else {
            return Ok(());
        };
        let wanted = match entry_point.tell.contains(&Variable::Groups) {
            true => Some(Wanted::All),
            false if entry_point.rule.groups.is_empty() => None,
            false => Some(Wanted::Some(&entry_point.rule.groups)),
        };
        if let Some(wanted) = wanted {
            identity.groups = self.table.groups.of(identity, wanted).await;
        }
        let denied = |why| Notice::Denied {
            why,
            principal: identity.principal.to_string(),
        };
        entry_point.rule.admit(identity, None).map_err(denied)?;
        self.user = entry_point.naming.of(identity);
        let needs_name = !matches!(entry_point.destination, Destination::Whoami);
        if self.user.is_none() && needs_name && entry_point.naming == Naming::LocalName {
            return Err(denied(Denied::NoLocalName));
        }
        Ok(())
    }

    /// What a back end is told about whoever is known.
    fn told(&self, entry_point: &EntryPoint) -> Result<Vec<(Variable, String)>, Notice> {
        let Some(identity) = &self.identity else {
            return Ok(Vec::new());
        };
        let facts = Facts {
            identity,
            user: self.user.as_deref(),
            domain: &entry_point.domain,
            domains: &self.table.domains,
            delegated_cache: None,
        };
        let mut told = Vec::with_capacity(entry_point.tell.len());
        for variable in &entry_point.tell {
            match facts.value(*variable) {
                Some(value) if value.contains(char::is_control) => return Err(Notice::Unspeakable),
                Some(value) => told.push((*variable, value)),
                // A back end would take another domain for the one that it is not told of.
                None if *variable == Variable::Domain => {
                    return Err(Notice::Denied {
                        why: Denied::NoDomain,
                        principal: identity.principal.to_string(),
                    });
                }
                None => {}
            }
        }
        Ok(told)
    }

    fn whoami(&self, head: &Parts) -> Result<Response<Body>, Notice> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Notice::ReadOnly);
        }
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
        &mut self,
        mut head: Parts,
        body: Incoming,
        host: HeaderValue,
        entry_point: &EntryPoint,
        back_end: &BackEnd,
    ) -> Result<Response<Body>, Notice> {
        let client_side = head.extensions.remove::<OnUpgrade>();
        head.extensions.clear();
        let told = self.told(entry_point)?;
        let prefix = &entry_point.place.prefix;
        let rewrite = entry_point.rewrite.as_ref().map(|inner| (prefix, inner));
        let front = Front {
            is_https: true,
            host,
            port: None,
            mount: rewrite.map_or_else(String::new, |(outer, inner)| outer.mount(inner)),
        };
        let client = ClientAddress::Internet((self.connection.client, 0).into());
        let passage = Passage {
            client,
            front: &front,
            rewrite,
            authorization: authorization(entry_point),
            looks_at_methods: self.table.entry_points.look_at_methods(),
        };
        forwarding::to_back_end(&mut head, &passage);
        let limit = self.table.limits.body;
        let progress = Arc::new(AtomicU64::new(0));
        let body = Body::of_client(body, limit, &self.table.headers, Arc::clone(&progress));
        let outbound = Outbound {
            head,
            body,
            told,
            headers: Arc::clone(&self.table.headers),
            client,
            user: self.user.clone(),
            front,
        };
        let host = outbound.front.host.clone();
        let request = outbound
            .over_http(back_end.authority())
            .map_err(|_| Notice::Unspeakable)?;
        let mut response = self.gateway.upstream.send(request, &progress).await?;
        self.is_forwarded = true;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.upgrade(response, client_side, entry_point);
        }
        forwarding::to_client(
            response.headers_mut(),
            entry_point.is_authorization_forwarded,
        );
        if let Some(rewrite) = rewrite {
            forwarding::back_through(response.headers_mut(), &host, rewrite);
        }
        if let (Some(status), Some(_), StatusCode::UNAUTHORIZED) =
            (entry_point.unknown_user, &self.identity, response.status())
        {
            *response.status_mut() = status;
        }
        Ok(response.map(|body| Body::of_back_end(body, limit)))
    }

    fn upgrade(
        &self,
        mut response: Response<Incoming>,
        client_side: Option<OnUpgrade>,
        entry_point: &EntryPoint,
    ) -> Result<Response<Body>, Notice> {
        let (Some(client_side), Some(protocol)) = (
            client_side,
            response.headers().get(header::UPGRADE).cloned(),
        ) else {
            return Err(Notice::BackEndDown);
        };
        let back_end_side = hyper::upgrade::on(&mut response);
        let (idle, connection) = (self.table.limits.tunnel, Arc::clone(self.connection));
        tokio::spawn(async move {
            tunnel::join(client_side, back_end_side, idle).await;
            // The tunnel keeps the connection's place until it ends.
            drop(connection);
        });
        let headers = response.headers_mut();
        forwarding::to_client(headers, entry_point.is_authorization_forwarded);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol);
        Ok(response.map(|_| Body::whole("")))
    }

    /// Puts our own proof, or the invitations to bring one, on the answer.
    fn sign(&self, response: &mut Response<Body>) {
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
            if *way == Way::Negotiate {
                headers.append(header::WWW_AUTHENTICATE, negotiate::challenge(None));
            }
        }
    }
}

/// What of `Authorization` goes on to what is behind an entry point.
fn authorization(entry_point: &EntryPoint) -> Authorization {
    if entry_point.is_authorization_forwarded {
        Authorization::Everything
    } else if entry_point.has(Way::Basic) {
        Authorization::NoPassword
    } else {
        Authorization::NotConnectionBound
    }
}

/// Whether there is a token that the back end can judge.
fn carries_token(headers: &HeaderMap) -> bool {
    let is_bearer = |value: &HeaderValue| {
        let scheme = value.as_bytes().trim_ascii_start();
        scheme
            .split(u8::is_ascii_whitespace)
            .next()
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.contains_key(X_AUTH_TOKEN)
        || headers.get_all(header::AUTHORIZATION).iter().any(is_bearer)
}
