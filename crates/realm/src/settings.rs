//! A realm's own settings.

use std::time::Duration;

use kerbstone_crypto::Enctype;
use kerbstone_proto::name::Realm;

use crate::attributes::Attributes;
use crate::codec::{Reader, Writer};
use crate::error::RealmError;
use crate::stored_key::Keysalt;

/// The second says whether there are PACs.
const FORMAT: u8 = 2;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the KDC does about realms that a ticket passed through on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransitPolicy {
    /// Refuse a ticket whose path is not permitted.
    #[default]
    Enforce,
    /// Give the ticket without the flag that says the path was checked, so that the service decides.
    LeaveToService,
}

/// A permitted path between two realms, as a line of `[capaths]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capath {
    /// The client's realm.
    pub client: Realm,
    /// The service's realm.
    pub server: Realm,
    /// The realms between them, in order; none for a direct trust.
    pub through: Vec<Realm>,
}

/// Another realm that shares `krbtgt` keys with this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The other realm.
    pub realm: Realm,
    /// Its users may come here (`krbtgt/HERE@THERE`).
    pub inbound: bool,
    /// Our users may go there (`krbtgt/THERE@HERE`).
    pub outbound: bool,
}

/// The settings of one realm. The master key's number is the store's: see [`crate::Vault::master_kvno`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmSettings {
    /// The realm.
    pub name: Realm,
    /// Longest life of tickets.
    pub max_life: Duration,
    /// Longest renewable life of tickets.
    pub max_renewable_life: Duration,
    /// Keys that new principals get, best first.
    pub keysalts: Vec<Keysalt>,
    /// Attributes of new users (requires_preauth, unless the realm says otherwise).
    pub user_attributes: Attributes,
    /// Policy of new principals that name none.
    pub default_policy: Option<String>,
    /// What to do about realms passed through.
    pub transit: TransitPolicy,
    /// Permitted paths; empty for direct trusts and the hierarchy of names.
    pub capaths: Vec<Capath>,
    /// Realms with which keys are shared.
    pub trusts: Vec<Trust>,
    /// Whether tickets get a PAC, which services need to act for clients (MIT's `disable_pac`).
    pub issues_pac: bool,
}

impl RealmSettings {
    /// A realm with the defaults: 12 hours, renewable for 7 days, AES keys, users pre-authenticate.
    pub fn new(name: Realm) -> Self {
        Self {
            name,
            max_life: 12 * HOUR,
            max_renewable_life: 7 * DAY,
            keysalts: vec![
                Keysalt::normal(Enctype::Aes256CtsHmacSha1_96),
                Keysalt::normal(Enctype::Aes128CtsHmacSha1_96),
                Keysalt::normal(Enctype::Aes256CtsHmacSha384_192),
                Keysalt::normal(Enctype::Aes128CtsHmacSha256_128),
            ],
            user_attributes: Attributes::REQUIRES_PREAUTH,
            default_policy: None,
            transit: TransitPolicy::Enforce,
            capaths: Vec::new(),
            trusts: Vec::new(),
            issues_pac: true,
        }
    }

    /// The enctypes of new keys, best first.
    pub fn enctypes(&self) -> Vec<Enctype> {
        let mut enctypes: Vec<Enctype> = Vec::new();
        for keysalt in &self.keysalts {
            if !enctypes.contains(&keysalt.enctype) {
                enctypes.push(keysalt.enctype);
            }
        }
        enctypes
    }

    pub(crate) fn check(&self) -> Result<(), RealmError> {
        let contradiction = |text: &str| Err(RealmError::Contradiction(text.to_owned()));
        if self.name.is_empty() || self.name.as_bytes().len() > 255 {
            return contradiction("a realm's name has between 1 and 255 bytes");
        }
        if self
            .name
            .as_bytes()
            .iter()
            .any(|byte| byte.is_ascii_control() || *byte == b'/')
        {
            return contradiction("a realm's name has no control characters and no slash");
        }
        if self.keysalts.is_empty() {
            return contradiction("a realm needs at least one enctype for its keys");
        }
        Ok(())
    }

    pub(crate) fn to_record(&self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.number(self.max_life.as_secs());
        out.number(self.max_renewable_life.as_secs());
        out.list(&self.keysalts, |out, keysalt| keysalt.write(out));
        out.number(self.user_attributes.bits().into());
        out.option(self.default_policy.as_deref(), |out, policy| {
            out.bytes(policy.as_bytes())
        });
        out.byte(match self.transit {
            TransitPolicy::Enforce => 0,
            TransitPolicy::LeaveToService => 1,
        });
        out.list(&self.capaths, |out, path| {
            out.bytes(path.client.as_bytes());
            out.bytes(path.server.as_bytes());
            out.list(&path.through, |out, realm| out.bytes(realm.as_bytes()));
        });
        out.list(&self.trusts, |out, trust| {
            out.bytes(trust.realm.as_bytes());
            out.byte(trust.inbound.into());
            out.byte(trust.outbound.into());
        });
        out.byte(self.issues_pac.into());
        out.finish()
    }

    pub(crate) fn decode(name: Realm, bytes: &[u8]) -> Result<Self, RealmError> {
        let mut input = Reader::new("realm", bytes, FORMAT)?;
        let settings = Self {
            name,
            max_life: Duration::from_secs(input.number()?),
            max_renewable_life: Duration::from_secs(input.number()?),
            keysalts: input.list(Keysalt::read)?,
            user_attributes: Attributes::from_bits(input.narrow()?),
            default_policy: input.option(Reader::text)?,
            transit: read_transit(&mut input)?,
            capaths: input.list(read_capath)?,
            trusts: input.list(read_trust)?,
            issues_pac: input.format() < 2 || input.flag()?,
        };
        input.finish()?;
        Ok(settings)
    }
}

fn read_realm(input: &mut Reader<'_>) -> Result<Realm, RealmError> {
    input.bytes().map(Realm::from)
}

fn read_transit(input: &mut Reader<'_>) -> Result<TransitPolicy, RealmError> {
    match input.byte()? {
        0 => Ok(TransitPolicy::Enforce),
        1 => Ok(TransitPolicy::LeaveToService),
        _ => Err(input.damaged("unknown transit policy")),
    }
}

fn read_capath(input: &mut Reader<'_>) -> Result<Capath, RealmError> {
    Ok(Capath {
        client: read_realm(input)?,
        server: read_realm(input)?,
        through: input.list(read_realm)?,
    })
}

fn read_trust(input: &mut Reader<'_>) -> Result<Trust, RealmError> {
    Ok(Trust {
        realm: read_realm(input)?,
        inbound: input.flag()?,
        outbound: input.flag()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_from_before_there_were_pacs_issues_them() {
        let mut settings = RealmSettings::new(Realm::from("R"));
        let mut old = settings.to_record();
        old.pop();
        old[0] = 1;
        assert_eq!(
            RealmSettings::decode(settings.name.clone(), &old).unwrap(),
            settings
        );
        settings.issues_pac = false;
        let new = settings.to_record();
        assert_eq!(
            RealmSettings::decode(settings.name.clone(), &new).unwrap(),
            settings
        );
    }
}
