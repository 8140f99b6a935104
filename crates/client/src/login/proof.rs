//! Which key proves the client and opens the reply.

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::message::{KdcRep, PaData, PaType, UInt32};
use kerbstone_proto::name::{NameType, Principal};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::as_exchange::{AsExchange, Proof, Waiting};
use super::key_info::{self, KeyInfo};
use super::options::{LoginOptions, Secret};
use crate::error::ClientError;

impl AsExchange {
    /// Makes the key that was right the last time.
    pub(super) fn guess(&mut self) {
        let known = self.options.known_key.clone();
        if let Some(info) = known.filter(|info| self.options.enctypes.contains(&info.enctype)) {
            self.key = self.key_for(&info, None, &self.client).ok();
            self.guessed = self.key.is_some();
            self.info = Some(info);
        }
    }

    pub(super) fn prepare_proof(
        &mut self,
        methods: &[PaData],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if PaData::find(methods, PaType::ENC_TIMESTAMP).is_none() {
            return Err(ClientError::NoUsablePreauthentication {
                offered: methods.iter().map(|pa| pa.padata_type.0).collect(),
            });
        }
        self.cookie = PaData::find(methods, PaType::FX_COOKIE).map(<[u8]>::to_vec);
        let info = key_info::hints(methods, self.options.enctypes.first().copied())
            .into_iter()
            .find(|info| {
                self.options.enctypes.contains(&info.enctype) && self.has_key(info.enctype)
            })
            .or_else(|| {
                // No hint at all: the first type that was offered, with the default salt.
                let silent = PaData::find(methods, PaType::ETYPE_INFO2).is_none();
                self.options
                    .enctypes
                    .first()
                    .filter(|_| silent)
                    .map(|&enctype| KeyInfo {
                        enctype,
                        salt: None,
                        params: None,
                    })
            });
        let Some(info) = info else {
            return Err(ClientError::Kdc {
                code: ErrorCode::KDC_ERR_ETYPE_NOSUPP,
                text: String::new(),
                realm: self.client.realm.clone(),
                about: self.client.clone(),
            });
        };
        let needs_password = matches!(self.secret, Secret::Prompt);
        self.info = Some(info);
        if needs_password {
            self.ask(Waiting::PasswordToProve);
            return Ok(());
        }
        self.prove(now, rng)
    }

    pub(super) fn prove(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        if let Some(info) = self.info.clone() {
            self.key = Some(self.key_for(&info, None, &self.client)?);
        }
        self.send(now, rng)
    }

    fn has_key(&self, enctype: Enctype) -> bool {
        match &self.secret {
            Secret::Keys { entries, .. } => entries.iter().any(|entry| {
                entry.principal == self.requested && entry.key.known_enctype() == Some(enctype)
            }),
            Secret::Prompt | Secret::Password(_) => true,
        }
    }

    fn key_for(
        &self,
        info: &KeyInfo,
        kvno: Option<u32>,
        client: &Principal,
    ) -> Result<Proof, ClientError> {
        match &self.secret {
            Secret::Password(password) => Ok(Proof {
                key: info.derive(password, client, self.options.iterations)?,
                kvno: None,
            }),
            Secret::Prompt => Err(ClientError::PromptInterrupted),
            Secret::Keys { entries, keytab } => {
                let fitting = entries.iter().filter(|entry| {
                    entry.principal == self.requested
                        && entry.key.known_enctype() == Some(info.enctype)
                });
                let exact = fitting.clone().find(|entry| Some(entry.kvno) == kvno);
                let best = exact
                    .or_else(|| fitting.max_by_key(|entry| entry.kvno))
                    .ok_or_else(|| no_key(&self.requested, keytab, entries))?;
                Ok(Proof {
                    key: best.key.to_key()?,
                    kvno: Some(best.kvno),
                })
            }
        }
    }

    /// The key of a reply to a request without proof, or to one with a proof of another encryption type.
    pub(super) fn reply_key(
        &mut self,
        reply: &KdcRep,
        enctype: Enctype,
    ) -> Result<Proof, ClientError> {
        let info = key_info::hints(&reply.padata, Some(enctype))
            .into_iter()
            .chain(self.info.clone())
            .find(|info| info.enctype == enctype)
            .unwrap_or(KeyInfo {
                enctype,
                salt: None,
                params: None,
            });
        self.info = Some(info.clone());
        let kvno = reply.enc_part.kvno.map(|UInt32(kvno)| kvno);
        self.key_for(&info, kvno, &reply.client())
    }
}

/// Enterprise names need the KDC to say who is meant; a keytab's encryption types come first.
pub(super) fn adapted(
    mut options: LoginOptions,
    client: &Principal,
    secret: &Secret,
) -> Result<LoginOptions, ClientError> {
    options.canonicalize |= client.name.name_type == NameType::ENTERPRISE;
    if let Secret::Keys { entries, keytab } = secret {
        let has: Vec<Enctype> = entries
            .iter()
            .filter(|entry| entry.principal == *client)
            .filter_map(|entry| entry.key.known_enctype())
            .filter(|enctype| options.enctypes.contains(enctype))
            .collect();
        if has.is_empty() {
            return Err(no_key(client, keytab, entries));
        }
        options
            .enctypes
            .sort_by_key(|enctype| !has.contains(enctype));
    }
    Ok(options)
}

fn no_key(client: &Principal, keytab: &str, entries: &[KeytabEntry]) -> ClientError {
    let mut has: Vec<Principal> = entries
        .iter()
        .map(|entry| entry.principal.clone())
        .collect();
    has.dedup();
    ClientError::NoKeyInKeytab {
        client: client.clone(),
        keytab: keytab.to_owned(),
        has,
    }
}
