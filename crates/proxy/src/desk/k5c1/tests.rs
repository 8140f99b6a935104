use kerbstone_proto::ccache::Credential;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::key_block::KeyBlock;
use kerbstone_proto::message::{AuthorizationDataElement, HostAddress};
use kerbstone_proto::name::Realm;
use proptest::prelude::*;

use super::*;
use crate::desk::DeskError;

/// As MIT 1.20 exports an acceptor's credential.
const ACCEPTOR: &str = r#"["K5C1",[2,null,null,true,false,"FILE:/etc/krb5.keytab",null,null,null,false,0,0,null,null]]"#;

fn borrowed(imported: &Imported) -> Exported<&CredentialCache> {
    Exported {
        usage: imported.usage,
        name: imported.name.clone(),
        impersonator: imported.impersonator.clone(),
        default_identity: imported.default_identity,
        iakerb: imported.iakerb,
        keytab: imported.keytab.clone(),
        replay_cache: imported.replay_cache.clone(),
        cache: imported.cache.as_ref().map(|cache| match cache {
            ExportedCache::Content(content) => ExportedCache::Content(content),
            ExportedCache::Named(name) => ExportedCache::Named(name.clone()),
        }),
        client_keytab: imported.client_keytab.clone(),
        has_tgt: imported.has_tgt,
        expires: imported.expires,
        refreshes: imported.refreshes,
        enctypes: imported.enctypes.clone(),
        password: imported.password.clone(),
    }
}

fn written(imported: &Imported) -> String {
    let text = write(&borrowed(imported));
    String::from_utf8(text.to_vec()).unwrap()
}

fn principal(text: &str) -> Principal {
    Principal::parse(text, Some(&Realm::from("PROXY.TEST"))).unwrap()
}

fn full() -> Imported {
    let alice = principal("alice");
    let mut content = CredentialCache::new(alice.clone());
    content.set_config(CredentialCache::REFRESH_TIME, None, b"1700000000");
    content.credentials.push(Credential {
        client: alice.clone(),
        server: principal("krbtgt/PROXY.TEST"),
        key: KeyBlock::new(18, vec![7; 32]),
        authtime: KerberosTime::from_unix(1_700_000_000),
        starttime: KerberosTime::from_unix(1_700_000_000),
        endtime: KerberosTime::from_unix(0xf000_0000),
        renew_till: KerberosTime::ZERO,
        is_skey: false,
        flags: TicketFlags::from_bits(0x50e1_0000),
        addresses: vec![HostAddress {
            addr_type: 2,
            address: vec![10, 0, 0, 1],
        }],
        authdata: vec![AuthorizationDataElement {
            ad_type: -3,
            ad_data: vec![1, 2],
        }],
        ticket: vec![0x61; 100],
        second_ticket: vec![0x61; 5],
    });
    Exported {
        usage: CredUsage::Both,
        name: Some(HeldName {
            principal: alice,
            service: Some("HTTP".to_owned()),
            host: None,
        }),
        impersonator: Some(principal("HTTP/we\"b\\.proxy.test")),
        default_identity: false,
        iakerb: true,
        keytab: Some("FILE:/k\te\u{1}y".to_owned()),
        replay_cache: Some("none:".to_owned()),
        cache: Some(ExportedCache::Content(content)),
        client_keytab: Some("FILE:/etc/client".to_owned()),
        has_tgt: true,
        expires: KerberosTime::from_unix(0xf000_0000),
        refreshes: KerberosTime::from_unix(1_700_000_000),
        enctypes: Some(vec![18, 17, -128]),
        password: Some(Password(Zeroizing::new("wonderland".to_owned()))),
    }
}

#[test]
fn reads_and_writes_an_acceptor_as_mit_does() {
    let acceptor = read(ACCEPTOR.as_bytes()).unwrap();
    assert_eq!(acceptor.usage, CredUsage::Accept);
    assert!(acceptor.default_identity);
    assert_eq!(acceptor.keytab.as_deref(), Some("FILE:/etc/krb5.keytab"));
    assert_eq!(written(&acceptor), ACCEPTOR);
}

#[test]
fn carries_everything_that_a_credential_may_have() {
    let full = full();
    let text = written(&full);
    assert_eq!(read(text.as_bytes()).unwrap(), full, "{text}");
    assert!(text.contains("-268435456"), "{text}");
}

#[test]
fn never_grows_the_text_while_it_is_written() {
    let full = full();
    let capacity = writer::capacity(&borrowed(&full));
    assert!(written(&full).len() <= capacity);
    let mut escaped = full;
    escaped.keytab = Some("\u{1}".repeat(1000));
    escaped.name.as_mut().unwrap().host = Some("\u{1}".repeat(1000));
    let capacity = writer::capacity(&borrowed(&escaped));
    assert!(written(&escaped).len() <= capacity);
}

#[test]
fn refuses_what_mit_does_not_write() {
    for wrong in [
        "",
        "null",
        "[]",
        r#"["K5C1"]"#,
        r#"["K5C2",[2,null,null,true,false,null,null,null,null,false,0,0,null,null]]"#,
        r#"["K5C1",[3,null,null,true,false,null,null,null,null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,1,false,null,null,null,null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,null,null,false,0,0,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,null,null,false,0,0,null,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,null,null,false,4294967296,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,null,null,false,1.0,0,null,null]]"#,
        r#"["K5C1",[2,null,"no realm",true,false,null,null,null,null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,"a\u0000b",null,null,null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,[],null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,[null],null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,["a@R",[]],null,false,0,0,null,null]]"#,
        r#"["K5C1",[1,null,null,true,false,null,null,["a@R",["a@R","b@R",[18,"A"],0,0,0,0,false,0,null,"","",null]],null,false,0,0,null,null]]"#,
        r#"["K5C1",[2,null,null,true,false,null,null,null,null,false,0,0,null,null]] "x""#,
        r#"{"0":"K5C1"}"#,
    ] {
        let error = read(wrong.as_bytes()).unwrap_err();
        assert!(matches!(error, DeskError::Handle(_)), "{wrong}: {error}");
    }
    let long = vec![b' '; MAX_LENGTH + 1];
    assert!(matches!(read(&long), Err(DeskError::TooLarge(_))));
}

#[test]
fn keeps_names_that_are_not_utf8() {
    let mut text = ACCEPTOR.as_bytes().to_vec();
    let null = text
        .windows(4)
        .position(|window| window == b"null")
        .unwrap();
    text.splice(null..null + 4, *b"[\"m\xfcller@R\",null,null]");
    let read = read(&text).unwrap();
    assert_eq!(write(&borrowed(&read)).as_slice(), text);
}

proptest! {
    #[test]
    fn does_not_stumble_over_any_text(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&text);
    }

    #[test]
    fn reads_again_whatever_it_has_read(
        place in 0_usize..400,
        byte in any::<u8>(),
    ) {
        let mut text = written(&full()).into_bytes();
        let place = place % text.len();
        text[place] = byte;
        if let Ok(mut once) = read(&text) {
            // One byte may mark a ticket as removed from its cache: such are left out.
            if let Some(ExportedCache::Content(content)) = &mut once.cache {
                content.credentials = content.present().cloned().collect();
            }
            let again = write(&borrowed(&once));
            prop_assert_eq!(read(&again).unwrap(), once);
        }
    }
}
