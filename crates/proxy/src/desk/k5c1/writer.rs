//! From a credential to the text.

use std::io::Write;

use base64ct::{Base64, Encoding};
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use zeroize::Zeroizing;

use super::{Exported, ExportedCache, MAGIC};
use crate::settings::CredUsage;

/// More than the punctuation and the numbers of one credential take.
const FRAME: usize = 256;

/// The text of a credential.
pub(in super::super) fn write(exported: &Exported<&CredentialCache>) -> Zeroizing<Vec<u8>> {
    let mut text = Text::with_capacity(capacity(exported));
    text.list(|text| {
        text.string(MAGIC.as_bytes());
        text.next();
        text.list(|text| credential(text, exported));
    });
    text.0
}

fn credential(text: &mut Text, exported: &Exported<&CredentialCache>) {
    text.number(match exported.usage {
        CredUsage::Both => 0,
        CredUsage::Initiate => 1,
        CredUsage::Accept => 2,
    });
    text.next();
    text.optional(exported.name.as_ref(), |text, name| {
        text.list(|text| {
            text.principal(&name.principal);
            text.next();
            text.optional_string(name.service.as_deref());
            text.next();
            text.optional_string(name.host.as_deref());
        });
    });
    text.next();
    text.optional(exported.impersonator.as_ref(), Text::principal);
    text.next();
    text.boolean(exported.default_identity);
    text.next();
    text.boolean(exported.iakerb);
    text.next();
    text.optional_string(exported.keytab.as_deref());
    text.next();
    text.optional_string(exported.replay_cache.as_deref());
    text.next();
    text.optional(exported.cache.as_ref(), |text, cache| match cache {
        ExportedCache::Named(name) => text.string(name.as_bytes()),
        ExportedCache::Content(content) => text.list(|text| tickets(text, content)),
    });
    text.next();
    text.optional_string(exported.client_keytab.as_deref());
    text.next();
    text.boolean(exported.has_tgt);
    text.next();
    text.number(exported.expires.unix());
    text.next();
    text.number(exported.refreshes.unix());
    text.next();
    text.optional(exported.enctypes.as_deref(), |text, enctypes| {
        text.items(enctypes, |text, &enctype| text.number(enctype.into()));
    });
    text.next();
    text.optional_string(
        exported
            .password
            .as_ref()
            .map(|password| password.0.as_str()),
    );
}

fn tickets(text: &mut Text, content: &CredentialCache) {
    text.principal(&content.principal);
    for held in content.present() {
        text.next();
        text.list(|text| ticket(text, held));
    }
}

fn ticket(text: &mut Text, held: &Credential) {
    text.principal(&held.client);
    text.next();
    text.principal(&held.server);
    text.next();
    text.typed(held.key.enctype, &held.key.bytes);
    for time in [held.authtime, held.starttime, held.endtime, held.renew_till] {
        text.next();
        text.time(time);
    }
    text.next();
    text.boolean(held.is_skey);
    text.next();
    text.number(held.flags.bits().cast_signed().into());
    text.next();
    let addresses = Some(&held.addresses).filter(|addresses| !addresses.is_empty());
    text.optional(addresses, |text, addresses| {
        text.items(addresses, |text, one| {
            text.typed(one.addr_type, &one.address)
        });
    });
    text.next();
    text.bytes(&held.ticket);
    text.next();
    text.bytes(&held.second_ticket);
    text.next();
    let authdata = Some(&held.authdata).filter(|authdata| !authdata.is_empty());
    text.optional(authdata, |text, authdata| {
        text.items(authdata, |text, one| text.typed(one.ad_type, &one.ad_data));
    });
}

/// Enough for the whole text: growing would leave copies of keys in freed memory.
pub(super) fn capacity(exported: &Exported<&CredentialCache>) -> usize {
    let strings = [
        exported.keytab.as_deref(),
        exported.replay_cache.as_deref(),
        exported.client_keytab.as_deref(),
        exported
            .password
            .as_ref()
            .map(|password| password.0.as_str()),
    ];
    let strings = strings
        .into_iter()
        .flatten()
        .map(|text| escaped(text.len()));
    let name = exported.name.iter().map(|name| {
        let parts = [name.service.as_deref(), name.host.as_deref()];
        let parts = parts.into_iter().flatten().map(|part| escaped(part.len()));
        total(parts.chain([principal_length(&name.principal)]))
    });
    let impersonator = exported.impersonator.iter().map(principal_length);
    let cache = exported.cache.iter().map(|cache| match cache {
        ExportedCache::Named(name) => escaped(name.len()),
        ExportedCache::Content(content) => total(
            content
                .present()
                .map(ticket_length)
                .chain([principal_length(&content.principal)]),
        ),
    });
    let enctypes = exported
        .enctypes
        .iter()
        .map(|list| list.len().saturating_mul(12));
    total(
        strings
            .chain(name)
            .chain(impersonator)
            .chain(cache)
            .chain(enctypes)
            .chain([FRAME]),
    )
}

fn ticket_length(held: &Credential) -> usize {
    let addresses = held.addresses.iter().map(|one| encoded(one.address.len()));
    let authdata = held.authdata.iter().map(|one| encoded(one.ad_data.len()));
    let fixed = [
        principal_length(&held.client),
        principal_length(&held.server),
        encoded(held.key.bytes.len()),
        encoded(held.ticket.len()),
        encoded(held.second_ticket.len()),
        FRAME,
    ];
    total(addresses.chain(authdata).chain(fixed))
}

fn principal_length(principal: &Principal) -> usize {
    escaped(principal.unparse().len())
}

/// In base 64, with a type before it and brackets and quotes around it.
const fn encoded(length: usize) -> usize {
    length
        .saturating_add(2)
        .saturating_div(3)
        .saturating_mul(4)
        .saturating_add(20)
}

/// As a string of control characters alone.
const fn escaped(length: usize) -> usize {
    length.saturating_mul(6).saturating_add(4)
}

fn total(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(0, usize::saturating_add)
}

/// JSON as it grows.
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    fn next(&mut self) {
        self.0.push(b',');
    }

    fn list(&mut self, content: impl FnOnce(&mut Self)) {
        self.0.push(b'[');
        content(self);
        self.0.push(b']');
    }

    fn items<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.list(|text| {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.next();
                }
                write(text, item);
            }
        });
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.0.extend_from_slice(b"null"),
        }
    }

    fn optional_string(&mut self, value: Option<&str>) {
        self.optional(value, |text, value| text.string(value.as_bytes()));
    }

    /// Bytes beyond ASCII stay as they are, whatever their encoding: MIT's library reads bytes.
    fn string(&mut self, value: &[u8]) {
        self.0.push(b'"');
        for &byte in value {
            match byte {
                b'"' | b'\\' => self.0.extend_from_slice(&[b'\\', byte]),
                0..0x20 => {
                    // A vector takes whatever is written to it.
                    let _ = write!(*self.0, "\\u{byte:04x}");
                }
                _ => self.0.push(byte),
            }
        }
        self.0.push(b'"');
    }

    fn principal(&mut self, principal: &Principal) {
        self.string(&principal.unparse());
    }

    fn bytes(&mut self, value: &[u8]) {
        let encoded = Zeroizing::new(Base64::encode_string(value));
        self.0.push(b'"');
        self.0.extend_from_slice(encoded.as_bytes());
        self.0.push(b'"');
    }

    fn typed(&mut self, kind: i32, value: &[u8]) {
        self.list(|text| {
            text.number(kind.into());
            text.next();
            text.bytes(value);
        });
    }

    fn number(&mut self, value: i64) {
        let _ = write!(*self.0, "{value}");
    }

    /// MIT's times have 32 bits and a sign, which later ones than 2038 show.
    fn time(&mut self, time: KerberosTime) {
        let seconds = u32::try_from(time.unix()).unwrap_or(u32::MAX);
        self.number(seconds.cast_signed().into());
    }

    fn boolean(&mut self, value: bool) {
        self.0
            .extend_from_slice(if value { b"true" } else { b"false" });
    }
}
