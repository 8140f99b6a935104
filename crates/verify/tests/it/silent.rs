//! KDCs that do not answer.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use kerbstone_proto::name::Principal;
use kerbstone_testkit::lab::{Kerb, Setup};
use kerbstone_verify::{KdcProof, PasswordFault, PasswordLimits, Passwords, Realms};

use crate::realm::{Lab, REALM, SERVICE, acceptors, check, context, patient_for};

#[tokio::test]
async fn a_kdc_that_is_away_is_said_to_be_so() {
    for mut lab in Lab::all() {
        let passwords = lab.passwords_with(patient_for(1));
        lab.stop();
        for _ in 0..2 {
            let fault = check(&passwords, "alice", "wonderland").await.unwrap_err();
            assert!(matches!(fault, PasswordFault::KdcSilent(_)), "{fault:?}");
            assert!(fault.retry_after().is_some());
        }
    }
}

/// A realm whose KDC takes every request and answers none, beside one that works.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_realm_does_not_hold_up_people_of_another() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let deaf = format!("[realms]\nDEAF.TEST = {{\nkdc = 127.0.0.1:{port}\n}}\n");
    let lab = Lab::Kerb(Kerb::start(&Setup::realm(REALM).krb5_conf(&deaf)));
    lab.add_user("alice", "wonderland");
    let Lab::Kerb(kerb) = &lab else { return };
    kerb.add_service(SERVICE);
    let proof = KdcProof::Ticket {
        service: Principal::parse(SERVICE, None).unwrap(),
        acceptors: acceptors(&lab.keytab()),
    };
    let limits = PasswordLimits {
        threads: 4,
        patience: Duration::from_secs(20),
        ..PasswordLimits::default()
    };
    let realms = Realms::only(REALM.into()).and(["DEAF.TEST".into()]);
    let passwords = Arc::new(Passwords::new(
        context(lab.krb5_conf()),
        realms,
        proof,
        limits,
    ));
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { check(&passwords, "bob@DEAF.TEST", "builder").await })
        })
        .collect();
    // All places of the deaf realm are taken when its KDC has heard from them.
    let mut heard = [0; 2048];
    for _ in 0..2 {
        silent.recv_from(&mut heard).unwrap();
    }
    for _ in 0..10 {
        check(&passwords, "alice", "wonderland").await.unwrap();
    }
    assert!(
        waiting.iter().all(|task| !task.is_finished()),
        "they wait still"
    );
    for task in waiting {
        task.abort();
    }
}
