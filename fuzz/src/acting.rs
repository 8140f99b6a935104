//! Requests of services that act for users.

use arbitrary::Arbitrary;
use kerbstone_crypto::Key;
use kerbstone_proto::flags::{KdcOptions, PacOptions, S4uOptions};
use kerbstone_proto::message::{
    KdcReqBody, PaData, PaForUser, PaPacOptions, PaS4uX509User, PaType, S4uUserId, UInt32,
};
use rand_core::CryptoRng;

use crate::shown_ticket::ShownTicket;
use crate::site::Site;
use crate::values::{AnyName, Bits, Damage};

/// What such a service asks, made so that it is proved unless it says something else.
#[derive(Arbitrary, Debug)]
pub enum Acting<'a> {
    /// For a user whom it authenticated itself, in the older form.
    ForUser(AnyName<'a>, Option<Damage<'a>>),
    /// The same in the newer form.
    X509User {
        /// The user; none if the certificate shall say it.
        user: Option<AnyName<'a>>,
        /// The certificate.
        certificate: Option<&'a [u8]>,
        /// Another nonce than the request's.
        nonce: Option<u32>,
        /// Options to turn over.
        options: Option<Bits>,
        /// What happens to it on the way.
        damage: Option<Damage<'a>>,
    },
    /// For a user whose ticket it has.
    Evidence(Box<ShownTicket<'a>>, Option<Bits>),
}

impl Acting<'_> {
    /// Changes the body.
    pub fn ask(&self, body: &mut KdcReqBody, site: &Site, rng: &mut dyn CryptoRng) {
        body.kdc_options |= KdcOptions::CANONICALIZE | KdcOptions::FORWARDABLE;
        if let Self::Evidence(ticket, _) = self {
            body.kdc_options |= KdcOptions::CNAME_IN_ADDL_TKT;
            let evidence = ticket.seal(site, "HTTP/front@HOME.TEST", rng);
            body.additional_tickets.push(evidence.ticket);
        }
    }

    /// What goes beside the ticket.
    pub fn padata(&self, session_key: &Key, body: &KdcReqBody) -> PaData {
        let (padata_type, mut bytes, damage) = match self {
            Self::ForUser(user, damage) => {
                let asked = PaForUser::new(&user.principal(), session_key);
                (PaType::FOR_USER, asked.to_der(), *damage)
            }
            Self::X509User {
                user,
                certificate,
                nonce,
                options,
                damage,
            } => {
                let named = user.as_ref().map(AnyName::principal).unwrap_or_default();
                let mut id = S4uUserId::new(&named, nonce.map_or(body.nonce, UInt32));
                if user.is_none() {
                    id.cname = None;
                }
                id.subject_certificate = certificate.map(<[u8]>::to_vec);
                if let Some(bits) = options {
                    id.options = Some(S4uOptions::from_bits(id.options().bits() ^ bits.bits()));
                }
                let asked = PaS4uX509User::request(id, session_key);
                (PaType::S4U_X509_USER, asked.to_der(), *damage)
            }
            Self::Evidence(_, bits) => {
                let resource_based = PacOptions::RESOURCE_BASED_DELEGATION.bits();
                let bits = bits.map_or(0, Bits::bits) ^ resource_based;
                let options = PacOptions::from_bits(bits);
                (PaType::PAC_OPTIONS, PaPacOptions { options }.to_der(), None)
            }
        };
        if let Some(damage) = damage {
            damage.apply(&mut bytes);
        }
        PaData::new(padata_type, bytes)
    }
}
