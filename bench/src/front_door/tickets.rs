//! Requests that bring a ticket, each with a token of its own.

use std::io;

use base64ct::{Base64, Encoding};
use kerbstone_client::cache::{Cache, CacheName};
use kerbstone_client::{CacheTickets, Context as Client, Environment};
use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{Name, Step, spnego};

use crate::request::now;
use crate::site::Site;

/// So many GET requests for a page, each with a token that was never used.
///
/// # Errors
/// A cache without a ticket.
pub(crate) fn requests(site: &Site, page: &str, count: usize) -> io::Result<Vec<Vec<u8>>> {
    let environment = Environment {
        krb5_config: Some(site.krb5_conf().display().to_string()),
        ..Environment::default()
    };
    let client = Client::new(environment).map_err(io::Error::other)?;
    let name = CacheName::parse(&site.cache()).map_err(io::Error::other)?;
    let target = Name::user(&site.service(), None).map_err(io::Error::other)?;
    let mut requests = Vec::with_capacity(count);
    for _ in 0..count {
        let cache = Cache::resolve(&name).map_err(io::Error::other)?;
        let mut tickets = CacheTickets::new(&client, cache);
        let mut initiator = spnego::Initiator::new(InitiatorOptions::new(target.clone()));
        let first = initiator.step(None, &mut tickets, now(), &mut rand::rng());
        let Step::Continue { token } = first.map_err(io::Error::other)? else {
            return Err(io::Error::other("the initiator wants no answer"));
        };
        let token = Base64::encode_string(&token);
        requests.push(get(page, &format!("Authorization: Negotiate {token}\r\n")));
    }
    Ok(requests)
}

/// A GET request with further headers, each with its line end.
pub(crate) fn get(page: &str, headers: &str) -> Vec<u8> {
    format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
}
