//! FAST (RFC 6113 5): a tunnel for requests, armored with another ticket's key.

use der::Sequence;

use super::encrypted::{Checksum, EncryptedData, EncryptionKey};
use super::kdc_req::KdcReqBody;
use super::pa_data::{PaData, PaType};
use crate::flags::FastOptions;
use crate::name::{PrincipalName, Realm};
use crate::time::KerberosTime;
use crate::wire::{Encoded, Microseconds, UInt32, lists, messages};

/// The numbers of the kinds of armor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KrbFastArmorType;

impl KrbFastArmorType {
    /// An AP-REQ with an armor ticket.
    pub const AP_REQUEST: i32 = 1;
}

/// Where the armor key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastArmor {
    /// The kind of armor, see [`KrbFastArmorType`].
    #[asn1(context_specific = "0")]
    pub armor_type: i32,
    /// Its bytes.
    #[asn1(context_specific = "1", type = "OCTET STRING", deref = "true")]
    pub armor_value: Vec<u8>,
}

/// The request in its armor.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastArmoredReq {
    /// The armor; absent in a TGS-REQ, where the ticket and its subkey serve.
    #[asn1(context_specific = "0", optional = "true")]
    pub armor: Option<KrbFastArmor>,
    /// Over the outer req-body, or over the AP-REQ in a TGS-REQ; in the armor key.
    #[asn1(context_specific = "1")]
    pub req_checksum: Checksum,
    /// The [`KrbFastReq`], encrypted in the armor key.
    #[asn1(context_specific = "2")]
    pub enc_fast_req: EncryptedData,
}

/// PA-FX-FAST in a request: its one alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaFxFastRequest(pub KrbFastArmoredReq);

/// The true request.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastReq {
    /// Options of the tunnel.
    #[asn1(context_specific = "0")]
    pub fast_options: FastOptions,
    /// The true pre-authentication data.
    #[asn1(context_specific = "1")]
    pub padata: Vec<PaData>,
    /// The true body, in place of the outer one.
    #[asn1(context_specific = "2")]
    pub req_body: Encoded<KdcReqBody>,
}

/// The reply in its armor.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastArmoredRep {
    /// The [`KrbFastResponse`], encrypted in the armor key.
    #[asn1(context_specific = "0")]
    pub enc_fast_rep: EncryptedData,
}

/// PA-FX-FAST in a reply: its one alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaFxFastReply(pub KrbFastArmoredRep);

/// The true reply's pre-authentication data.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastResponse {
    /// The true pre-authentication data.
    #[asn1(context_specific = "0")]
    pub padata: Vec<PaData>,
    /// A key that is combined with the reply key.
    #[asn1(context_specific = "1", optional = "true")]
    pub strengthen_key: Option<EncryptionKey>,
    /// Binds the ticket, when one was issued.
    #[asn1(context_specific = "2", optional = "true")]
    pub finished: Option<KrbFastFinished>,
    /// The nonce of the inner request.
    #[asn1(context_specific = "3")]
    pub nonce: UInt32,
}

/// Binds the ticket of a reply to the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbFastFinished {
    /// The KDC's time.
    #[asn1(context_specific = "0")]
    pub timestamp: KerberosTime,
    /// Its microseconds.
    #[asn1(context_specific = "1")]
    pub usec: Microseconds,
    /// The true client's realm.
    #[asn1(context_specific = "2")]
    pub crealm: Realm,
    /// The true client's name.
    #[asn1(context_specific = "3")]
    pub cname: PrincipalName,
    /// Over the DER of the ticket, in the armor key.
    #[asn1(context_specific = "4")]
    pub ticket_checksum: Checksum,
}

/// One mechanism of a set (RFC 6113 5.3).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PaAuthenticationSetElem {
    /// The mechanism.
    #[asn1(context_specific = "0")]
    pub pa_type: PaType,
    /// What the client may want to know before it chooses.
    #[asn1(context_specific = "1", type = "OCTET STRING", optional = "true")]
    pub pa_hint: Option<Vec<u8>>,
    /// The first challenge.
    #[asn1(context_specific = "2", type = "OCTET STRING", optional = "true")]
    pub pa_value: Option<Vec<u8>>,
}

lists! {
    /// PA-AUTHENTICATION-SET: mechanisms that the client shall do one after another.
    PaAuthenticationSet of PaAuthenticationSetElem;
}

/// The CHOICEs write and read what they hold inside `[0]`.
macro_rules! armored {
    ($($type:ident($inner:ident) = $what:literal;)+) => {
        $(impl $type {
            #[doc = concat!("Reads the DER of one ", $what, ", to its last byte.")]
            pub fn from_der(bytes: &[u8]) -> Result<Self, $crate::error::ProtoError> {
                $crate::wire::decode_choice($what, 0, bytes).map(Self)
            }

            #[doc = concat!("The DER of this ", $what, ".")]
            pub fn to_der(&self) -> Vec<u8> {
                let mut der = Vec::new();
                self.encode_into(&mut der);
                der
            }

            #[doc = concat!("Appends the DER of this ", $what, " to a buffer.")]
            pub fn encode_into(&self, buffer: &mut Vec<u8>) {
                $crate::wire::encode_choice_into(0, &self.0, buffer);
            }
        })+
    };
}

armored! {
    PaFxFastRequest(KrbFastArmoredReq) = "PA-FX-FAST-REQUEST";
    PaFxFastReply(KrbFastArmoredRep) = "PA-FX-FAST-REPLY";
}

messages! {
    KrbFastArmor = "KrbFastArmor";
    KrbFastArmoredReq = "KrbFastArmoredReq";
    KrbFastArmoredRep = "KrbFastArmoredRep";
    KrbFastReq = "KrbFastReq";
    KrbFastResponse = "KrbFastResponse";
    KrbFastFinished = "KrbFastFinished";
    PaAuthenticationSetElem = "PA-AUTHENTICATION-SET-ELEM";
    PaAuthenticationSet = "PA-AUTHENTICATION-SET";
}
