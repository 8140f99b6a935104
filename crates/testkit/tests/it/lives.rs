//! Tickets over days.

use std::time::Duration;

use kerbstone_client::{ClientError, LoginOptions};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;

use crate::town::{DAY, HOUR, Town, WEB, code};

#[test]
fn a_ticket_expires() {
    let mut town = Town::new(1);
    let tgt = town.login(&LoginOptions::default()).unwrap();
    assert_eq!(
        tgt.credential.endtime,
        tgt.credential.authtime.saturating_add(12 * HOUR)
    );
    town.site.pass(12 * HOUR - Duration::from_secs(60));
    town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
    // Beyond the end and the skew that is forgiven.
    town.site.pass(HOUR);
    let error = town.site.service_ticket(town.laptop, &tgt, WEB);
    assert!(
        matches!(
            error,
            Err(ClientError::TicketExpired { .. } | ClientError::NoTicket { .. })
        ),
        "{error:?}"
    );
}

#[test]
fn a_ticket_is_renewed_for_a_week_and_not_a_minute_longer() {
    let mut town = Town::new(1);
    let options = LoginOptions {
        renewable: Some(30 * DAY),
        ..LoginOptions::default()
    };
    let mut tgt = town.login(&options).unwrap();
    let until = tgt.credential.renew_till;
    assert_eq!(until, tgt.credential.authtime.saturating_add(7 * DAY));
    let mut renewals = 0;
    while tgt.credential.endtime < until {
        town.site.pass(11 * HOUR);
        tgt.credential = town.site.renew(town.laptop, &tgt.credential).unwrap();
        assert_eq!(tgt.credential.renew_till, until);
        assert!(tgt.credential.endtime <= until);
        renewals += 1;
    }
    assert_eq!(renewals, 15);
    town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
    town.site.pass(12 * HOUR);
    let error = town.site.renew(town.laptop, &tgt.credential).unwrap_err();
    assert!(
        matches!(error, ClientError::TicketExpired { .. }),
        "{error:?}"
    );
}

#[test]
fn an_expired_ticket_is_not_renewed() {
    let mut town = Town::new(1);
    let options = LoginOptions {
        renewable: Some(7 * DAY),
        ..LoginOptions::default()
    };
    let tgt = town.login(&options).unwrap();
    town.site.pass(13 * HOUR);
    let error = town.site.renew(town.laptop, &tgt.credential).unwrap_err();
    assert!(
        matches!(error, ClientError::TicketExpired { .. }),
        "{error:?}"
    );
}

#[test]
fn a_postdated_ticket_is_good_for_nothing_until_it_is_validated_in_its_time() {
    let mut town = Town::new(1);
    let options = LoginOptions {
        start: Some(DAY),
        ..LoginOptions::default()
    };
    let mut tgt = town.login(&options).unwrap();
    let invalid = |flags: TicketFlags| flags.contains(TicketFlags::INVALID);
    assert!(invalid(tgt.credential.flags));
    town.site
        .service_ticket(town.laptop, &tgt, WEB)
        .unwrap_err();
    let early = town.site.validate(town.laptop, &tgt.credential);
    assert_eq!(code(&early.unwrap_err()), ErrorCode::KRB_AP_ERR_TKT_NYV);
    town.site.pass(DAY);
    town.site
        .service_ticket(town.laptop, &tgt, WEB)
        .unwrap_err();
    tgt.credential = town.site.validate(town.laptop, &tgt.credential).unwrap();
    assert!(!invalid(tgt.credential.flags));
    town.site.service_ticket(town.laptop, &tgt, WEB).unwrap();
}
