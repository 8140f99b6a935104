//! A request on its way to what is behind an entry point, and the answer on its way back.

use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::Visit;
use crate::body::Body;
use crate::entry_point::EntryPoint;
use crate::forwarding::{self, Authorization, Passage};
use crate::notice::Notice;
use crate::outbound::{Front, Outbound};
use crate::pool::Served;
use crate::transport::AnswerBody;
use crate::tunnel;
use crate::variables::Variable;
use crate::way::Way;

impl Visit<'_> {
    pub(super) async fn forward(
        &mut self,
        mut head: Parts,
        body: Incoming,
        host: HeaderValue,
        told: Vec<(Variable, String)>,
        entry_point: &EntryPoint,
        pool: &str,
    ) -> Result<Response<Body>, Notice> {
        let client_side = head.extensions.remove::<OnUpgrade>();
        head.extensions.clear();
        let prefix = &entry_point.place.prefix;
        let rewrite = entry_point.rewrite.as_ref().map(|inner| (prefix, inner));
        let front = Front {
            is_https: self.connection.is_https(),
            host,
            port: self.connection.port,
            mount: rewrite.map_or_else(String::new, |(outer, inner)| outer.mount(inner)),
        };
        let client = self.connection.client;
        let passage = Passage {
            client,
            front: &front,
            rewrite,
            authorization: authorization(entry_point),
            looks_at_methods: self.table.entry_points.look_at_methods(),
        };
        if let Some(sessions) = &self.table.sessions {
            sessions.take_away(&mut head.headers);
        }
        forwarding::to_back_end(&mut head, &passage);
        let limit = self.table.limits.body;
        let body =
            Body::of_client(body, limit, &self.table.headers).counting(Arc::clone(&self.octets_in));
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
        // That there is one has been seen to when the table was made.
        let pool = self.table.pools.get(pool).ok_or(Notice::Nowhere)?;
        let mut response = pool.send(outbound).await?;
        let served = response.extensions_mut().remove::<Served>();
        self.served_by = served.map(|served| (pool, served));
        self.is_forwarded = true;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.upgrade(response, client_side, entry_point);
        }
        forwarding::to_client(
            response.headers_mut(),
            entry_point.is_authorization_forwarded,
        );
        if let Some(sessions) = &self.table.sessions {
            sessions.shield(response.headers_mut());
        }
        if let Some(rewrite) = rewrite {
            forwarding::back_through(response.headers_mut(), &host, rewrite);
        }
        if let (Some(status), Some(_), StatusCode::UNAUTHORIZED) =
            (entry_point.unknown_user, &self.identity, response.status())
        {
            *response.status_mut() = status;
        }
        Ok(response.map(Body::of_answer))
    }

    fn upgrade(
        &self,
        mut response: Response<AnswerBody>,
        client_side: Option<OnUpgrade>,
        entry_point: &EntryPoint,
    ) -> Result<Response<Body>, Notice> {
        let (Some(client_side), Some(tunnel), Some(protocol)) = (
            client_side,
            response.body_mut().take_tunnel(),
            response.headers().get(header::UPGRADE).cloned(),
        ) else {
            return Err(Notice::BadUpgrade);
        };
        let connection = Arc::clone(self.connection);
        tokio::spawn(async move {
            tunnel::join_member(client_side, tunnel).await;
            // The tunnel keeps the connection's place until it ends.
            drop(connection);
        });
        let headers = response.headers_mut();
        forwarding::to_client(headers, entry_point.is_authorization_forwarded);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol);
        Ok(response.map(|_| Body::whole("")))
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
