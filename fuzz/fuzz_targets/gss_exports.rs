//! Exported contexts and names: what can be imported is exported and imported again as it was, and
//! serves.

#![no_main]

use kerbstone_fuzz::clock::random;
use kerbstone_gss::{Context, Name, Oid};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((way, bytes)) = bytes.split_first() else {
        return;
    };
    match way % 4 {
        0 => exported_name(bytes, &Oid::NT_EXPORT_NAME),
        1 => exported_name(bytes, &Oid::NT_COMPOSITE_EXPORT),
        2 => {
            for kind in [
                Oid::NT_HOSTBASED_SERVICE,
                Oid::NT_USER_NAME,
                Oid::NT_KRB5_ENTERPRISE,
            ] {
                let _ = Name::import(bytes, &kind, None).map(|name| name.to_principal());
            }
        }
        _ => exported_context(bytes),
    }
});

fn exported_name(bytes: &[u8], kind: &Oid) {
    let Ok(name) = Name::import(bytes, kind, None) else {
        return;
    };
    let exported = name.export().expect("it came as one");
    let again = Name::import(&exported, &Oid::NT_EXPORT_NAME, None);
    assert_eq!(again.expect("it can be read"), name);
    let composite = name.export_composite().expect("it came as one");
    let again = Name::import(&composite, &Oid::NT_COMPOSITE_EXPORT, None);
    assert_eq!(again.expect("it can be read"), name);
}

fn exported_context(bytes: &[u8]) {
    let Ok(context) = Context::import(bytes) else {
        return;
    };
    let exported = context.export();
    let mut context = Context::import(&exported).expect("it can be read");
    let token = context.wrap(true, b"message", &mut random());
    assert!(
        context.unwrap(&token).is_err(),
        "our own message is none for us"
    );
    let mic = context.get_mic(b"message");
    assert!(context.verify_mic(b"message", &mic).is_err());
    let exported = context.export();
    let again = Context::import(&exported).expect("it can be read").export();
    assert_eq!(exported, again);
}
