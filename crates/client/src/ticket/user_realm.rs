//! Which realm a user belongs to whose name (`alice@corp.example`) or certificate does not tell.

use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::message::{HostAddresses, KdcReq, KdcReqBody, KdcReqKind, PaData, PaType};
use kerbstone_proto::name::{Principal, PrincipalName, Realm};
use kerbstone_proto::time::Timestamp;
use rand_core::CryptoRng;

use super::behalf::Subject;
use super::{MAX_REFERRALS, TicketSettings};
use crate::diagnosis::{PrincipalProbe, PrincipalState};
use crate::error::ClientError;
use crate::machine::{Request, Service};

/// How long the ticket would be valid that a user without pre-authentication gets.
const LIFETIME: std::time::Duration = std::time::Duration::from_secs(300);

/// Asks one realm after the other, as a login would that proves nothing (MIT does the same).
#[derive(Debug)]
pub(super) struct UserRealm {
    subject: Subject,
    seen: Vec<Realm>,
}

/// Where the search stands.
#[derive(Debug)]
pub(super) enum Found {
    /// It is this realm.
    Here(Realm),
    /// Another one must be asked.
    Ask(Request),
}

impl UserRealm {
    /// Begins in the realm that the subject's user has.
    pub(super) fn begin(
        subject: Subject,
        settings: &TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> (Self, Request) {
        let search = Self {
            seen: vec![subject.user.realm.clone()],
            subject,
        };
        let request = search.request(settings, now, rng);
        (search, request)
    }

    /// What the KDC said.
    pub(super) fn handle(
        &mut self,
        reply: &[u8],
        settings: &TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Found, ClientError> {
        let user = &self.subject.user;
        match PrincipalProbe::read(reply)?.state {
            PrincipalState::Elsewhere(Some(realm)) => {
                let again = self.seen.contains(&realm);
                self.seen.push(realm.clone());
                if again || self.seen.len() > MAX_REFERRALS {
                    return Err(ClientError::Looping {
                        realms: std::mem::take(&mut self.seen),
                    });
                }
                self.subject.user.realm = realm;
                Ok(Found::Ask(self.request(settings, now, rng)))
            }
            PrincipalState::Unknown | PrincipalState::Elsewhere(None) => {
                Err(ClientError::UnknownClient {
                    client: user.clone(),
                })
            }
            PrincipalState::Refused { code, .. } => Err(ClientError::Kdc {
                code,
                // MIT's library keeps a KDC's own words to itself here.
                text: String::new(),
                realm: user.realm.clone(),
                about: user.clone(),
            }),
            // Whether the account is usable, the realm says when it is asked for the ticket.
            _ => Ok(Found::Here(user.realm.clone())),
        }
    }

    fn request(
        &self,
        settings: &TicketSettings,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Request {
        let Principal { name, realm } = &self.subject.user;
        let body = KdcReqBody {
            kdc_options: KdcOptions::CANONICALIZE,
            cname: Some(name.clone()),
            realm: realm.clone(),
            sname: Some(PrincipalName::krbtgt(realm)),
            from: None,
            till: settings.offset.apply(now).time.saturating_add(LIFETIME),
            rtime: None,
            nonce: crate::nonce::fresh(rng),
            etype: settings.enctypes.iter().map(|e| e.number()).collect(),
            addresses: HostAddresses::default(),
            enc_authorization_data: None,
            additional_tickets: Vec::new(),
        };
        // In an AS exchange there is no key to sign it with: the bare certificate goes (MS-SFU 3.1.5.1.1.1).
        let certificate = self.subject.certificate.iter();
        let padata = certificate
            .map(|der| PaData::new(PaType::S4U_X509_USER, der.clone()))
            .collect();
        Request {
            realm: realm.clone(),
            service: Service::Kdc,
            bytes: KdcReq::new(KdcReqKind::As, padata, body).to_der(),
        }
    }
}
