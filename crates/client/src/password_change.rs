//! Changing one's own password, or setting another's (RFC 3244).

use kerbstone_crypto::Key;
use kerbstone_proto::ap_exchange::{ApPurpose, ApReqBuilder, PendingApReq};
use kerbstone_proto::ccache::Credential;
use kerbstone_proto::error::ProtoError;
use kerbstone_proto::kpasswd::{
    ChangePasswdData, PasswordReply, PasswordRequest, PasswordResult, PasswordVersion,
};
use kerbstone_proto::krb_priv;
use kerbstone_proto::message::{HostAddress, KrbPriv, Secret, Ticket};
use kerbstone_proto::name::{NameType, Principal, PrincipalName};
use kerbstone_proto::stamp::{Stamp, StampCheck};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub use kerbstone_proto::kpasswd::ResultCode;

use crate::clock::Offset;
use crate::error::ClientError;
use crate::machine::{Input, Machine, Request, Service, Step};

/// The service whose ticket a password change needs: `kadmin/changepw`.
pub fn service_name() -> PrincipalName {
    PrincipalName::new(NameType::SRV_INST, ["kadmin", "changepw"])
}

/// What the server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Success, or what kind of refusal.
    pub code: ResultCode,
    /// Why, in words for the user.
    pub message: String,
}

impl Outcome {
    /// Whether the password is changed.
    pub fn is_success(&self) -> bool {
        self.code == ResultCode::SUCCESS
    }

    /// The code as MIT's programs print it.
    pub const fn code_text(&self) -> &'static str {
        self.code.message()
    }

    fn new(result: &PasswordResult) -> Self {
        Self {
            code: result.code,
            message: message(result.text.as_bytes()),
        }
    }
}

/// The machine of one password change.
#[derive(Debug)]
pub struct PasswordChange {
    credential: Credential,
    password: Zeroizing<String>,
    target: Option<Principal>,
    offset: Offset,
    step: Option<Step<Outcome>>,
    waiting: Waiting,
}

#[derive(Debug)]
enum Waiting {
    Address,
    Reply(Box<PendingApReq>),
    Nothing,
}

impl PasswordChange {
    /// With an initial ticket for [`service_name`]. `target` is whose password it is when not the client's own; `offset`
    /// how far the KDC's clock is ahead.
    pub fn new(
        credential: Credential,
        password: Zeroizing<String>,
        target: Option<Principal>,
        offset: Offset,
    ) -> Self {
        Self {
            step: Some(Step::LocalAddress {
                realm: credential.server.realm.clone(),
            }),
            credential,
            password,
            target,
            offset,
            waiting: Waiting::Address,
        }
    }

    fn request(
        &mut self,
        address: HostAddress,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        let ticket = Ticket::from_der(&self.credential.ticket)
            .map_err(|_| ClientError::Misuse("the ticket in the credential is none"))?;
        let session_key = self.credential.key.to_key()?;
        let subkey = Key::random(session_key.enctype(), rng)?;
        let seq_number = rng.next_u32() & 0x3fff_ffff;
        let now = self.offset.apply(now);
        let pending = ApReqBuilder::new(
            &ticket,
            &session_key,
            &self.credential.client,
            ApPurpose::Application,
        )
        .subkey(subkey)
        .seq_number(seq_number)
        .build(now, rng);
        let (version, data) = self.data();
        let stamp = Stamp {
            seq_number: Some(seq_number),
            ..Stamp::from_address(address)
        };
        let request = PasswordRequest {
            version,
            ap_req: pending.request.clone(),
            krb_priv: krb_priv::seal(&data, pending.key(), &stamp, rng),
        };
        let bytes = request
            .to_bytes()
            .map_err(|_| ClientError::PasswordRefused {
                reason: "the password is too long for the protocol".to_owned(),
            })?;
        self.step = Some(Step::Send(Request {
            realm: self.credential.server.realm.clone(),
            service: Service::Kpasswd,
            bytes,
        }));
        self.waiting = Waiting::Reply(Box::new(pending));
        Ok(())
    }

    fn data(&self) -> (PasswordVersion, Zeroizing<Vec<u8>>) {
        match &self.target {
            None => (
                PasswordVersion::Change,
                Zeroizing::new(self.password.as_bytes().to_vec()),
            ),
            Some(target) => {
                let data = ChangePasswdData {
                    newpasswd: Secret::from(self.password.as_bytes()),
                    targname: Some(target.name.clone()),
                    targrealm: Some(target.realm.clone()),
                };
                (PasswordVersion::Set, Zeroizing::new(data.to_der()))
            }
        }
    }

    fn open(&mut self, pending: &PendingApReq, reply: &[u8]) -> Result<(), ClientError> {
        let modified = |what| ClientError::ReplyModified { what };
        let reply = PasswordReply::from_bytes(reply).map_err(|error| ClientError::NotAReply {
            why: error.to_string(),
        })?;
        let outcome = match reply {
            PasswordReply::Answered { ap_rep, krb_priv } => {
                let accepted = pending
                    .verify_reply(&ap_rep)
                    .map_err(|_| modified("the proof of the password server"))?;
                let seq_number = accepted.part.seq_number.map(|number| number.0);
                let keys = [accepted.subkey.as_ref(), Some(pending.key())];
                let data = open_with_any(&krb_priv, &keys, seq_number)
                    .map_err(|_| modified("the result, which this session did not protect"))?;
                PasswordResult::from_bytes(&data).map_err(|_| modified("the form of the result"))?
            }
            PasswordReply::Refused(error) => {
                let result = error
                    .e_data
                    .as_deref()
                    .and_then(|data| PasswordResult::from_bytes(data).ok())
                    // Nothing protects an error: it cannot tell of a success.
                    .filter(|result| result.code != ResultCode::SUCCESS);
                result.ok_or_else(|| ClientError::Kdc {
                    code: error.error_code,
                    text: crate::login::text_of(&error),
                    realm: self.credential.server.realm.clone(),
                    about: self.credential.client.clone(),
                })?
            }
        };
        self.step = Some(Step::Done(Outcome::new(&outcome)));
        Ok(())
    }
}

impl Machine for PasswordChange {
    type Output = Outcome;

    fn handle(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ClientError> {
        match (
            std::mem::replace(&mut self.waiting, Waiting::Nothing),
            input,
        ) {
            (Waiting::Address, Input::LocalAddress(address)) => self.request(address, now, rng),
            (Waiting::Reply(pending), Input::Reply(reply)) => self.open(&pending, reply),
            _ => Err(ClientError::Misuse(
                "the password change did not ask for this",
            )),
        }
    }

    fn poll(&mut self) -> Option<Step<Outcome>> {
        self.step.take()
    }
}

/// Servers answer under their own subkey, or under the client's (MIT).
fn open_with_any(
    message: &KrbPriv,
    keys: &[Option<&Key>],
    seq_number: Option<u32>,
) -> Result<Zeroizing<Vec<u8>>, ProtoError> {
    let check = StampCheck {
        seq_number,
        ..StampCheck::default()
    };
    let mut failure = ProtoError::NoKey;
    for key in keys.iter().flatten() {
        match krb_priv::open(message, key, &check) {
            Ok(part) => return Ok(Zeroizing::new(part.user_data.to_vec())),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Texts are for people as they are; Active Directory sends thirty octets of policy in place of one.
fn message(text: &[u8]) -> String {
    if let Some(policy) = ad_policy(text) {
        return policy;
    }
    let text = String::from_utf8_lossy(text);
    text.trim_end_matches(['\0', '\n']).to_owned()
}

/// Two zero octets; minimal length, history and properties of 4 octets each; maximal and minimal age of 8 octets each, in
/// units of 100 ns.
fn ad_policy(text: &[u8]) -> Option<String> {
    let body = text.strip_prefix(&[0, 0]).filter(|body| body.len() == 28)?;
    let (length, rest) = body.split_first_chunk::<4>()?;
    let (history, rest) = rest.split_first_chunk::<4>()?;
    let (properties, rest) = rest.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<8>()?;
    let (min_age, _) = rest.split_first_chunk::<8>()?;
    let mut rules = Vec::new();
    let length = u32::from_be_bytes(*length);
    if length > 0 {
        rules.push(format!("have at least {length} characters"));
    }
    if u32::from_be_bytes(*properties) & 1 != 0 {
        rules.push(
            "mix upper and lower case, digits and signs, and not contain your name".to_owned(),
        );
    }
    let history = u32::from_be_bytes(*history);
    if history > 0 {
        rules.push(format!("differ from the last {history}"));
    }
    let days = u64::from_be_bytes(*min_age) / 864_000_000_000;
    if days > 0 {
        rules.push(format!("stay for {days} days before the next change"));
    }
    Some(format!("a new password must {}", rules.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_policy_that_active_directory_sends() {
        let mut text = vec![0, 0];
        text.extend_from_slice(&8u32.to_be_bytes());
        text.extend_from_slice(&24u32.to_be_bytes());
        text.extend_from_slice(&1u32.to_be_bytes());
        text.extend_from_slice(&0u64.to_be_bytes());
        text.extend_from_slice(&864_000_000_000u64.to_be_bytes());
        let words = message(&text);
        assert!(words.contains("at least 8"), "{words}");
        assert!(words.contains("last 24"), "{words}");
        assert!(words.contains("1 days"), "{words}");
        assert_eq!(message(b"too short\0"), "too short");
    }
}
