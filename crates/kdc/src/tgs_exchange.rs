//! The TGS exchange (RFC 4120 3.3): a further ticket, for who shows a ticket.

use std::sync::Arc;

use kerbstone_crypto::{Enctype, Key, KeyUsage};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::name::Principal;
use kerbstone_realm::{Attributes, OpenEntry, TransitPolicy};
use rand_core::CryptoRng;

use crate::asking::Asking;
use crate::audit::Issued;
use crate::authorization_data::{self, ClientKeys};
use crate::etype_choice;
use crate::lifetimes::{self, Lifetime};
use crate::principals;
use crate::referral::{self, Destination};
use crate::refusal::Refusal;
use crate::reply_writer::{self, Grant, Reply, ReplyKind, TicketKey};
use crate::request::{Request, encode_addresses};
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
    let second = second_ticket(asking, request)?;
    let exchange = Exchange::new(asking, request, &header, second.as_ref())?;
    exchange.check()?;
    exchange.issue(rng)
}

/// The second ticket of a user-to-user request. It names the service where the request does not.
fn second_ticket(
    asking: &Asking<'_>,
    request: &mut Request,
) -> Result<Option<OpenedTicket>, Refusal> {
    let options = request.body.kdc_options;
    if options.contains(KdcOptions::CNAME_IN_ADDL_TKT) {
        let why = "constrained delegation is not offered here";
        return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why));
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
    second: Option<&'a OpenedTicket>,
    /// As it was asked for.
    service: &'a Principal,
    destination: Destination,
    /// The client's entry, if it is ours.
    client: Option<Arc<OpenEntry>>,
    cross_realm: bool,
}

impl<'a> Exchange<'a> {
    fn new(
        asking: &'a Asking<'a>,
        request: &'a Request,
        header: &'a Header,
        second: Option<&'a OpenedTicket>,
    ) -> Result<Self, Refusal> {
        let service = request.service.as_ref().ok_or_else(|| {
            let why = "the request names no service";
            Refusal::new(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why)
        })?;
        let destination = referral::find(asking, service, request.body.kdc_options)?;
        let part = &header.ticket.part;
        let client = if part.crealm == asking.settings.name {
            principals::lookup(asking.directory, &part.client())?
        } else {
            None
        };
        let cross_realm = header.ticket.server.realm != destination.entry().principal.realm;
        Ok(Self {
            asking,
            request,
            header,
            second,
            service,
            destination,
            client,
            cross_realm,
        })
    }

    fn options(&self) -> KdcOptions {
        self.request.body.kdc_options
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
        if let Some(second) = self.second {
            user_to_user::check(self.asking, second, self.destination.entry())?;
        }
        case.check_service()?;
        if self.header.ticket.part.crealm == self.asking.settings.name {
            tgs_policy::check_client(self.client.as_deref(), case.now)?;
        }
        Ok(())
    }

    fn issue(&self, rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, Issued), Refusal> {
        let part = &self.header.ticket.part;
        let client = part.client();
        let transited = self.transited()?;
        let lifetime = self.lifetime()?;
        let session_key = Key::random(self.session_enctype()?, rng).map_err(Asking::no_crypto)?;
        let ticket_key = self.ticket_key()?;
        let new_addresses = self.new_addresses();
        let addresses = match &new_addresses {
            Some(addresses) => addresses.clone(),
            None => encode_addresses(&part.caddr),
        };
        let keys = ClientKeys {
            session: &self.header.ticket.session_key,
            subkey: self.header.subkey.as_ref(),
        };
        let requested = self.request.body.enc_authorization_data.as_ref();
        let authorization_data =
            authorization_data::for_ticket(requested, &keys, &part.authorization_data)?;
        let grant = Grant {
            client: &client,
            service: self.service_of_ticket(),
            flags: self.flags(&lifetime, &transited)?,
            session_key: &session_key,
            authtime: part.authtime,
            lifetime,
            transited: &transited,
            addresses: addresses.as_deref(),
            authorization_data: authorization_data.as_deref(),
        };
        let (key, usage) = match keys.subkey {
            Some(subkey) => (subkey, KeyUsage::TGS_REP_SUBKEY),
            None => (keys.session, KeyUsage::TGS_REP_SESSION),
        };
        let reply = Reply {
            kind: ReplyKind::Tgs,
            key,
            usage,
            kvno: None,
            nonce: self.request.nonce(),
            key_expiration: None,
            padata: None,
            encrypted_padata: None,
            addresses: new_addresses.as_ref().and_then(Option::as_deref),
        };
        let bytes =
            reply_writer::write(&grant, &ticket_key, &reply, rng).map_err(Asking::no_crypto)?;
        Ok((bytes, Issued::of(&grant, &ticket_key, &reply)))
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

    /// Addresses of the request, where it may change them; None where the ticket's remain.
    fn new_addresses(&self) -> Option<Option<Vec<u8>>> {
        let changes = self
            .options()
            .intersects(KdcOptions::FORWARDED | KdcOptions::PROXY)
            && !self.changes_nothing_but_times();
        changes.then(|| self.request.addresses())
    }

    /// The realm that gave the ticket joins the list, unless the client or the service is there.
    fn transited(&self) -> Result<Vec<u8>, Refusal> {
        let part = &self.header.ticket.part;
        let issuer = &self.header.ticket.server.realm;
        if !self.cross_realm || *issuer == part.crealm {
            return Ok(part.transited.contents.clone());
        }
        if part.transited.tr_type != DOMAIN_X500_COMPRESS {
            let why = "the transited realms are written in an unknown way";
            return Err(Refusal::new(ErrorCode::KDC_ERR_TRTYPE_NOSUPP, why));
        }
        transited::add(
            &part.transited.contents,
            issuer.as_bytes(),
            part.crealm.as_bytes(),
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
            .client
            .as_deref()
            .map(|entry| self.asking.allowed(entry));
        let allowed = self.asking.allowed(service);
        let mut flags = ticket_flags::of_derived(self.options(), shown, client, allowed);
        if !self.changes_nothing_but_times()
            && service.attributes.contains(Attributes::OK_AS_DELEGATE)
        {
            flags |= TicketFlags::OK_AS_DELEGATE;
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
        let part = &self.header.ticket.part;
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
        let longest = match self.client.as_deref() {
            Some(client) => self.asking.longest(&[client, service]),
            None => self.asking.longest(&[service]),
        };
        asked.lifetime(start, longest, Some(shown))
    }

    /// The owner of a user-to-user ticket knows at least the enctype of its own session key.
    fn session_enctype(&self) -> Result<Enctype, Refusal> {
        let requested = &self.request.body.etype;
        if let Some(second) = self.second {
            let enctype = second.session_key.enctype();
            if requested.contains(&enctype.number()) && !enctype.is_legacy() {
                return Ok(enctype);
            }
        }
        etype_choice::session_enctype(requested, self.destination.entry())
    }

    fn ticket_key(&self) -> Result<TicketKey<'_>, Refusal> {
        if let Some(second) = self.second {
            return Ok(TicketKey {
                key: &second.session_key,
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
