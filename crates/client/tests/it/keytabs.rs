//! Keytabs that both we and MIT's programs write.

use kerbstone_client::KeytabFile;
use kerbstone_crypto::{Enctype, IterationLimit, Key};
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::keytab::KeytabEntry;
use kerbstone_proto::name::Principal;
use kerbstone_proto::time::KerberosTime;
use kerbstone_testkit::lab::{Session, Suite};

use crate::client::{REALM, mit_realm};

#[test]
fn a_keytab_that_we_write_signs_in_with_mits_kinit() {
    let Some(mit) = mit_realm() else { return };
    let alice = Principal::parse(&format!("alice@{REALM}"), None).unwrap();
    let key = Key::from_password(
        Enctype::Aes256CtsHmacSha1_96,
        b"wonderland",
        &alice.default_salt(),
        None,
        IterationLimit::DEFAULT,
    )
    .unwrap();
    let path = mit.folder().join("ours.keytab");
    let keytab = KeytabFile::parse(&format!("WRFILE:{}", path.display())).unwrap();
    for kvno in [1, 2] {
        keytab
            .add(KeytabEntry {
                principal: alice.clone(),
                timestamp: KerberosTime::from_unix(1_700_000_000),
                kvno,
                key: KeyBlock::from(&key),
            })
            .unwrap();
    }
    assert_eq!(keytab.remove(|entry| entry.kvno == 2).unwrap(), 1);
    assert_eq!(keytab.load().unwrap().entries().count(), 1);
    let session = Session::new(Suite::Mit, mit.krb5_conf());
    let name = path.display().to_string();
    session
        .run("klist", &["-k", "-e", &name], "")
        .succeeded()
        .saying("aes256-cts-hmac-sha1-96");
    session.sign_in_with_keytab("alice", &path, &[]).succeeded();
}

#[test]
fn says_which_keytab_is_not_there() {
    let keytab = KeytabFile::parse("/nonexistent/krb5.keytab").unwrap();
    let error = keytab.load().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Key table file '/nonexistent/krb5.keytab' not found"
    );
    assert!(KeytabFile::parse("SRVTAB:/etc/srvtab").is_err());
}
