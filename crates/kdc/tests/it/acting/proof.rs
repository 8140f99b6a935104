//! The PAC, on which all of it rests.

use super::*;

#[test]
fn without_a_pac_nobody_acts_for_anybody() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgs = format!("krbtgt/{REALM}");
    let without = |client: &mut Client<'_>, name: &str| {
        let options = KdcOptions::FORWARDABLE;
        let request = client.as_req(name, &tgs, |body| body.kdc_options = options);
        let asked = PaPacRequest { include_pac: false };
        let padata = PaData::new(PaType::PAC_REQUEST, asked.to_der());
        let reply = client.ask(&with(request, padata).to_der()).reply;
        let key = crate::client::password_key(&principal(name));
        open_reply(&reply, KdcRepKind::As, &key, KeyUsage::AS_REP_ENC_PART).unwrap()
    };
    let front = without(&mut client, FRONT);
    assert!(front.opened(&site).authorization_data.is_empty());
    let outcome = for_user(&mut client, &front, "alice", FRONT);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_TGT_REVOKED);
    permit(&site, FRONT, &[BACK]);
    let alice = without(&mut client, "alice");
    let forwardable = |body: &mut kerbstone_proto::message::KdcReqBody| {
        body.kdc_options = KdcOptions::FORWARDABLE;
    };
    let bare = client.ticket(&alice, FRONT, forwardable).unwrap();
    assert!(bare.opened(&site).authorization_data.is_empty());
    let good = evidence(&mut client, "alice");
    let outcome = proxy(&mut client, &front, &good, BACK);
    assert_eq!(code(outcome), ErrorCode::KDC_ERR_TGT_REVOKED);
    let front = client.tgt(FRONT);
    let outcome = proxy(&mut client, &front, &bare, BACK);
    assert_eq!(code(outcome), ErrorCode::KRB_AP_ERR_MODIFIED);
}

#[test]
fn pacs_are_kept_out_where_realm_or_service_want_none() {
    let site = site();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let tgt = client.tgt("alice");
    site.set(BACK, Attributes::NO_AUTH_DATA);
    let ticket = client.ticket(&tgt, BACK, |_| {}).unwrap();
    assert!(ticket.opened(&site).authorization_data.is_empty());
    let back = client.tgt(BACK);
    let own = for_user(&mut client, &back, "alice", BACK).unwrap();
    assert!(is_of(&site, &own, "alice"), "who acts for others needs it");
    let ticket = client.ticket(&tgt, FRONT, |_| {}).unwrap();
    assert!(is_of(&site, &ticket, "alice"));
    site.modify_realm(REALM, |settings| settings.issues_pac = false);
    let ticket = client.ticket(&tgt, FRONT, |_| {}).unwrap();
    assert!(ticket.opened(&site).authorization_data.is_empty());
    let tgt = client.tgt("alice");
    assert!(tgt.opened(&site).authorization_data.is_empty());
}

/// CVE-2020-17049, the bronze bit: a service has the key that its evidence is sealed with, and
/// could set what flags and names it likes.
#[test]
fn a_service_cannot_change_its_evidence() {
    let site = site();
    permit(&site, FRONT, &[BACK]);
    site.add_user("bob");
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let own = for_user(&mut client, &front, "alice", FRONT).unwrap();
    assert!(!own.has(TicketFlags::FORWARDABLE));
    let flipped = tampered(&site, &own, |part| part.flags |= TicketFlags::FORWARDABLE);
    let outcome = proxy(&mut client, &front, &flipped, BACK);
    assert_eq!(code(outcome), ErrorCode::KRB_AP_ERR_MODIFIED);
    let good = evidence(&mut client, "alice");
    let renamed = tampered(&site, &good, |part| part.cname = principal("bob").name);
    let outcome = proxy(&mut client, &front, &renamed, BACK);
    assert_eq!(code(outcome), ErrorCode::KRB_AP_ERR_MODIFIED);
    let same = tampered(&site, &good, |_| {});
    proxy(&mut client, &front, &same, BACK).unwrap();
}

/// CVE-2022-37967: a service that signs what it likes in its own place must not find a KDC
/// signature that fits.
#[test]
fn a_service_cannot_write_a_pac() {
    let site = site();
    permit(&site, FRONT, &[BACK]);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let good = evidence(&mut client, "alice");
    let own = key_of(&site, FRONT);
    let forged = tampered(&site, &good, |part| {
        let signed = PacInTicket::find(&part.authorization_data)
            .unwrap()
            .unwrap()
            .signed_ticket(part);
        replace_pac(part, |bytes| {
            let pac = Pac::parse(bytes).unwrap();
            let client_info = pac.get(PacBuffer::CLIENT_INFO).unwrap().unwrap();
            let contents = PacContents {
                client_info,
                delegation_info: None,
            };
            let signers = Signers {
                server: &own,
                kdc: &own,
            };
            *bytes = contents.sign(signers, Some(&signed));
        });
    });
    let outcome = proxy(&mut client, &front, &forged, BACK);
    assert_eq!(code(outcome), ErrorCode::KRB_AP_ERR_MODIFIED);
    // Without the signatures of the KDC that only newer ones make.
    let stripped = tampered(&site, &good, |part| {
        replace_pac(part, |bytes| {
            for line in bytes[8..88].chunks_exact_mut(16) {
                if line[0] == 19 {
                    line[0] = 99;
                }
            }
        });
    });
    let outcome = proxy(&mut client, &front, &stripped, BACK);
    assert_eq!(code(outcome), ErrorCode::KRB_AP_ERR_MODIFIED);
}

/// CVE-2022-42898: sizes and offsets near the end of their numbers.
#[test]
fn a_pac_of_any_shape_is_refused_and_no_more() {
    let site = site();
    permit(&site, FRONT, &[BACK]);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let front = client.tgt(FRONT);
    let good = evidence(&mut client, "alice");
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 8] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(7),
        |bytes| bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes()),
        |bytes| bytes[..4].copy_from_slice(&0x1000_0001_u32.to_le_bytes()),
        |bytes| bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes()),
        |bytes| bytes[16..24].copy_from_slice(&u64::MAX.to_le_bytes()),
        |bytes| bytes[16..24].copy_from_slice(&0xffff_ffff_ffff_fff8_u64.to_le_bytes()),
        |bytes| bytes[4] = 1,
    ];
    for change in changes {
        let bad = tampered(&site, &good, |part| replace_pac(part, change));
        let outcome = proxy(&mut client, &front, &bad, BACK);
        assert_eq!(code(outcome), ErrorCode::KRB_ERR_GENERIC);
        // The same in a ticket that is renewed or validated: any service ticket can be shown.
        let request = client.tgs_req(
            &bad,
            FRONT,
            |body| body.kdc_options = KdcOptions::RENEW,
            |show| show,
        );
        client.refused(&request.to_der());
    }
}

#[test]
fn evidence_outlives_new_keys_of_the_kdc() {
    let site = site();
    permit(&site, FRONT, &[BACK]);
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let good = evidence(&mut client, "alice");
    let tgs = principal(&format!("krbtgt/{REALM}"));
    let keys = KeyChange::random().keeping_old();
    site.registrar
        .change_keys(&tgs, &keys, &site.stamp(), &mut rand::rng())
        .unwrap();
    let front = client.tgt(FRONT);
    proxy(&mut client, &front, &good, BACK).unwrap();
}

#[test]
fn a_service_may_want_signatures_of_another_enctype() {
    let site = site();
    permit(&site, FRONT, &[BACK]);
    let stamp = site.stamp();
    let name = "aes256-cts-hmac-sha384-192";
    site.registrar
        .set_string(&principal(FRONT), "pac_privsvr_enctype", Some(name), &stamp)
        .unwrap();
    let kdc = site.kdc();
    let mut client = Client::new(&kdc, site.now);
    let good = evidence(&mut client, "alice");
    let part = good.opened(&site);
    let found = PacInTicket::find(&part.authorization_data)
        .unwrap()
        .unwrap();
    let pac = Pac::parse(found.bytes()).unwrap();
    let signature = pac.get(PacBuffer::KDC_SIGNATURE).unwrap().unwrap();
    let kind = Enctype::Aes256CtsHmacSha384_192.checksum_type();
    assert_eq!(signature[..4], kind.number().to_le_bytes());
    let front = client.tgt(FRONT);
    proxy(&mut client, &front, &good, BACK).unwrap();
}
