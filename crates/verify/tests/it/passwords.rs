//! Who is let in, who is not, and with which words.

use std::time::Duration;

use kerbstone_proto::ccache::CredentialCache;
use kerbstone_testkit::lab::{Gssproxy, Keeper, Kerb, Mit, Session, Setup, Suite};
use kerbstone_verify::{
    AcceptorSource, Blame, KdcProof, PasswordFault, PasswordLimits, Passwords, ProxyDoor, Realms,
};

use crate::realm::{Lab, REALM, check, context, passwords};

#[tokio::test]
async fn whoever_knows_the_password_is_let_in_and_has_tickets() {
    for lab in Lab::all() {
        let passwords = lab.passwords();
        for name in ["alice", "alice@VERIFY.TEST"] {
            let verified = check(&passwords, name, "wonderland").await.unwrap();
            assert_eq!(verified.principal.to_string(), "alice@VERIFY.TEST");
            assert!(verified.ends_at > verified.authenticated_at);
            let cache = CredentialCache::parse(&verified.tickets.to_bytes()).unwrap();
            let servers: Vec<String> = cache
                .tickets()
                .map(|ticket| ticket.server.to_string())
                .collect();
            assert_eq!(servers, ["krbtgt/VERIFY.TEST@VERIFY.TEST"]);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_in_the_same_words() {
    for lab in Lab::all() {
        let passwords = lab.passwords();
        let wrong = check(&passwords, "alice", "looking-glass")
            .await
            .unwrap_err();
        let unknown = check(&passwords, "mallory", "wonderland")
            .await
            .unwrap_err();
        let foreign = check(&passwords, "alice@ELSEWHERE.TEST", "wonderland")
            .await
            .unwrap_err();
        assert!(matches!(wrong, PasswordFault::Wrong), "{wrong:?}");
        assert!(matches!(unknown, PasswordFault::Unknown(_)), "{unknown:?}");
        assert!(matches!(foreign, PasswordFault::Unknown(_)), "{foreign:?}");
        for fault in [unknown, foreign] {
            assert_eq!(fault.told(), wrong.told());
            assert_eq!(fault.blame(), Blame::Visitor);
        }
        for (name, password) in [
            ("alice", ""),
            ("", "wonderland"),
            ("krbtgt/VERIFY.TEST", "x"),
        ] {
            let fault = check(&passwords, name, password).await.unwrap_err();
            assert_eq!(fault.blame(), Blame::Visitor, "{name}");
        }
    }
}

#[tokio::test]
async fn that_a_password_has_expired_is_told_to_whoever_knows_it() {
    for lab in Lab::all() {
        lab.add_user("eve", "too-old");
        lab.expire_password("eve");
        let passwords = lab.passwords();
        let right = check(&passwords, "eve", "too-old").await.unwrap_err();
        assert!(matches!(right, PasswordFault::Expired), "{right:?}");
        let wrong = check(&passwords, "eve", "guessed").await.unwrap_err();
        assert!(matches!(wrong, PasswordFault::Wrong), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_locked_account_is_locked_whatever_the_password() {
    for lab in Lab::all() {
        lab.add_user("trent", "locked-up");
        lab.lock("trent");
        let passwords = lab.passwords();
        for password in ["locked-up", "guessed"] {
            let fault = check(&passwords, "trent", password).await.unwrap_err();
            assert!(matches!(fault, PasswordFault::Locked(_)), "{fault:?}");
            assert_eq!(fault.told(), PasswordFault::Wrong.told());
        }
    }
}

#[tokio::test]
async fn a_password_is_remembered_where_that_is_wanted_and_no_longer() {
    for mut lab in Lab::all() {
        let limits = PasswordLimits {
            memory: Duration::from_secs(60),
            patience: Duration::from_secs(2),
            ..PasswordLimits::default()
        };
        let (remembering, forgetful) = (lab.passwords_with(limits), lab.passwords());
        check(&remembering, "alice", "wonderland").await.unwrap();
        check(&forgetful, "alice", "wonderland").await.unwrap();
        lab.stop();
        check(&remembering, "alice", "wonderland").await.unwrap();
        check(&remembering, "alice@VERIFY.TEST", "wonderland")
            .await
            .unwrap();
        for (passwords, password) in [(&remembering, "wonderland2"), (&forgetful, "wonderland")] {
            let fault = check(passwords, "alice", password).await.unwrap_err();
            assert!(matches!(fault, PasswordFault::KdcSilent(_)), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn people_of_another_realm_come_where_that_is_allowed() {
    let Some(mit) = Mit::start(&Setup::realm("OTHER.TEST")) else {
        return;
    };
    let realms = |kdc: u16| format!("[realms]\nOTHER.TEST = {{\nkdc = 127.0.0.1:{kdc}\n}}\n");
    let kerb = Kerb::start(&Setup::realm(REALM).krb5_conf(&realms(mit.addresses().kdc)));
    let lab = Lab::Kerb(kerb);
    lab.add_user("alice", "wonderland");
    mit.add_user("bob", "builder");
    mit.trust(REALM, "between us");
    let Lab::Kerb(kerb) = &lab else { return };
    kerb.trust("OTHER.TEST", "between us");
    kerb.add_service(crate::realm::SERVICE);
    let allowed = Passwords::new(
        context(lab.krb5_conf()),
        Realms::only(REALM.into()).and(["OTHER.TEST".into()]),
        KdcProof::Ticket {
            service: kerbstone_proto::name::Principal::parse(crate::realm::SERVICE, None).unwrap(),
            acceptors: crate::realm::acceptors(&lab.keytab()),
        },
        PasswordLimits::default(),
    );
    let bob = check(&allowed, "bob@OTHER.TEST", "builder").await.unwrap();
    assert_eq!(bob.principal.to_string(), "bob@OTHER.TEST");
    let fault = check(&lab.passwords(), "bob@OTHER.TEST", "builder")
        .await
        .unwrap_err();
    assert!(matches!(fault, PasswordFault::Unknown(_)), "{fault:?}");
}

#[tokio::test]
async fn a_proxy_that_has_the_key_proves_the_kdc_as_well() {
    let Some(mit) = Mit::start(&Setup::realm(REALM)) else {
        return;
    };
    let lab = Lab::Mit(mit);
    lab.add_user("alice", "wonderland");
    let Lab::Mit(mit) = &lab else { return };
    mit.add_service(crate::realm::SERVICE);
    let mut proved = 0;
    for keeper in [Keeper::Debian, Keeper::Ours] {
        let services = format!(
            "[service/HTTP]\nmechs = krb5\ncred_store = keytab:{}\ncred_usage = accept\neuid = {}\n",
            lab.keytab().display(),
            nix_euid()
        );
        let Some(proxy) = Gssproxy::start(keeper, lab.krb5_conf(), &services) else {
            continue;
        };
        let acceptors = AcceptorSource::proxy(ProxyDoor::at(proxy.socket()));
        let passwords = passwords(lab.krb5_conf(), acceptors.into(), PasswordLimits::default());
        let verified = check(&passwords, "alice", "wonderland").await;
        assert!(
            verified.is_ok(),
            "{keeper:?}: {verified:?}\n{}",
            proxy.log()
        );
        proved += 1;
    }
    assert_ne!(proved, 0);
}

#[tokio::test]
async fn the_tickets_are_good_for_mits_programs() {
    let Some(mit) = Mit::start(&Setup::realm(REALM)) else {
        return;
    };
    mit.add_user("alice", "wonderland");
    mit.add_service(crate::realm::SERVICE);
    let lab = Lab::Mit(mit);
    let verified = check(&lab.passwords(), "alice", "wonderland")
        .await
        .unwrap();
    let session = Session::new(Suite::Mit, lab.krb5_conf());
    std::fs::write(session.cache(), verified.tickets.to_bytes()).unwrap();
    assert!(session.list().contains("krbtgt/VERIFY.TEST@VERIFY.TEST"));
}

fn nix_euid() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
}
