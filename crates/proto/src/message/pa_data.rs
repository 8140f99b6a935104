//! Pre-authentication data (RFC 4120 5.2.7): a type and bytes, and the small types inside.

use std::fmt;

use der::{
    DecodeValue, EncodeValue, Error, FixedTag, Header, Length, Reader, Sequence, Tag, Writer,
};

use crate::backward::BackwardWriter;
use crate::forward::ForwardReader;
use crate::time::{KerberosTime, Timestamp};
use crate::wire::{Microseconds, lists, messages};

/// What a PA-DATA is. Types without a name here are kept as they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaType(pub i32);

/// One line per type that the wire shows.
macro_rules! pa_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)+) => {
        impl PaType {
            $($(#[$doc])* pub const $name: Self = Self($number);)+

            /// The name in the registry, without its `PA-`.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

pa_types! {
    /// An AP-REQ with the TGT (RFC 4120 5.2.7.1).
    TGS_REQ = 1;
    /// An encrypted timestamp (RFC 4120 5.2.7.2).
    ENC_TIMESTAMP = 2;
    /// A salt, of old KDCs (RFC 4120 5.2.7.3).
    PW_SALT = 3;
    /// Encryption types and salts, of old KDCs (RFC 4120 5.2.7.4).
    ETYPE_INFO = 11;
    /// PKINIT's request (RFC 4556).
    PK_AS_REQ = 16;
    /// PKINIT's reply (RFC 4556).
    PK_AS_REP = 17;
    /// Encryption types, salts and parameters (RFC 4120 5.2.7.5).
    ETYPE_INFO2 = 19;
    /// Where a referral leads (RFC 6806).
    SVR_REFERRAL_INFO = 20;
    /// Whether the client wants a PAC (MS-KILE).
    PAC_REQUEST = 128;
    /// Act for a user named here (MS-SFU).
    FOR_USER = 129;
    /// Act for a user named or certified here (MS-SFU).
    S4U_X509_USER = 130;
    /// State of the KDC that the client returns (RFC 6113 5.2).
    FX_COOKIE = 133;
    /// Chooses a set of mechanisms (RFC 6113 5.3).
    AUTHENTICATION_SET = 134;
    /// The set that was chosen (RFC 6113 5.3).
    AUTH_SET_SELECTED = 135;
    /// FAST's request and reply (RFC 6113 5.4).
    FX_FAST = 136;
    /// A KRB-ERROR inside FAST (RFC 6113 5.4.4).
    FX_ERROR = 137;
    /// An encrypted timestamp under the armor (RFC 6113 5.4.6).
    ENCRYPTED_CHALLENGE = 138;
    /// One-time passwords (RFC 6560).
    OTP_CHALLENGE = 141;
    /// One-time passwords (RFC 6560).
    OTP_REQUEST = 142;
    /// The KDC's half of an anonymous session key (RFC 6112).
    PKINIT_KX = 147;
    /// Asks for encrypted pre-authentication data, and answers with a checksum over the
    /// request (RFC 6806 11).
    REQ_ENC_PA_REP = 149;
    /// PKINIT's freshness token (RFC 8070).
    AS_FRESHNESS = 150;
    /// SPAKE (RFC 9588).
    SPAKE = 151;
    /// What encryption types an account has (MS-KILE).
    SUPPORTED_ETYPES = 165;
    /// Extra options of Windows (MS-KILE).
    PAC_OPTIONS = 167;
}

impl fmt::Debug for PaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "PaType({})", self.0),
        }
    }
}

impl FixedTag for PaType {
    const TAG: Tag = Tag::Integer;
}

impl<'a> DecodeValue<'a> for PaType {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        i32::decode_value(reader, header).map(Self)
    }
}

impl EncodeValue for PaType {
    fn value_len(&self) -> der::Result<Length> {
        self.0.value_len()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.encode_value(writer)
    }
}

/// A piece of pre-authentication data.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PaData {
    /// What it is.
    #[asn1(context_specific = "1")]
    pub padata_type: PaType,
    /// Its bytes, mostly DER again.
    #[asn1(context_specific = "2", type = "OCTET STRING", deref = "true")]
    pub padata_value: Vec<u8>,
}

impl PaData {
    /// A piece of that type.
    pub fn new(padata_type: PaType, padata_value: impl Into<Vec<u8>>) -> Self {
        Self {
            padata_type,
            padata_value: padata_value.into(),
        }
    }

    /// The bytes of the first piece of that type.
    pub fn find(list: &[Self], padata_type: PaType) -> Option<&[u8]> {
        list.iter()
            .find(|pa| pa.padata_type == padata_type)
            .map(|pa| pa.padata_value.as_slice())
    }
}

lists! {
    /// METHOD-DATA: the pre-authentication that a KDC offers, in the e-data of a KRB-ERROR.
    MethodData of PaData;
}

/// PA-ENC-TS-ENC: the time, which a client encrypts in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct PaEncTsEnc {
    /// The client's time.
    #[asn1(context_specific = "0")]
    pub patimestamp: KerberosTime,
    /// Its microseconds.
    #[asn1(context_specific = "1", optional = "true")]
    pub pausec: Option<Microseconds>,
}

impl From<Timestamp> for PaEncTsEnc {
    fn from(now: Timestamp) -> Self {
        Self {
            patimestamp: now.time,
            pausec: Some(Microseconds::of(now)),
        }
    }
}

impl PaData {
    pub(super) fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                padata_type: PaType(reader.int_field(1)?),
                padata_value: reader.octets_field(2)?.to_vec(),
            })
        })
    }
}

impl PaEncTsEnc {
    fn read_forward(reader: &mut ForwardReader<'_>) -> Option<Self> {
        reader.sequence(|reader| {
            Some(Self {
                patimestamp: reader.time_field(0)?,
                pausec: reader.optional_field(1, ForwardReader::microseconds)?,
            })
        })
    }
}

impl PaData {
    pub(super) fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.sequence(|writer| {
            writer.octets_field(2, &self.padata_value);
            writer.int_field(1, self.padata_type.0);
        });
    }
}

impl MethodData {
    fn write_backward(&self, writer: &mut BackwardWriter<'_>) {
        writer.list(self, |writer, pa| pa.write_backward(writer));
    }
}

messages! {
    PaData = "PA-DATA" => forward backward;
    MethodData = "METHOD-DATA" => backward;
    PaEncTsEnc = "PA-ENC-TS-ENC" => forward;
}
