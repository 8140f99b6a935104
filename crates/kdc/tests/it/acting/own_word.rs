//! On its own word: S4U2Self.

use super::*;

#[test]
fn a_service_gets_a_users_ticket_to_itself() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let ticket = for_user(&mut client, &front, "alice", FRONT).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    assert!(ticket.has(TicketFlags::FORWARDABLE), "{:?}", ticket.part);
    assert_eq!(ticket.client, principal("alice"));
    let request = x509_user(&mut client, &front, "alice", |_, _| {});
    let answer = client.ask(&request.to_der());
    let acting = answer.audit.acting_for.as_ref().unwrap();
    assert_eq!(acting.user, principal("alice"));
    assert_eq!(acting.how, ActingHow::OwnWord);
    assert_eq!(answer.audit.client, Some(principal(FRONT)));
    let mut line = String::new();
    answer.audit.write_json_line(&mut line);
    assert!(
        line.contains(r#""acting_for":"alice@KERBSTONE.TEST","acting_how":"s4u2self""#),
        "{line}"
    );
    let reply = KdcRep::from_der(&answer.reply).unwrap();
    let padata = PaData::find(&reply.padata, PaType::S4U_X509_USER).expect("an answer");
    let said = PaS4uX509User::from_der(padata).unwrap();
    said.verify_reply(&front.key).unwrap();
    assert_eq!(said.user_id.nonce, request.body.nonce);
    assert_eq!(said.user_id.user(), Some(principal("alice")));
}

#[test]
fn an_alias_or_an_enterprise_name_becomes_the_users_own() {
    let site = site();
    site.registrar
        .add_alias(&principal("al"), &principal("alice"), &site.stamp())
        .unwrap();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let request = x509_user(&mut client, &front, "al", |_, _| {});
    let ticket = ask(&mut client, &front, &request).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    let request = x509_user(&mut client, &front, "alice", |asked, key| {
        let mut id = S4uUserId::clone(&asked.user_id);
        id.cname = Some(PrincipalName::new(
            NameType::ENTERPRISE,
            ["alice@kerbstone.test"],
        ));
        *asked = PaS4uX509User::request(id, key);
    });
    let ticket = ask(&mut client, &front, &request).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    let ticket = for_user(&mut client, &front, "al", FRONT).unwrap();
    assert!(
        is_of(&site, &ticket, "al"),
        "no answer could tell another name"
    );
}

#[test]
fn a_users_ticket_is_forwardable_as_the_service_is_trusted() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let mut forwardable = || {
        let ticket = for_user(&mut client, &front, "alice", FRONT).unwrap();
        ticket.has(TicketFlags::FORWARDABLE)
    };
    assert!(forwardable(), "where targets alone permit, it does no harm");
    permit(&site, FRONT, &[BACK]);
    assert!(!forwardable(), "the service may not say who a user is");
    site.set(FRONT, Attributes::OK_TO_AUTH_AS_DELEGATE);
    assert!(forwardable());
    site.set("alice", Attributes::DISALLOW_FORWARDABLE);
    assert!(!forwardable(), "not this user");
}

#[test]
fn nobody_acts_for_a_user_who_may_not_sign_in() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let mut refused = |user: &str| code(for_user(&mut client, &front, user, FRONT));
    assert_eq!(refused("nobody"), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    assert_eq!(refused("alice@FAR.TEST"), ErrorCode::KDC_ERR_POLICY);
    site.add_user("locked");
    site.registrar
        .lock(&principal("locked"), &site.stamp())
        .unwrap();
    assert_eq!(refused("locked"), ErrorCode::KDC_ERR_CLIENT_REVOKED);
    site.add_user("gone");
    site.modify("gone", |entry| {
        entry.expiration = entry
            .last_password_change
            .map(|time| kerbstone_proto::time::KerberosTime::from_unix(time.unix() - 60));
    });
    assert_eq!(refused("gone"), ErrorCode::KDC_ERR_NAME_EXP);
    site.add_user("stale");
    site.set("stale", Attributes::NEEDCHANGE | Attributes::DISALLOW_SVR);
    for_user(&mut client, &front, "stale", FRONT).unwrap();
}

#[test]
fn every_fault_of_a_request_on_ones_own_word_has_its_error() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let other = for_user(&mut client, &front, "alice", BACK);
    assert_eq!(code(other), ErrorCode::KRB_AP_ERR_BADMATCH);
    let mut refused = |adjust: fn(&mut PaS4uX509User, &Key)| {
        let request = x509_user(&mut client, &front, "alice", adjust);
        client.refused(&request.to_der()).error_code
    };
    let another_user = |asked: &mut PaS4uX509User, key: &Key| {
        let id = S4uUserId::new(&principal("bob"), asked.user_id.nonce);
        let checksum = asked.checksum.clone();
        *asked = PaS4uX509User::request(id, key);
        asked.checksum = checksum;
    };
    assert_eq!(refused(another_user), ErrorCode::KRB_AP_ERR_MODIFIED);
    let another_nonce = |asked: &mut PaS4uX509User, key: &Key| {
        *asked = PaS4uX509User::request(S4uUserId::new(&principal("alice"), UInt32(1)), key);
    };
    assert_eq!(refused(another_nonce), ErrorCode::KRB_AP_ERR_MODIFIED);
    let unkeyed = |asked: &mut PaS4uX509User, _: &Key| asked.checksum.cksumtype = 2;
    assert_eq!(refused(unkeyed), ErrorCode::KRB_AP_ERR_INAPP_CKSUM);
    let nobody = |asked: &mut PaS4uX509User, key: &Key| {
        let mut id = S4uUserId::clone(&asked.user_id);
        id.cname = None;
        id.subject_certificate = Some(b"certificate".to_vec());
        *asked = PaS4uX509User::request(id, key);
    };
    assert_eq!(refused(nobody), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    let certified = |asked: &mut PaS4uX509User, key: &Key| {
        let mut id = S4uUserId::clone(&asked.user_id);
        id.subject_certificate = Some(b"certificate".to_vec());
        *asked = PaS4uX509User::request(id, key);
    };
    assert_eq!(refused(certified), ErrorCode::KDC_ERR_C_PRINCIPAL_UNKNOWN);
    for (padata_type, bytes) in [(PaType::FOR_USER, b"x"), (PaType::S4U_X509_USER, b"x")] {
        let request = client.tgs_req(&front, FRONT, |_| {}, |show| show);
        let request = with(request, PaData::new(padata_type, bytes.to_vec()));
        let error = client.refused(&request.to_der());
        assert_eq!(error.error_code, ErrorCode::KRB_ERR_GENERIC);
    }
    let mut forged = PaForUser::new(&principal("alice"), &front.key);
    forged.user_name = principal("bob").name;
    for (cksumtype, expected) in [
        (-138, ErrorCode::KRB_AP_ERR_MODIFIED),
        (7, ErrorCode::KRB_AP_ERR_INAPP_CKSUM),
    ] {
        forged.cksum.cksumtype = cksumtype;
        let request = client.tgs_req(&front, FRONT, |_| {}, |show| show);
        let padata = PaData::new(PaType::FOR_USER, forged.to_der());
        let error = client.refused(&with(request, padata).to_der());
        assert_eq!(error.error_code, expected);
    }
    let asked = PaForUser::new(&principal("alice"), &front.key);
    let padata = PaData::new(PaType::FOR_USER, asked.to_der());
    let forwarded = KdcOptions::FORWARDED;
    let request = client.tgs_req(
        &front,
        FRONT,
        |body| body.kdc_options = forwarded,
        |show| show,
    );
    client.refused(&with(request, padata).to_der());
}
