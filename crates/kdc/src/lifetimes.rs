//! When a ticket begins, ends, and until when it can be renewed: the least of what was asked for
//! and what the ticket shown, client, service and realm allow.

use std::time::Duration;

use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::KdcOptions;
use kerbstone_proto::time::KerberosTime;

use crate::refusal::Refusal;

/// What a request says about times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) options: KdcOptions,
    pub(crate) from: Option<KerberosTime>,
    /// 0 asks for as long as possible.
    pub(crate) till: KerberosTime,
    pub(crate) rtime: Option<KerberosTime>,
}

/// The longest that tickets may live and be renewed: the least over client, service and realm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Longest {
    pub(crate) life: Duration,
    /// Zero where tickets are not renewable.
    pub(crate) renewable: Duration,
}

/// The times of a ticket that was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) start: KerberosTime,
    pub(crate) end: KerberosTime,
    /// Only of renewable tickets.
    pub(crate) renew_till: Option<KerberosTime>,
}

/// The times of a new ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) start: KerberosTime,
    pub(crate) end: KerberosTime,
    /// The ticket is renewable if there is one.
    pub(crate) renew_till: Option<KerberosTime>,
}

impl Asked {
    /// The time at which the ticket is to begin (RFC 4120 3.1.3).
    pub(crate) fn start(&self, now: KerberosTime, skew: Duration) -> Result<KerberosTime, Refusal> {
        let postdated = self.options.contains(KdcOptions::POSTDATED);
        match self.from {
            Some(from) if postdated => Ok(from.max(now)),
            None if postdated => Err(Refusal::new(
                ErrorCode::KDC_ERR_BADOPTION,
                "a postdated ticket was asked for without its start time",
            )),
            Some(from) if from > now.saturating_add(skew) => Err(Refusal::new(
                ErrorCode::KDC_ERR_CANNOT_POSTDATE,
                "the start time lies ahead, but no postdated ticket was asked for",
            )),
            _ => Ok(now),
        }
    }

    /// The times of a ticket; `shown` is the ticket it is made from, if any.
    pub(crate) fn lifetime(
        &self,
        start: KerberosTime,
        longest: Longest,
        shown: Option<Shown>,
    ) -> Result<Lifetime, Refusal> {
        let till = if self.till.is_zero() {
            KerberosTime::MAX
        } else {
            self.till
        };
        let ceiling = shown.map_or(KerberosTime::MAX, |shown| shown.end);
        let end = till.min(ceiling).min(start.saturating_add(longest.life));
        if end <= start {
            return Err(Refusal::new(
                ErrorCode::KDC_ERR_NEVER_VALID,
                "the ticket would end before it begins",
            ));
        }
        Ok(Lifetime {
            start,
            end,
            renew_till: self.renew_till(start, end, longest, shown),
        })
    }

    fn renew_till(
        &self,
        start: KerberosTime,
        end: KerberosTime,
        longest: Longest,
        shown: Option<Shown>,
    ) -> Option<KerberosTime> {
        let ceiling = match shown {
            Some(shown) => shown.renew_till?,
            None => KerberosTime::MAX,
        };
        if longest.renewable.is_zero() {
            return None;
        }
        let explicit = self.options.contains(KdcOptions::RENEWABLE);
        let wanted = if explicit {
            self.rtime
                .filter(|rtime| !rtime.is_zero())
                .unwrap_or(KerberosTime::MAX)
        } else if self.options.contains(KdcOptions::RENEWABLE_OK)
            && (self.till.is_zero() || self.till > end)
        {
            if self.till.is_zero() {
                KerberosTime::MAX
            } else {
                self.till
            }
        } else {
            return None;
        };
        let renew_till = wanted
            .min(ceiling)
            .min(start.saturating_add(longest.renewable));
        (explicit || renew_till > end).then_some(renew_till)
    }
}

/// The same length again from now on, within what can be renewed (RFC 4120 3.3.3).
pub(crate) fn renewed(shown: Shown, now: KerberosTime) -> Result<Lifetime, Refusal> {
    let renew_till = shown
        .renew_till
        .ok_or_else(|| Refusal::new(ErrorCode::KDC_ERR_BADOPTION, "the ticket is not renewable"))?;
    if renew_till <= now {
        return Err(Refusal::new(
            ErrorCode::KRB_AP_ERR_TKT_EXPIRED,
            "the time in which the ticket could be renewed is over",
        ));
    }
    let length = shown.end.duration_since(shown.start);
    Ok(Lifetime {
        start: now,
        end: now.saturating_add(length).min(renew_till),
        renew_till: Some(renew_till),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn at(hours: i64) -> KerberosTime {
        KerberosTime::from_unix(1_000_000 + hours * 3600)
    }

    fn asked(options: KdcOptions, till: KerberosTime) -> Asked {
        Asked {
            options,
            from: None,
            till,
            rtime: None,
        }
    }

    const LONGEST: Longest = Longest {
        life: Duration::from_secs(12 * 3600),
        renewable: Duration::from_secs(7 * 86_400),
    };

    #[test]
    fn a_ticket_lives_as_long_as_the_least_allows() {
        let long = asked(KdcOptions::EMPTY, at(100));
        assert_eq!(long.lifetime(at(0), LONGEST, None).unwrap().end, at(12));
        let short = asked(KdcOptions::EMPTY, at(3));
        assert_eq!(short.lifetime(at(0), LONGEST, None).unwrap().end, at(3));
        let shown = Shown {
            start: at(-1),
            end: at(2),
            renew_till: None,
        };
        let end = long.lifetime(at(0), LONGEST, Some(shown)).unwrap().end;
        assert_eq!(end, at(2));
    }

    #[test]
    fn till_of_1970_asks_for_as_long_as_possible() {
        let endless = asked(KdcOptions::EMPTY, KerberosTime::ZERO);
        assert_eq!(endless.lifetime(at(0), LONGEST, None).unwrap().end, at(12));
    }

    #[test]
    fn refuses_a_ticket_that_would_never_be_valid() {
        let past = asked(KdcOptions::EMPTY, at(-1));
        let refusal = past.lifetime(at(0), LONGEST, None).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_NEVER_VALID);
    }

    #[test]
    fn renewable_ok_gives_a_renewable_ticket_only_if_the_end_was_cut() {
        let cut = asked(KdcOptions::RENEWABLE_OK, at(48));
        let lifetime = cut.lifetime(at(0), LONGEST, None).unwrap();
        assert_eq!(lifetime.renew_till, Some(at(48)));
        let whole = asked(KdcOptions::RENEWABLE_OK, at(5));
        assert_eq!(
            whole.lifetime(at(0), LONGEST, None).unwrap().renew_till,
            None
        );
    }

    #[test]
    fn renewable_without_a_time_lasts_as_long_as_allowed() {
        let asked = asked(KdcOptions::RENEWABLE, at(5));
        let lifetime = asked.lifetime(at(0), LONGEST, None).unwrap();
        assert_eq!(lifetime.renew_till, Some(at(0).saturating_add(7 * DAY)));
        let none = Longest {
            renewable: Duration::ZERO,
            ..LONGEST
        };
        assert_eq!(asked.lifetime(at(0), none, None).unwrap().renew_till, None);
    }

    #[test]
    fn nothing_renewable_comes_from_a_ticket_that_is_not() {
        let shown = Shown {
            start: at(-1),
            end: at(2),
            renew_till: None,
        };
        let asked = asked(KdcOptions::RENEWABLE, at(5));
        let lifetime = asked.lifetime(at(0), LONGEST, Some(shown)).unwrap();
        assert_eq!(lifetime.renew_till, None);
    }

    #[test]
    fn renewing_keeps_the_length_and_never_passes_the_limit() {
        let shown = Shown {
            start: at(0),
            end: at(10),
            renew_till: Some(at(15)),
        };
        let first = renewed(shown, at(2)).unwrap();
        assert_eq!((first.start, first.end), (at(2), at(12)));
        assert_eq!(renewed(shown, at(9)).unwrap().end, at(15));
        let refusal = renewed(shown, at(16)).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KRB_AP_ERR_TKT_EXPIRED);
    }

    #[test]
    fn a_start_ahead_needs_the_option_postdated() {
        let mut request = asked(KdcOptions::EMPTY, at(5));
        request.from = Some(at(2));
        let refusal = request.start(at(0), HOUR / 12).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_CANNOT_POSTDATE);
        request.options = KdcOptions::POSTDATED;
        assert_eq!(request.start(at(0), HOUR / 12).unwrap(), at(2));
        request.from = None;
        let refusal = request.start(at(0), HOUR / 12).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::KDC_ERR_BADOPTION);
    }

    #[test]
    fn no_time_on_the_wire_overflows() {
        for till in [KerberosTime::MAX, KerberosTime::from_unix(-1)] {
            let mut request = asked(KdcOptions::RENEWABLE, till);
            request.rtime = Some(KerberosTime::MAX);
            let forever = Longest {
                life: Duration::MAX,
                renewable: Duration::MAX,
            };
            let _ = request.lifetime(KerberosTime::MAX, forever, None);
            let _ = request.lifetime(at(0), forever, None);
        }
    }
}
