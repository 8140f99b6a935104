//! The authenticator (RFC 4120 5.5.1): a fresh proof that the sender knows the session key.

use der::Sequence;

use super::authorization_data::AuthorizationData;
use super::encrypted::{Checksum, EncryptionKey};
use crate::forward::ForwardReader;
use crate::name::{Principal, PrincipalName, Realm};
use crate::time::{KerberosTime, Timestamp};
use crate::wire::{Fixed, Microseconds, Pvno, UInt32, messages};

/// A fresh proof that its sender knows the session key of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Authenticator {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub authenticator_vno: Pvno,
    /// The client's realm.
    #[asn1(context_specific = "1")]
    pub crealm: Realm,
    /// The client's name.
    #[asn1(context_specific = "2")]
    pub cname: PrincipalName,
    /// A checksum over what the application wants to bind.
    #[asn1(context_specific = "3", optional = "true")]
    pub cksum: Option<Checksum>,
    /// Microseconds of the client's time.
    #[asn1(context_specific = "4")]
    pub cusec: Microseconds,
    /// The client's time.
    #[asn1(context_specific = "5")]
    pub ctime: KerberosTime,
    /// A key of the client's choice for this session.
    #[asn1(context_specific = "6", optional = "true")]
    pub subkey: Option<EncryptionKey>,
    /// The first sequence number of what the client will send.
    #[asn1(context_specific = "7", optional = "true")]
    pub seq_number: Option<UInt32>,
    /// What the client wants the server to know.
    #[asn1(context_specific = "8", default = "AuthorizationData::default")]
    pub authorization_data: AuthorizationData,
}

impl Authenticator {
    /// The client.
    pub fn client(&self) -> Principal {
        Principal::new(self.cname.clone(), self.crealm.clone())
    }

    /// The client's time to the microsecond.
    pub const fn timestamp(&self) -> Timestamp {
        Timestamp::new(self.ctime, self.cusec.get())
    }
}

impl Authenticator {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.message(2, |reader| {
            reader.fixed_field(0, 5)?;
            Some(Self {
                authenticator_vno: Fixed,
                crealm: reader.realm_field(1)?,
                cname: reader.name_field(2)?,
                cksum: reader.optional_field(3, Checksum::read_forward)?,
                cusec: reader.microseconds_field(4)?,
                ctime: reader.time_field(5)?,
                subkey: reader.optional_field(6, EncryptionKey::read_forward)?,
                seq_number: reader.optional_field(7, ForwardReader::uint)?,
                authorization_data: reader
                    .optional_field(8, AuthorizationData::read_forward)?
                    .unwrap_or_default(),
            })
        })
    }
}

messages! {
    Authenticator = "Authenticator", application 2 => forward;
}
