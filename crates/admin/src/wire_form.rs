//! How values of a realm are written in JSON: names as people write them, times and lengths of
//! time in seconds.

use std::time::Duration;

use base64ct::{Base64, Encoding};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, Keysalt};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that has a form in JSON; for fields `#[serde(with = "crate::wire_form")]`.
pub(crate) trait WireForm: Sized {
    type Form: Serialize + DeserializeOwned;

    fn to_form(&self) -> Self::Form;

    fn from_form(form: Self::Form) -> Result<Self, String>;
}

pub(crate) fn serialize<T: WireForm, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.to_form().serialize(serializer)
}

pub(crate) fn deserialize<'de, T: WireForm, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::from_form(T::Form::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A name that is not UTF-8 cannot be a JSON string.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum NameForm {
    Text(String),
    Bytes { base64: String },
}

impl NameForm {
    fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Bytes {
                base64: Base64::encode_string(other.as_bytes()),
            },
        }
    }

    fn into_bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Bytes { base64 } => {
                Base64::decode_vec(&base64).map_err(|_| "a name is not base64".to_owned())
            }
        }
    }
}

impl WireForm for Principal {
    type Form = NameForm;

    fn to_form(&self) -> NameForm {
        NameForm::of(self.unparse())
    }

    fn from_form(form: NameForm) -> Result<Self, String> {
        Self::parse_bytes(&form.into_bytes()?, None).map_err(|error| error.to_string())
    }
}

impl WireForm for Realm {
    type Form = NameForm;

    fn to_form(&self) -> NameForm {
        NameForm::of(self.as_bytes().to_vec())
    }

    fn from_form(form: NameForm) -> Result<Self, String> {
        Ok(Self::from(form.into_bytes()?))
    }
}

impl WireForm for KerberosTime {
    type Form = i64;

    fn to_form(&self) -> i64 {
        self.unix()
    }

    fn from_form(seconds: i64) -> Result<Self, String> {
        Ok(Self::from_unix(seconds))
    }
}

impl WireForm for Duration {
    type Form = u64;

    fn to_form(&self) -> u64 {
        self.as_secs()
    }

    fn from_form(seconds: u64) -> Result<Self, String> {
        Ok(Self::from_secs(seconds))
    }
}

impl WireForm for Attributes {
    type Form = u32;

    fn to_form(&self) -> u32 {
        self.bits()
    }

    fn from_form(bits: u32) -> Result<Self, String> {
        Ok(Self::from_bits(bits))
    }
}

impl WireForm for Keysalt {
    type Form = String;

    fn to_form(&self) -> String {
        self.to_string()
    }

    fn from_form(text: String) -> Result<Self, String> {
        text.parse()
            .map_err(|error: kerbstone_realm::UnknownKeysalt| error.to_string())
    }
}

impl WireForm for String {
    type Form = Self;

    fn to_form(&self) -> Self {
        self.clone()
    }

    fn from_form(text: Self) -> Result<Self, String> {
        Ok(text)
    }
}

impl<T: WireForm> WireForm for Option<T> {
    type Form = Option<T::Form>;

    fn to_form(&self) -> Self::Form {
        self.as_ref().map(T::to_form)
    }

    fn from_form(form: Self::Form) -> Result<Self, String> {
        form.map(T::from_form).transpose()
    }
}

impl<T: WireForm> WireForm for Vec<T> {
    type Form = Vec<T::Form>;

    fn to_form(&self) -> Self::Form {
        self.iter().map(T::to_form).collect()
    }

    fn from_form(form: Self::Form) -> Result<Self, String> {
        form.into_iter().map(T::from_form).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(principal: &Principal) -> String {
        let json = serde_json::to_string(&principal.to_form()).unwrap();
        let form = serde_json::from_str(&json).unwrap();
        assert_eq!(Principal::from_form(form).unwrap(), *principal);
        json
    }

    #[test]
    fn names_pass_whatever_bytes_they_have() {
        let realm = Realm::from("EXAMPLE.TEST");
        let text = Principal::parse(r"jürgen\@x/admin", Some(&realm)).unwrap();
        assert_eq!(round_trip(&text), r#""jürgen\\@x/admin@EXAMPLE.TEST""#);
        let latin1 = Principal::parse_bytes(b"j\xfcrgen", Some(&realm)).unwrap();
        assert!(round_trip(&latin1).contains("base64"));
    }

    #[test]
    fn a_name_without_a_realm_is_refused() {
        assert!(Principal::from_form(NameForm::Text("alice".into())).is_err());
    }
}
