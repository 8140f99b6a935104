//! KRB-PRIV (RFC 4120 5.7).

use der::Sequence;

use super::encrypted::EncryptedData;
use super::host_address::HostAddress;
use crate::time::KerberosTime;
use crate::wire::{Fixed, Microseconds, Pvno, Secret, UInt32, messages};

/// Data of an application, encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbPriv {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 21.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<21>,
    /// The [`EncKrbPrivPart`], encrypted in the subkey or the session key.
    #[asn1(context_specific = "3")]
    pub enc_part: EncryptedData,
}

impl KrbPriv {
    /// A KRB-PRIV with that part.
    pub const fn new(enc_part: EncryptedData) -> Self {
        Self {
            pvno: Fixed,
            msg_type: Fixed,
            enc_part,
        }
    }
}

/// What a KRB-PRIV carries.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncKrbPrivPart {
    /// The application's data, a password perhaps.
    #[asn1(context_specific = "0")]
    pub user_data: Secret,
    /// The sender's time.
    #[asn1(context_specific = "1", optional = "true")]
    pub timestamp: Option<KerberosTime>,
    /// Its microseconds.
    #[asn1(context_specific = "2", optional = "true")]
    pub usec: Option<Microseconds>,
    /// The sender's sequence number.
    #[asn1(context_specific = "3", optional = "true")]
    pub seq_number: Option<UInt32>,
    /// The sender's address.
    #[asn1(context_specific = "4")]
    pub s_address: HostAddress,
    /// The receiver's address.
    #[asn1(context_specific = "5", optional = "true")]
    pub r_address: Option<HostAddress>,
}

messages! {
    KrbPriv = "KRB-PRIV", application 21;
    EncKrbPrivPart = "EncKrbPrivPart", application 28;
}
