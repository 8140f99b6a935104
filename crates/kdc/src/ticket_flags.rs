//! Which flags a new ticket gets: from the options, the ticket it is made from, and the two principals.

use kerbstone_proto::flags::{KdcOptions, TicketFlags};

/// Options of a TGS-REQ that change an existing ticket, so that the ticket shown may be for any service.
pub(crate) const CHANGES_TICKET: KdcOptions = KdcOptions::FORWARDED
    .union(KdcOptions::PROXY)
    .union(KdcOptions::RENEW)
    .union(KdcOptions::VALIDATE);

/// Options under which the server must be just the one that was named.
pub(crate) const NO_REFERRAL: KdcOptions = CHANGES_TICKET.union(KdcOptions::ENC_TKT_IN_SKEY);

/// Options that make no sense in an AS-REQ.
pub(crate) const NOT_FOR_AS: KdcOptions = NO_REFERRAL.union(KdcOptions::CNAME_IN_ADDL_TKT);

/// Options that ask for the flag of the same number. RENEWABLE is decided with the times.
const ASKING: u32 = KdcOptions::FORWARDABLE
    .union(KdcOptions::FORWARDED)
    .union(KdcOptions::PROXIABLE)
    .union(KdcOptions::PROXY)
    .union(KdcOptions::ALLOW_POSTDATE)
    .union(KdcOptions::POSTDATED)
    .bits();

/// Flags that tickets made from a ticket inherit (RFC 4120 2.1, 2.6; PROXY as MIT does).
const INHERITED: TicketFlags = TicketFlags::FORWARDED
    .union(TicketFlags::PROXY)
    .union(TicketFlags::PRE_AUTHENT)
    .union(TicketFlags::HW_AUTHENT)
    .union(TicketFlags::ANONYMOUS);

/// What a client or a service allows in tickets of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) forwardable: bool,
    pub(crate) proxiable: bool,
}

impl Allowed {
    fn restrict(self, flags: &mut TicketFlags) {
        if !self.forwardable {
            flags.set(TicketFlags::FORWARDABLE, false);
        }
        if !self.proxiable {
            flags.set(TicketFlags::PROXIABLE, false);
        }
    }
}

/// Flags of an initial ticket, but for PRE_AUTHENT and RENEWABLE.
pub(crate) fn of_initial(options: KdcOptions, client: Allowed, service: Allowed) -> TicketFlags {
    let mut flags = asked(options) | TicketFlags::INITIAL;
    client.restrict(&mut flags);
    service.restrict(&mut flags);
    flags
}

/// Flags of a ticket made from another, but for RENEWABLE and the transited check.
pub(crate) fn of_derived(
    options: KdcOptions,
    shown: TicketFlags,
    client: Option<Allowed>,
    service: Allowed,
) -> TicketFlags {
    if options.intersects(KdcOptions::VALIDATE | KdcOptions::RENEW) {
        return shown.difference(TicketFlags::INVALID);
    }
    let mut flags = asked(options) | (shown & INHERITED);
    if let Some(client) = client {
        client.restrict(&mut flags);
    }
    service.restrict(&mut flags);
    Allowed {
        forwardable: shown.contains(TicketFlags::FORWARDABLE),
        proxiable: shown.contains(TicketFlags::PROXIABLE),
    }
    .restrict(&mut flags);
    flags
}

fn asked(options: KdcOptions) -> TicketFlags {
    let mut flags = TicketFlags::from_bits(options.bits() & ASKING) | TicketFlags::ENC_PA_REP;
    flags.set(
        TicketFlags::INVALID,
        options.contains(KdcOptions::POSTDATED),
    );
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Allowed = Allowed {
        forwardable: true,
        proxiable: true,
    };
    const NONE: Allowed = Allowed {
        forwardable: false,
        proxiable: false,
    };

    #[test]
    fn an_initial_ticket_gets_what_both_sides_allow() {
        let options = KdcOptions::FORWARDABLE | KdcOptions::PROXIABLE;
        let flags = of_initial(options, ALL, ALL);
        assert!(
            flags
                .contains(TicketFlags::FORWARDABLE | TicketFlags::PROXIABLE | TicketFlags::INITIAL)
        );
        assert!(!of_initial(options, NONE, ALL).contains(TicketFlags::FORWARDABLE));
        assert!(!of_initial(options, ALL, NONE).contains(TicketFlags::PROXIABLE));
    }

    #[test]
    fn a_postdated_ticket_is_invalid_until_validated() {
        let flags = of_initial(KdcOptions::POSTDATED, ALL, ALL);
        assert!(flags.contains(TicketFlags::POSTDATED | TicketFlags::INVALID));
        let valid = of_derived(KdcOptions::VALIDATE, flags, Some(ALL), ALL);
        assert!(!valid.contains(TicketFlags::INVALID));
        assert!(valid.contains(TicketFlags::POSTDATED | TicketFlags::INITIAL));
    }

    #[test]
    fn a_derived_ticket_is_forwardable_only_if_the_shown_one_is() {
        let flags = of_derived(KdcOptions::FORWARDABLE, TicketFlags::EMPTY, Some(ALL), ALL);
        assert!(!flags.contains(TicketFlags::FORWARDABLE));
        let shown = TicketFlags::FORWARDABLE | TicketFlags::PRE_AUTHENT | TicketFlags::INITIAL;
        let flags = of_derived(KdcOptions::FORWARDABLE, shown, None, ALL);
        assert!(flags.contains(TicketFlags::FORWARDABLE | TicketFlags::PRE_AUTHENT));
        assert!(!flags.contains(TicketFlags::INITIAL));
    }

    #[test]
    fn an_option_bit_never_becomes_a_flag_it_does_not_ask_for() {
        let all = KdcOptions::from_bits(!0).difference(KdcOptions::RENEW | KdcOptions::VALIDATE);
        let flags = of_derived(all, TicketFlags::EMPTY, Some(ALL), ALL);
        assert!(!flags.intersects(
            TicketFlags::INITIAL
                | TicketFlags::PRE_AUTHENT
                | TicketFlags::HW_AUTHENT
                | TicketFlags::TRANSITED_POLICY_CHECKED
                | TicketFlags::OK_AS_DELEGATE
                | TicketFlags::RENEWABLE
                | TicketFlags::ANONYMOUS
        ));
    }
}
