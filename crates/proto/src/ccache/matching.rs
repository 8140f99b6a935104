//! Which credential of a cache fits a request, by the rules of `krb5_cc_retrieve_cred`.

use super::{Credential, CredentialCache};
use crate::flags::TicketFlags;
use crate::message::AuthorizationDataElement;
use crate::name::Principal;
use crate::time::KerberosTime;

/// The times of a ticket, as a query compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Times {
    /// When the owner proved who they are.
    pub authtime: KerberosTime,
    /// From when the ticket can be used.
    pub starttime: KerberosTime,
    /// Until when it can be used.
    pub endtime: KerberosTime,
    /// Until when it can be renewed.
    pub renew_till: KerberosTime,
}

/// How times are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimesMatch {
    /// `KRB5_TC_MATCH_TIMES`: `endtime` and `renew_till` no earlier than those which are not zero.
    AtLeast {
        /// Until when the ticket must be usable.
        endtime: KerberosTime,
        /// Until when it must be renewable.
        renew_till: KerberosTime,
    },
    /// `KRB5_TC_MATCH_TIMES_EXACT`.
    Exactly(Times),
}

/// How ticket flags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsMatch {
    /// `KRB5_TC_MATCH_FLAGS`: these must be set.
    AtLeast(TicketFlags),
    /// `KRB5_TC_MATCH_FLAGS_EXACT`: these and no others.
    Exactly(TicketFlags),
}

/// What is wanted from a cache. The default matches every credential that is not user to user.
#[derive(Clone, Debug, Default)]
pub struct CredentialQuery<'a> {
    /// Whose ticket.
    pub client: Option<&'a Principal>,
    /// For which service. With an empty realm (a referral), the client's realm is tried next.
    pub server: Option<&'a Principal>,
    /// Whether the server's realm is not compared (`KRB5_TC_MATCH_SRV_NAMEONLY`).
    pub any_server_realm: bool,
    /// Whether it must be a user-to-user ticket. Others do not serve in its place, nor the reverse.
    pub is_skey: bool,
    /// Which ticket flags.
    pub flags: Option<FlagsMatch>,
    /// Which times.
    pub times: Option<TimesMatch>,
    /// Exactly this authorization data.
    pub authdata: Option<&'a [AuthorizationDataElement]>,
    /// Exactly this second ticket.
    pub second_ticket: Option<&'a [u8]>,
    /// The session key's enctype (`KRB5_TC_MATCH_KTYPE`).
    pub enctype: Option<i32>,
    /// The enctypes that will do, best first (`KRB5_TC_SUPPORTED_KTYPES`).
    pub supported: Option<&'a [i32]>,
}

/// Why there is no credential for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCredential {
    /// None matches.
    #[error("matching credential not found")]
    NotFound,
    /// Some match but for their session key's enctype, which is not among the supported ones.
    #[error("credential found, but its session key has an enctype that is not permitted")]
    UnsupportedEnctype,
}

impl CredentialQuery<'_> {
    /// Whether `credential` is what is wanted, the list of supported enctypes aside.
    #[must_use]
    pub fn matches(&self, credential: &Credential) -> bool {
        self.principals_match(credential)
            && credential.is_skey == self.is_skey
            && self.flags_match(credential.flags)
            && self.times_match(credential)
            && self
                .authdata
                .is_none_or(|wanted| wanted == credential.authdata)
            && self
                .second_ticket
                .is_none_or(|wanted| wanted == credential.second_ticket)
            && self
                .enctype
                .is_none_or(|wanted| wanted == credential.key.enctype)
    }

    fn principals_match(&self, credential: &Credential) -> bool {
        let server = |wanted: &Principal| {
            if self.any_server_realm {
                wanted.name == credential.server.name
            } else {
                *wanted == credential.server
            }
        };
        self.client
            .is_none_or(|wanted| *wanted == credential.client)
            && self.server.is_none_or(server)
    }

    fn flags_match(&self, flags: TicketFlags) -> bool {
        match self.flags {
            None => true,
            Some(FlagsMatch::AtLeast(wanted)) => flags.contains(wanted),
            Some(FlagsMatch::Exactly(wanted)) => flags == wanted,
        }
    }

    fn times_match(&self, credential: &Credential) -> bool {
        match self.times {
            None => true,
            // Zero asks for nothing, and no time is earlier than zero.
            Some(TimesMatch::AtLeast {
                endtime,
                renew_till,
            }) => credential.endtime >= endtime && credential.renew_till >= renew_till,
            Some(TimesMatch::Exactly(wanted)) => {
                wanted
                    == Times {
                        authtime: credential.authtime,
                        starttime: credential.starttime,
                        endtime: credential.endtime,
                        renew_till: credential.renew_till,
                    }
            }
        }
    }
}

impl CredentialCache {
    /// The credential that `krb5_cc_retrieve_cred` would return.
    ///
    /// # Errors
    /// None matches, or none with a supported enctype.
    pub fn retrieve(&self, query: &CredentialQuery<'_>) -> Result<&Credential, NoCredential> {
        retrieve(self.present(), query)
    }
}

/// As [`CredentialCache::retrieve`], from any store of credentials.
///
/// # Errors
/// None matches, or none with a supported enctype.
pub fn retrieve<'a>(
    credentials: impl Iterator<Item = &'a Credential> + Clone,
    query: &CredentialQuery<'_>,
) -> Result<&'a Credential, NoCredential> {
    let first = retrieve_exactly(credentials.clone(), query);
    let (Err(NoCredential::NotFound), Some(client), Some(server)) =
        (first, query.client, query.server)
    else {
        return first;
    };
    if !server.realm.is_empty() {
        return first;
    }
    let in_client_realm = Principal {
        name: server.name.clone(),
        realm: client.realm.clone(),
    };
    retrieve_exactly(
        credentials,
        &CredentialQuery {
            server: Some(&in_client_realm),
            ..query.clone()
        },
    )
}

fn retrieve_exactly<'a>(
    credentials: impl Iterator<Item = &'a Credential>,
    query: &CredentialQuery<'_>,
) -> Result<&'a Credential, NoCredential> {
    let mut matching = credentials.filter(|credential| query.matches(credential));
    let Some(supported) = query.supported else {
        return matching.next().ok_or(NoCredential::NotFound);
    };
    let mut refused = NoCredential::NotFound;
    let mut best: Option<(usize, &Credential)> = None;
    for credential in matching {
        let rank = supported
            .iter()
            .position(|&enctype| enctype == credential.key.enctype);
        match rank {
            None => refused = NoCredential::UnsupportedEnctype,
            Some(rank) if best.is_none_or(|(best, _)| rank < best) => {
                best = Some((rank, credential));
            }
            Some(_) => {}
        }
    }
    best.map(|(_, credential)| credential).ok_or(refused)
}
