//! What an AS exchange ends with, and what a cache keeps of it.

use kerbstone_proto::ccache::{ClockOffset, Credential, CredentialCache};
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{EncKdcRepPart, KdcRep, PaType};
use kerbstone_proto::time::KerberosTime;

use super::key_info::KeyInfo;
use crate::clock::Offset;

/// A ticket from an AS exchange, and what was learnt on the way.
#[derive(Clone, Debug)]
pub struct InitialTicket {
    /// The ticket with its session key.
    pub credential: Credential,
    /// How far the KDC's clock is ahead of ours.
    pub offset: Offset,
    /// The kind of pre-authentication that was used.
    pub preauth: Option<PaType>,
    /// How the client's key comes from its password, for
    /// [`LoginOptions::known_key`](super::LoginOptions::known_key).
    pub key_info: Option<KeyInfo>,
    /// The KDC offers FAST, and says so where nobody can take it away.
    pub fast_available: bool,
    /// When the password expires, and whether the KDC told it as a warning.
    pub password_expires: Option<(KerberosTime, bool)>,
}

impl InitialTicket {
    /// A new cache with this ticket and the notes that MIT's programs leave beside it. `sync_time` keeps the clock's
    /// offset for whoever uses the cache.
    pub fn to_cache(&self, sync_time: bool) -> CredentialCache {
        let mut cache = CredentialCache::new(self.credential.client.clone());
        cache.set_clock_offset(sync_time.then(|| ClockOffset::from(self.offset)));
        let about = Some(&self.credential.server);
        if self.fast_available {
            cache.set_config(CredentialCache::FAST_AVAIL, about, b"yes");
        }
        if let Some(PaType(number)) = self.preauth {
            cache.set_config(
                CredentialCache::PA_TYPE,
                about,
                number.to_string().as_bytes(),
            );
        }
        cache.credentials.push(self.credential.clone());
        cache
    }
}

/// What a cache keeps of a reply.
pub(crate) fn credential_of(reply: &KdcRep, part: &EncKdcRepPart) -> Credential {
    Credential {
        client: reply.client(),
        server: part.server(),
        key: KeyBlock::new(part.key.keytype, part.key.keyvalue.as_bytes()),
        authtime: part.authtime,
        starttime: part.starts(),
        endtime: part.endtime,
        renew_till: part.renew_till.unwrap_or(KerberosTime::ZERO),
        is_skey: false,
        flags: part.flags,
        addresses: part.caddr.to_vec(),
        authdata: Vec::new(),
        ticket: reply.ticket.to_der(),
        second_ticket: Vec::new(),
    }
}
