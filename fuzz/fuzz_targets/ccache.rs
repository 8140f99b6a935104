//! Credential caches: what can be read is written and read again as it was, in each version, and
//! stays readable while credentials come and go.

#![no_main]

use kerbstone_proto::ccache::{
    CacheVersion, ClockOffset, Credential, CredentialCache, decode_principal, encode_principal,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for version in [CacheVersion::V3, CacheVersion::V4] {
        if let Ok(credential) = Credential::decode(bytes, version) {
            let written = credential.encode(version);
            assert_eq!(Credential::decode(&written, version), Ok(credential));
        }
        if let Ok(principal) = decode_principal(bytes, version) {
            let written = encode_principal(&principal, version);
            assert_eq!(decode_principal(&written, version), Ok(principal));
        }
    }
    if let Ok(cache) = CredentialCache::parse(bytes) {
        assert_reads_as_written(&cache);
        change(cache);
    }
});

fn change(mut cache: CredentialCache) {
    let owner = cache.principal.clone();
    cache.set_clock_offset(Some(ClockOffset {
        seconds: -7,
        microseconds: 1,
    }));
    cache.set_config("pa_type", Some(&owner), b"2");
    assert_eq!(cache.config("pa_type", Some(&owner)), Some(&b"2"[..]));
    assert_reads_as_written(&cache);
    if let Some(first) = cache.credentials.first_mut() {
        *first = first.removed();
        assert!(first.is_removed());
        assert_reads_as_written(&cache);
    }
    cache.remove_config("pa_type", Some(&owner));
    assert_eq!(cache.config("pa_type", Some(&owner)), None);
    assert!(cache.tickets().count() <= cache.present().count());
    let _ = cache.config_entries().count();
}

fn assert_reads_as_written(cache: &CredentialCache) {
    let written = cache.to_bytes();
    let read = CredentialCache::parse(&written).expect("we wrote it");
    assert_eq!(read.principal, cache.principal);
    assert_eq!(read.credentials, cache.credentials);
    assert_eq!(read.to_bytes(), written);
}
