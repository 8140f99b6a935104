//! Trying a member without being asked to.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode};
use rand::RngExt;
use tokio::time::timeout;

use super::member::Member;
use super::settings::{CheckKind, CheckSettings, Timeouts};
use crate::body::Body;
use crate::identity_headers::IdentityHeaders;
use crate::outbound::{ClientAddress, Front};
use crate::transport::{
    Asked, ConnectLimits, Dialect, Exchange, ExchangeFault, Framing, HeadReader, Place, Protocol,
    RequestBody, Stream, Upload, request_head,
};
use crate::uwsgi;

/// Tries a member; the error says in words what is the matter.
pub(super) async fn check(
    member: &Member,
    settings: &CheckSettings,
    timeouts: Timeouts,
) -> Result<(), String> {
    let trying = async {
        match &settings.kind {
            CheckKind::Tcp => reach(member, timeouts.connect).await,
            CheckKind::Tls => connect(member, timeouts).await,
            CheckKind::Http { path, host, expect } => {
                let status = ask(member, path, host.as_deref(), timeouts, settings.timeout).await?;
                match expect.iter().any(|range| range.contains(&status.as_u16())) {
                    true => Ok(()),
                    false => Err(format!("it answers {status}")),
                }
            }
        }
    };
    match timeout(settings.timeout, trying).await {
        Ok(found) => found,
        Err(_) => Err(format!("nothing in {} ms", settings.timeout.as_millis())),
    }
}

/// The time to the next check, some of it left to chance.
pub(super) fn pause(settings: &CheckSettings, rng: &mut impl RngExt) -> Duration {
    let share = f64::from(settings.jitter.min(100)) / 100.0;
    let chance: RangeInclusive<f64> = -share..=share;
    settings.interval.mul_f64(1.0 + rng.random_range(chance))
}

async fn reach(member: &Member, limit: Duration) -> Result<(), String> {
    let reached = Stream::reach(&member.address, limit).await;
    reached.map(drop).map_err(|fault| fault.to_string())
}

async fn connect(member: &Member, timeouts: Timeouts) -> Result<(), String> {
    let limits = ConnectLimits {
        connect: timeouts.connect,
        tls: timeouts.tls,
    };
    let connected = member.connect(limits).await;
    connected.map(drop).map_err(|fault| fault.to_string())
}

async fn ask(
    member: &Member,
    path: &str,
    host: Option<&str>,
    timeouts: Timeouts,
    limit: Duration,
) -> Result<StatusCode, String> {
    let limits = ConnectLimits {
        connect: timeouts.connect,
        tls: timeouts.tls,
    };
    let mut link = member
        .connect(limits)
        .await
        .map_err(|fault| fault.to_string())?;
    let host = host.map_or_else(|| own_host(&member.address.place), str::to_owned);
    let (head, dialect) = written(
        member.address.protocol,
        path,
        &host,
        std::mem::take(&mut link.space),
    )?;
    let upload = Upload::new(head, Framing::Length(0), RequestBody::new(Body::whole("")));
    let reader = HeadReader::new(dialect, Asked::by(&Method::GET, false));
    let mut exchange = Exchange::new(link, upload, reader);
    match exchange.head(limit).await {
        Ok(head) => Ok(head.status),
        Err(ExchangeFault::Slow(limit)) => Err(format!("no answer in {} ms", limit.as_millis())),
        Err(ExchangeFault::Closed(error)) => Err(format!("it hangs up: {error}")),
        Err(ExchangeFault::Malformed(why)) => Err(format!("that is no answer: {why}")),
        Err(ExchangeFault::Body(error)) => Err(error.to_string()),
    }
}

fn own_host(place: &Place) -> String {
    match place {
        Place::Internet { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Place::Internet { host, port } => format!("{host}:{port}"),
        Place::Unix(_) => "localhost".to_owned(),
    }
}

fn written(
    protocol: Protocol,
    path: &str,
    host: &str,
    mut space: Vec<u8>,
) -> Result<(Vec<u8>, Dialect), String> {
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    let request = Request::get(path)
        .header(header::HOST, host.clone())
        .header(header::USER_AGENT, "kerbstone-check");
    let (head, ()) = request
        .body(())
        .map_err(|error| error.to_string())?
        .into_parts();
    if protocol == Protocol::Uwsgi {
        let front = Front {
            is_https: true,
            host,
            port: None,
            mount: String::new(),
        };
        let packet = uwsgi::write(space, &head, &[], &ClientAddress::Local, &front, 0);
        return Ok((packet.map_err(|error| error.to_string())?, Dialect::Uwsgi));
    }
    let names = Arc::new(IdentityHeaders::default());
    request_head::write(&mut space, &head, &[], &names, Framing::Length(0), false)
        .map_err(|error| error.0.to_owned())?;
    Ok((space, Dialect::Http))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_not_all_made_at_once() {
        let settings = CheckSettings {
            interval: Duration::from_secs(10),
            jitter: 20,
            ..CheckSettings::default()
        };
        let pauses: Vec<Duration> = (0..200)
            .map(|_| pause(&settings, &mut rand::rng()))
            .collect();
        let (least, most) = (Duration::from_secs(8), Duration::from_secs(12));
        assert!(pauses.iter().all(|pause| (least..=most).contains(pause)));
        assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
