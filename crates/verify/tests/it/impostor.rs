//! Somebody who answers in the KDC's place, and knows what password will be typed.

use kerbstone_testkit::lab::{Kerb, Setup};
use kerbstone_verify::{Blame, KdcProof, PasswordFault, PasswordLimits, Passwords, Realms};

use crate::realm::{Lab, REALM, SERVICE, acceptors, check, context, passwords};

#[tokio::test]
async fn a_kdc_without_our_key_lets_nobody_in() {
    for lab in Lab::all() {
        // It calls itself the same, has an alice whose password the attacker chose, and a key of its own for our service.
        let impostor = Kerb::start(&Setup::realm(REALM));
        impostor.add_user("alice", "chosen-by-me");
        impostor.add_service(SERVICE);
        let limits = PasswordLimits::default();
        let checked = passwords(impostor.krb5_conf(), acceptors(&lab.keytab()), limits);
        let fault = check(&checked, "alice", "chosen-by-me").await.unwrap_err();
        assert!(matches!(fault, PasswordFault::Unproved(_)), "{fault:?}");
        assert_eq!(fault.blame(), Blame::House);

        let realms = Realms::only(REALM.into());
        let blind = Passwords::new(
            context(impostor.krb5_conf()),
            realms,
            KdcProof::Nothing,
            limits,
        );
        check(&blind, "alice", "chosen-by-me").await.unwrap();
    }
}

#[tokio::test]
async fn a_kdc_that_does_not_know_our_service_is_no_proof() {
    let kerb = Kerb::start(&Setup::realm(REALM));
    kerb.add_user("alice", "wonderland");
    let other = Kerb::start(&Setup::realm(REALM));
    other.add_service(SERVICE);
    let acceptors = acceptors(&Lab::Kerb(other).keytab());
    let passwords = passwords(kerb.krb5_conf(), acceptors, PasswordLimits::default());
    let fault = check(&passwords, "alice", "wonderland").await.unwrap_err();
    assert!(matches!(fault, PasswordFault::Unable(_)), "{fault:?}");
}
