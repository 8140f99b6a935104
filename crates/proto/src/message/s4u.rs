//! Acting for a user (MS-SFU), and what a client says about PACs (MS-KILE).

use der::Sequence;
use kerbstone_crypto::{ChecksumType, Key, KeyUsage};

use super::encrypted::Checksum;
use crate::error::ProtoError;
use crate::flags::{PacOptions, S4uOptions};
use crate::name::{KerberosString, Principal, PrincipalName, Realm};
use crate::wire::{Encoded, UInt32, messages};

/// What stands in [`PaForUser::auth_package`].
const PACKAGE: &str = "Kerberos";

/// PA-FOR-USER: a service wants a ticket to itself for a user whom it has authenticated in
/// another way (MS-SFU 2.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PaForUser {
    /// The user.
    #[asn1(context_specific = "0")]
    pub user_name: PrincipalName,
    /// The user's realm.
    #[asn1(context_specific = "1")]
    pub user_realm: Realm,
    /// HMAC-MD5 with the session key, whatever its enctype.
    #[asn1(context_specific = "2")]
    pub cksum: Checksum,
    /// `Kerberos`.
    #[asn1(context_specific = "3")]
    pub auth_package: KerberosString,
}

impl PaForUser {
    /// Names the user, proved with the session key of the ticket that is shown.
    pub fn new(user: &Principal, session_key: &Key) -> Self {
        let mut asked = Self {
            user_name: user.name.clone(),
            user_realm: user.realm.clone(),
            cksum: Checksum {
                cksumtype: ChecksumType::HmacMd5.number(),
                checksum: Vec::new(),
            },
            auth_package: KerberosString::from(PACKAGE),
        };
        let mac = session_key.hmac_md5_checksum(KeyUsage::PA_FOR_USER, &asked.checksummed());
        asked.cksum.checksum = mac.to_vec();
        asked
    }

    /// The user.
    pub fn user(&self) -> Principal {
        Principal::new(self.user_name.clone(), self.user_realm.clone())
    }

    /// Checks that the owner of the session key named this user.
    ///
    /// # Errors
    /// [`ProtoError::InappropriateChecksum`] for a checksum that needs no key or another than
    /// this one, [`ProtoError::Modified`] for a wrong one.
    pub fn verify(&self, session_key: &Key) -> Result<(), ProtoError> {
        let data = self.checksummed();
        if self.cksum.cksumtype != ChecksumType::HmacMd5.number() {
            // MIT takes any keyed checksum here.
            return self
                .cksum
                .verify(session_key, KeyUsage::PA_FOR_USER, &data)
                .map_err(|error| {
                    let own = session_key.enctype().checksum_type().number();
                    if self.cksum.cksumtype == own {
                        error
                    } else {
                        ProtoError::InappropriateChecksum
                    }
                });
        }
        session_key
            .verify_hmac_md5_checksum(KeyUsage::PA_FOR_USER, &data, &self.cksum.checksum)
            .map_err(|_| ProtoError::Modified)
    }

    /// The name type, little-endian, and all strings one after the other.
    fn checksummed(&self) -> Vec<u8> {
        let mut data = self.user_name.name_type.0.to_le_bytes().to_vec();
        for component in &self.user_name.components {
            data.extend_from_slice(component.as_bytes());
        }
        data.extend_from_slice(self.user_realm.as_bytes());
        data.extend_from_slice(self.auth_package.as_bytes());
        data
    }
}

/// S4UUserID: for which user (MS-SFU 2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct S4uUserId {
    /// The nonce of the request.
    #[asn1(context_specific = "0")]
    pub nonce: UInt32,
    /// The user; absent, or without components, where the certificate says who it is.
    #[asn1(context_specific = "1", optional = "true")]
    pub cname: Option<PrincipalName>,
    /// The user's realm.
    #[asn1(context_specific = "2")]
    pub crealm: Realm,
    /// The user's certificate, X.509 in DER.
    #[asn1(context_specific = "3", type = "OCTET STRING", optional = "true")]
    pub subject_certificate: Option<Vec<u8>>,
    /// Options.
    #[asn1(context_specific = "4", optional = "true")]
    pub options: Option<S4uOptions>,
}

impl S4uUserId {
    /// The user with that name, and the wish that the reply be bound to this request.
    pub fn new(user: &Principal, nonce: UInt32) -> Self {
        Self {
            nonce,
            cname: Some(user.name.clone()),
            crealm: user.realm.clone(),
            subject_certificate: None,
            options: Some(S4uOptions::USE_REPLY_KEY_USAGE),
        }
    }

    /// The user, if one is named.
    pub fn user(&self) -> Option<Principal> {
        let name = self.cname.clone()?;
        (!name.components.is_empty()).then(|| Principal::new(name, self.crealm.clone()))
    }

    /// The options that are set.
    pub fn options(&self) -> S4uOptions {
        self.options.unwrap_or_default()
    }
}

/// PA-S4U-X509-USER: as [`PaForUser`], bound to the request, with an answer of the same form
/// (MS-SFU 2.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PaS4uX509User {
    /// For which user, with the bytes that the checksum is over.
    #[asn1(context_specific = "0")]
    pub user_id: Encoded<S4uUserId>,
    /// Over the DER of `user_id`, with the subkey if there is one, else with the session key.
    #[asn1(context_specific = "1")]
    pub checksum: Checksum,
}

impl PaS4uX509User {
    /// Asks for a ticket for that user.
    pub fn request(user_id: S4uUserId, key: &Key) -> Self {
        Self::sealed(user_id, key, KeyUsage::PA_S4U_X509_USER_REQUEST)
    }

    /// Answers such a request, in the way that its options want.
    pub fn reply(user_id: S4uUserId, key: &Key) -> Self {
        let usage = reply_usage(&user_id);
        Self::sealed(user_id, key, usage)
    }

    fn sealed(user_id: S4uUserId, key: &Key, usage: KeyUsage) -> Self {
        let user_id = Encoded::new(user_id);
        let checksum = Checksum::compute(key, usage, user_id.der());
        Self { user_id, checksum }
    }

    /// Checks a request.
    ///
    /// # Errors
    /// As [`Checksum::verify`].
    pub fn verify_request(&self, key: &Key) -> Result<(), ProtoError> {
        self.verify(key, KeyUsage::PA_S4U_X509_USER_REQUEST)
    }

    /// Checks a reply.
    ///
    /// # Errors
    /// As [`Checksum::verify`].
    pub fn verify_reply(&self, key: &Key) -> Result<(), ProtoError> {
        self.verify(key, reply_usage(&self.user_id))
    }

    fn verify(&self, key: &Key, usage: KeyUsage) -> Result<(), ProtoError> {
        if self.checksum.cksumtype != key.enctype().checksum_type().number() {
            return Err(ProtoError::InappropriateChecksum);
        }
        self.checksum.verify(key, usage, self.user_id.der())
    }
}

fn reply_usage(user_id: &S4uUserId) -> KeyUsage {
    match user_id.options().contains(S4uOptions::USE_REPLY_KEY_USAGE) {
        true => KeyUsage::PA_S4U_X509_USER_REPLY,
        false => KeyUsage::PA_S4U_X509_USER_REQUEST,
    }
}

/// KERB-PA-PAC-REQUEST: whether a PAC is wanted in the ticket of an AS exchange (MS-KILE 2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct PaPacRequest {
    /// It is.
    #[asn1(context_specific = "0")]
    pub include_pac: bool,
}

/// PA-PAC-OPTIONS: what a client and a KDC know of (MS-KILE 2.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct PaPacOptions {
    /// The options.
    #[asn1(context_specific = "0")]
    pub options: PacOptions,
}

messages! {
    PaForUser = "PA-FOR-USER";
    S4uUserId = "S4UUserID";
    PaS4uX509User = "PA-S4U-X509-USER";
    PaPacRequest = "PA-PAC-REQUEST";
    PaPacOptions = "PA-PAC-OPTIONS";
}
