//! Tokens and receipts: as strangers send them, and from behind the seal, for whoever shares the keys may have sealed
//! anything. What opens says the same when it is sealed again.

#![no_main]

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use kerbstone_identity::token::{FernetKey, KeyRepository, MethodCodes, TokenSeal};
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;

static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("fernet-token-{}", std::process::id())));

static SEAL: LazyLock<TokenSeal> = LazyLock::new(|| {
    let keys = KeyRepository::set_up(&FOLDER, 3, &mut StdRng::seed_from_u64(1)).expect("keys");
    TokenSeal::new(
        Arc::new(keys),
        MethodCodes::new(&["external", "password", "token", "kerberos"]),
    )
});

static PRIMARY: LazyLock<FernetKey> =
    LazyLock::new(|| SEAL.keys().current().expect("keys").primary().clone());

fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let mut rng = StdRng::seed_from_u64(2);
    if let Ok(text) = str::from_utf8(data) {
        assert!(SEAL.open(text, now).is_err());
        assert!(SEAL.open_receipt(text, now).is_err());
    }
    let sealed = PRIMARY.seal(data, 1_800_000_000, &mut rng);
    if let Ok(opened) = SEAL.open(&sealed, now) {
        // What Keystone writes with more words than are needed is not written again.
        if let Ok((again, _)) = SEAL.seal(&opened.content, now, &mut rng) {
            let reopened = SEAL.open(&again, now).expect("what we sealed").content;
            assert_eq!(reopened.user_id, opened.content.user_id);
            assert_eq!(reopened.grant, opened.content.grant);
            assert_eq!(reopened.audit, opened.content.audit);
        }
    }
    if let Ok(opened) = SEAL.open_receipt(&sealed, now) {
        let (again, _) = SEAL
            .seal_receipt(&opened.content, now, &mut rng)
            .expect("a receipt");
        let reopened = SEAL.open_receipt(&again, now).expect("what we sealed");
        assert_eq!(reopened.content.user_id, opened.content.user_id);
    }
});
