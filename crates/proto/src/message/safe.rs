//! KRB-SAFE (RFC 4120 5.6).

use der::Sequence;

use super::encrypted::Checksum;
use super::host_address::HostAddress;
use crate::time::KerberosTime;
use crate::wire::{Encoded, Fixed, Microseconds, Pvno, UInt32, messages};

/// Data of an application in clear, with a checksum.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbSafe {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 20.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<20>,
    /// The data, with the bytes that the checksum is over.
    #[asn1(context_specific = "2")]
    pub safe_body: Encoded<KrbSafeBody>,
    /// The checksum.
    #[asn1(context_specific = "3")]
    pub cksum: Checksum,
}

/// What a KRB-SAFE carries.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbSafeBody {
    /// The application's data.
    #[asn1(context_specific = "0", type = "OCTET STRING", deref = "true")]
    pub user_data: Vec<u8>,
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
    KrbSafe = "KRB-SAFE", application 20;
    KrbSafeBody = "KRB-SAFE-BODY";
}
