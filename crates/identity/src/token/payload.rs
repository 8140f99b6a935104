//! What a token says, as Keystone packs it: an array that begins with the number of its form.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use base64ct::{Base64UrlUnpadded, Encoding};
use jiff::Timestamp;

use super::msgpack::{Octets, Reader, Writer};
use super::{MethodCodes, TokenError};

/// What a token says, beside the time at which it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Whose token it is.
    pub user_id: String,
    /// How they authenticated.
    pub methods: Vec<String>,
    /// For what it counts.
    pub grant: Grant,
    /// Until when.
    pub expires_at: Timestamp,
    /// Its own audit identifier and that of the first token of its chain.
    pub audit: AuditIds,
}

/// A token's own audit identifier, and the one of the token with which its chain began when it was derived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuditIds {
    /// base64url of (mostly) sixteen octets, without padding.
    pub own: String,
    /// The same, for a token that was got with another token.
    pub chain: Option<String>,
}

/// For what a token counts: one case for each of Keystone's payload versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Version 0.
    Unscoped,
    /// Version 1: the domain.
    Domain(String),
    /// Version 2: the project.
    Project(String),
    /// Version 3.
    Trust {
        /// The trust's project; a trust without one has none.
        project_id: Option<String>,
        /// 32 hexadecimal digits.
        trust_id: String,
    },
    /// Version 4.
    FederatedUnscoped(Federation),
    /// Version 5: the project.
    FederatedProject(String, Federation),
    /// Version 6: the domain.
    FederatedDomain(String, Federation),
    /// Version 7.
    Oauth1 {
        /// The project for which access was granted.
        project_id: String,
        /// The access token.
        access_token_id: String,
    },
    /// Version 8: always `all` as yet.
    System(String),
    /// Version 9.
    ApplicationCredential {
        /// The credential's project.
        project_id: String,
        /// The credential.
        credential_id: String,
    },
    /// Version 10: OAuth 2.0 with a client certificate.
    Oauth2 {
        /// The project, if it is for one.
        project_id: Option<String>,
        /// The domain, if it is for one.
        domain_id: Option<String>,
        /// Of the certificate to which the token is bound.
        thumbprint: Option<String>,
    },
}

/// Where a federated user comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// The groups into which the mapping put them.
    pub group_ids: Vec<String>,
    /// The identity provider.
    pub identity_provider_id: String,
    /// The protocol.
    pub protocol_id: String,
}

impl Payload {
    pub(super) fn pack(&self, codes: &MethodCodes) -> Result<Vec<u8>, TokenError> {
        let mut out = Writer::default();
        out.array(self.grant.fields())?;
        out.unsigned(self.grant.version())?;
        pack_id(&mut out, Some(&self.user_id))?;
        out.unsigned(codes.encode(&self.methods))?;
        self.grant.pack_before(&mut out)?;
        out.seconds(to_seconds(self.expires_at))?;
        self.audit.pack(&mut out)?;
        self.grant.pack_after(&mut out)?;
        Ok(out.into_octets())
    }

    pub(super) fn unpack(octets: &[u8], codes: &MethodCodes) -> Result<Self, TokenError> {
        let mut input = Reader::new(octets);
        let fields = input.array()?;
        let version = input.unsigned()?;
        let unfinished = Unfinished::of(version)?;
        let user_id = required(unpack_id(&mut input)?)?;
        let methods = codes.decode(input.unsigned()?);
        let before = unfinished.before(&mut input)?;
        let expires_at = from_seconds(input.seconds()?)?;
        let audit = AuditIds::unpack(&mut input)?;
        let grant = before.finish(&mut input)?;
        if fields != grant.fields() {
            return Err(TokenError::Malformed);
        }
        input.end()?;
        Ok(Self {
            user_id,
            methods,
            grant,
            expires_at,
            audit,
        })
    }
}

impl Grant {
    /// The number of the payload's form.
    #[must_use]
    pub fn version(&self) -> u64 {
        match self {
            Self::Unscoped => 0,
            Self::Domain(_) => 1,
            Self::Project(_) => 2,
            Self::Trust { .. } => 3,
            Self::FederatedUnscoped(_) => 4,
            Self::FederatedProject(..) => 5,
            Self::FederatedDomain(..) => 6,
            Self::Oauth1 { .. } => 7,
            Self::System(_) => 8,
            Self::ApplicationCredential { .. } => 9,
            Self::Oauth2 { .. } => 10,
        }
    }

    /// The project for which it counts.
    #[must_use]
    pub fn project_id(&self) -> Option<&str> {
        match self {
            Self::Project(project_id)
            | Self::FederatedProject(project_id, _)
            | Self::Oauth1 { project_id, .. }
            | Self::ApplicationCredential { project_id, .. } => Some(project_id),
            Self::Trust { project_id, .. } | Self::Oauth2 { project_id, .. } => {
                project_id.as_deref()
            }
            _ => None,
        }
    }

    /// The domain for which it counts.
    #[must_use]
    pub fn domain_id(&self) -> Option<&str> {
        match self {
            Self::Domain(domain_id) | Self::FederatedDomain(domain_id, _) => Some(domain_id),
            Self::Oauth2 { domain_id, .. } => domain_id.as_deref(),
            _ => None,
        }
    }

    fn fields(&self) -> usize {
        match self {
            Self::Unscoped => 5,
            Self::Domain(_) | Self::Project(_) | Self::System(_) => 6,
            Self::Trust { .. } | Self::Oauth1 { .. } | Self::ApplicationCredential { .. } => 7,
            Self::FederatedUnscoped(_) | Self::Oauth2 { .. } => 8,
            Self::FederatedProject(..) | Self::FederatedDomain(..) => 9,
        }
    }

    /// What stands before the time of expiry.
    fn pack_before(&self, out: &mut Writer) -> Result<(), TokenError> {
        match self {
            Self::Unscoped => Ok(()),
            // A domain has no flag: Keystone knows octets from the text `default`.
            Self::Domain(id) => match uuid_octets(id) {
                Some(octets) => out.binary(&octets),
                None => out.text(id),
            },
            Self::Project(project_id) | Self::ApplicationCredential { project_id, .. } => {
                pack_id(out, Some(project_id))
            }
            Self::Trust { project_id, .. } => pack_id(out, project_id.as_deref()),
            Self::FederatedUnscoped(federation) => federation.pack(out),
            Self::FederatedProject(id, federation) | Self::FederatedDomain(id, federation) => {
                pack_id(out, Some(id))?;
                federation.pack(out)
            }
            Self::Oauth1 {
                project_id,
                access_token_id,
            } => {
                pack_id(out, Some(project_id))?;
                pack_id(out, Some(access_token_id))
            }
            Self::System(system) => out.text(system),
            Self::Oauth2 {
                project_id,
                domain_id,
                ..
            } => {
                pack_id(out, project_id.as_deref())?;
                pack_id(out, domain_id.as_deref())
            }
        }
    }

    /// What stands behind the audit identifiers.
    fn pack_after(&self, out: &mut Writer) -> Result<(), TokenError> {
        match self {
            Self::Trust { trust_id, .. } => {
                let octets = uuid_octets(trust_id)
                    .ok_or_else(|| TokenError::Unpackable(trust_id.clone()))?;
                out.binary(&octets)
            }
            Self::ApplicationCredential { credential_id, .. } => pack_id(out, Some(credential_id)),
            // Keystone never shortens a thumbprint, though it be hexadecimal.
            Self::Oauth2 { thumbprint, .. } => pack_text(out, thumbprint.as_deref()),
            _ => Ok(()),
        }
    }
}

/// A grant of which only what stands before the time of expiry has been read, if that.
enum Unfinished {
    Version(u64),
    Complete(Grant),
    Trust(Option<String>),
    ApplicationCredential(String),
    Oauth2(Option<String>, Option<String>),
}

impl Unfinished {
    fn of(version: u64) -> Result<Self, TokenError> {
        match version {
            0..=10 => Ok(Self::Version(version)),
            _ => Err(TokenError::UnknownVersion(version)),
        }
    }

    fn before(self, input: &mut Reader<'_>) -> Result<Self, TokenError> {
        let Self::Version(version) = self else {
            return Ok(self);
        };
        Ok(Self::Complete(match version {
            0 => Grant::Unscoped,
            1 => Grant::Domain(unpack_unflagged(input)?),
            2 => Grant::Project(required(unpack_id(input)?)?),
            3 => return Ok(Self::Trust(unpack_id(input)?)),
            4 => Grant::FederatedUnscoped(Federation::unpack(input)?),
            5 => Grant::FederatedProject(required(unpack_id(input)?)?, Federation::unpack(input)?),
            6 => Grant::FederatedDomain(required(unpack_id(input)?)?, Federation::unpack(input)?),
            7 => Grant::Oauth1 {
                project_id: required(unpack_id(input)?)?,
                access_token_id: required(unpack_id(input)?)?,
            },
            8 => Grant::System(input.octets()?.text()?),
            9 => {
                return Ok(Self::ApplicationCredential(required(unpack_id(input)?)?));
            }
            _ => return Ok(Self::Oauth2(unpack_id(input)?, unpack_id(input)?)),
        }))
    }

    fn finish(self, input: &mut Reader<'_>) -> Result<Grant, TokenError> {
        Ok(match self {
            Self::Version(version) => return Err(TokenError::UnknownVersion(version)),
            Self::Complete(grant) => grant,
            Self::Trust(project_id) => Grant::Trust {
                project_id,
                trust_id: unpack_unflagged(input)?,
            },
            Self::ApplicationCredential(project_id) => Grant::ApplicationCredential {
                project_id,
                credential_id: required(unpack_id(input)?)?,
            },
            Self::Oauth2(project_id, domain_id) => Grant::Oauth2 {
                project_id,
                domain_id,
                thumbprint: unpack_id(input)?,
            },
        })
    }
}

impl Federation {
    fn pack(&self, out: &mut Writer) -> Result<(), TokenError> {
        out.array(self.group_ids.len())?;
        for id in &self.group_ids {
            pack_id(out, Some(id))?;
        }
        pack_id(out, Some(&self.identity_provider_id))?;
        out.text(&self.protocol_id)
    }

    fn unpack(input: &mut Reader<'_>) -> Result<Self, TokenError> {
        let mut group_ids = Vec::new();
        for _ in 0..input.array()? {
            group_ids.push(required(unpack_id(input)?)?);
        }
        Ok(Self {
            group_ids,
            identity_provider_id: required(unpack_id(input)?)?,
            protocol_id: input.octets()?.text()?,
        })
    }
}

impl AuditIds {
    fn pack(&self, out: &mut Writer) -> Result<(), TokenError> {
        let ids = [Some(&self.own), self.chain.as_ref()];
        out.array(ids.iter().flatten().count())?;
        for id in ids.into_iter().flatten() {
            let octets = Base64UrlUnpadded::decode_vec(id)
                .map_err(|_| TokenError::Unpackable(id.clone()))?;
            out.binary(&octets)?;
        }
        Ok(())
    }

    fn unpack(input: &mut Reader<'_>) -> Result<Self, TokenError> {
        let mut ids = Vec::new();
        for _ in 0..input.array()? {
            ids.push(Base64UrlUnpadded::encode_string(input.octets()?.as_slice()));
        }
        // Keystone takes the last as the chain's and the one before as the token's own.
        let last = ids.pop().ok_or(TokenError::Malformed)?;
        Ok(match ids.pop() {
            Some(own) => Self {
                own,
                chain: Some(last),
            },
            None => Self {
                own: last,
                chain: None,
            },
        })
    }
}

/// A pair: whether it was a UUID, and then its sixteen octets, else the text itself.
pub(super) fn pack_id(out: &mut Writer, id: Option<&str>) -> Result<(), TokenError> {
    match id.and_then(uuid_octets) {
        Some(octets) => {
            out.array(2)?;
            out.boolean(true)?;
            out.binary(&octets)
        }
        None => pack_text(out, id),
    }
}

fn pack_text(out: &mut Writer, text: Option<&str>) -> Result<(), TokenError> {
    out.array(2)?;
    out.boolean(false)?;
    match text {
        Some(text) => out.text(text),
        None => out.nil(),
    }
}

pub(super) fn unpack_id(input: &mut Reader<'_>) -> Result<Option<String>, TokenError> {
    input.array_of(2)?;
    if input.boolean()? {
        return uuid_text(input.octets()?.as_slice())
            .ok_or(TokenError::Malformed)
            .map(Some);
    }
    input.optional_octets()?.map(Octets::text).transpose()
}

pub(super) fn required(id: Option<String>) -> Result<String, TokenError> {
    id.ok_or(TokenError::Malformed)
}

fn unpack_unflagged(input: &mut Reader<'_>) -> Result<String, TokenError> {
    let octets = input.octets()?;
    let uuid = uuid_text(octets.as_slice());
    match octets {
        Octets::Binary(_) => uuid.map_or_else(|| octets.text(), Ok),
        Octets::Text(_) => octets.text().or(uuid.ok_or(TokenError::Malformed)),
    }
}

/// Only what comes back the same: 32 lower-case hexadecimal digits.
fn uuid_octets(id: &str) -> Option<[u8; 16]> {
    let (pairs, []) = id.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let pairs: &[[u8; 2]; 16] = pairs.try_into().ok()?;
    let mut octets = [0; 16];
    for (octet, [high, low]) in octets.iter_mut().zip(pairs) {
        *octet = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(octets)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => character.checked_sub(b'0'),
        b'a'..=b'f' => character.checked_sub(b'a'.checked_sub(10)?),
        _ => None,
    }
}

fn uuid_text(octets: &[u8]) -> Option<String> {
    let octets: &[u8; 16] = octets.try_into().ok()?;
    Some(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

/// As Python divides: the nearest double to the microseconds over a million.
pub(super) fn to_seconds(time: Timestamp) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of any year have fewer than 53 bits until 2255"
    )]
    let micros = time.as_microsecond() as f64;
    micros / 1e6
}

/// As Python rounds: half to even, to a microsecond.
pub(super) fn from_seconds(seconds: f64) -> Result<Timestamp, TokenError> {
    if !seconds.is_finite() || !(0.0..=253_402_300_799.0).contains(&seconds) {
        return Err(TokenError::Malformed);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range has been checked, and a fraction has at most a million microseconds"
    )]
    let (whole, micros) = (
        seconds.trunc() as i64,
        (seconds.fract() * 1e6).round_ties_even() as i64,
    );
    whole
        .checked_mul(1_000_000)
        .and_then(|whole| whole.checked_add(micros))
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .ok_or(TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(grant: Grant) -> Vec<u8> {
        let payload = Payload {
            user_id: "7a1b4d6a0f3c4f0c9f5c2f6d7e8b9a01".to_owned(),
            methods: vec!["password".to_owned()],
            grant,
            expires_at: Timestamp::UNIX_EPOCH,
            audit: AuditIds {
                own: "3T2dc1CGQxyJsHdDu1xkcw".to_owned(),
                chain: Some("VcxU2JYqT8OzfUVvrjEITQ".to_owned()),
            },
        };
        payload.pack(&codes()).unwrap()
    }

    fn codes() -> MethodCodes {
        MethodCodes::new(&["password", "token"])
    }

    fn any_packed() -> impl Strategy<Value = Vec<u8>> {
        let id = || "0123456789abcdef0123456789abcdef".to_owned();
        let federation = || Federation {
            group_ids: vec![id(), "wheel".to_owned()],
            identity_provider_id: "site".to_owned(),
            protocol_id: "mapped".to_owned(),
        };
        let trust = Grant::Trust {
            project_id: None,
            trust_id: id(),
        };
        let credential = Grant::ApplicationCredential {
            project_id: id(),
            credential_id: id(),
        };
        let oauth2 = Grant::Oauth2 {
            project_id: Some(id()),
            domain_id: None,
            thumbprint: Some(id()),
        };
        prop::sample::select(vec![
            packed(Grant::Unscoped),
            packed(Grant::Domain(id())),
            packed(Grant::Domain("default".to_owned())),
            packed(Grant::FederatedUnscoped(federation())),
            packed(Grant::FederatedProject(id(), federation())),
            packed(Grant::System("all".to_owned())),
            packed(trust),
            packed(credential),
            packed(oauth2),
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_payload_with_a_few_octets_changed_is_read_or_refused(
            mut octets in any_packed(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            length in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            for (place, octet) in changes {
                let place = place.index(octets.len());
                octets[place] = octet;
            }
            if let Some(length) = length {
                octets.truncate(length.index(octets.len()));
            }
            if let Ok(payload) = Payload::unpack(&octets, &codes())
                && let Ok(again) = payload.pack(&codes())
            {
                let reread = Payload::unpack(&again, &codes()).unwrap();
                prop_assert_eq!(reread.user_id, payload.user_id);
                prop_assert_eq!(reread.grant, payload.grant);
                prop_assert_eq!(reread.audit, payload.audit);
            }
        }
    }
}
