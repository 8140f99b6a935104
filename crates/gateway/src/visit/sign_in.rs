//! The form for a password, and the page that ends a session.

use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};
use hyper::body::Incoming;

use super::Visit;
use crate::body::Body;
use crate::entry_point::EntryPoint;
use crate::notice::Notice;
use crate::observer::SessionStep;
use crate::pages;
use crate::session::Scope;
use crate::sign_in::Desk;
use crate::sign_in_form::{self, Form};
use crate::sign_out;
use crate::way::Way;

/// What the page of the form is for by itself: whoever comes there has lost their way.
const WAYS: &[Way] = &[Way::Session, Way::Form];

impl Visit<'_> {
    /// Whether a request is for the form itself, which no entry point covers.
    pub(super) fn is_for_the_form(&self, uri: &Uri) -> bool {
        let sessions = self.table.sessions.as_deref();
        let place = sessions
            .filter(|_| self.table.passwords.is_some())
            .map(sign_in_form::place);
        place.is_some_and(|place| place == uri.path())
    }

    /// Answers a request for the form itself: what was typed into it arrives there.
    pub(super) async fn sign_in(
        &mut self,
        head: &Parts,
        body: Incoming,
    ) -> Result<Response<Body>, Notice> {
        let (Some(sessions), Some(passwords)) = (&self.table.sessions, &self.table.passwords)
        else {
            return Err(Notice::Nowhere);
        };
        self.way = Some(Way::Form);
        let host = self.host.clone();
        let scope = Scope {
            host: host.as_str(),
            ways: WAYS,
        };
        if head.method != Method::POST {
            let form = Form {
                return_to: "/",
                name: "",
                trouble: None,
            };
            let (headers, now) = (&head.headers, self.now.time);
            return Ok(sign_in_form::show(
                sessions,
                &scope,
                headers,
                StatusCode::OK,
                &form,
                now,
            ));
        }
        let desk = Desk {
            sessions,
            passwords,
            rates: &self.table.rates,
            local_names: &self.table.local_names,
            delegation: self.table.delegation.as_deref(),
            source: self.source(),
            scope,
            now: self.now,
        };
        let signed_in = desk
            .sign_in(&head.headers, body, self.table.limits.body)
            .await;
        if let Some(fault) = &signed_in.fault {
            self.refusal = Some((fault.to_string(), fault.word()));
        }
        if signed_in.identity.is_some() {
            self.session = Some(SessionStep::Begun);
            self.identity = signed_in.identity;
        }
        Ok(signed_in.response)
    }

    /// The form in the place of the notice that asks people to show who they are, for browsers.
    pub(super) fn form(&self, entry_point: &EntryPoint, head: &Parts) -> Option<Response<Body>> {
        let sessions = self.table.sessions.as_ref()?;
        if !entry_point.has(Way::Form) || self.form != pages::Form::Html {
            return None;
        }
        let scope = Scope {
            host: self.host.as_str(),
            ways: &entry_point.ways,
        };
        let asked = head.uri.path_and_query();
        let form = Form {
            return_to: asked.map_or("/", |asked| asked.as_str()),
            name: "",
            trouble: None,
        };
        let status = StatusCode::UNAUTHORIZED;
        let now = self.now.time;
        Some(sign_in_form::show(
            sessions,
            &scope,
            &head.headers,
            status,
            &form,
            now,
        ))
    }

    /// Ends the session that a request comes with, whatever way it began.
    pub(super) fn sign_out(&mut self, head: &Parts) -> Result<Response<Body>, Notice> {
        let sessions = self.table.sessions.as_ref().ok_or(Notice::Nowhere)?;
        if !matches!(head.method, Method::GET | Method::HEAD | Method::POST) {
            return Err(Notice::ReadOnly);
        }
        let scope = Scope {
            host: self.host.as_str(),
            ways: &[Way::Session],
        };
        let session = sessions.read(&head.headers, &scope, self.now.time);
        let session = session.unwrap_or_default();
        let (path, headers): (&str, &HeaderMap) = (head.uri.path(), &head.headers);
        if sign_out::is_meant(&head.method, headers, scope.host) && session.is_some() {
            self.session = Some(SessionStep::Ended);
        }
        let request = (&head.method, path, headers);
        Ok(sign_out::answer(
            sessions,
            &scope,
            session.as_ref(),
            request,
        ))
    }
}
