//! In whose name a ticket is asked for, and what the KDC says to that (MS-SFU).

use kerbstone_crypto::Key;
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::flags::{PacOptions, S4uOptions};
use kerbstone_proto::message::{
    EncKdcRepPart, KdcRep, PaData, PaForUser, PaPacOptions, PaS4uX509User, PaType, S4uUserId,
    UInt32,
};
use kerbstone_proto::name::Principal;

use crate::error::ClientError;

/// In whose name.
#[derive(Clone, Debug)]
pub(super) enum Behalf {
    /// Of whoever asks.
    Own,
    /// Of a user whom the asking service says it knows (S4U2Self).
    User(Box<Subject>),
    /// Of the second ticket's client (S4U2Proxy).
    Evidence,
}

/// A user, by name or by certificate.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Without components when the certificate tells who it is.
    pub(super) user: Principal,
    /// X.509 in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

impl Subject {
    fn is_named(&self) -> bool {
        self.user
            .name
            .components
            .iter()
            .any(|component| !component.as_bytes().is_empty())
    }

    pub(super) fn user_id(&self, nonce: UInt32) -> S4uUserId {
        S4uUserId {
            nonce,
            cname: self.is_named().then(|| self.user.name.clone()),
            crealm: self.user.realm.clone(),
            subject_certificate: self.certificate.clone(),
            options: Some(S4uOptions::USE_REPLY_KEY_USAGE),
        }
    }
}

impl Behalf {
    /// What goes along with the request's PA-TGS-REQ.
    pub(super) fn padata(&self, nonce: UInt32, session_key: &Key, subkey: &Key) -> Vec<PaData> {
        match self {
            Self::Own => Vec::new(),
            Self::User(subject) => {
                let bound = PaS4uX509User::request(subject.user_id(nonce), subkey);
                let mut padata = vec![PaData::new(PaType::S4U_X509_USER, bound.to_der())];
                // Heimdal and old Windows know only this one.
                if subject.is_named() {
                    let named = PaForUser::new(&subject.user, session_key);
                    padata.push(PaData::new(PaType::FOR_USER, named.to_der()));
                }
                padata
            }
            Self::Evidence => {
                let options = PaPacOptions {
                    options: PacOptions::RESOURCE_BASED_DELEGATION,
                };
                vec![PaData::new(PaType::PAC_OPTIONS, options.to_der())]
            }
        }
    }
}

/// The user that the KDC says the reply is about, if it says so in a way that nobody can have changed.
pub(super) fn user_in_reply(
    reply: &KdcRep,
    part: &EncKdcRepPart,
    nonce: UInt32,
    subkey: &Key,
) -> Result<Option<Principal>, ClientError> {
    let differs = |what| Err(ClientError::ReplyModified { what });
    let Some(said) = PaData::find(&reply.padata, PaType::S4U_X509_USER) else {
        let promised = PaData::find(&part.encrypted_pa_data, PaType::S4U_X509_USER);
        return match promised {
            Some(_) => differs("the user's name, which was taken out"),
            None => Ok(None),
        };
    };
    let not_one = |error: ProtoError| ClientError::NotAReply {
        why: error.to_string(),
    };
    let said = PaS4uX509User::from_der(said).map_err(not_one)?;
    if said.user_id.nonce != nonce {
        return differs("the nonce of the user's name");
    }
    if said.verify_reply(subkey).is_err() {
        return differs("the user's name");
    }
    match said.user_id.user() {
        Some(user) => Ok(Some(user)),
        None => differs("the user's name, which is missing"),
    }
}

/// Whether the KDC says that it knows delegation that the service at its end permits.
pub(super) fn is_resource_based(part: &EncKdcRepPart) -> bool {
    PaData::find(&part.encrypted_pa_data, PaType::PAC_OPTIONS)
        .and_then(|bytes| PaPacOptions::from_der(bytes).ok())
        .is_some_and(|said| said.options.contains(PacOptions::RESOURCE_BASED_DELEGATION))
}
