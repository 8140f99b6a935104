//! Pools before back ends with all kinds of manners.

mod back_end;
mod checking;
mod dispatching;
mod misbehaving;
mod queueing;
mod reusing;
mod sending;
mod switching;
mod uwsgi;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;

use super::error::PoolError;
use super::pool::Pool;
use super::pools::Pools;
use super::settings::{MemberSettings, PoolSettings};
use crate::body::{Body, BodyError};
use crate::identity_headers::IdentityHeaders;
use crate::outbound::{ClientAddress, Front, Outbound};
use crate::transport::AnswerBody;
use crate::variables::Variable;

/// A member at an address, called by that.
fn member(address: impl ToString) -> MemberSettings {
    MemberSettings::at(address.to_string().parse().unwrap())
}

fn http(address: SocketAddr) -> MemberSettings {
    member(format!("http://{address}"))
}

/// A pool called `pool`.
fn pool(members: Vec<MemberSettings>, adjust: impl FnOnce(&mut PoolSettings)) -> Arc<Pool> {
    pools(members, adjust).get("pool").unwrap()
}

fn pools(members: Vec<MemberSettings>, adjust: impl FnOnce(&mut PoolSettings)) -> Arc<Pools> {
    let mut settings = PoolSettings::new("pool", members);
    adjust(&mut settings);
    Arc::new(Pools::new(vec![settings]).unwrap())
}

fn outbound(request: http::request::Builder, body: impl Into<Bytes>) -> Outbound {
    let host = HeaderValue::from_static("www.example.test");
    let (head, ()) = request
        .header("host", host.clone())
        .body(())
        .unwrap()
        .into_parts();
    Outbound {
        head,
        body: Body::whole(body),
        told: vec![(Variable::User, "alice".to_owned())],
        headers: Arc::new(IdentityHeaders::default()),
        client: ClientAddress::Internet("192.0.2.7:1234".parse().unwrap()),
        user: None,
        front: Front {
            is_https: true,
            host,
            port: Some(443),
            mount: String::new(),
        },
    }
}

fn get(path: &str) -> Outbound {
    outbound(Request::get(path), "")
}

fn post(body: impl Into<Bytes>) -> Outbound {
    outbound(Request::post("/"), body)
}

async fn text(response: Response<AnswerBody>) -> Result<String, BodyError> {
    let mut body = response.into_body();
    let mut octets = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        octets.extend_from_slice(frame?.data_ref().map_or(&[][..], Bytes::as_ref));
    }
    Ok(String::from_utf8(octets).unwrap())
}

/// The answer, which is a good one.
async fn answer(pool: &Arc<Pool>, request: Outbound) -> (StatusCode, String) {
    let response = pool.send(request).await.unwrap();
    (response.status(), text(response).await.unwrap())
}

async fn refusal(pool: &Arc<Pool>, request: Outbound) -> PoolError {
    pool.send(request).await.map(|_| ()).unwrap_err()
}
