//! Credential caches through the library, so that every kind of cache works.

use std::ffi::{CStr, c_uint};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::slice;

use super::{Data, Kerberos, Principal, RawCcache, RawCreds, RawCursor, RawPrincipal, Text};
use crate::abi::{InCcache, InOut};
use crate::status::{Fault, Outcome};

/// A credential cache, closed when dropped.
pub struct Ccache<'k> {
    kerberos: &'k Kerberos,
    raw: RawCcache,
}

/// A cache of the caller.
pub struct Lent<'k>(ManuallyDrop<Ccache<'k>>);

impl<'k> Deref for Lent<'k> {
    type Target = Ccache<'k>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A credential as it was in a cache.
pub struct Entry<'k> {
    kerberos: &'k Kerberos,
    raw: RawCreds,
}

impl Kerberos {
    /// The cache of that name, whether it is there already or not.
    pub fn ccache(&self, name: &CStr) -> Outcome<Ccache<'_>> {
        self.ccache_by(|place| (self.krb5.krb5_cc_resolve)(self.context, Text::of(name), place))
    }

    /// The cache of the default collection that is that principal's.
    pub fn ccache_of(&self, client: &Principal<'_>) -> Outcome<Ccache<'_>> {
        self.ccache_by(|place| (self.krb5.krb5_cc_cache_match)(self.context, client.raw, place))
    }

    /// The caller's own cache, which stays open.
    pub fn lent_ccache(&self, ccache: InCcache<'_>) -> Lent<'_> {
        Lent(ManuallyDrop::new(Ccache {
            kerberos: self,
            raw: RawCcache::lent(ccache),
        }))
    }

    /// A cache of that kind under a new name.
    pub fn new_ccache(&self, kind: &CStr) -> Outcome<Ccache<'_>> {
        self.ccache_by(|place| {
            (self.krb5.krb5_cc_new_unique)(self.context, Text::of(kind), Text::NONE, place)
        })
    }

    fn ccache_by(&self, call: impl FnOnce(InOut<'_, RawCcache>) -> i32) -> Outcome<Ccache<'_>> {
        let mut raw = RawCcache::NONE;
        self.check(call(InOut::to(&mut raw)))?;
        Ok(Ccache {
            kerberos: self,
            raw,
        })
    }
}

impl<'k> Ccache<'k> {
    /// Whose it is.
    pub fn principal(&self) -> Outcome<Principal<'k>> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut raw = RawPrincipal::NONE;
        let code = (krb5.krb5_cc_get_principal)(*context, self.raw, InOut::to(&mut raw));
        self.kerberos.check(code)?;
        Ok(Principal {
            kerberos: self.kerberos,
            raw,
        })
    }

    /// Empties it and makes it that principal's.
    pub fn initialize(&self, client: &Principal<'_>) -> Outcome<()> {
        let Kerberos { krb5, context } = self.kerberos;
        self.kerberos
            .check((krb5.krb5_cc_initialize)(*context, self.raw, client.raw))
    }

    /// Makes it the first of its collection.
    pub fn make_primary(&self) -> Outcome<()> {
        let Kerberos { krb5, context } = self.kerberos;
        self.kerberos
            .check((krb5.krb5_cc_switch)(*context, self.raw))
    }

    /// The ticket of the first credential of these two.
    pub fn ticket(&self, client: &Principal<'_>, server: &Principal<'_>) -> Outcome<Vec<u8>> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut wanted = pattern(client, server);
        let mut found = RawCreds::EMPTY;
        let code = (krb5.krb5_cc_retrieve_cred)(
            *context,
            self.raw,
            0,
            InOut::to(&mut wanted),
            InOut::to(&mut found),
        );
        self.kerberos.check(code)?;
        let entry = Entry {
            kerberos: self.kerberos,
            raw: found,
        };
        Ok(entry.ticket().to_vec())
    }

    /// Adds a credential that is nothing but a ticket.
    pub fn add_ticket(
        &self,
        client: &Principal<'_>,
        server: &Principal<'_>,
        ticket: &[u8],
    ) -> Outcome<()> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut creds = pattern(client, server);
        creds.ticket = Data {
            magic: 0,
            length: c_uint::try_from(ticket.len()).map_err(|_| Fault::no_memory())?,
            data: ticket.as_ptr().cast_mut().cast(),
        };
        self.kerberos.check((krb5.krb5_cc_store_cred)(
            *context,
            self.raw,
            InOut::to(&mut creds),
        ))
    }

    /// Takes out the credentials of these two, as far as this kind of cache can.
    pub fn remove(&self, client: &Principal<'_>, server: &Principal<'_>) -> Outcome<()> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut creds = pattern(client, server);
        self.kerberos.check((krb5.krb5_cc_remove_cred)(
            *context,
            self.raw,
            0,
            InOut::to(&mut creds),
        ))
    }

    /// Adds a credential as it was elsewhere.
    pub fn add(&self, entry: &Entry<'_>) -> Outcome<()> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut creds = entry.raw;
        self.kerberos.check((krb5.krb5_cc_store_cred)(
            *context,
            self.raw,
            InOut::to(&mut creds),
        ))
    }

    /// All that is in it.
    pub fn entries(&self) -> Outcome<Vec<Entry<'k>>> {
        let Kerberos { krb5, context } = self.kerberos;
        let mut cursor = RawCursor::NONE;
        self.kerberos.check((krb5.krb5_cc_start_seq_get)(
            *context,
            self.raw,
            InOut::to(&mut cursor),
        ))?;
        let mut entries = Vec::new();
        loop {
            let mut raw = RawCreds::EMPTY;
            let places = (InOut::to(&mut cursor), InOut::to(&mut raw));
            if (krb5.krb5_cc_next_cred)(*context, self.raw, places.0, places.1) != 0 {
                break;
            }
            entries.push(Entry {
                kerberos: self.kerberos,
                raw,
            });
        }
        (krb5.krb5_cc_end_seq_get)(*context, self.raw, InOut::to(&mut cursor));
        Ok(entries)
    }

    /// Ends the cache itself.
    pub fn destroy(mut self) {
        let Kerberos { krb5, context } = self.kerberos;
        (krb5.krb5_cc_destroy)(*context, self.raw);
        self.raw = RawCcache::NONE;
    }
}

impl Drop for Ccache<'_> {
    fn drop(&mut self) {
        if !self.raw.0.is_null() {
            (self.kerberos.krb5.krb5_cc_close)(self.kerberos.context, self.raw);
        }
    }
}

impl Entry<'_> {
    /// Whether it is for that server.
    pub fn is_for(&self, server: &Principal<'_>) -> bool {
        let Kerberos { krb5, context } = self.kerberos;
        (krb5.krb5_principal_compare)(*context, self.raw.server, server.raw) != 0
    }

    /// Whether it is a setting of the cache and no ticket.
    pub fn is_setting(&self) -> bool {
        let Kerberos { krb5, context } = self.kerberos;
        (krb5.krb5_is_config_principal)(*context, self.raw.server) != 0
    }

    fn ticket(&self) -> &[u8] {
        let Data { length, data, .. } = self.raw.ticket;
        if data.is_null() {
            return &[];
        }
        // SAFETY: the library filled the entry: `length` bytes, which live until it is dropped.
        unsafe { slice::from_raw_parts(data.cast(), length as usize) }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let Kerberos { krb5, context } = self.kerberos;
        (krb5.krb5_free_cred_contents)(*context, InOut::to(&mut self.raw));
    }
}

/// A credential that borrows its principals, and is never freed as one that the library filled.
fn pattern(client: &Principal<'_>, server: &Principal<'_>) -> RawCreds {
    RawCreds {
        client: client.raw,
        server: server.raw,
        ..RawCreds::EMPTY
    }
}
