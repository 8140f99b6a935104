//! KRB-ERROR (RFC 4120 5.9).

use der::Sequence;

use super::pa_data::{MethodData, PaData, PaType};
use crate::error_code::ErrorCode;
use crate::name::{KerberosString, Principal, PrincipalName, Realm};
use crate::time::{KerberosTime, Timestamp};
use crate::wire::{Fixed, Microseconds, Pvno, lists, messages};

/// A refusal. Nothing protects it unless it travels inside FAST.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct KrbError {
    /// The version, always 5.
    #[asn1(context_specific = "0")]
    pub pvno: Pvno,
    /// The message's type, always 30.
    #[asn1(context_specific = "1")]
    pub msg_type: Fixed<30>,
    /// The client's time, from its request.
    #[asn1(context_specific = "2", optional = "true")]
    pub ctime: Option<KerberosTime>,
    /// Its microseconds.
    #[asn1(context_specific = "3", optional = "true")]
    pub cusec: Option<Microseconds>,
    /// The server's time: with KRB_AP_ERR_SKEW it says by how much the clocks differ.
    #[asn1(context_specific = "4")]
    pub stime: KerberosTime,
    /// Its microseconds.
    #[asn1(context_specific = "5")]
    pub susec: Microseconds,
    /// Why.
    #[asn1(context_specific = "6")]
    pub error_code: ErrorCode,
    /// The client's realm; with KDC_ERR_WRONG_REALM the realm to ask.
    #[asn1(context_specific = "7", optional = "true")]
    pub crealm: Option<Realm>,
    /// The client's name.
    #[asn1(context_specific = "8", optional = "true")]
    pub cname: Option<PrincipalName>,
    /// The realm that refuses.
    #[asn1(context_specific = "9")]
    pub realm: Realm,
    /// The server that was asked, or asked for.
    #[asn1(context_specific = "10")]
    pub sname: PrincipalName,
    /// Why, in words.
    #[asn1(context_specific = "11", optional = "true")]
    pub e_text: Option<KerberosString>,
    /// What to do about it, see [`KrbError::data`].
    #[asn1(context_specific = "12", type = "OCTET STRING", optional = "true")]
    pub e_data: Option<Vec<u8>>,
}

impl KrbError {
    /// A refusal with nothing but the necessary.
    pub fn new(error_code: ErrorCode, now: Timestamp, server: Principal) -> Self {
        Self {
            pvno: Fixed,
            msg_type: Fixed,
            ctime: None,
            cusec: None,
            stime: now.time,
            susec: Microseconds::of(now),
            error_code,
            crealm: None,
            cname: None,
            realm: server.realm,
            sname: server.name,
            e_text: None,
            e_data: None,
        }
    }

    /// The server's time to the microsecond.
    pub const fn server_time(&self) -> Timestamp {
        Timestamp::new(self.stime, self.susec.get())
    }

    /// What the e-data says, as far as it is in one of the two forms of RFC 4120.
    pub fn data(&self) -> Option<KrbErrorData> {
        let bytes = self.e_data.as_deref()?;
        MethodData::from_der(bytes)
            .map(KrbErrorData::Method)
            .or_else(|_| TypedData::from_der(bytes).map(KrbErrorData::Typed))
            .ok()
    }

    /// The pre-authentication data in the e-data, in whichever form it came; empty if none.
    pub fn method_data(&self) -> MethodData {
        match self.data() {
            Some(KrbErrorData::Method(methods)) => methods,
            Some(KrbErrorData::Typed(typed)) => typed.into_method_data(),
            None => MethodData::default(),
        }
    }
}

/// The two forms of e-data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KrbErrorData {
    /// METHOD-DATA, with KDC_ERR_PREAUTH_REQUIRED and other errors.
    Method(MethodData),
    /// TYPED-DATA, with the errors of PKINIT.
    Typed(TypedData),
}

/// One element of TYPED-DATA.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TypedDataEntry {
    /// What it is; the numbers are those of pre-authentication data.
    #[asn1(context_specific = "0")]
    pub data_type: i32,
    /// Its bytes.
    #[asn1(context_specific = "1", type = "OCTET STRING", optional = "true")]
    pub data_value: Option<Vec<u8>>,
}

lists! {
    /// TYPED-DATA.
    TypedData of TypedDataEntry;
}

impl TypedData {
    /// The same as pre-authentication data.
    pub fn into_method_data(self) -> MethodData {
        let entries = self.0.into_iter();
        entries
            .map(|entry| {
                PaData::new(
                    PaType(entry.data_type),
                    entry.data_value.unwrap_or_default(),
                )
            })
            .collect()
    }
}

messages! {
    KrbError = "KRB-ERROR", application 30;
    TypedDataEntry = "TYPED-DATA element";
    TypedData = "TYPED-DATA";
}
