//! Whether the ticket shown entitles to what is asked for, and whether the service allows it: in
//! MIT's order, so that a request with several faults gets the same answer.

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::{KdcOptions, TicketFlags};
use kerbstone_proto::message::EncTicketPart;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{Attributes, OpenEntry};

use crate::lifetimes::Shown;
use crate::refusal::Refusal;
use crate::tgs_header::OpenedTicket;
use crate::ticket_flags::CHANGES_TICKET;

/// Options that need a flag in the ticket shown.
const NEEDED: [(KdcOptions, TicketFlags, &str); 5] = [
    (
        KdcOptions::FORWARDED,
        TicketFlags::FORWARDABLE,
        "the ticket is not forwardable",
    ),
    (
        KdcOptions::PROXY,
        TicketFlags::PROXIABLE,
        "the ticket is not proxiable",
    ),
    (
        KdcOptions::ALLOW_POSTDATE.union(KdcOptions::POSTDATED),
        TicketFlags::MAY_POSTDATE,
        "tickets cannot be postdated from this one",
    ),
    (
        KdcOptions::VALIDATE,
        TicketFlags::INVALID,
        "the ticket is valid already",
    ),
    (
        KdcOptions::RENEW,
        TicketFlags::RENEWABLE,
        "the ticket is not renewable",
    ),
];

/// What is asked for, of whom, with what.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) options: KdcOptions,
    /// The service as it was named.
    pub(crate) asked: &'a Principal,
    /// The entry that the ticket will be for.
    pub(crate) service: &'a OpenEntry,
    pub(crate) shown: &'a OpenedTicket,
    /// Whether the ticket shown is of another realm.
    pub(crate) cross_realm: bool,
    pub(crate) now: KerberosTime,
}

impl Case<'_> {
    /// The checks of the ticket shown.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.check_flags()?;
        self.check_start()?;
        if self.options.intersects(CHANGES_TICKET) {
            self.check_same_service()
        } else {
            self.check_is_tgt()
        }
    }

    fn check_flags(&self) -> Result<(), Refusal> {
        let flags = self.shown.part.flags;
        for (options, flag, why) in NEEDED {
            if self.options.intersects(options) && !flags.contains(flag) {
                return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why));
            }
        }
        if flags.contains(TicketFlags::INVALID) && !self.options.contains(KdcOptions::VALIDATE) {
            let why = "the ticket must be validated first";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_NYV, why));
        }
        Ok(())
    }

    fn check_start(&self) -> Result<(), Refusal> {
        if self.options.contains(KdcOptions::VALIDATE) && self.shown.part.starts() > self.now {
            let why = "the postdated ticket cannot be validated before it begins";
            return Err(Refusal::new(ErrorCode::KRB_AP_ERR_TKT_NYV, why));
        }
        Ok(())
    }

    fn check_same_service(&self) -> Result<(), Refusal> {
        if self.shown.server != *self.asked {
            let why = "the ticket to be changed is for another service";
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVER_NOMATCH, why));
        }
        if self.options.contains(KdcOptions::PROXY) && self.asked.is_krbtgt() {
            let why = "a ticket-granting ticket cannot be proxied";
            return Err(Refusal::new(ErrorCode::KDC_ERR_BADOPTION, why));
        }
        Ok(())
    }

    fn check_is_tgt(&self) -> Result<(), Refusal> {
        let for_us = self
            .shown
            .server
            .name
            .krbtgt_realm()
            .is_some_and(|realm| realm == self.asked.realm);
        if for_us {
            return Ok(());
        }
        let why = "the ticket shown is not for the ticket-granting service of this realm";
        Err(Refusal::new(ErrorCode::KRB_AP_ERR_NOT_US, why))
    }

    /// Another realm cannot vouch for a user of ours. A service that asks in a user's name on its
    /// way back to us is no user.
    pub(crate) fn check_lineage(&self) -> Result<(), Refusal> {
        if self.cross_realm && self.shown.part.crealm == self.service.principal.realm {
            let why = "a ticket of another realm names a client of this one";
            return Err(Refusal::new(ErrorCode::KDC_ERR_POLICY, why));
        }
        Ok(())
    }

    /// What the service itself forbids or demands.
    pub(crate) fn check_service(&self) -> Result<(), Refusal> {
        let has = |attribute| self.service.attributes.contains(attribute);
        let asks = |option| self.options.contains(option);
        let refuse = |code, why: &'static str| Err(Refusal::new(code, why));
        if asks(KdcOptions::RENEWABLE) && has(Attributes::DISALLOW_RENEWABLE) {
            let why = "tickets for the service cannot be renewable";
            return refuse(ErrorCode::KDC_ERR_POLICY, why);
        }
        if asks(KdcOptions::ALLOW_POSTDATE) && has(Attributes::DISALLOW_POSTDATED) {
            let why = "tickets for the service cannot be postdated";
            return refuse(ErrorCode::KDC_ERR_CANNOT_POSTDATE, why);
        }
        if asks(KdcOptions::ENC_TKT_IN_SKEY) && has(Attributes::DISALLOW_DUP_SKEY) {
            let why = "the service allows no user-to-user tickets";
            return refuse(ErrorCode::KDC_ERR_POLICY, why);
        }
        if gives_no_tickets(self.service) {
            let why = "no tickets are given for the service";
            return refuse(ErrorCode::KDC_ERR_S_PRINCIPAL_UNKNOWN, why);
        }
        if has(Attributes::DISALLOW_SVR) && !asks(KdcOptions::ENC_TKT_IN_SKEY) {
            let why = "the principal asked for is a user, not a service";
            return refuse(ErrorCode::KDC_ERR_MUST_USE_USER2USER, why);
        }
        if has(Attributes::DISALLOW_TGT_BASED) && self.shown.server.is_krbtgt() {
            let why = "the service takes tickets of the AS exchange only";
            return refuse(ErrorCode::KDC_ERR_POLICY, why);
        }
        self.check_service_demands()
    }

    fn check_service_demands(&self) -> Result<(), Refusal> {
        let demands = [
            (
                Attributes::REQUIRES_HWAUTH,
                TicketFlags::HW_AUTHENT,
                "the service demands clients that authenticated with hardware",
            ),
            (
                Attributes::REQUIRES_PREAUTH,
                TicketFlags::PRE_AUTHENT,
                "the service demands clients that pre-authenticated",
            ),
        ];
        for (attribute, flag, why) in demands {
            if self.service.attributes.contains(attribute) && !self.shown.part.flags.contains(flag)
            {
                return Err(Refusal::new(ErrorCode::KRB_ERR_GENERIC, why));
            }
        }
        if self.service.expiration.is_some_and(|end| self.now > end) {
            let why = "the service's account has expired";
            return Err(Refusal::new(ErrorCode::KDC_ERR_SERVICE_EXP, why));
        }
        Ok(())
    }
}

/// Whether an administrator wants no tickets for a service. Wrong passwords in its name do not count: anybody can
/// send those, and would keep everybody else from it.
pub(crate) const fn gives_no_tickets(service: &OpenEntry) -> bool {
    service.attributes.contains(Attributes::DISALLOW_ALL_TIX)
        || service.attributes.contains(Attributes::LOCKED)
}

/// Whether the client of a ticket, a principal of ours, may still have tickets. MIT does not ask;
/// here a lock takes effect before the last ticket-granting ticket has expired.
pub(crate) fn check_client(client: Option<&OpenEntry>, now: KerberosTime) -> Result<(), Refusal> {
    let Some(client) = client else {
        let why = "the client is not in this realm any more";
        return Err(Refusal::new(ErrorCode::KDC_ERR_CLIENT_REVOKED, why));
    };
    if client.expiration.is_some_and(|end| now > end) {
        let why = "the client's account has expired";
        return Err(Refusal::new(ErrorCode::KDC_ERR_NAME_EXP, why));
    }
    if client.attributes.contains(Attributes::DISALLOW_ALL_TIX)
        || client.attributes.contains(Attributes::LOCKED)
    {
        let why = "the client may have no tickets";
        return Err(Refusal::new(ErrorCode::KDC_ERR_CLIENT_REVOKED, why));
    }
    Ok(())
}

/// The times of a ticket as the new ticket's are computed from.
pub(crate) fn times(part: &EncTicketPart) -> Shown {
    Shown {
        start: part.starts(),
        end: part.endtime,
        renew_till: part
            .renew_till
            .filter(|_| part.flags.contains(TicketFlags::RENEWABLE)),
    }
}
