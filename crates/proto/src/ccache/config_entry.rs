//! Notes that programs leave in a cache, in the guise of credentials for the realm `X-CACHECONF:`.

use super::{Credential, CredentialCache};
use crate::flags::TicketFlags;
use crate::key_block::KeyBlock;
use crate::name::{KerberosString, NameType, Principal, PrincipalName, Realm};
use crate::time::KerberosTime;

const REALM: &str = "X-CACHECONF:";
const REMOVED_REALM: &str = "X-RMED-CONF:";
const FIRST_COMPONENT: &str = "krb5_ccache_conf_data";

impl CredentialCache {
    /// Sign-in used FAST: the KDC has it (per TGT principal, "yes").
    pub const FAST_AVAIL: &str = "fast_avail";
    /// The pre-authentication type that sign-in used (per TGT principal, a decimal number).
    pub const PA_TYPE: &str = "pa_type";
    /// What the pre-authentication mechanism wants to remember (per TGT principal, JSON).
    pub const PA_CONFIG_DATA: &str = "pa_config_data";
    /// The service on whose behalf the cache holds another's tickets (constrained delegation).
    pub const PROXY_IMPERSONATOR: &str = "proxy_impersonator";
    /// When a keytab-initiated cache should be refreshed (decimal seconds since 1970).
    pub const REFRESH_TIME: &str = "refresh_time";
    /// The realm of the TGT to begin with, when it is not the client's.
    pub const START_REALM: &str = "start_realm";

    /// The value of a note, about `principal` or about the whole cache.
    #[must_use]
    pub fn config(&self, name: &str, principal: Option<&Principal>) -> Option<&[u8]> {
        let server = config_server(name, principal);
        self.present()
            .find(|entry| entry.server == server && entry.client == self.principal)
            .map(|entry| entry.ticket.as_slice())
    }

    /// Every note with its name and, where it is about one, the text of a principal.
    pub fn config_entries(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>, &[u8])> {
        self.present()
            .filter(|entry| entry.is_config())
            .filter_map(|entry| {
                let mut components = entry.server.name.components.iter().skip(1);
                let name = components.next()?.as_bytes();
                Some((
                    name,
                    components.next().map(KerberosString::as_bytes),
                    entry.ticket.as_slice(),
                ))
            })
    }

    /// Writes a note, in place of an older one of the same name.
    pub fn set_config(&mut self, name: &str, principal: Option<&Principal>, value: &[u8]) {
        self.remove_config(name, principal);
        let entry = self.config_entry(name, principal, value);
        self.credentials.push(entry);
    }

    /// Takes a note out.
    pub fn remove_config(&mut self, name: &str, principal: Option<&Principal>) {
        let server = config_server(name, principal);
        self.credentials.retain(|entry| entry.server != server);
    }

    /// The credential that a note is stored as, for appending it to a file.
    #[must_use]
    pub fn config_entry(
        &self,
        name: &str,
        principal: Option<&Principal>,
        value: &[u8],
    ) -> Credential {
        Credential {
            client: self.principal.clone(),
            server: config_server(name, principal),
            key: KeyBlock::new(0, []),
            authtime: KerberosTime::ZERO,
            starttime: KerberosTime::ZERO,
            endtime: KerberosTime::ZERO,
            renew_till: KerberosTime::ZERO,
            is_skey: false,
            flags: TicketFlags::EMPTY,
            addresses: Vec::new(),
            authdata: Vec::new(),
            ticket: value.to_vec(),
            second_ticket: Vec::new(),
        }
    }
}

/// The server name under which a note is stored.
#[must_use]
pub fn config_server(name: &str, principal: Option<&Principal>) -> Principal {
    let mut components = vec![FIRST_COMPONENT.into(), name.into()];
    components.extend(principal.map(|about| KerberosString::from(about.unparse())));
    Principal {
        name: PrincipalName {
            // What krb5_build_principal makes of it.
            name_type: NameType::PRINCIPAL,
            components,
        },
        realm: Realm::from(REALM),
    }
}

/// Whether a server name is that of a note.
#[must_use]
pub fn is_config_principal(server: &Principal) -> bool {
    server.realm == *REALM
        && server
            .name
            .components
            .first()
            .is_some_and(|first| *first == *FIRST_COMPONENT)
}

/// Gives a note's server the realm that no program looks for; other servers stay.
pub(super) fn mark_removed(server: &mut Principal) {
    if server.realm == *REALM {
        server.realm = Realm::from(REMOVED_REALM);
    }
}
