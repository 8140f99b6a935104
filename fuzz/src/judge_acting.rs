//! In whose name a KDC may give a ticket by ticket: that of the ticket shown, or of a user for whom
//! its owner may act.

use kerbstone_crypto::{Key, KeyUsage};
use kerbstone_proto::flags::{KdcOptions, PacOptions, TicketFlags};
use kerbstone_proto::message::{
    EncTicketPart, KdcReq, PaData, PaForUser, PaPacOptions, PaS4uX509User, PaType, Ticket,
};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{KdcSignatures, SignedPac};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::Attributes;

use crate::judge::open_ticket;
use crate::site::Site;

/// A request that was granted.
pub(crate) struct Asks<'a> {
    pub(crate) site: &'a Site,
    pub(crate) request: &'a KdcReq,
    /// Whom the new ticket is for.
    pub(crate) server: Principal,
    pub(crate) shown: &'a EncTicketPart,
    pub(crate) ticket: &'a EncTicketPart,
}

impl Asks<'_> {
    /// Panics if the ticket may not be that client's; else says since when the client is
    /// authenticated. `key` is the key of the reply.
    pub(crate) fn judge_client(&self, key: &Key) -> KerberosTime {
        if let Some(user) = self.user(key) {
            self.judge_own_word(&user);
            return self.shown.authtime;
        }
        let options = self.request.body.kdc_options;
        if options.contains(KdcOptions::CNAME_IN_ADDL_TKT) {
            let evidence = self.request.body.additional_tickets.first();
            return self.judge_evidence(evidence.expect("evidence"));
        }
        assert_eq!(self.ticket.client(), self.shown.client());
        self.shown.authtime
    }

    fn is_referral(&self) -> bool {
        self.server
            .name
            .krbtgt_realm()
            .is_some_and(|realm| realm != self.server.realm)
    }

    /// The user that the padata names, which must be proved.
    fn user(&self, key: &Key) -> Option<Principal> {
        let find = |padata_type| PaData::find(&self.request.padata, padata_type);
        if let Some(padata) = find(PaType::S4U_X509_USER) {
            let asked = PaS4uX509User::from_der(padata).expect("padata that can be read");
            let usage = KeyUsage::PA_S4U_X509_USER_REQUEST;
            let proved = asked.checksum.verify(key, usage, asked.user_id.der());
            assert!(proved.is_ok(), "a user whom nobody named");
            assert_eq!(asked.user_id.nonce, self.request.body.nonce);
            return asked.user_id.user();
        }
        let asked = PaForUser::from_der(find(PaType::FOR_USER)?).expect("padata to be read");
        let session_key = self.shown.key.to_key().expect("a session key");
        assert!(
            asked.verify(&session_key).is_ok(),
            "a user whom nobody named"
        );
        Some(asked.user())
    }

    fn judge_own_word(&self, user: &Principal) {
        let client = self.ticket.client();
        if self.is_referral() {
            assert_eq!(client, self.shown.client());
            return;
        }
        assert!(
            self.is_same(&self.server, &self.shown.client()),
            "to itself"
        );
        assert!(client == *user || self.is_same(&client, user) || is_enterprise(user));
        if let Some(entry) = self.site.entry(&client) {
            let barred = Attributes::LOCKED | Attributes::DISALLOW_ALL_TIX;
            assert_eq!(entry.attributes.bits() & barred.bits(), 0);
        }
        let service = self.site.entry(&self.server).expect("a service of ours");
        let forwardable = self.ticket.flags.contains(TicketFlags::FORWARDABLE);
        assert!(!forwardable || service.delegation.targets.is_empty());
    }

    fn judge_evidence(&self, evidence: &Ticket) -> KerberosTime {
        assert!(!self.server.is_krbtgt() || self.is_referral());
        let part = open_ticket(self.site, evidence).expect("evidence that is sealed by us");
        let pac = self.verified_pac(evidence, &part);
        let client = self.ticket.client();
        if self.is_referral() {
            assert_eq!(client, self.shown.client());
            return part.authtime;
        }
        let front = self.shown.client();
        let target = self.site.entry(&self.server).expect("a target of ours");
        let admitted = self.knows_resource_based()
            && target
                .delegation
                .fronts
                .iter()
                .any(|listed| *listed == front || self.is_same(listed, &front));
        if evidence.server().is_krbtgt() {
            let info = pac.client_info().expect("a client");
            assert_eq!(info.client_with_realm().ok(), Some(client));
            assert!(admitted);
            return part.authtime;
        }
        assert_eq!(client, part.client());
        assert!(self.is_same(&evidence.server(), &front), "stolen evidence");
        let listed = self
            .site
            .entry(&front)
            .is_some_and(|front| front.delegation.targets.contains(&target.principal));
        let forwardable = part.flags.contains(TicketFlags::FORWARDABLE);
        assert!(admitted || (listed && forwardable));
        part.authtime
    }

    fn verified_pac(&self, ticket: &Ticket, part: &EncTicketPart) -> SignedPac {
        let server = ticket.server();
        let entry = self.site.entry(&server).expect("a service of ours");
        let granting = Principal::krbtgt(&server.realm, &server.realm);
        let granting = self.site.entry(&granting);
        let kdc = granting
            .as_ref()
            .and_then(|entry| entry.current_keys().next())
            .filter(|_| !server.is_krbtgt())
            .map(|key| KdcSignatures {
                key: &key.key,
                without_full: false,
            });
        entry
            .keys
            .iter()
            .find_map(|key| {
                SignedPac::verify(part, &server, &key.key, kdc)
                    .ok()
                    .flatten()
            })
            .expect("a PAC that the KDC signed")
    }

    fn knows_resource_based(&self) -> bool {
        PaData::find(&self.request.padata, PaType::PAC_OPTIONS)
            .and_then(|padata| PaPacOptions::from_der(padata).ok())
            .is_some_and(|pac| pac.options.contains(PacOptions::RESOURCE_BASED_DELEGATION))
    }

    fn is_same(&self, one: &Principal, other: &Principal) -> bool {
        let found =
            [one, other].map(|name| self.site.entry(name).map(|entry| entry.principal.clone()));
        matches!(found, [Some(one), Some(other)] if one == other)
    }
}

/// Such a name stands for another.
fn is_enterprise(name: &Principal) -> bool {
    name.name.name_type == kerbstone_proto::name::NameType::ENTERPRISE
}
