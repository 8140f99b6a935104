//! The PAC in a ticket: AD-WIN2K-PAC in AD-IF-RELEVANT.

use kerbstone_crypto::Key;

use crate::error::ProtoError;
use crate::message::{AdType, AuthorizationData, EncTicketPart};
use crate::name::Principal;
use crate::pac::client_info::ClientInfo;
use crate::pac::delegation_info::DelegationInfo;
use crate::pac::layout::{Pac, PacBuffer};

/// What stands for the PAC in the ticket that is signed.
const NO_PAC: [u8; 1] = [0];

/// Whether the PAC in a ticket for that service has a signature over the ticket: those of the
/// ticket-granting service and of the password service have none (MS-PAC 2.8.3).
pub fn has_ticket_signature(service: &Principal) -> bool {
    !service.is_krbtgt() && !service.name.is(&["kadmin", "changepw"])
}

/// Where the PAC is in a ticket's authorization data. Nothing about it is proved.
#[derive(Clone, Debug)]
pub struct PacInTicket {
    /// The AD-IF-RELEVANT with the PAC, among the ticket's authorization data.
    pub container: usize,
    contents: AuthorizationData,
    position: usize,
}

impl PacInTicket {
    /// Finds the first, as MIT does: in an AD-IF-RELEVANT that stands by itself.
    ///
    /// # Errors
    /// [`ProtoError::Malformed`] for a container before it that cannot be read.
    pub fn find(data: &AuthorizationData) -> Result<Option<Self>, ProtoError> {
        for (container, element) in data.iter().enumerate() {
            if element.ad_type != AdType::IF_RELEVANT {
                continue;
            }
            let contents = AuthorizationData::from_der(&element.ad_data)?;
            let found = contents
                .iter()
                .position(|inner| inner.ad_type == AdType::WIN2K_PAC);
            if let Some(position) = found {
                return Ok(Some(Self {
                    container,
                    contents,
                    position,
                }));
            }
        }
        Ok(None)
    }

    /// The bytes of the PAC.
    pub fn bytes(&self) -> &[u8] {
        self.contents
            .get(self.position)
            .map_or(&[], |element| &element.ad_data)
    }

    /// The DER that the signature over the ticket is made of.
    pub fn signed_ticket(&self, part: &EncTicketPart) -> Vec<u8> {
        let mut contents = self.contents.clone();
        if let Some(element) = contents.get_mut(self.position) {
            element.ad_data = NO_PAC.to_vec();
        }
        let mut part = part.clone();
        if let Some(element) = part.authorization_data.get_mut(self.container) {
            element.ad_data = contents.to_der();
        }
        part.to_der()
    }
}

/// The KDC's key, and what it must have signed.
#[derive(Clone, Copy, Debug)]
pub struct KdcSignatures<'a> {
    /// The key.
    pub key: &'a Key,
    /// Whether the signature over the whole PAC may be missing, as KDCs of before December 2022
    /// and MIT's before 1.21 leave it away.
    pub without_full: bool,
}

/// A PAC whose signatures are right.
#[derive(Clone, Debug)]
pub struct SignedPac(PacInTicket);

impl SignedPac {
    /// Checks what can be checked of the PAC in a ticket: the service's signature, and with the
    /// KDC's key, in tickets that have them, the KDC's three.
    ///
    /// # Errors
    /// As [`Pac::verify_server`]; None without a PAC.
    pub fn verify(
        part: &EncTicketPart,
        service: &Principal,
        service_key: &Key,
        kdc: Option<KdcSignatures<'_>>,
    ) -> Result<Option<Self>, ProtoError> {
        let Some(found) = PacInTicket::find(&part.authorization_data)? else {
            return Ok(None);
        };
        let pac = Pac::parse(found.bytes())?;
        if let Some(kdc) = kdc {
            if has_ticket_signature(service) {
                pac.verify_ticket(kdc.key, &found.signed_ticket(part))?;
                if !kdc.without_full || pac.has(PacBuffer::FULL_SIGNATURE) {
                    pac.verify_full(kdc.key)?;
                }
            }
            pac.verify_kdc(kdc.key)?;
        }
        pac.verify_server(service_key)?;
        Ok(Some(Self(found)))
    }

    /// The AD-IF-RELEVANT with the PAC, among the ticket's authorization data.
    pub const fn container(&self) -> usize {
        self.0.container
    }

    /// The PAC.
    ///
    /// # Errors
    /// None: it was read before.
    pub fn pac(&self) -> Result<Pac<'_>, ProtoError> {
        Pac::parse(self.0.bytes())
    }

    /// The buffer that says who the client is, as it came.
    ///
    /// # Errors
    /// [`ProtoError::Mismatch`] without one, [`ProtoError::Framing`] with several.
    pub fn client_info_bytes(&self) -> Result<&[u8], ProtoError> {
        Pac::parse(self.0.bytes())?
            .get(PacBuffer::CLIENT_INFO)?
            .ok_or(ProtoError::Mismatch("the PAC does not name its client"))
    }

    /// Who the client is.
    ///
    /// # Errors
    /// As [`SignedPac::client_info_bytes`].
    pub fn client_info(&self) -> Result<ClientInfo<'_>, ProtoError> {
        ClientInfo::parse(self.client_info_bytes()?)
    }

    /// The buffer that says who acted for the client, as it came.
    ///
    /// # Errors
    /// [`ProtoError::Framing`] with several.
    pub fn delegation_info_bytes(&self) -> Result<Option<&[u8]>, ProtoError> {
        Pac::parse(self.0.bytes())?.get(PacBuffer::DELEGATION_INFO)
    }

    /// Who acted for the client.
    ///
    /// # Errors
    /// As [`SignedPac::delegation_info_bytes`].
    pub fn delegation_info(&self) -> Result<Option<DelegationInfo>, ProtoError> {
        self.delegation_info_bytes()?
            .map(DelegationInfo::parse)
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_crypto::Enctype;
    use rand::rng;

    use super::*;
    use crate::flags::TicketFlags;
    use crate::message::{EncryptionKey, TransitedEncoding};
    use crate::name::Realm;
    use crate::pac::{PacContents, ShownName, Signers};
    use crate::time::KerberosTime;

    struct Keys {
        server: Key,
        kdc: Key,
    }

    impl Keys {
        fn new(enctype: Enctype) -> Self {
            Self {
                server: Key::random(enctype, &mut rng()).unwrap(),
                kdc: Key::random(Enctype::Aes256CtsHmacSha384_192, &mut rng()).unwrap(),
            }
        }

        fn verify(&self, part: &EncTicketPart) -> Result<Option<SignedPac>, ProtoError> {
            let kdc = KdcSignatures {
                key: &self.kdc,
                without_full: false,
            };
            SignedPac::verify(part, &service(), &self.server, Some(kdc))
        }
    }

    fn service() -> Principal {
        Principal::parse("HTTP/www@R", None).unwrap()
    }

    fn ticket(pac: &[u8]) -> EncTicketPart {
        let pac = AuthorizationData(vec![crate::message::AuthorizationDataElement {
            ad_type: AdType::WIN2K_PAC,
            ad_data: pac.to_vec(),
        }]);
        let client = Principal::parse("alice@R", None).unwrap();
        EncTicketPart {
            flags: TicketFlags::FORWARDABLE,
            key: EncryptionKey::from(&Key::new(Enctype::Aes128CtsHmacSha1_96, &[1; 16]).unwrap()),
            crealm: client.realm,
            cname: client.name,
            transited: TransitedEncoding::default(),
            authtime: KerberosTime::from_unix(1_700_000_000),
            starttime: None,
            endtime: KerberosTime::from_unix(1_700_100_000),
            renew_till: None,
            caddr: Default::default(),
            authorization_data: AuthorizationData(vec![pac.if_relevant()]),
        }
    }

    fn signed(keys: &Keys) -> EncTicketPart {
        let name = Principal::parse("alice", Some(&Realm::from("R")))
            .unwrap()
            .name;
        let name = ShownName::without_realm(&name).unwrap();
        let info = ClientInfo::encode(KerberosTime::from_unix(1_700_000_000), &name).unwrap();
        let contents = PacContents {
            client_info: &info,
            delegation_info: Some(b"way"),
        };
        let signers = Signers {
            server: &keys.server,
            kdc: &keys.kdc,
        };
        ticket(&contents.sign(signers, Some(&ticket(&NO_PAC).to_der())))
    }

    #[test]
    fn what_is_signed_is_verified_with_every_enctype() {
        for enctype in Enctype::DEFAULT {
            let keys = Keys::new(*enctype);
            let part = signed(&keys);
            let pac = keys.verify(&part).unwrap().unwrap();
            assert_eq!(pac.delegation_info_bytes().unwrap().unwrap(), b"way");
            let client = ShownName::without_realm(&part.cname);
            assert!(
                pac.client_info()
                    .unwrap()
                    .is_of(part.authtime, client.as_ref())
            );
        }
    }

    #[test]
    fn no_bit_of_the_ticket_or_the_pac_can_be_changed() {
        let keys = Keys::new(Enctype::Aes256CtsHmacSha1_96);
        let part = signed(&keys);
        let mut forwardable = part.clone();
        forwardable.flags = TicketFlags::FORWARDABLE | TicketFlags::OK_AS_DELEGATE;
        assert!(matches!(
            keys.verify(&forwardable),
            Err(ProtoError::Modified)
        ));
        let found = PacInTicket::find(&part.authorization_data)
            .unwrap()
            .unwrap();
        for bit in 0..found.bytes().len() * 8 {
            let mut bytes = found.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.verify(&ticket(&bytes)).is_err(), "{bit}");
        }
    }

    #[test]
    fn a_service_cannot_sign_in_the_place_of_the_kdc() {
        let keys = Keys::new(Enctype::Aes256CtsHmacSha1_96);
        let by_service = Keys {
            server: keys.server.clone(),
            kdc: keys.server.clone(),
        };
        let part = signed(&by_service);
        assert!(keys.verify(&part).is_err());
        assert!(SignedPac::verify(&part, &service(), &keys.server, None).is_ok());
    }
}
