//! A sealed credential in a credential cache, where the plugin keeps it for its user: in the guise
//! of a ticket that no KDC gives.

use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_xdr::{from_bytes, to_bytes};

use super::{
    CacheSource, Desk, DeskEnvironment, DeskError, HeldCredential, Patience, Patterns, Sources,
};
use crate::wire;

/// The longest sealed credential that is kept in a cache, with its description.
pub const MAX_LENGTH: usize = 512 << 10;

/// The service that the ticket is said to be for: `Encrypted/Credentials/v1@X-GSSPROXY:`.
#[must_use]
pub fn server() -> Principal {
    let components = ["Encrypted", "Credentials", "v1"];
    let name = PrincipalName::new(NameType::PRINCIPAL, components);
    Principal::new(name, Realm::from("X-GSSPROXY:"))
}

/// The ticket that stands for a credential.
///
/// # Errors
/// The credential is too large, or nobody's in particular.
pub fn to_ticket(credential: &wire::Credential) -> Result<Credential, DeskError> {
    let name = credential.desired_name.display.trim_ascii_end();
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    let client = Principal::parse_bytes(name, None).map_err(kerbstone_gss::GssError::from)?;
    let ticket = to_bytes(credential, MAX_LENGTH);
    let ticket = ticket.map_err(|_| DeskError::TooLarge("credential"))?;
    Ok(Credential {
        client,
        server: server(),
        key: KeyBlock::new(0, []),
        authtime: KerberosTime::ZERO,
        starttime: KerberosTime::ZERO,
        endtime: KerberosTime::ZERO,
        renew_till: KerberosTime::ZERO,
        is_skey: false,
        flags: TicketFlags::EMPTY,
        addresses: Vec::new(),
        authdata: Vec::new(),
        ticket: ticket.into_vec(),
        second_ticket: Vec::new(),
    })
}

/// The credential that a cache holds in this form for its owner, if it does.
///
/// # Errors
/// What is there is no credential.
pub fn in_cache(cache: &CredentialCache) -> Option<Result<wire::Credential, DeskError>> {
    let server = server();
    let ticket = cache
        .present()
        .find(|held| held.server == server && held.client == cache.principal)?;
    if ticket.ticket.len() > MAX_LENGTH {
        return Some(Err(DeskError::TooLarge("credential")));
    }
    let credential = from_bytes(&ticket.ticket);
    Some(credential.map_err(|_| DeskError::Handle("what the cache holds is no credential")))
}

/// Opens the sealed credential in the cache `from` with the first key of the default keytab, and
/// makes its tickets the content of the cache `into`, or of the default one.
///
/// # Errors
/// There is no sealed credential, the key does not open it, or it has no tickets.
pub fn extract(
    environment: DeskEnvironment,
    from: &str,
    into: Option<&str>,
) -> Result<HeldCredential, DeskError> {
    let desk = Desk::new(environment)?;
    let context = desk.context();
    let cache = kerbstone_client::Cache::parse(from)?.load()?;
    let credential = in_cache(&cache).ok_or(DeskError::EmptyCache)??;
    let sources = Sources {
        service: String::from("extract"),
        keytab: None,
        client_keytab: None,
        cache: CacheSource::Default,
        replay_cache: None,
        patterns: Patterns::default(),
        min_lifetime: std::time::Duration::ZERO,
    };
    let held = desk
        .open(&sources, &credential.handle)
        .ok_or(DeskError::Handle("the keytab's first key does not open it"))?;
    let in_no_time = Patience::Until(std::time::Instant::now());
    let content = desk.purse_of(&held, in_no_time)?.content();
    let cache = match into {
        Some(name) => kerbstone_client::Cache::parse(name)?,
        None => context.default_cache()?,
    };
    cache.replace(&content)?;
    Ok((*held).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(display: &[u8], length: usize) -> wire::Credential {
        wire::Credential {
            desired_name: wire::Name {
                display: display.into(),
                ..wire::Name::default()
            },
            handle: vec![7; length].into(),
            ..wire::Credential::default()
        }
    }

    #[test]
    fn comes_out_of_a_cache_file_as_it_went_in() {
        assert_eq!(server().to_string(), "Encrypted/Credentials/v1@X-GSSPROXY:");
        let credential = sealed(b"alice@PROXY.TEST", 1000);
        let ticket = to_ticket(&credential).unwrap();
        let mut cache = CredentialCache::new(ticket.client.clone());
        assert!(in_cache(&cache).is_none());
        cache.credentials.push(ticket);
        let read = CredentialCache::parse(&cache.to_bytes()).unwrap();
        assert_eq!(in_cache(&read).unwrap().unwrap(), credential);
        assert!(!read.credentials[0].is_removed());
    }

    #[test]
    fn is_refused_where_it_does_not_fit() {
        let nobodys = to_ticket(&sealed(b"", 10));
        assert!(matches!(nobodys, Err(DeskError::Gss(_))), "{nobodys:?}");
        let long = to_ticket(&sealed(b"alice@PROXY.TEST", MAX_LENGTH));
        assert!(matches!(long, Err(DeskError::TooLarge(_))), "{long:?}");
        let mut ticket = to_ticket(&sealed(b"alice@PROXY.TEST", 10)).unwrap();
        let mut cache = CredentialCache::new(ticket.client.clone());
        ticket.ticket.pop();
        cache.credentials.push(ticket);
        in_cache(&cache).unwrap().unwrap_err();
    }
}
