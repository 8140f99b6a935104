//! Who may act as which local user: `auth_to_local` rules, and `.k5login` files.
//!
//! An input is a krb5.conf, a principal, a user and a `.k5login`, with zero bytes between.

#![no_main]

use kerbstone_proto::k5login::{self, K5login};
use kerbstone_proto::krb5_conf::Krb5Conf;
use kerbstone_proto::localname::local_name;
use kerbstone_proto::name::{Principal, Realm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (conf, name, user, file) = (part(), part(), part(), part());
    let (Ok(conf), Ok(user)) = (str::from_utf8(conf), str::from_utf8(user)) else {
        return;
    };
    let Ok(conf) = Krb5Conf::parse(conf) else {
        return;
    };
    let realm = Realm::from("EXAMPLE.ORG");
    let Ok(principal) = Principal::parse_bytes(name, Some(&realm)) else {
        return;
    };
    let local = local_name(&conf, &principal);
    let _ = k5login::path(&conf, user, "/home/alice");
    for listed in k5login::principals(file) {
        assert!(k5login::lists(file, &listed));
    }
    let listed = k5login::lists(file, &principal);
    if let Ok(allowed) = k5login::allowed(&conf, &principal, user, K5login::Contents(file)) {
        let by_name = local.as_deref() == Ok(user);
        assert!(!allowed || listed || by_name, "let in without a reason");
        assert!(allowed || !listed, "listed, but kept out");
    }
    if let Ok(allowed) = k5login::allowed(&conf, &principal, user, K5login::Absent) {
        assert_eq!(allowed, local.as_deref() == Ok(user));
    }
    let _ = k5login::allowed(&conf, &principal, user, K5login::Untrusted);
});
