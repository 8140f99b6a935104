//! S4U2Proxy (MS-SFU 3.2.5.2): a ticket for another service in the name of a user, for a service
//! that shows the user's ticket to itself, the evidence.

use std::sync::Arc;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, PacOptions, TicketFlags};
use kerbstone_proto::message::{PaData, PaPacOptions, PaType, Ticket};
use kerbstone_proto::name::Principal;
use kerbstone_proto::pac::{DelegationInfo, ShownName, SignedPac};
use kerbstone_realm::{Attributes, OpenEntry};

use crate::asking::Asking;
use crate::principals;
use crate::referral::{self, Destination};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::s4u2self::is_principal;
use crate::shown_pac;
use crate::tgs_header::{self, Header, OpenedTicket};
use crate::ticket_flags::NO_REFERRAL;

/// The user's ticket to the service that acts for the user.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) ticket: OpenedTicket,
    pub(crate) pac: SignedPac,
    /// The user.
    pub(crate) user: Principal,
    /// The user's entry, if it is of this realm.
    pub(crate) entry: Option<Arc<OpenEntry>>,
}

/// Who asks for what.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) asking: &'a Asking<'a>,
    pub(crate) request: &'a Request,
    pub(crate) header: &'a Header,
    pub(crate) pac: Option<&'a SignedPac>,
    /// The service to act at, as it was named.
    pub(crate) target: &'a Principal,
    pub(crate) destination: &'a Destination,
    pub(crate) cross_realm: bool,
}

/// Opens the evidence of a request.
pub(crate) fn open(asking: &Asking<'_>, tickets: &[Ticket]) -> Result<OpenedTicket, Refusal> {
    let ticket = tickets.first().cloned().ok_or_else(|| {
        let why = "there is no ticket of the user that would be evidence";
        Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why)
    })?;
    let opened = tgs_header::open_ticket(asking, ticket)?;
    tgs_header::check_life(asking, &opened.part)?;
    if opened.part.flags.contains(TicketFlags::INVALID) {
        let why = "the evidence must be validated first";
        return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_NYV, why));
    }
    Ok(opened)
}

impl Evidence {
    /// Proves the evidence. From another realm it is a referral, whose PAC names the user.
    pub(crate) fn prove(
        asking: &Asking<'_>,
        ticket: OpenedTicket,
        cross_realm: bool,
    ) -> Result<Self, Refusal> {
        let pac = shown_pac::verify(asking, &ticket)?.ok_or_else(|| {
            let why = "the evidence has no PAC, which proves that nobody changed it";
            Refusal::new(ErrorCode::KRB_AP_ERR_MODIFIED, why)
        })?;
        let user = if cross_realm {
            let named = pac.client_info().and_then(|info| info.client_with_realm());
            named.map_err(|_| bad_option("the evidence does not name a user of another realm"))?
        } else {
            ticket.part.client()
        };
        let entry = if user.realm == asking.settings.name {
            principals::lookup(asking.directory, &user)?
        } else {
            None
        };
        Ok(Self {
            ticket,
            pac,
            user,
            entry,
        })
    }

    /// Checks the request, in MIT's order, but for who may act where.
    pub(crate) fn check(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        if wish.request.body.kdc_options.intersects(NO_REFERRAL) {
            return Err(bad_option(
                "delegation does not go together with these options",
            ));
        }
        if wish.target.is_krbtgt() {
            let why = "nobody gets a ticket-granting ticket in a user's name";
            return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why));
        }
        let part = &wish.header.ticket.part;
        let pac = wish.pac.ok_or_else(|| {
            let why = "the ticket shown has no PAC, without which nobody acts for others";
            Refusal::new(ErrorCode::KDC_ERR_TGT_REVOKED, why)
        })?;
        if !shown_pac::is_of_client(pac, part) {
            return Err(bad_option(
                "the PAC of the ticket shown is that of somebody else",
            ));
        }
        if wish.cross_realm {
            self.check_referral(wish)
        } else {
            self.check_local(wish)
        }
    }

    fn check_local(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        let front = wish.header.ticket.part.client();
        if !is_principal(wish.asking, &front, &self.ticket.entry)? {
            let why = "the evidence is a ticket for another service than the one that shows it";
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVER_NOMATCH, why));
        }
        if !shown_pac::is_of_client(&self.pac, &self.ticket.part) {
            return Err(bad_option(
                "the PAC of the evidence is that of somebody else",
            ));
        }
        Ok(())
    }

    /// The last request of a service of another realm: its referrals to here, without and with
    /// the user in their PACs. Both must come from one realm, or a second one could say for whom
    /// the service acts.
    fn check_referral(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        let server = &self.ticket.server;
        let here = &wish.asking.settings.name;
        let is_referral_to_here = server.name.krbtgt_realm().as_ref() == Some(here)
            && referral::is_other_realms(server)
            && *server == wish.header.ticket.server
            && self.ticket.part.client() == wish.header.ticket.part.client();
        if !is_referral_to_here || matches!(wish.destination, Destination::Nearer(_)) {
            return Err(bad_option(
                "the evidence is no referral of that service to here",
            ));
        }
        let target = Some(wish.target);
        if !shown_pac::is_of_delegated(&self.pac, &self.ticket.part, target) {
            return Err(bad_option(
                "the evidence was not given for acting at that service",
            ));
        }
        Ok(())
    }

    /// Whether the service may act for the user at the target: because the target says so, which
    /// another realm's KDC decides in the end, or because it is listed at the service itself.
    pub(crate) fn check_permission(&self, wish: &Wish<'_>) -> Result<(), Refusal> {
        let knows_resource_based = resource_based(wish.request);
        if matches!(wish.destination, Destination::Nearer(_)) {
            return match knows_resource_based {
                true => self.check_forwardable(false),
                false => Err(bad_option(
                    "the target is in another realm, and the service does not know how to go on",
                )),
            };
        }
        let target = wish.destination.entry();
        let fronts = &target.delegation.fronts;
        let front = wish.header.ticket.part.client();
        if knows_resource_based && contains(wish.asking, fronts, &front)? {
            return self.check_forwardable(true);
        }
        let targets = &self.ticket.entry.delegation.targets;
        if !wish.cross_realm && contains(wish.asking, targets, &target.principal)? {
            return self.check_forwardable(false);
        }
        Err(bad_option(
            "the service may not act for others at that service",
        ))
    }

    /// A target may admit services whose evidence is not forwardable (MS-SFU 3.2.5.2.3), but no
    /// user is passed on whose account forbids it.
    fn check_forwardable(&self, target_permits: bool) -> Result<(), Refusal> {
        let forbids =
            |user: &Arc<OpenEntry>| user.attributes.contains(Attributes::DISALLOW_FORWARDABLE);
        let forwardable = self.is_forwardable();
        let refused = match &self.entry {
            Some(user) => forbids(user) || !(forwardable || target_permits),
            None => !forwardable,
        };
        if refused {
            return Err(bad_option("the user's ticket may not be passed on"));
        }
        Ok(())
    }

    pub(crate) fn is_forwardable(&self) -> bool {
        self.ticket.part.flags.contains(TicketFlags::FORWARDABLE)
    }

    /// The way of the delegation so far, with this step; a step into our realm was noted before.
    pub(crate) fn way(&self, wish: &Wish<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let unreadable = |_| bad_option("the evidence does not say who acted before");
        if wish.cross_realm {
            let way = self.pac.delegation_info_bytes().map_err(unreadable)?;
            return Ok(way.map(<[u8]>::to_vec));
        }
        let mut way: DelegationInfo = self
            .pac
            .delegation_info()
            .map_err(unreadable)?
            .unwrap_or_default();
        way.target = ShownName::without_realm(&wish.target.name)
            .ok_or_else(|| bad_option("the target's name cannot be written into a PAC"))?
            .as_str()
            .to_owned();
        way.services.push(self.ticket.server.to_string());
        Ok(Some(way.encode()))
    }
}

/// Whether the client knows delegation that the target permits.
fn resource_based(request: &Request) -> bool {
    request
        .padata(PaType::PAC_OPTIONS)
        .and_then(|padata| PaPacOptions::from_der(padata).ok())
        .is_some_and(|pac| pac.options.contains(PacOptions::RESOURCE_BASED_DELEGATION))
}

/// What of the client's PAC options is known here, for the sealed part of the reply.
pub(crate) fn known_pac_options(request: &Request) -> Option<PaData> {
    resource_based(request).then(|| {
        let options = PacOptions::RESOURCE_BASED_DELEGATION;
        PaData::new(PaType::PAC_OPTIONS, PaPacOptions { options }.to_der())
    })
}

/// Whether a list has that principal, by its own name or an alias.
fn contains(asking: &Asking<'_>, list: &[Principal], wanted: &Principal) -> Result<bool, Refusal> {
    if list.contains(wanted) {
        return Ok(true);
    }
    let Some(wanted) = principals::lookup(asking.directory, wanted)? else {
        return Ok(false);
    };
    for listed in list {
        if is_principal(asking, listed, &wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn bad_option(why: &'static str) -> Refusal {
    Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why)
}

/// Whether a request asks for this.
pub(crate) const fn is_asked_for(options: KdcOptions) -> bool {
    options.contains(KdcOptions::CNAME_IN_ADDL_TKT)
}
