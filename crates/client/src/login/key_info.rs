//! How a password becomes the key that the KDC means: encryption type, salt and parameters from its hints.

use kerbstone_crypto::{Enctype, IterationLimit, Key};
use kerbstone_proto::message::{EtypeInfo, EtypeInfo2, PaData, PaType};
use kerbstone_proto::name::Principal;

use crate::error::ClientError;

/// An encryption type with what string-to-key needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The encryption type of the key.
    pub enctype: Enctype,
    /// Absent: the principal's default salt.
    pub salt: Option<Vec<u8>>,
    /// The parameters of string-to-key; the encryption type's own when absent.
    pub params: Option<Vec<u8>>,
}

impl KeyInfo {
    pub(super) fn derive(
        &self,
        password: &str,
        client: &Principal,
        limit: IterationLimit,
    ) -> Result<Key, ClientError> {
        let default;
        let salt = match &self.salt {
            Some(salt) => salt,
            None => {
                default = client.default_salt();
                &default
            }
        };
        let params = self.params.as_deref();
        Ok(Key::from_password(
            self.enctype,
            password.as_bytes(),
            salt,
            params,
            limit,
        )?)
    }
}

/// Every hint in a list of pre-authentication data, in the KDC's order. ETYPE-INFO2 silences the older forms (RFC 4120
/// 5.2.7.5).
pub(crate) fn hints(padata: &[PaData], fallback: Option<Enctype>) -> Vec<KeyInfo> {
    if let Some(value) = PaData::find(padata, PaType::ETYPE_INFO2) {
        return EtypeInfo2::from_der(value).map_or_else(
            |_| Vec::new(),
            |info| {
                info.iter()
                    .filter_map(|entry| {
                        Some(KeyInfo {
                            enctype: Enctype::from_number(entry.etype)?,
                            salt: entry.salt.as_ref().map(|salt| salt.as_bytes().to_vec()),
                            params: entry.s2kparams.clone(),
                        })
                    })
                    .collect()
            },
        );
    }
    if let Some(value) = PaData::find(padata, PaType::ETYPE_INFO) {
        return EtypeInfo::from_der(value).map_or_else(
            |_| Vec::new(),
            |info| {
                info.iter()
                    .filter_map(|entry| {
                        Some(KeyInfo {
                            enctype: Enctype::from_number(entry.etype)?,
                            salt: entry.salt.clone(),
                            params: None,
                        })
                    })
                    .collect()
            },
        );
    }
    let salt = PaData::find(padata, PaType::PW_SALT).map(<[u8]>::to_vec);
    match (salt, fallback) {
        (Some(salt), Some(enctype)) => vec![KeyInfo {
            enctype,
            salt: Some(salt),
            params: None,
        }],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::message::{EtypeInfo2Entry, EtypeInfoEntry};

    use super::*;

    #[test]
    fn the_newer_form_silences_the_older_ones() {
        let newer = EtypeInfo2::from(vec![
            EtypeInfo2Entry {
                etype: 999,
                salt: None,
                s2kparams: None,
            },
            EtypeInfo2Entry {
                etype: 18,
                salt: Some("pepper".into()),
                s2kparams: Some(vec![0, 0, 0x20, 0]),
            },
        ]);
        let older = EtypeInfo::from(vec![EtypeInfoEntry {
            etype: 17,
            salt: Some(b"salt".to_vec()),
        }]);
        let mut padata = vec![
            PaData::new(PaType::PW_SALT, *b"old"),
            PaData::new(PaType::ETYPE_INFO, older.to_der()),
        ];
        let aes128 = Enctype::Aes128CtsHmacSha1_96;
        assert_eq!(hints(&padata, None)[0].enctype, aes128);
        padata.push(PaData::new(PaType::ETYPE_INFO2, newer.to_der()));
        let found = hints(&padata, None);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].salt.as_deref(), Some(&b"pepper"[..]));
        let salt_only = hints(&padata[..1], Some(aes128));
        assert_eq!(salt_only[0].salt.as_deref(), Some(&b"old"[..]));
    }
}
