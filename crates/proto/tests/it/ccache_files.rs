//! Caches that MIT's programs wrote, and theirs of ours.

use kerbstone_proto::ccache::{
    CacheError, CacheVersion, ClockOffset, Credential, CredentialCache, CredentialQuery,
    FlagsMatch, HeaderField, NoCredential, Times, TimesMatch, decode_principal, encode_principal,
};
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{AuthorizationDataElement, HostAddress};
use kerbstone_proto::name::{Principal, Realm};
use kerbstone_proto::time::KerberosTime;
use proptest::prelude::*;

use crate::mit;

const V1: &[u8] = include_bytes!("fixtures/v1.ccache");
const V2: &[u8] = include_bytes!("fixtures/v2.ccache");
const V3: &[u8] = include_bytes!("fixtures/v3.ccache");
const V4: &[u8] = include_bytes!("fixtures/v4.ccache");
const FAST: &[u8] = include_bytes!("fixtures/fast.ccache");

fn principal(text: &str) -> Principal {
    Principal::parse(text, None).unwrap()
}

fn time(seconds: i64) -> KerberosTime {
    KerberosTime::from_unix(seconds)
}

fn credential(server: &str) -> Credential {
    Credential {
        client: principal("alice@KERB.TEST"),
        server: principal(server),
        key: KeyBlock::new(18, [7; 32]),
        authtime: time(1_000),
        starttime: time(1_000),
        endtime: time(5_000),
        renew_till: time(9_000),
        is_skey: false,
        flags: TicketFlags::FORWARDABLE | TicketFlags::RENEWABLE,
        addresses: vec![HostAddress {
            addr_type: 2,
            address: vec![127, 0, 0, 1],
        }],
        authdata: vec![AuthorizationDataElement {
            ad_type: -5,
            ad_data: vec![1, 2, 3],
        }],
        ticket: vec![0x61, 0x82],
        second_ticket: Vec::new(),
    }
}

fn cache(servers: &[&str]) -> CredentialCache {
    let mut cache = CredentialCache::new(principal("alice@KERB.TEST"));
    cache.credentials = servers.iter().map(|server| credential(server)).collect();
    cache
}

#[test]
fn writes_files_of_mit_again_byte_for_byte() {
    for file in [V3, V4, FAST] {
        assert_eq!(*CredentialCache::parse(file).unwrap().to_bytes(), file);
    }
}

/// Versions 1 and 2 hold numbers as the machine does, and the files are from a little-endian one.
#[cfg(target_endian = "little")]
#[test]
fn writes_old_files_of_mit_again_byte_for_byte() {
    for file in [V1, V2] {
        assert_eq!(*CredentialCache::parse(file).unwrap().to_bytes(), file);
    }
}

#[cfg(target_endian = "little")]
#[test]
fn all_versions_say_the_same() {
    let names = |file| -> Vec<Principal> {
        let cache = CredentialCache::parse(file).unwrap();
        assert_eq!(cache.principal, principal("alice@KERB.TEST"));
        cache
            .tickets()
            .map(|ticket| ticket.server.clone())
            .collect()
    };
    assert_eq!(names(V1), names(V2));
    assert_eq!(names(V2), names(V3));
    assert_eq!(names(V4)[0], principal("krbtgt/KERB.TEST@KERB.TEST"));
    assert_eq!(names(V4)[1], principal("host/www.kerb.test@KERB.TEST"));
}

#[test]
fn reads_what_kinit_wrote() {
    let cache = CredentialCache::parse(V4).unwrap();
    assert_eq!(cache.version, CacheVersion::V4);
    let zero = ClockOffset {
        seconds: 0,
        microseconds: 0,
    };
    assert_eq!(cache.clock_offset(), Some(zero));
    let tgt = principal("krbtgt/KERB.TEST@KERB.TEST");
    let fast = cache.config(CredentialCache::FAST_AVAIL, Some(&tgt));
    assert_eq!(fast, Some(&b"yes"[..]));
    assert_eq!(cache.config(CredentialCache::FAST_AVAIL, None), None);
    let ticket = cache.tickets().next().unwrap();
    assert!(
        ticket
            .flags
            .contains(TicketFlags::FORWARDABLE | TicketFlags::INITIAL)
    );
    assert_eq!(ticket.ticket[0], 0x61);
    assert!(ticket.key.to_key().is_ok());
}

#[test]
fn klist_reads_our_caches_of_every_version() {
    for version in [
        CacheVersion::V1,
        CacheVersion::V2,
        CacheVersion::V3,
        CacheVersion::V4,
    ] {
        let mut cache = cache(&["krbtgt/KERB.TEST@KERB.TEST", "host/x@KERB.TEST"]);
        cache.version = version;
        cache.set_config(
            "pa_type",
            Some(&principal("krbtgt/KERB.TEST@KERB.TEST")),
            b"2",
        );
        cache.set_config("refresh_time", None, b"1234");
        cache
            .credentials
            .push(credential("gone@KERB.TEST").removed());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        std::fs::write(&path, &*cache.to_bytes()).unwrap();
        let Some(shown) = mit::run("klist", &["-Cafn", path.to_str().unwrap()], "") else {
            return;
        };
        for text in [
            "Default principal: alice@KERB.TEST",
            "01/01/70 00:16:40  01/01/70 01:23:20  krbtgt/KERB.TEST@KERB.TEST",
            "host/x@KERB.TEST",
            "renew until 01/01/70 02:30:00, Flags: FR",
            "config: pa_type(krbtgt/KERB.TEST@KERB.TEST) = 2",
            "config: refresh_time = 1234",
            "127.0.0.1",
        ] {
            assert!(
                shown.contains(text),
                "{version:?}: {text}\nis not in\n{shown}"
            );
        }
        assert!(!shown.contains("gone"), "{shown}");
    }
}

#[test]
fn what_is_appended_is_part_of_the_file() {
    let mut file = V4.to_vec();
    let added = credential("new@KERB.TEST");
    file.extend_from_slice(&added.encode(CredentialCache::version_of(&file).unwrap()));
    let cache = CredentialCache::parse(&file).unwrap();
    assert_eq!(cache.credentials.last(), Some(&added));
    assert_eq!(
        Credential::decode(&added.encode(CacheVersion::V4), CacheVersion::V4),
        Ok(added)
    );
}

#[test]
fn a_removed_credential_is_as_long_as_it_was() {
    let mut cache = cache(&["a@R"]);
    cache.set_config("pa_type", None, b"2");
    for credential in &cache.credentials {
        let removed = credential.removed();
        assert!(removed.is_removed());
        assert!(!removed.is_config());
        let length = |credential: &Credential| credential.encode(CacheVersion::V4).len();
        assert_eq!(length(&removed), length(credential));
    }
}

#[test]
fn an_unfinished_credential_is_left_out() {
    let whole = CredentialCache::parse(V4).unwrap();
    let header = whole.header_bytes().len();
    for end in 0..V4.len() {
        match CredentialCache::parse(&V4[..end]) {
            Ok(cache) => {
                assert!(end >= header);
                let count = cache.credentials.len();
                assert_eq!(cache.credentials, whole.credentials[..count]);
                assert_eq!(cache.to_bytes().len() + cache.unfinished().len(), end);
            }
            Err(CacheError::BadFormat { .. }) => assert!(end < V4.len()),
            Err(error) => assert!(end < header, "{end}: {error}"),
        }
    }
}

#[test]
fn a_reserved_file_is_empty() {
    assert_eq!(
        CredentialCache::parse(&[5, 4, 0, 0]),
        Err(CacheError::NoPrincipal)
    );
    let other = CredentialCache::parse(b"PK").unwrap_err();
    assert!(matches!(other, CacheError::UnknownVersion(_)));
}

#[test]
fn impossible_lengths_are_refused() {
    let mut file = CredentialCache::new(principal("a@R")).header_bytes();
    let header = file.len();
    // A name of 4 G components, each with an impossible length.
    file.extend_from_slice(&[0xff; 200]);
    let error = CredentialCache::parse(&file).unwrap_err();
    assert_eq!(
        error,
        CacheError::BadFormat {
            offset: header + 12
        }
    );
    // 4 G empty components end with the file.
    file.truncate(header);
    file.extend_from_slice(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]);
    file.extend_from_slice(&[0; 400]);
    assert_eq!(
        CredentialCache::parse(&file).unwrap().unfinished().len(),
        408
    );
}

#[test]
fn header_fields_must_fit_the_header() {
    for header in [
        &[0, 3, 0, 1, 0][..],
        &[0, 8, 0, 1, 0, 8, 0, 0, 0, 0],
        &[0, 8, 0, 1, 0, 4, 0, 0, 0, 0],
        &[0xff, 0xff, 0, 2, 0, 0],
    ] {
        let mut file = vec![5, 4];
        file.extend_from_slice(header);
        let error = CredentialCache::parse(&file).unwrap_err();
        assert!(matches!(error, CacheError::BadFormat { .. }), "{header:?}");
    }
}

#[test]
fn unknown_header_fields_are_kept() {
    let mut cache = cache(&[]);
    cache.header.push(HeaderField {
        tag: 77,
        value: vec![1, 2, 3],
    });
    let offset = ClockOffset {
        seconds: -7,
        microseconds: 12,
    };
    cache.set_clock_offset(Some(offset));
    let read = CredentialCache::parse(&cache.to_bytes()).unwrap();
    assert_eq!(read.clock_offset(), Some(offset));
    assert_eq!(read.header, cache.header);
}

#[test]
fn a_config_entry_replaces_its_elder() {
    let mut cache = cache(&[]);
    let about = principal("krbtgt/A\\/B@KERB.TEST");
    cache.set_config("pa_type", Some(&about), b"2");
    cache.set_config("pa_type", None, b"3");
    cache.set_config("pa_type", Some(&about), b"138");
    assert_eq!(cache.config("pa_type", Some(&about)), Some(&b"138"[..]));
    assert_eq!(cache.config("pa_type", None), Some(&b"3"[..]));
    assert_eq!(cache.credentials.len(), 2);
    let listed: Vec<_> = cache.config_entries().collect();
    assert_eq!(
        listed[1],
        (
            &b"pa_type"[..],
            Some(&b"krbtgt/A\\/B@KERB.TEST"[..]),
            &b"138"[..]
        )
    );
    cache.remove_config("pa_type", None);
    assert_eq!(cache.config("pa_type", None), None);
    assert_eq!(cache.tickets().count(), 0);
}

#[test]
fn finds_by_names() {
    let cache = cache(&["host/x@A", "host/x@B"]);
    let alice = principal("alice@KERB.TEST");
    let server = principal("host/x@B");
    let query = CredentialQuery {
        client: Some(&alice),
        server: Some(&server),
        ..CredentialQuery::default()
    };
    assert_eq!(cache.retrieve(&query).unwrap().server.realm, *"B");
    let elsewhere = principal("host/x@C");
    let query = CredentialQuery {
        server: Some(&elsewhere),
        ..query
    };
    assert_eq!(cache.retrieve(&query), Err(NoCredential::NotFound));
    let anywhere = CredentialQuery {
        any_server_realm: true,
        ..query
    };
    assert_eq!(cache.retrieve(&anywhere).unwrap().server.realm, *"A");
}

#[test]
fn a_referral_is_looked_for_in_the_clients_realm() {
    let cache = cache(&["host/x@OTHER", "host/x@KERB.TEST"]);
    let alice = principal("alice@KERB.TEST");
    let mut server = principal("host/x@A");
    server.realm = Realm::from("");
    let query = CredentialQuery {
        client: Some(&alice),
        server: Some(&server),
        ..CredentialQuery::default()
    };
    assert_eq!(cache.retrieve(&query).unwrap().server.realm, *"KERB.TEST");
}

#[test]
fn user_to_user_tickets_are_found_only_on_request() {
    let mut cache = cache(&["bob@KERB.TEST"]);
    cache.credentials[0].is_skey = true;
    let query = CredentialQuery::default();
    assert_eq!(cache.retrieve(&query), Err(NoCredential::NotFound));
    let query = CredentialQuery {
        is_skey: true,
        ..query
    };
    assert!(cache.retrieve(&query).is_ok());
}

#[test]
fn finds_by_flags_times_and_data() {
    let cache = cache(&["a@R"]);
    let found = |query: CredentialQuery<'_>| cache.retrieve(&query).is_ok();
    let with = |flags| CredentialQuery {
        flags: Some(flags),
        ..CredentialQuery::default()
    };
    assert!(found(with(FlagsMatch::AtLeast(TicketFlags::FORWARDABLE))));
    assert!(!found(with(FlagsMatch::AtLeast(TicketFlags::PROXIABLE))));
    assert!(!found(with(FlagsMatch::Exactly(TicketFlags::FORWARDABLE))));
    let at = |times| CredentialQuery {
        times: Some(times),
        ..CredentialQuery::default()
    };
    let until = |endtime, renew_till| TimesMatch::AtLeast {
        endtime: time(endtime),
        renew_till: time(renew_till),
    };
    assert!(found(at(until(5_000, 0))));
    assert!(!found(at(until(5_001, 0))));
    assert!(!found(at(until(0, 9_001))));
    let exact = Times {
        authtime: time(1_000),
        starttime: time(1_000),
        endtime: time(5_000),
        renew_till: time(9_000),
    };
    assert!(found(at(TimesMatch::Exactly(exact))));
    let later = Times {
        endtime: time(4_999),
        ..exact
    };
    assert!(!found(at(TimesMatch::Exactly(later))));
    let second = |second_ticket| CredentialQuery {
        second_ticket: Some(second_ticket),
        ..CredentialQuery::default()
    };
    assert!(found(second(b"")));
    assert!(!found(second(b"x")));
    let authdata = |authdata| CredentialQuery {
        authdata: Some(authdata),
        ..CredentialQuery::default()
    };
    assert!(found(authdata(&cache.credentials[0].authdata)));
    assert!(!found(authdata(&[])));
}

#[test]
fn the_best_enctype_wins() {
    let mut cache = cache(&["a@R", "a@R", "a@R"]);
    for (credential, enctype) in cache.credentials.iter_mut().zip([23, 17, 18]) {
        credential.key.enctype = enctype;
    }
    let query = |supported| CredentialQuery {
        supported: Some(supported),
        ..CredentialQuery::default()
    };
    assert_eq!(cache.retrieve(&query(&[18, 17])).unwrap().key.enctype, 18);
    assert_eq!(cache.retrieve(&query(&[17, 18])).unwrap().key.enctype, 17);
    let refused = cache.retrieve(&query(&[20]));
    assert_eq!(refused, Err(NoCredential::UnsupportedEnctype));
}

#[test]
fn a_single_principal_is_read_again_and_nothing_behind_it() {
    let name = principal("host/a\\@b@R");
    let mut bytes = encode_principal(&name, CacheVersion::V4);
    assert_eq!(decode_principal(&bytes, CacheVersion::V4), Ok(name));
    bytes.push(0);
    assert!(decode_principal(&bytes, CacheVersion::V4).is_err());
    assert!(decode_principal(&bytes[..5], CacheVersion::V4).is_err());
}

fn any_principal() -> impl Strategy<Value = Principal> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..12);
    (
        proptest::collection::vec(bytes(), 0..4),
        bytes(),
        any::<i32>(),
    )
        .prop_map(|(components, realm, kind)| {
            let mut name = principal("a@R");
            name.name.name_type.0 = kind;
            name.name.components = components.into_iter().map(Into::into).collect();
            name.realm = realm.into();
            name
        })
}

fn any_credential() -> impl Strategy<Value = Credential> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..30);
    (
        (any_principal(), any_principal()),
        (any::<i16>(), bytes()),
        any::<[u32; 4]>(),
        any::<(bool, u32)>(),
        proptest::collection::vec((any::<u16>(), bytes()), 0..3),
        proptest::collection::vec((any::<i16>(), bytes()), 0..3),
        (bytes(), bytes()),
    )
        .prop_map(
            |(names, key, times, (is_skey, flags), addresses, authdata, tickets)| {
                let [authtime, starttime, endtime, renew_till] =
                    times.map(|seconds| time(seconds.into()));
                Credential {
                    client: names.0,
                    server: names.1,
                    key: KeyBlock::new(key.0.into(), key.1),
                    authtime,
                    starttime,
                    endtime,
                    renew_till,
                    is_skey,
                    flags: TicketFlags::from_bits(flags),
                    addresses: addresses
                        .into_iter()
                        .map(|(kind, address)| HostAddress {
                            addr_type: kind.into(),
                            address,
                        })
                        .collect(),
                    authdata: authdata
                        .into_iter()
                        .map(|(kind, ad_data)| AuthorizationDataElement {
                            ad_type: kind.into(),
                            ad_data,
                        })
                        .collect(),
                    ticket: tickets.0,
                    second_ticket: tickets.1,
                }
            },
        )
}

proptest! {
    #[test]
    fn a_credential_is_read_again(credential in any_credential()) {
        for version in [CacheVersion::V2, CacheVersion::V3, CacheVersion::V4] {
            let bytes = credential.encode(version);
            prop_assert_eq!(bytes.capacity(), bytes.len());
            prop_assert_eq!(Credential::decode(&bytes, version).unwrap(), credential.clone());
        }
    }

    #[test]
    fn any_bytes_do_no_harm(version in 1_u8..=4, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = vec![5, version];
        file.extend_from_slice(&bytes);
        let _ = CredentialCache::parse(&file);
    }

    #[test]
    fn a_changed_byte_does_no_harm(at in 0..V4.len(), value: u8) {
        let mut bytes = V4.to_vec();
        bytes[at] = value;
        let _ = CredentialCache::parse(&bytes);
    }
}
