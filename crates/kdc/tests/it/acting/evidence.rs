//! On a user's ticket: S4U2Proxy.

use super::*;

#[test]
fn a_service_acts_at_the_services_that_are_listed_for_it() {
    let site = site();
    site.add_service("HTTP/third.kerbstone.test");
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let evidence = evidence(&mut client, "alice");
    let outcome = proxy(&mut client, &front, &evidence, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION);
    permit(&site, FRONT, &[BACK]);
    let request = proxy_request(&mut client, &front, Some(&evidence.ticket), BACK);
    let answer = client.ask(&request.to_der());
    let acting = answer.audit.acting_for.as_ref().unwrap();
    assert_eq!(acting.how, ActingHow::Evidence);
    assert_eq!(acting.user, principal("alice"));
    let ticket = proxy(&mut client, &front, &evidence, BACK).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    assert!(ticket.has(TicketFlags::FORWARDABLE));
    let way = pac(&site, &ticket).delegation_info().unwrap().unwrap();
    assert_eq!(
        way,
        DelegationInfo {
            target: BACK.to_owned(),
            services: vec![format!("{FRONT}@{REALM}")],
        }
    );
    permit(&site, BACK, &["HTTP/third.kerbstone.test"]);
    let back = client.tgt(BACK);
    let third = proxy(&mut client, &back, &ticket, "HTTP/third.kerbstone.test").unwrap();
    let way = pac(&site, &third).delegation_info().unwrap().unwrap();
    assert_eq!(way.services.len(), 2);
    assert_eq!(way.target, "HTTP/third.kerbstone.test");
}

#[test]
fn a_listed_service_may_be_named_by_an_alias() {
    let site = site();
    site.registrar
        .add_alias(
            &principal("HTTP/www.kerbstone.test"),
            &principal(BACK),
            &site.stamp(),
        )
        .unwrap();
    permit(&site, FRONT, &["HTTP/www.kerbstone.test"]);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let evidence = evidence(&mut client, "alice");
    proxy(&mut client, &front, &evidence, BACK).unwrap();
    proxy(&mut client, &front, &evidence, "HTTP/www.kerbstone.test").unwrap();
}

#[test]
fn a_service_acts_where_it_is_admitted_if_it_knows_of_that() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    admit(&site, BACK, &[FRONT]);
    let good = evidence(&mut client, "alice");
    let outcome = proxy(&mut client, &front, &good, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION);
    let ticket = resource_based_proxy(&mut client, &front, &good, BACK).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    assert!(ticket.part.encrypted_pa_data.iter().any(|padata| {
        padata.padata_type == PaType::PAC_OPTIONS
            && PaPacOptions::from_der(&padata.padata_value)
                .unwrap()
                .options
                == PacOptions::RESOURCE_BASED_DELEGATION
    }));
}

#[test]
fn evidence_is_forwardable_or_the_target_admits_who_shows_it() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let alice = client.tgt("alice");
    let fixed = client.ticket(&alice, FRONT, |_| {}).unwrap();
    assert!(!fixed.has(TicketFlags::FORWARDABLE));
    permit(&site, FRONT, &[BACK]);
    let outcome = resource_based_proxy(&mut client, &front, &fixed, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION);
    admit(&site, BACK, &[FRONT]);
    let ticket = resource_based_proxy(&mut client, &front, &fixed, BACK).unwrap();
    assert!(
        !ticket.has(TicketFlags::FORWARDABLE),
        "nor is what came of it"
    );
    let good = evidence(&mut client, "alice");
    site.set("alice", Attributes::DISALLOW_FORWARDABLE);
    for evidence in [&fixed, &good] {
        let outcome = resource_based_proxy(&mut client, &front, evidence, BACK);
        assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "not this user");
    }
}

#[test]
fn every_fault_of_a_request_with_evidence_has_its_error() {
    let site = site();
    permit(&site, FRONT, &[BACK, &format!("krbtgt/{REALM}")]);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let back = client.tgt(BACK);
    let good = evidence(&mut client, "alice");
    let request = proxy_request(&mut client, &front, None, BACK);
    let outcome = ask(&mut client, &front, &request);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "no evidence");
    let outcome = proxy(&mut client, &back, &good, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_SERVER_NOMATCH, "stolen");
    let outcome = proxy(&mut client, &front, &good, &format!("krbtgt/{REALM}"));
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_POLICY, "a user's TGT");
    let mut both = proxy_request(&mut client, &front, Some(&good.ticket), BACK);
    let mut body = both.body.into_value();
    body.kdc_options |= KdcOptions::ENC_TKT_IN_SKEY;
    let ticket = body.additional_tickets.clone();
    both = client.tgs_req(
        &front,
        BACK,
        |new| {
            new.kdc_options = body.kdc_options;
            new.additional_tickets = ticket;
        },
        |show| show,
    );
    let outcome = ask(&mut client, &front, &both);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "user to user");
    site.registrar
        .lock(&principal("alice"), &site.stamp())
        .unwrap();
    let outcome = proxy(&mut client, &front, &good, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_CLIENT_REVOKED, "locked");
    site.registrar
        .unlock(&principal("alice"), &site.stamp())
        .unwrap();
    client.now.time = good.part.endtime;
    let request = proxy_request(&mut client, &front, Some(&good.ticket), BACK);
    client.refused(&request.to_der());
}
