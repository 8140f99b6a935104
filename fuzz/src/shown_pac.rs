//! PACs that say what a fuzzer wants, signed with the keys of the realm.

use arbitrary::Arbitrary;
use kerbstone_crypto::Key;
use kerbstone_proto::message::{
    AdType, AuthorizationData, AuthorizationDataElement, EncTicketPart,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{
    ClientInfo, DelegationInfo, PacContents, ShownName, Signers, has_ticket_signature,
};

use crate::site::Site;
use crate::values::{AnyName, Damage};

/// The PAC of a ticket that is shown.
#[derive(Arbitrary, Debug)]
pub enum AnyPac<'a> {
    /// As the KDC would make it.
    Good,
    /// None.
    Without,
    /// Of somebody else.
    Of(AnyName<'a>),
    /// Of a user for whom the ticket's owner acts, on the way to another realm.
    Passing(AnyName<'a>, AnyName<'a>),
    /// With buffers that say something else.
    Saying(&'a [u8], Option<&'a [u8]>),
    /// Signed by the service in the place of the KDC.
    ByService,
    /// Changed afterwards.
    Damaged(Damage<'a>),
}

impl AnyPac<'_> {
    /// Signs it into the ticket.
    pub fn put_into(&self, part: &mut EncTicketPart, site: &Site, server: &Principal, key: &Key) {
        let Some((client_info, delegation_info)) = self.buffers(part) else {
            return;
        };
        let granting = Principal::krbtgt(&server.realm, &server.realm);
        let kdc = match self {
            Self::ByService => None,
            _ => site
                .entry(&granting)
                .and_then(|entry| entry.current_keys().next().map(|key| key.key.clone())),
        };
        let signers = Signers {
            server: key,
            kdc: kdc.as_ref().unwrap_or(key),
        };
        let contents = PacContents {
            client_info: &client_info,
            delegation_info: delegation_info.as_deref(),
        };
        part.authorization_data.insert(0, element(&[0]));
        let ticket = has_ticket_signature(server).then(|| part.to_der());
        let mut pac = contents.sign(signers, ticket.as_deref());
        if let Self::Damaged(damage) = self {
            damage.apply(&mut pac);
        }
        if let Some(first) = part.authorization_data.first_mut() {
            *first = element(&pac);
        }
    }

    fn buffers(&self, part: &EncTicketPart) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let info = |name: Option<ShownName>| ClientInfo::encode(part.authtime, &name?);
        let own = || info(ShownName::without_realm(&part.cname));
        Some(match self {
            Self::Without => return None,
            Self::Good | Self::ByService | Self::Damaged(_) => (own()?, None),
            Self::Of(name) => (
                info(ShownName::without_realm(&name.principal().name))?,
                None,
            ),
            Self::Passing(user, target) => {
                let way = DelegationInfo {
                    target: target.principal().name.to_string(),
                    services: vec![part.client().to_string()],
                };
                let user = info(ShownName::with_realm(&user.principal()))?;
                (user, Some(way.encode()))
            }
            Self::Saying(client, way) => (client.to_vec(), way.map(<[u8]>::to_vec)),
        })
    }
}

fn element(pac: &[u8]) -> AuthorizationDataElement {
    AuthorizationData(vec![AuthorizationDataElement {
        ad_type: AdType::WIN2K_PAC,
        ad_data: pac.to_vec(),
    }])
    .if_relevant()
}
