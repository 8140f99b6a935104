//! A principal's record, and an alias's.

use std::collections::BTreeMap;
use std::time::Duration;

use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::time::KerberosTime;

use crate::attributes::Attributes;
use crate::codec::{Reader, Writer};
use crate::delegation::Delegation;
use crate::error::RealmError;
use crate::record_key::{read_principal, write_principal};
use crate::stored_key::{Salt, StoredKey};

const FORMAT: u8 = 1;
const TAG_ENTRY: u8 = 1;
const TAG_ALIAS: u8 = 2;

/// Locked out because of wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// When the last permitted failure happened.
    pub since: KerberosTime,
    /// When it ends by itself; `None` when only an administrator ends it.
    pub until: Option<KerberosTime>,
}

impl Lockout {
    /// Whether it still holds.
    pub fn holds(&self, now: KerberosTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What the realm knows of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub principal: Principal,
    /// What it may and must do.
    pub attributes: Attributes,
    /// Longest life of tickets; `None` leaves it to the realm.
    pub max_life: Option<Duration>,
    /// Longest renewable life of tickets; `None` leaves it to the realm.
    pub max_renewable_life: Option<Duration>,
    /// When the principal ceases to exist for the KDC.
    pub expiration: Option<KerberosTime>,
    /// When the password must be changed.
    pub password_expiration: Option<KerberosTime>,
    /// When keys were set last.
    pub last_password_change: Option<KerberosTime>,
    /// Who changed the record last.
    pub modified_by: Principal,
    /// When the record was changed last.
    pub modified_at: KerberosTime,
    /// Name of its policy in its realm.
    pub policy: Option<String>,
    /// Locked out by wrong passwords, maybe no longer: see [`Lockout::holds`].
    pub lockout: Option<Lockout>,
    /// When failures were forgiven last: those up to then no longer count.
    pub unlocked_at: Option<KerberosTime>,
    /// Current and kept keys, newest kvno first.
    pub keys: Vec<StoredKey>,
    /// Keys of earlier passwords, newest first, kept to refuse their reuse.
    pub history: Vec<StoredKey>,
    /// String attributes, as kadmin's `setstr`.
    pub strings: BTreeMap<String, String>,
    /// Other names of this principal; each has an alias record of its own.
    pub aliases: Vec<Principal>,
}

impl Entry {
    /// A record with no keys and nothing restricted.
    pub fn new(principal: Principal, by: Principal, at: KerberosTime) -> Self {
        Self {
            principal,
            attributes: Attributes::NONE,
            max_life: None,
            max_renewable_life: None,
            expiration: None,
            password_expiration: None,
            last_password_change: None,
            modified_by: by,
            modified_at: at,
            policy: None,
            lockout: None,
            unlocked_at: None,
            keys: Vec::new(),
            history: Vec::new(),
            strings: BTreeMap::new(),
            aliases: Vec::new(),
        }
    }

    /// The newest key version number, 0 when there are no keys.
    pub fn kvno(&self) -> u32 {
        self.keys.iter().map(|key| key.kvno).max().unwrap_or(0)
    }

    /// The keys of the newest version.
    pub fn current_keys(&self) -> impl Iterator<Item = &StoredKey> {
        let kvno = self.kvno();
        self.keys.iter().filter(move |key| key.kvno == kvno)
    }

    /// Who may act for clients, which the string attributes say.
    pub fn delegation(&self) -> Delegation {
        Delegation::of(&self.strings, &self.principal.realm)
    }

    /// Writes who may act for clients into the string attributes.
    pub fn set_delegation(&mut self, delegation: &Delegation) {
        delegation.write(&mut self.strings);
    }

    /// Ties every salt to its bytes, so that the keys outlive the name.
    pub(crate) fn make_salts_explicit(&mut self) {
        for key in self.keys.iter_mut().chain(&mut self.history) {
            let salt = std::mem::replace(&mut key.salt, Salt::Normal);
            key.salt = salt.into_explicit(&self.principal);
        }
    }

    pub(crate) fn to_record(&self) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.byte(TAG_ENTRY);
        out.signed(self.principal.name.name_type.0.into());
        out.number(self.attributes.bits().into());
        out.optional_duration(self.max_life);
        out.optional_duration(self.max_renewable_life);
        out.optional_time(self.expiration);
        out.optional_time(self.password_expiration);
        out.optional_time(self.last_password_change);
        write_principal(&mut out, &self.modified_by);
        out.time(self.modified_at);
        out.option(self.policy.as_deref(), |out, policy| {
            out.bytes(policy.as_bytes())
        });
        out.option(self.lockout, |out, lockout| {
            out.time(lockout.since);
            out.optional_time(lockout.until);
        });
        out.optional_time(self.unlocked_at);
        out.list(&self.keys, |out, key| key.write(out));
        out.list(&self.history, |out, key| key.write(out));
        out.number(self.strings.len() as u64);
        for (name, value) in &self.strings {
            out.bytes(name.as_bytes());
            out.bytes(value.as_bytes());
        }
        out.list(&self.aliases, write_principal);
        out.finish()
    }
}

/// What is stored under a principal's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalRecord {
    /// The principal itself.
    Entry(Box<Entry>),
    /// Another name of the principal named here.
    Alias(Principal),
}

impl PrincipalRecord {
    pub(crate) fn alias_record(target: &Principal) -> Vec<u8> {
        let mut out = Writer::new(FORMAT);
        out.byte(TAG_ALIAS);
        write_principal(&mut out, target);
        out.finish()
    }

    /// Decodes what is stored under the name `principal`.
    pub fn decode(principal: Principal, bytes: &[u8]) -> Result<Self, RealmError> {
        let mut input = Reader::new("principal", bytes, FORMAT)?;
        let record = match input.byte()? {
            TAG_ENTRY => Self::Entry(Box::new(read_entry(principal, &mut input)?)),
            TAG_ALIAS => Self::Alias(read_principal(&mut input)?),
            _ => return Err(input.damaged("neither a principal nor an alias")),
        };
        input.finish()?;
        Ok(record)
    }
}

fn read_entry(mut principal: Principal, input: &mut Reader<'_>) -> Result<Entry, RealmError> {
    let name_type =
        i32::try_from(input.signed()?).map_err(|_| input.damaged("name type out of range"))?;
    principal.name.name_type = NameType(name_type);
    Ok(Entry {
        principal,
        attributes: Attributes::from_bits(input.narrow()?),
        max_life: input.optional_duration()?,
        max_renewable_life: input.optional_duration()?,
        expiration: input.optional_time()?,
        password_expiration: input.optional_time()?,
        last_password_change: input.optional_time()?,
        modified_by: read_principal(input)?,
        modified_at: input.time()?,
        policy: input.option(Reader::text)?,
        lockout: input.option(|input| {
            Ok(Lockout {
                since: input.time()?,
                until: input.optional_time()?,
            })
        })?,
        unlocked_at: input.optional_time()?,
        keys: input.list(StoredKey::read)?,
        history: input.list(StoredKey::read)?,
        strings: input
            .list(|input| Ok((input.text()?, input.text()?)))?
            .into_iter()
            .collect(),
        aliases: input.list(read_principal)?,
    })
}
