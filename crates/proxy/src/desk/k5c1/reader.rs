//! From the text to a credential. MIT's grammar, and nothing beside it.

use std::fmt;

use base64ct::{Base64, Encoding};
use kerbstone_proto::ccache::{Credential, CredentialCache};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{AuthorizationDataElement, HostAddress};
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::{Exported, ExportedCache, Imported, MAGIC, MAX_LENGTH, Password};
use crate::desk::{DeskError, HeldName};
use crate::settings::CredUsage;

/// Reads a credential.
///
/// # Errors
/// The text is too long, or not what MIT's library writes.
pub(in super::super) fn read(text: &[u8]) -> Result<Imported, DeskError> {
    if text.len() > MAX_LENGTH {
        return Err(DeskError::TooLarge("credential"));
    }
    let (magic, credential): (Text, ExportedText) =
        serde_json::from_slice(text).map_err(|error| DeskError::Handle(fault(&error)))?;
    if magic.0.as_slice() != MAGIC.as_bytes() {
        return Err(DeskError::Handle("it does not begin with K5C1"));
    }
    exported(credential).ok_or(DeskError::Handle("a value makes no sense"))
}

/// What may be said of a fault without telling anything of the content.
fn fault(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it is cut off",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "it is not of the form that MIT's library writes"
        }
    }
}

type ExportedText = (
    i64,
    Option<(Text, Option<Text>, Option<Text>)>,
    Option<Text>,
    bool,
    bool,
    Option<Text>,
    Option<Text>,
    Option<CacheText>,
    Option<Text>,
    bool,
    i64,
    i64,
    Option<Vec<i32>>,
    Option<Text>,
);

type CredentialText = (
    Text,
    Text,
    (i32, Bytes),
    i64,
    i64,
    i64,
    i64,
    bool,
    i64,
    Option<Vec<(i32, Bytes)>>,
    Bytes,
    Bytes,
    Option<Vec<(i32, Bytes)>>,
);

fn exported(text: ExportedText) -> Option<Imported> {
    let (
        usage,
        name,
        impersonator,
        default_identity,
        iakerb,
        keytab,
        replay_cache,
        cache,
        client_keytab,
        has_tgt,
        expires,
        refreshes,
        enctypes,
        password,
    ) = text;
    Some(Exported {
        usage: match usage {
            0 => CredUsage::Both,
            1 => CredUsage::Initiate,
            2 => CredUsage::Accept,
            _ => return None,
        },
        name: optional(name, |(principal, service, host)| {
            Some(HeldName {
                principal: principal.principal()?,
                service: optional(service, Text::string)?,
                host: optional(host, Text::string)?,
            })
        })?,
        impersonator: optional(impersonator, |text| text.principal())?,
        default_identity,
        iakerb,
        keytab: optional(keytab, Text::string)?,
        replay_cache: optional(replay_cache, Text::string)?,
        cache: optional(cache, |cache| match cache {
            CacheText::Named(name) => name.string().map(ExportedCache::Named),
            CacheText::Content(owner, credentials) => {
                content(&owner, credentials).map(ExportedCache::Content)
            }
        })?,
        client_keytab: optional(client_keytab, Text::string)?,
        has_tgt,
        expires: time(expires)?,
        refreshes: time(refreshes)?,
        enctypes,
        password: optional(password, Text::string)?.map(|text| Password(Zeroizing::new(text))),
    })
}

fn content(owner: &Text, credentials: Vec<CredentialText>) -> Option<CredentialCache> {
    let mut cache = CredentialCache::new(owner.principal()?);
    cache.credentials = credentials
        .into_iter()
        .map(credential)
        .collect::<Option<_>>()?;
    Some(cache)
}

fn credential(text: CredentialText) -> Option<Credential> {
    let (
        client,
        server,
        (enctype, key),
        authtime,
        starttime,
        endtime,
        renew_till,
        is_skey,
        flags,
        addresses,
        ticket,
        second_ticket,
        authdata,
    ) = text;
    Some(Credential {
        client: client.principal()?,
        server: server.principal()?,
        key: KeyBlock {
            enctype,
            bytes: key.0,
        },
        authtime: time(authtime)?,
        starttime: time(starttime)?,
        endtime: time(endtime)?,
        renew_till: time(renew_till)?,
        is_skey,
        flags: TicketFlags::from_bits(unsigned(flags)?),
        addresses: typed(addresses, |addr_type, address| HostAddress {
            addr_type,
            address,
        }),
        authdata: typed(authdata, |ad_type, ad_data| AuthorizationDataElement {
            ad_type,
            ad_data,
        }),
        ticket: key_free(ticket),
        second_ticket: key_free(second_ticket),
    })
}

fn typed<T>(items: Option<Vec<(i32, Bytes)>>, make: fn(i32, Vec<u8>) -> T) -> Vec<T> {
    let items = items.into_iter().flatten();
    items
        .map(|(kind, bytes)| make(kind, key_free(bytes)))
        .collect()
}

/// The bytes of what is no key.
fn key_free(mut bytes: Bytes) -> Vec<u8> {
    std::mem::take(&mut *bytes.0)
}

/// Nothing for nothing; the whole is refused when what is there makes no sense.
fn optional<T, U>(value: Option<T>, read: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match value {
        Some(value) => read(value).map(Some),
        None => Some(None),
    }
}

fn time(seconds: i64) -> Option<KerberosTime> {
    unsigned(seconds).map(|seconds| KerberosTime::from_unix(seconds.into()))
}

/// 32 bits, which MIT's library writes with a sign.
fn unsigned(number: i64) -> Option<u32> {
    match i32::try_from(number) {
        Ok(signed) => Some(signed.cast_unsigned()),
        Err(_) => u32::try_from(number).ok(),
    }
}

/// A string of bytes, which need not be UTF-8. It may be a password, so it is wiped.
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    /// A string of C ends at its first NUL: with one inside, others would read it otherwise.
    fn checked(&self) -> Option<&[u8]> {
        (!self.0.contains(&0)).then_some(&self.0)
    }

    fn string(self) -> Option<String> {
        let bytes = self.checked()?.to_vec();
        String::from_utf8(bytes).ok()
    }

    fn principal(&self) -> Option<Principal> {
        Principal::parse_bytes(self.checked()?, None).ok()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_bytes(TextVisitor)
            .map(|text| Self(Zeroizing::new(text)))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

/// Bytes in base 64.
struct Bytes(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor).map(Self)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Zeroizing<Vec<u8>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base 64")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, E> {
        let text = str::from_utf8(bytes).map_err(|_| E::custom("not base 64"))?;
        let decoded = Base64::decode_vec(text).map_err(|_| E::custom("not base 64"))?;
        Ok(Zeroizing::new(decoded))
    }
}

/// A cache's name, or what is in it.
enum CacheText {
    Named(Text),
    Content(Text, Vec<CredentialText>),
}

impl<'de> Deserialize<'de> for CacheText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(CacheVisitor)
    }
}

struct CacheVisitor;

impl<'de> Visitor<'de> for CacheVisitor {
    type Value = CacheText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cache")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<CacheText, E> {
        let name = Text(Zeroizing::new(bytes.to_vec()));
        Ok(CacheText::Named(name))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CacheText, A::Error> {
        let owner = list.next_element()?;
        let owner = owner.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let mut credentials = Vec::new();
        while let Some(credential) = list.next_element()? {
            credentials.push(credential);
        }
        Ok(CacheText::Content(owner, credentials))
    }
}
