//! Over realms.

use super::*;

const THIRD: &str = "THIRD.TEST";

/// Two realms that trust each other.
fn two_realms() -> Site {
    let site = site();
    site.add_realm(FAR);
    site.trust(REALM, FAR);
    site.trust(FAR, REALM);
    site.add_user(&format!("bob@{FAR}"));
    site
}

fn tgt_of_far(client: &mut Client<'_>, tgt: &Credential) -> Credential {
    let options = KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
    let to = format!("krbtgt/{FAR}@{REALM}");
    client
        .ticket(tgt, &to, |body| body.kdc_options = options)
        .unwrap()
}

/// The referral as another realm would have made it up.
fn said_by(site: &Site, realm: &str, referral: &Credential) -> Credential {
    let server = principal(&format!("krbtgt/{FAR}@{realm}"));
    let entry = site.directory.lookup(&server).unwrap().unwrap();
    let (key, kvno) = (&entry.keys[0].key, entry.keys[0].kvno);
    let mut part = referral.opened(site);
    replace_pac(&mut part, |bytes| {
        let pac = Pac::parse(bytes).unwrap();
        let contents = PacContents {
            client_info: pac.get(PacBuffer::CLIENT_INFO).unwrap().unwrap(),
            delegation_info: pac.get(PacBuffer::DELEGATION_INFO).unwrap(),
        };
        *bytes = contents.sign(
            Signers {
                server: key,
                kdc: key,
            },
            None,
        );
    });
    let plain = part.to_der();
    let usage = KeyUsage::TICKET;
    Credential {
        ticket: Ticket {
            enc_part: EncryptedData::encrypt(key, usage, Some(kvno), &plain, &mut rand::rng()),
            realm: server.realm,
            sname: server.name,
        },
        ..referral.clone()
    }
}

#[test]
fn a_service_acts_for_a_user_of_another_realm() {
    let site = two_realms();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let far = tgt_of_far(&mut client, &front);
    let bob = format!("bob@{FAR}");
    // The user's realm refers back, with the user in the PAC.
    let options = KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
    let request = client.tgs_req(
        &far,
        FRONT,
        |body| {
            body.kdc_options = options;
            body.realm = Realm::from(FAR);
            let name = format!("{FRONT}@{REALM}");
            body.sname = Some(PrincipalName::new(NameType::ENTERPRISE, [name.as_str()]));
        },
        |show| show,
    );
    let id = S4uUserId::new(&principal(&bob), request.body.nonce);
    let asked = PaS4uX509User::request(id, &far.key);
    let padata = PaData::new(PaType::S4U_X509_USER, asked.to_der());
    let referral = ask(&mut client, &far, &with(request, padata)).unwrap();
    assert_eq!(
        referral.ticket.server().to_string(),
        format!("krbtgt/{REALM}@{FAR}")
    );
    assert_eq!(referral.client, principal(FRONT));
    let outcome = client.ticket(&referral, BACK, |_| {});
    assert_eq!(
        code(outcome),
        ErrorCode::KDC_ERR_POLICY,
        "no ticket of its own"
    );
    let outcome = for_user(&mut client, &referral, &format!("alice@{FAR}"), FRONT);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "another user");
    let outcome = for_user(&mut client, &referral, "alice", FRONT);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    let ticket = for_user(&mut client, &referral, &bob, FRONT).unwrap();
    assert!(is_of(&site, &ticket, &bob));
    permit(&site, FRONT, &[BACK]);
    site.set(FRONT, Attributes::OK_TO_AUTH_AS_DELEGATE);
    let ticket = for_user(&mut client, &referral, &bob, FRONT).unwrap();
    let there = proxy(&mut client, &front, &ticket, BACK).unwrap();
    assert!(is_of(&site, &there, &bob));
}

#[test]
fn a_service_acts_at_one_of_another_realm_that_admits_it() {
    let site = two_realms();
    let target = format!("HTTP/www.other.test@{FAR}");
    site.add_service(&target);
    admit(&site, &target, &[FRONT]);
    let mut hosts = HostRealms::new();
    hosts.set(".other.test", FAR);
    let referrals = Referrals {
        hosts,
        ..Referrals::default()
    };
    let kdc = site.kdc_with(KdcConfig {
        referrals,
        ..KdcConfig::default()
    });
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let good = evidence(&mut client, "alice");
    // The service's realm refers to the target's, with the user in the PAC.
    let request = client.tgs_req(
        &front,
        BACK,
        |body| {
            body.kdc_options =
                KdcOptions::CNAME_IN_ADDL_TKT | KdcOptions::FORWARDABLE | KdcOptions::CANONICALIZE;
            body.additional_tickets = vec![good.ticket.clone()];
            let name = PrincipalName::new(NameType::SRV_HST, ["HTTP", "www.other.test"]);
            body.sname = Some(name);
        },
        |show| show,
    );
    let outcome = ask(&mut client, &front, &request);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "cannot go on");
    let referral = ask(&mut client, &front, &with(request, resource_based())).unwrap();
    assert_eq!(
        referral.ticket.server().to_string(),
        format!("krbtgt/{FAR}@{REALM}")
    );
    assert_eq!(referral.client, principal(FRONT));
    let far = tgt_of_far(&mut client, &front);
    let outcome = proxy(&mut client, &far, &referral, &target);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "knows not how");
    let outcome = resource_based_proxy(&mut client, &far, &far, &target);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "no user in it");
    let other = format!("HTTP/elsewhere.other.test@{FAR}");
    site.add_service(&other);
    admit(&site, &other, &[FRONT]);
    let outcome = resource_based_proxy(&mut client, &far, &referral, &other);
    assert_eq!(
        code(outcome),
        ErrorCode::KDC_ERR_BADOPTION,
        "given for another target"
    );
    site.add_realm(THIRD);
    site.trust(THIRD, FAR);
    let forged = said_by(&site, THIRD, &referral);
    let outcome = resource_based_proxy(&mut client, &far, &forged, &target);
    assert_eq!(
        code(outcome),
        ErrorCode::KDC_ERR_BADOPTION,
        "said by a realm that is not the service's"
    );
    let ticket = resource_based_proxy(&mut client, &far, &referral, &target).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    let way = pac(&site, &ticket).delegation_info().unwrap().unwrap();
    assert_eq!(way.services, [format!("{FRONT}@{REALM}")]);
    admit(&site, &target, &[]);
    let outcome = resource_based_proxy(&mut client, &far, &referral, &target);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_BADOPTION, "not admitted");
}
