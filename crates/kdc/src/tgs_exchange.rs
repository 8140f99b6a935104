//! The TGS exchange (RFC 4120 3.3): a further ticket, for who shows a ticket.

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::MethodData;
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::SignedPac;
use kerbstone_realm::{Attributes, TransitPolicy};
use rand_core::CryptoRng;

use crate::asking::Asking;
use crate::audit::Issued;
use crate::authorization_data::{self, ClientKeys};
use crate::etype_choice;
use crate::issued_pac::{self, IssuedPac};
use crate::lifetimes::{self, Lifetime};
use crate::referral::{self, Destination};
use crate::refusal::Refusal;
use crate::reply_writer::{self, Grant, Reply, ReplyKind, TicketKey};
use crate::request::{Request, encode_addresses};
use crate::s4u2proxy::{self, Wish};
use crate::s4u2self::ForUser;
use crate::shown_pac;
use crate::subject::{Clients, Subject, no_service};
use crate::tgs_header::{self, Header, OpenedTicket};
use crate::tgs_policy::{self, Case};
use crate::ticket_flags;
use crate::transited::{self, DOMAIN_X500_COMPRESS};
use crate::user_to_user;

/// Answers a TGS-REQ.
pub(crate) fn answer(
    asking: &Asking<'_>,
    request: &mut Request,
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, Issued), Refusal> {
    let header = tgs_header::open(asking, request)?;
    let pac = shown_pac::verify(asking, &header.ticket)?;
    let second = second_ticket(asking, request)?;
    let options = request.body.kdc_options;
    let service = request.service.as_ref().ok_or_else(no_service)?;
    let destination = referral::find(asking, service, options)?;
    let cross_realm = header.ticket.server.realm != destination.entry().principal.realm;
    let (evidence, peer) = match s4u2proxy::is_asked_for(options) {
        true => (second, None),
        false => (None, second),
    };
    let subject = Subject::find(asking, request, &header, evidence, cross_realm)?;
    request.acting_for = subject.acting_for();
    let exchange = Exchange {
        asking,
        request,
        header: &header,
        pac: pac.as_ref(),
        peer: peer.as_ref(),
        service: request.service.as_ref().ok_or_else(no_service)?,
        clients: Clients::find(asking, &header, &subject)?,
        subject: &subject,
        destination,
        cross_realm,
    };
    exchange.check()?;
    exchange.issue(rng)
}

/// The second ticket of a user-to-user request, which names the service where the request does
/// not, or the evidence of a service that acts for a user.
fn second_ticket(
    asking: &Asking<'_>,
    request: &mut Request,
) -> Result<Option<OpenedTicket>, Refusal> {
    let options = request.body.kdc_options;
    if s4u2proxy::is_asked_for(options) {
        return s4u2proxy::open(asking, &request.body.additional_tickets).map(Some);
    }
    if !options.contains(KdcOptions::ENC_TKT_IN_SKEY) {
        return Ok(None);
    }
    let second = user_to_user::open(asking, &request.body.additional_tickets)?;
    if request.service.is_none() {
        request.service = Some(second.part.client());
    }
    Ok(Some(second))
}

/// A request whose ticket is proved and whose service is found.
struct Exchange<'a> {
    asking: &'a Asking<'a>,
    request: &'a Request,
    header: &'a Header,
    /// The PAC of the ticket shown.
    pac: Option<&'a SignedPac>,
    /// The ticket of the other user.
    peer: Option<&'a OpenedTicket>,
    /// As it was asked for.
    service: &'a Principal,
    destination: Destination,
    subject: &'a Subject,
    clients: Clients,
    cross_realm: bool,
}

impl Exchange<'_> {
    fn options(&self) -> KdcOptions {
        self.request.body.kdc_options
    }

    fn is_referral(&self) -> bool {
        matches!(self.destination, Destination::Nearer(_))
    }

    fn wish(&self) -> Wish<'_> {
        Wish {
            asking: self.asking,
            request: self.request,
            header: self.header,
            pac: self.pac,
            target: self.service,
            destination: &self.destination,
            cross_realm: self.cross_realm,
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let case = Case {
            options: self.options(),
            asked: self.service,
            service: self.destination.entry(),
            shown: &self.header.ticket,
            cross_realm: self.cross_realm,
            now: self.asking.now.time,
        };
        case.check()?;
        match self.subject {
            Subject::User(for_user) => for_user.check(&self.wish())?,
            Subject::Owner | Subject::Delegated(_) => case.check_lineage()?,
        }
        if let Some(peer) = self.peer {
            user_to_user::check(self.asking, peer, self.destination.entry())?;
        }
        match self.subject {
            Subject::Delegated(evidence) => evidence.check(&self.wish())?,
            Subject::Owner => self.check_pac()?,
            Subject::User(_) => {}
        }
        case.check_service()?;
        let here = &self.asking.settings.name;
        if let Subject::Delegated(evidence) = self.subject {
            evidence.check_permission(&self.wish())?;
            if evidence.user.realm == *here {
                tgs_policy::check_client(self.clients.subject.as_deref(), case.now)?;
            }
        }
        if self.header.ticket.part.crealm == *here {
            tgs_policy::check_client(self.clients.owner.as_deref(), case.now)?;
        }
        Ok(())
    }

    /// The PAC of the ticket shown must be its client's, or else that of a user for whom the
    /// client acts and is on its way to another realm.
    fn check_pac(&self) -> Result<(), Refusal> {
        let part = &self.header.ticket.part;
        let is_right = self.pac.is_none_or(|pac| {
            let passes = self.cross_realm
                && referral::is_other_realms(&self.destination.entry().principal)
                && shown_pac::is_of_delegated(pac, part, None);
            passes || shown_pac::is_of_client(pac, part)
        });
        if is_right {
            return Ok(());
        }
        let why = "the PAC of the ticket shown is that of somebody else";
        Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why))
    }

    fn issue(&self, rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, Issued), Refusal> {
        let client = self.client_of_ticket();
        let transited = self.transited(&client)?;
        let lifetime = self.lifetime()?;
        let session_key = Key::random(self.session_enctype()?, rng).map_err(Asking::no_crypto)?;
        let ticket_key = self.ticket_key()?;
        let new_addresses = self.new_addresses();
        let addresses = match &new_addresses {
            Some(addresses) => addresses.clone(),
            None => encode_addresses(&self.header.ticket.part.caddr),
        };
        let keys = ClientKeys {
            session: &self.header.ticket.session_key,
            subkey: self.header.subkey.as_ref(),
        };
        let subject = self.subject.part(self.header);
        let subject_pac = self.subject.pac(self.pac);
        let flags = self.flags(&lifetime, &transited)?;
        let grant = Grant {
            client: &client,
            service: self.service_of_ticket(),
            flags,
            session_key: &session_key,
            authtime: subject.authtime,
            lifetime,
            transited: &transited,
            addresses: addresses.as_deref(),
            authorization_data: authorization_data::for_ticket(
                self.request.body.enc_authorization_data.as_ref(),
                &keys,
                &subject.authorization_data,
                subject_pac.map(SignedPac::container),
            )?,
            pac: match subject_pac {
                Some(pac) if !flags.contains(TicketFlags::ANONYMOUS) => self.new_pac(pac)?,
                _ => None,
            },
        };
        let usage = match keys.subkey {
            Some(_) => KeyUsage::TGS_REP_SUBKEY,
            None => KeyUsage::TGS_REP_SESSION,
        };
        let padata = self.padata();
        let encrypted_padata = s4u2proxy::known_pac_options(self.request)
            .map(|padata| MethodData(vec![padata]).to_der());
        let reply = Reply {
            kind: ReplyKind::Tgs,
            key: self.header.reply_key(),
            usage,
            kvno: None,
            nonce: self.request.nonce(),
            key_expiration: None,
            padata: padata.as_deref(),
            encrypted_padata: encrypted_padata.as_deref(),
            addresses: new_addresses.as_ref().and_then(Option::as_deref),
        };
        let bytes =
            reply_writer::write(&grant, &ticket_key, &reply, rng).map_err(Asking::no_crypto)?;
        Ok((bytes, Issued::of(&grant, &ticket_key, &reply)))
    }

    /// The user for whom the client acts, once the ticket is for the service itself; a referral
    /// is the client's.
    fn client_of_ticket(&self) -> Principal {
        match self.subject {
            Subject::User(for_user) if !self.is_referral() => for_user.user.clone(),
            Subject::Delegated(evidence) if !self.is_referral() => evidence.user.clone(),
            _ => self.header.ticket.part.client(),
        }
    }

    /// A referral is for whom it leads to, a changed ticket for its service, any other for the
    /// service as it was named.
    fn service_of_ticket(&self) -> &Principal {
        match &self.destination {
            Destination::Nearer(entry) => &entry.principal,
            Destination::Service(_) if self.changes_nothing_but_times() => {
                &self.header.ticket.server
            }
            Destination::Service(_) => self.service,
        }
    }

    fn changes_nothing_but_times(&self) -> bool {
        self.options()
            .intersects(KdcOptions::RENEW | KdcOptions::VALIDATE)
    }

    /// The PAC of the new ticket, from that of the subject's.
    fn new_pac(&self, shown: &SignedPac) -> Result<Option<IssuedPac>, Refusal> {
        let service = self.destination.entry();
        // As with Active Directory: who asks for a user's ticket to itself needs the PAC, too.
        let wanted = match self.subject {
            Subject::User(_) => self.asking.settings.issues_pac,
            _ => issued_pac::are_issued(self.asking, service),
        };
        if !wanted {
            return Ok(None);
        }
        let user = match self.subject {
            Subject::Owner => None,
            Subject::User(for_user) => Some(&for_user.user),
            Subject::Delegated(evidence) => Some(&evidence.user),
        };
        let authtime = self.subject.part(self.header).authtime;
        let client_info = match user {
            None => shown_pac::client_info(shown)?,
            Some(user) if self.is_referral() => issued_pac::user_info(authtime, user)?,
            Some(user) => {
                issued_pac::client_info(authtime, user).ok_or_else(issued_pac::no_name)?
            }
        };
        let mut pac = IssuedPac::new(self.asking, service, &self.header.ticket.entry, client_info)?;
        pac.delegation_info = match self.subject {
            Subject::Delegated(evidence) => evidence.way(&self.wish())?,
            _ => shown_pac::delegation_info(shown)?,
        };
        Ok(Some(pac))
    }

    /// The answer to a service that asked in a user's name.
    fn padata(&self) -> Option<Vec<u8>> {
        match self.subject {
            Subject::User(for_user) => for_user
                .reply(self.header)
                .map(|padata| MethodData(vec![padata]).to_der()),
            _ => None,
        }
    }

    /// Addresses of the request, where it may change them; None where the ticket's remain.
    fn new_addresses(&self) -> Option<Option<Vec<u8>>> {
        let changes = self
            .options()
            .intersects(KdcOptions::FORWARDED | KdcOptions::PROXY)
            && !self.changes_nothing_but_times();
        changes.then(|| self.request.addresses())
    }

    /// The realm that gave the ticket joins the list, unless the client or the service is there.
    fn transited(&self, client: &Principal) -> Result<Vec<u8>, Refusal> {
        let transited = &self.header.ticket.part.transited;
        let issuer = &self.header.ticket.server.realm;
        if !self.cross_realm || *issuer == client.realm {
            return Ok(transited.contents.clone());
        }
        if transited.tr_type != DOMAIN_X500_COMPRESS {
            let why = "the transited realms are written in an unknown way";
            return Err(Refusal::new(ErrorCode::KDC_ERR_TRTYPE_NOSUPP, why));
        }
        transited::add(
            &transited.contents,
            issuer.as_bytes(),
            client.realm.as_bytes(),
            self.service.realm.as_bytes(),
        )
        .map_err(|_| {
            let why = "the transited realms cannot be read";
            Refusal::new(ErrorCode::KRB_AP_ERR_ILL_CR_TKT, why)
        })
    }

    fn flags(&self, lifetime: &Lifetime, transited: &[u8]) -> Result<TicketFlags, Refusal> {
        let service = self.destination.entry();
        let shown = self.header.ticket.part.flags;
        let client = self
            .clients
            .subject
            .as_deref()
            .map(|entry| self.asking.allowed(entry));
        let allowed = self.asking.allowed(service);
        let mut flags = ticket_flags::of_derived(self.options(), shown, client, allowed);
        if !self.changes_nothing_but_times()
            && service.attributes.contains(Attributes::OK_AS_DELEGATE)
        {
            flags |= TicketFlags::OK_AS_DELEGATE;
        }
        match self.subject {
            Subject::User(_) if !self.is_referral() => ForUser::restrict(service, &mut flags),
            Subject::Delegated(evidence) if !evidence.is_forwardable() => {
                flags.set(TicketFlags::FORWARDABLE, false);
            }
            _ => {}
        }
        flags.set(TicketFlags::RENEWABLE, lifetime.renew_till.is_some());
        flags.set(
            TicketFlags::TRANSITED_POLICY_CHECKED,
            self.check_path(transited)?,
        );
        Ok(flags)
    }

    /// Whether the realms on the way were checked and are allowed; refuses where they must be.
    fn check_path(&self, transited: &[u8]) -> Result<bool, Refusal> {
        let part = self.subject.part(self.header);
        let asked_not_to = self.options().contains(KdcOptions::DISABLE_TRANSITED_CHECK);
        let allowed = !asked_not_to
            && transited::is_allowed(
                transited,
                part.crealm.as_bytes(),
                self.service.realm.as_bytes(),
                &self.asking.settings.capaths,
            );
        if allowed || self.asking.settings.transit == TransitPolicy::LeaveToService {
            return Ok(allowed);
        }
        let why = if asked_not_to {
            "this realm checks the realms on the way, whatever the client wishes"
        } else {
            "the ticket came over realms that are not on the permitted path"
        };
        Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why))
    }

    fn lifetime(&self) -> Result<Lifetime, Refusal> {
        let shown = tgs_policy::times(&self.header.ticket.part);
        let now = self.asking.now.time;
        if self.options().contains(KdcOptions::VALIDATE) {
            return Ok(Lifetime {
                start: shown.start,
                end: shown.end,
                renew_till: shown.renew_till,
            });
        }
        if self.options().contains(KdcOptions::RENEW) {
            return lifetimes::renewed(shown, now);
        }
        let asked = self.request.asked();
        let start = asked.start(now, self.asking.skew)?;
        let service = self.destination.entry();
        let longest = match self.clients.subject.as_deref() {
            Some(client) => self.asking.longest(&[client, service]),
            None => self.asking.longest(&[service]),
        };
        asked.lifetime(start, longest, Some(shown))
    }

    /// The owner of a user-to-user ticket knows at least the enctype of its own session key.
    fn session_enctype(&self) -> Result<Enctype, Refusal> {
        let requested = &self.request.body.etype;
        if let Some(peer) = self.peer {
            let enctype = peer.session_key.enctype();
            if requested.contains(&enctype.number()) && !enctype.is_legacy() {
                return Ok(enctype);
            }
        }
        etype_choice::session_enctype(requested, self.destination.entry())
    }

    fn ticket_key(&self) -> Result<TicketKey<'_>, Refusal> {
        if let Some(peer) = self.peer {
            return Ok(TicketKey {
                key: &peer.session_key,
                kvno: None,
            });
        }
        let key = etype_choice::ticket_key(self.destination.entry())?;
        Ok(TicketKey {
            key: &key.key,
            kvno: Some(key.kvno),
        })
    }
}
