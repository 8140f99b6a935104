//! Principals as people write them: what can be read is written, and read again as it was.

#![no_main]

use kerbstone_proto::name::{Principal, Realm};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let here = Realm::from("EXAMPLE.ORG");
    for realm in [None, Some(&here)] {
        if let Ok(principal) = Principal::parse_bytes(bytes, realm) {
            let written = principal.unparse();
            assert_eq!(
                Principal::parse_bytes(&written, None),
                Ok(principal.clone())
            );
            let _ = (principal.default_salt(), principal.to_string());
            let _ = (principal.is_krbtgt(), principal.is_anonymous());
        }
        if let Ok(text) = str::from_utf8(bytes) {
            assert_eq!(
                Principal::parse(text, realm).ok(),
                Principal::parse_bytes(bytes, realm).ok()
            );
            let _ = Principal::parse_enterprise(text, realm);
        }
    }
});
