//! KRB-CRED (RFC 4120 5.8): tickets handed to somebody else.

use der::Sequence;

use super::encrypted::{EncryptedData, EncryptionKey};
use super::host_address::{HostAddress, HostAddresses};
use super::ticket::Ticket;
use crate::flags::TicketFlags;
use crate::name::{PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{Fixed, Microseconds, Pvno, UInt32, messages};

/// Tickets and what is needed to use them.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbCred {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 22.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<22>,
    /// The tickets.
    #[asn1(context_specific = "2")]
    pub tickets: Vec<Ticket>,
    /// The [`EncKrbCredPart`], encrypted, or in clear with encryption type 0 where the
    /// message travels inside something that is encrypted.
    #[asn1(context_specific = "3")]
    pub enc_part: EncryptedData,
}

/// The encrypted part of a KRB-CRED.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EncKrbCredPart {
    /// About each ticket, in the order of the tickets.
    #[asn1(context_specific = "0")]
    pub ticket_info: Vec<KrbCredInfo>,
    /// A random number that the receiver asked for.
    #[asn1(context_specific = "1", optional = "true")]
    pub nonce: Option<UInt32>,
    /// The sender's time.
    #[asn1(context_specific = "2", optional = "true")]
    pub timestamp: Option<KerberosTime>,
    /// Its microseconds.
    #[asn1(context_specific = "3", optional = "true")]
    pub usec: Option<Microseconds>,
    /// The sender's address.
    #[asn1(context_specific = "4", optional = "true")]
    pub s_address: Option<HostAddress>,
    /// The receiver's address.
    #[asn1(context_specific = "5", optional = "true")]
    pub r_address: Option<HostAddress>,
}

/// What the receiver of a ticket must know to use it.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbCredInfo {
    /// The session key.
    #[asn1(context_specific = "0")]
    pub key: EncryptionKey,
    /// The client's realm.
    #[asn1(context_specific = "1", optional = "true")]
    pub prealm: Option<Realm>,
    /// The client's name.
    #[asn1(context_specific = "2", optional = "true")]
    pub pname: Option<PrincipalName>,
    /// What the ticket is good for.
    #[asn1(context_specific = "3", optional = "true")]
    pub flags: Option<TicketFlags>,
    /// When the client was first authenticated.
    #[asn1(context_specific = "4", optional = "true")]
    pub authtime: Option<KerberosTime>,
    /// From when the ticket is valid.
    #[asn1(context_specific = "5", optional = "true")]
    pub starttime: Option<KerberosTime>,
    /// Until when.
    #[asn1(context_specific = "6", optional = "true")]
    pub endtime: Option<KerberosTime>,
    /// Until when it may be renewed.
    #[asn1(context_specific = "7", optional = "true")]
    pub renew_till: Option<KerberosTime>,
    /// The server's realm.
    #[asn1(context_specific = "8", optional = "true")]
    pub srealm: Option<Realm>,
    /// The server's name.
    #[asn1(context_specific = "9", optional = "true")]
    pub sname: Option<PrincipalName>,
    /// From where the ticket may be used.
    #[asn1(context_specific = "10", default = "HostAddresses::default")]
    pub caddr: HostAddresses,
}

messages! {
    KrbCred = "KRB-CRED", application 22;
    EncKrbCredPart = "EncKrbCredPart", application 29;
    KrbCredInfo = "KrbCredInfo";
}
