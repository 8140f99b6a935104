//! An AS-REQ without proof: what the KDC says to it tells its clock, and what it knows of a principal.

use kerbstone_crypto::Enctype;
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{
    HostAddresses, KdcRep, KdcReq, KdcReqBody, KdcReqKind, KrbError, PaData,
};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::{KerberosTime, Timestamp};
use rand_core::CryptoRng;

use crate::error::ClientError;
use crate::login::{hints, text_of};
use crate::machine::{Input, Machine, Request, Service, Step};

/// How long the ticket would be valid that a principal without pre-authentication gets.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(300);

/// The machine of one question. No failed login is counted for it, as nothing is proved.
#[derive(Debug)]
pub struct PrincipalProbe {
    step: Option<Step<Told>>,
}

/// What a KDC said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it knows of the principal.
    pub state: PrincipalState,
    /// Its clock, where it said it.
    pub time: Option<Timestamp>,
}

/// What a KDC knows of a principal as a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalState {
    /// It could sign in.
    Known {
        /// Encryption types of its keys, as far as the KDC told them: many tell only the first that was offered.
        enctypes: Vec<Enctype>,
        /// The version of its key, which a KDC tells only of principals that need no pre-authentication.
        kvno: Option<u32>,
    },
    /// No such principal. Active Directory says so also of names that are services only.
    Unknown,
    /// It belongs to another realm, which the KDC may have named.
    Elsewhere(Option<Realm>),
    /// Its password has expired or must be changed.
    KeyExpired,
    /// The account has expired.
    AccountExpired,
    /// It is disabled or locked.
    Revoked,
    /// It has no key of an offered encryption type.
    NoCommonEnctype,
    /// Something else.
    Refused {
        /// The KDC's code.
        code: ErrorCode,
        /// Its words, if any.
        text: String,
    },
}

impl PrincipalState {
    /// Whether the KDC has the principal and would let it sign in.
    pub const fn is_known(&self) -> bool {
        matches!(self, Self::Known { .. })
    }
}

impl PrincipalProbe {
    /// Asks about `client`, offering these encryption types.
    pub fn new(
        client: &Principal,
        enctypes: &[Enctype],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        Self {
            step: Some(Step::Send(Request {
                realm: client.realm.clone(),
                service: Service::Kdc,
                bytes: Self::request(client, enctypes, now, rng),
            })),
        }
    }

    /// The question's bytes, for who carries them elsewhere than a realm's servers are found.
    pub fn request(
        client: &Principal,
        enctypes: &[Enctype],
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Vec<u8> {
        let body = KdcReqBody {
            kdc_options: KdcOptions::EMPTY,
            cname: Some(client.name.clone()),
            realm: client.realm.clone(),
            sname: Some(PrincipalName::krbtgt(&client.realm)),
            from: None,
            till: now.time.saturating_add(LIFETIME),
            rtime: None,
            nonce: crate::nonce::fresh(rng),
            etype: enctypes.iter().map(|enctype| enctype.number()).collect(),
            addresses: HostAddresses::default(),
            enc_authorization_data: None,
            additional_tickets: Vec::new(),
        };
        KdcReq::new(KdcReqKind::As, Vec::<PaData>::new(), body).to_der()
    }

    /// Reads the answer to [`request`](Self::request).
    pub fn read(reply: &[u8]) -> Result<Told, ClientError> {
        if let Ok(error) = KrbError::from_der(reply) {
            return Ok(Told {
                time: (error.stime != KerberosTime::ZERO).then(|| error.server_time()),
                state: state(&error),
            });
        }
        let reply = KdcRep::from_der(reply).map_err(|error| ClientError::NotAReply {
            why: error.to_string(),
        })?;
        Ok(Told {
            state: PrincipalState::Known {
                enctypes: reply.enc_part.enctype().into_iter().collect(),
                kvno: reply.enc_part.kvno.map(|kvno| kvno.0),
            },
            time: None,
        })
    }
}

fn state(error: &KrbError) -> PrincipalState {
    match error.error_code {
        ErrorCode::KDC_ERR_PREAUTH_REQUIRED | ErrorCode::KDC_ERR_PREAUTH_FAILED => {
            let hinted = hints(&error.method_data().0, None);
            PrincipalState::Known {
                enctypes: hinted.iter().map(|info| info.enctype).collect(),
                kvno: None,
            }
        }
        ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN => PrincipalState::Unknown,
        ErrorCode::KDC_ERR_WRONG_REALM => PrincipalState::Elsewhere(error.crealm.clone()),
        ErrorCode::KDC_ERR_KEY_EXP => PrincipalState::KeyExpired,
        ErrorCode::KDC_ERR_NAME_EXP => PrincipalState::AccountExpired,
        ErrorCode::KDC_ERR_CLIENT_REVOKED => PrincipalState::Revoked,
        ErrorCode::KDC_ERR_ETYPE_NOSUPP => PrincipalState::NoCommonEnctype,
        code => PrincipalState::Refused {
            code,
            text: text_of(error),
        },
    }
}

impl Machine for PrincipalProbe {
    type Output = Told;

    fn handle(
        &mut self,
        input: Input<'_>,
        _: Timestamp,
        _: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let Input::Reply(reply) = input else {
            return Err(ClientError::Misuse("a probe asks nobody but the KDC"));
        };
        self.step = Some(Step::Done(Self::read(reply)?));
        Ok(())
    }

    fn poll(&mut self) -> Option<Step<Told>> {
        self.step.take()
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::message::{EtypeInfo2, EtypeInfo2Entry, MethodData, PaType};

    use super::*;

    fn refusal(code: ErrorCode, at: i64) -> KrbError {
        let realm = Realm::from("R");
        let now = Timestamp::new(KerberosTime::from_unix(at), 7);
        KrbError::new(code, now, Principal::krbtgt(&realm, &realm))
    }

    #[test]
    fn reads_clock_and_enctypes_from_a_demand_for_proof() {
        let info = EtypeInfo2::from(vec![EtypeInfo2Entry {
            etype: 18,
            salt: None,
            s2kparams: None,
        }]);
        let methods = MethodData(vec![PaData::new(PaType::ETYPE_INFO2, info.to_der())]);
        let mut error = refusal(ErrorCode::KDC_ERR_PREAUTH_REQUIRED, 1000);
        error.e_data = Some(methods.to_der());
        let told = PrincipalProbe::read(&error.to_der()).unwrap();
        let time = Timestamp::new(KerberosTime::from_unix(1000), 7);
        assert_eq!(told.time, Some(time));
        let enctypes = vec![Enctype::Aes256CtsHmacSha1_96];
        let kvno = None;
        assert_eq!(told.state, PrincipalState::Known { enctypes, kvno });
    }

    #[test]
    fn keeps_apart_what_a_kdc_refuses() {
        for (code, state) in [
            (
                ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN,
                PrincipalState::Unknown,
            ),
            (ErrorCode::KDC_ERR_KEY_EXP, PrincipalState::KeyExpired),
            (ErrorCode::KDC_ERR_CLIENT_REVOKED, PrincipalState::Revoked),
        ] {
            let told = PrincipalProbe::read(&refusal(code, 1).to_der()).unwrap();
            assert_eq!(told.state, state);
        }
        assert!(PrincipalProbe::read(b"HTTP/1.1 400 Bad Request").is_err());
    }
}
