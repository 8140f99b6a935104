//! EncryptedData, EncryptionKey and Checksum (RFC 4120 5.2.9).

use der::Sequence;
use kerbstone_crypto::{ChecksumType, Enctype, Key, KeyUsage};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::backward::BackwardWriter;
use crate::error::ProtoError;
use crate::forward::ForwardReader;
use crate::wire::{Secret, UInt32, messages};

/// Something encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncryptedData {
    /// The number of the encryption type.
    #[asn1(context_specific = "0")]
    pub etype: i32,
    /// The version of the long-term key. The upper 16 bits are the number of the read-only
    /// domain controller whose key it is, in Windows realms.
    #[asn1(context_specific = "1", optional = "true")]
    pub kvno: Option<UInt32>,
    /// The ciphertext.
    #[asn1(context_specific = "2", type = "OCTET STRING", deref = "true")]
    pub cipher: Vec<u8>,
}

impl EncryptedData {
    /// Encrypts `plaintext`. The version is for long-term keys; a session key has none.
    pub fn encrypt(
        key: &Key,
        usage: KeyUsage,
        kvno: Option<u32>,
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Self {
        Self {
            etype: key.enctype().number(),
            kvno: kvno.map(UInt32),
            cipher: key.encrypt(usage, plaintext, rng),
        }
    }

    /// Decrypts with a key of the same encryption type.
    pub fn decrypt(&self, key: &Key, usage: KeyUsage) -> Result<Zeroizing<Vec<u8>>, ProtoError> {
        if self.etype != key.enctype().number() {
            return Err(ProtoError::Enctype(self.etype));
        }
        key.decrypt(usage, &self.cipher)
            .map_err(|_| ProtoError::BadIntegrity)
    }

    /// The encryption type, when we know it.
    pub const fn enctype(&self) -> Option<Enctype> {
        Enctype::from_number(self.etype)
    }
}

/// A key as it travels inside encrypted parts.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncryptionKey {
    /// The number of the encryption type.
    #[asn1(context_specific = "0")]
    pub keytype: i32,
    /// The bytes of the key.
    #[asn1(context_specific = "1")]
    pub keyvalue: Secret,
}

impl EncryptionKey {
    /// The key, ready for use; refused when we lack its encryption type or its length is wrong.
    pub fn to_key(&self) -> Result<Key, ProtoError> {
        let enctype =
            Enctype::from_number(self.keytype).ok_or(ProtoError::Enctype(self.keytype))?;
        Ok(Key::new(enctype, self.keyvalue.as_bytes())?)
    }
}

impl From<&Key> for EncryptionKey {
    fn from(key: &Key) -> Self {
        Self {
            keytype: key.enctype().number(),
            keyvalue: Secret::from(key.bytes()),
        }
    }
}

/// A checksum, keyed wherever the protocol uses one today.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Checksum {
    /// The number of the checksum's type.
    #[asn1(context_specific = "0")]
    pub cksumtype: i32,
    /// The checksum itself.
    #[asn1(context_specific = "1", type = "OCTET STRING", deref = "true")]
    pub checksum: Vec<u8>,
}

impl Checksum {
    /// The checksum of `data` of the type that belongs to the key.
    pub fn compute(key: &Key, usage: KeyUsage, data: &[u8]) -> Self {
        Self {
            cksumtype: key.enctype().checksum_type().number(),
            checksum: key.checksum(usage, data),
        }
    }

    /// Checks that this is a checksum of `data` with that key.
    pub fn verify(&self, key: &Key, usage: KeyUsage, data: &[u8]) -> Result<(), ProtoError> {
        let kind =
            ChecksumType::from_number(self.cksumtype).ok_or(ProtoError::InappropriateChecksum)?;
        key.verify_checksum(usage, kind, data, &self.checksum)
            .map_err(|_| ProtoError::Modified)
    }
}

impl EncryptedData {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                etype: reader.int_field(0)?,
                kvno: reader.optional_field(1, ForwardReader::uint)?,
                cipher: reader.octets_field(2)?.to_vec(),
            })
        })
    }
}

impl EncryptionKey {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                keytype: reader.int_field(0)?,
                keyvalue: Secret::from(reader.octets_field(1)?),
            })
        })
    }
}

impl Checksum {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                cksumtype: reader.int_field(0)?,
                checksum: reader.octets_field(1)?.to_vec(),
            })
        })
    }
}

impl EncryptedData {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.sequence(|writer| {
            writer.octets_field(2, &self.cipher);
            if let Some(kvno) = self.kvno {
                writer.uint_field(1, kvno.0);
            }
            writer.int_field(0, self.etype);
        });
    }
}

impl EncryptionKey {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.sequence(|writer| {
            writer.octets_field(1, &self.keyvalue);
            writer.int_field(0, self.keytype);
        });
    }
}

messages! {
    EncryptedData = "EncryptedData" => forward backward;
    EncryptionKey = "EncryptionKey" => backward;
    Checksum = "Checksum";
}
