//! Several KDCs, some of which are dead.

use kerbstone_client::ClientError;
use kerbstone_testkit::lab::Port;

use crate::client::{REALM, login, memory, mit_realm};

#[test]
fn passes_over_a_kdc_that_refuses() {
    let Some(mit) = mit_realm() else { return };
    let dead = Port::claim();
    let conf = mit.folder().join("failover.conf");
    let text = std::fs::read_to_string(mit.krb5_conf()).unwrap();
    let first = format!("{REALM} = {{\nkdc = 127.0.0.1:{}", dead.number());
    let changed = text.replacen(&format!("{REALM} = {{"), &first, 1);
    assert_ne!(changed, text);
    std::fs::write(&conf, changed).unwrap();
    let context = memory(&conf);
    login(&context, "alice", "wonderland").unwrap();
    login(&context, "alice", "wonderland").unwrap();
}

#[test]
fn passes_over_a_kdc_that_takes_requests_and_says_nothing() {
    let Some(mit) = mit_realm() else { return };
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let conf = mit.folder().join("silent.conf");
    let text = std::fs::read_to_string(mit.krb5_conf()).unwrap();
    let first = format!("{REALM} = {{\nkdc = 127.0.0.1:{port}");
    std::fs::write(&conf, text.replacen(&format!("{REALM} = {{"), &first, 1)).unwrap();
    let context = memory(&conf);
    login(&context, "alice", "wonderland").unwrap();
    let asked = || {
        silent.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2048];
        std::iter::from_fn(|| silent.recv(&mut buffer).ok()).count()
    };
    assert_eq!(asked(), 1);
    // From now on it is asked last, which is never.
    login(&context, "alice", "wonderland").unwrap();
    assert_eq!(asked(), 0);
}

#[test]
fn says_which_addresses_it_tried_and_how_each_failed() {
    let Some(mut mit) = mit_realm() else { return };
    mit.stop();
    let error = login(&memory(mit.krb5_conf()), "alice", "wonderland").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Cannot contact any KDC for realm '{REALM}'")
    );
    let ClientError::Unreachable { tried, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(tried.len(), 2, "{tried:?}");
    assert!(
        tried
            .iter()
            .all(|failure| failure.reason.contains("refused")),
        "{tried:?}"
    );
    assert!(error.help().contains(&mit.addresses().kdc.to_string()));
}

#[test]
fn asks_the_primary_when_a_replica_does_not_know_the_new_password() {
    let (Some(replica), Some(primary)) = (mit_realm(), mit_realm()) else {
        return;
    };
    primary.admin(&["cpw", "-pw", "looking glass", "alice"]);
    let conf = primary.folder().join("replica.conf");
    let text = std::fs::read_to_string(primary.krb5_conf()).unwrap();
    let kdc = format!("kdc = 127.0.0.1:{}", primary.addresses().kdc);
    assert!(text.contains(&kdc), "{text}");
    let both = format!(
        "kdc = 127.0.0.1:{}\nprimary_kdc = 127.0.0.1:{}",
        replica.addresses().kdc,
        primary.addresses().kdc
    );
    std::fs::write(&conf, text.replacen(&kdc, &both, 1)).unwrap();
    login(&memory(&conf), "alice", "looking glass").unwrap();
    let error = login(&memory(&conf), "alice", "white rabbit").unwrap_err();
    assert_eq!(error.to_string(), "Password incorrect");
}

#[test]
fn says_when_nothing_names_a_kdc() {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("krb5.conf");
    std::fs::write(&conf, "[libdefaults]\ndns_lookup_kdc = false\n").unwrap();
    let error = login(&memory(&conf), "alice@NOWHERE.TEST", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cannot find KDC for realm \"NOWHERE.TEST\""
    );
    let error = login(&memory(&conf), "alice", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Configuration file does not specify default realm"
    );
}
