//! A long-term key as it lies in the store: sealed, with the salt and parameters it was made with.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use kerbstone_crypto::{Enctype, UnknownEnctype};
use kerbstone_proto::name::Principal;

use crate::codec::{Reader, Writer};
use crate::error::RealmError;

/// The salt of a password's key. It is data of the key, so a principal keeps its password under another name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Salt {
    /// Realm and components, one after another (MIT's type 0).
    #[default]
    Normal,
    /// The components without the realm (MIT's type 2).
    NoRealm,
    /// The realm alone (MIT's type 3).
    OnlyRealm,
    /// These bytes (MIT's type 4).
    Special(Vec<u8>),
}

impl Salt {
    /// The bytes that string-to-key takes for a key of `principal`.
    pub fn resolve<'a>(&'a self, principal: &Principal) -> Cow<'a, [u8]> {
        match self {
            Self::Normal => Cow::Owned(principal.default_salt()),
            Self::NoRealm => Cow::Owned(
                principal
                    .name
                    .components
                    .iter()
                    .flat_map(|component| component.as_bytes().iter().copied())
                    .collect(),
            ),
            Self::OnlyRealm => Cow::Owned(principal.realm.as_bytes().to_vec()),
            Self::Special(bytes) => Cow::Borrowed(bytes),
        }
    }

    /// The same salt in bytes, no longer tied to the name: what a rename leaves behind.
    #[must_use]
    pub fn into_explicit(self, principal: &Principal) -> Self {
        match self {
            Self::Special(_) => self,
            _ => Self::Special(self.resolve(principal).into_owned()),
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Normal => out.byte(0),
            Self::NoRealm => out.byte(2),
            Self::OnlyRealm => out.byte(3),
            Self::Special(bytes) => {
                out.byte(4);
                out.bytes(bytes);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, RealmError> {
        Ok(match input.byte()? {
            0 => Self::Normal,
            2 => Self::NoRealm,
            3 => Self::OnlyRealm,
            4 => Self::Special(input.bytes()?.to_vec()),
            _ => return Err(input.damaged("unknown type of salt")),
        })
    }
}

/// A key encrypted under a master key; only [`crate::MasterKey`] makes and opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Number of the master key.
    pub master_kvno: u32,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedKey(master key {})", self.master_kvno)
    }
}

/// One key of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Key version number.
    pub kvno: u32,
    /// Its encryption type.
    pub enctype: Enctype,
    /// The salt it was made with; [`Salt::Normal`] for random keys.
    pub salt: Salt,
    /// String-to-key parameters, `None` for the enctype's default.
    pub s2k_params: Option<Vec<u8>>,
    /// The key itself.
    pub sealed: SealedKey,
}

impl StoredKey {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.number(self.kvno.into());
        out.signed(self.enctype.number().into());
        self.salt.write(out);
        out.option(self.s2k_params.as_deref(), Writer::bytes);
        out.number(self.sealed.master_kvno.into());
        out.bytes(&self.sealed.bytes);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, RealmError> {
        Ok(Self {
            kvno: input.narrow()?,
            enctype: read_enctype(input)?,
            salt: Salt::read(input)?,
            s2k_params: input.option(|input| input.bytes().map(<[u8]>::to_vec))?,
            sealed: SealedKey {
                master_kvno: input.narrow()?,
                bytes: input.bytes()?.to_vec(),
            },
        })
    }
}

pub(crate) fn read_enctype(input: &mut Reader<'_>) -> Result<Enctype, RealmError> {
    i32::try_from(input.signed()?)
        .ok()
        .and_then(Enctype::from_number)
        .ok_or_else(|| input.damaged("unknown enctype"))
}

/// Which salt new keys get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SaltKind {
    /// Realm and components.
    #[default]
    Normal,
    /// Components alone.
    NoRealm,
    /// Realm alone.
    OnlyRealm,
    /// Sixteen random characters.
    Special,
}

impl SaltKind {
    const NAMES: [(&'static str, Self); 4] = [
        ("normal", Self::Normal),
        ("norealm", Self::NoRealm),
        ("onlyrealm", Self::OnlyRealm),
        ("special", Self::Special),
    ];
}

/// A combination of enctype and salt for new keys, written `aes256-cts-hmac-sha1-96:normal` as in kdc.conf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keysalt {
    /// The enctype.
    pub enctype: Enctype,
    /// The salt.
    pub salt: SaltKind,
}

/// A keysalt whose enctype or salt nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKeysalt {
    /// The part before the colon is no enctype.
    #[error(transparent)]
    Enctype(#[from] UnknownEnctype),
    /// The part after the colon is none of normal, norealm, onlyrealm and special.
    #[error("unknown salt type {0:?} (known: normal, norealm, onlyrealm, special)")]
    Salt(String),
}

impl Keysalt {
    /// That enctype with the normal salt.
    pub const fn normal(enctype: Enctype) -> Self {
        Self {
            enctype,
            salt: SaltKind::Normal,
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.signed(self.enctype.number().into());
        out.byte(match self.salt {
            SaltKind::Normal => 0,
            SaltKind::NoRealm => 2,
            SaltKind::OnlyRealm => 3,
            SaltKind::Special => 4,
        });
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, RealmError> {
        let enctype = read_enctype(input)?;
        let salt = match input.byte()? {
            0 => SaltKind::Normal,
            2 => SaltKind::NoRealm,
            3 => SaltKind::OnlyRealm,
            4 => SaltKind::Special,
            _ => return Err(input.damaged("unknown type of salt")),
        };
        Ok(Self { enctype, salt })
    }
}

impl FromStr for Keysalt {
    type Err = UnknownKeysalt;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (enctype, salt) = text.split_once(':').unwrap_or((text, "normal"));
        let salt = SaltKind::NAMES
            .iter()
            .find(|(name, _)| *name == salt)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| UnknownKeysalt::Salt(salt.to_owned()))?;
        Ok(Self {
            enctype: enctype.parse()?,
            salt,
        })
    }
}

impl fmt::Display for Keysalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = SaltKind::NAMES
            .iter()
            .find(|(_, kind)| *kind == self.salt)
            .map_or("normal", |(name, _)| name);
        write!(f, "{}:{name}", self.enctype)
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Realm;

    use super::*;

    #[test]
    fn salts_resolve_to_what_mit_makes_of_their_types() {
        let host = Principal::parse("host/www@R", None).unwrap();
        assert_eq!(&*Salt::Normal.resolve(&host), b"Rhostwww");
        assert_eq!(&*Salt::NoRealm.resolve(&host), b"hostwww");
        assert_eq!(&*Salt::OnlyRealm.resolve(&host), b"R");
        assert_eq!(&*Salt::Special(b"x".to_vec()).resolve(&host), b"x");
        let explicit = Salt::Normal.into_explicit(&host);
        let renamed = Principal::parse("other", Some(&Realm::from("R"))).unwrap();
        assert_eq!(&*explicit.resolve(&renamed), b"Rhostwww");
    }

    #[test]
    fn keysalts_are_read_and_written_as_in_kdc_conf() {
        let keysalt: Keysalt = "aes256-cts:special".parse().unwrap();
        assert_eq!(keysalt.to_string(), "aes256-cts-hmac-sha1-96:special");
        assert_eq!(
            "camellia256-cts-cmac".parse(),
            Ok(Keysalt::normal(Enctype::Camellia256CtsCmac))
        );
        assert!("aes256-cts:afs3".parse::<Keysalt>().is_err());
        assert!("rot13".parse::<Keysalt>().is_err());
    }
}
