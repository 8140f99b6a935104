use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use kerbstone_proto::name::Principal;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const CN: &[u8] = &[0x55, 0x04, 0x03];
const OU: &[u8] = &[0x55, 0x04, 0x0b];
const O: &[u8] = &[0x55, 0x04, 0x0a];
const UID: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01];
/// 1.2.3.4.500, which has no name.
const NAMELESS: &[u8] = &[0x2a, 0x03, 0x04, 0x83, 0x74];
const UTF8: u8 = tag::UTF8_STRING;

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len();
    let mut element = vec![tag];
    match length {
        0..128 => element.push(u8::try_from(length).unwrap()),
        128..256 => element.extend([0x81, u8::try_from(length).unwrap()]),
        _ => {
            element.push(0x82);
            element.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    element.extend_from_slice(&contents);
    element
}

type Attributes = Vec<Vec<(&'static [u8], u8, Vec<u8>)>>;

fn name(attributes: &Attributes) -> Vec<u8> {
    let sets: Vec<Vec<u8>> = attributes
        .iter()
        .map(|set| {
            let mut members: Vec<Vec<u8>> = set
                .iter()
                .map(|(oid, tag, value)| {
                    let oid = der(tag::OBJECT_IDENTIFIER, &[oid]);
                    der(tag::SEQUENCE, &[&oid, &der(*tag, &[value])])
                })
                .collect();
            members.sort();
            der(tag::SET, &[&members.concat()])
        })
        .collect();
    der(tag::SEQUENCE, &[&sets.concat()])
}

/// A certificate that nobody has signed.
fn certificate(subject: &[u8], serial: &[u8], alt_names: &[Vec<u8>]) -> Vec<u8> {
    let algorithm = der(
        tag::SEQUENCE,
        &[&der(
            tag::OBJECT_IDENTIFIER,
            &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]],
        )],
    );
    let issuer = name(&vec![
        vec![(O, UTF8, b"Example".to_vec())],
        vec![(CN, UTF8, b"The authority".to_vec())],
    ]);
    let validity = der(
        tag::SEQUENCE,
        &[
            &der(tag::UTC_TIME, &[b"260101000000Z"]),
            &der(tag::GENERALIZED_TIME, &[b"20510101000000Z"]),
        ],
    );
    let curve = [
        der(
            tag::OBJECT_IDENTIFIER,
            &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]],
        ),
        der(
            tag::OBJECT_IDENTIFIER,
            &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]],
        ),
    ];
    let key = der(
        tag::SEQUENCE,
        &[
            &der(tag::SEQUENCE, &[&curve.concat()]),
            &der(0x03, &[&[0, 4], &[7; 64]]),
        ],
    );
    let names = der(
        tag::OCTET_STRING,
        &[&der(tag::SEQUENCE, &[&alt_names.concat()])],
    );
    let extension = der(
        tag::SEQUENCE,
        &[
            &der(tag::OBJECT_IDENTIFIER, &[SUBJECT_ALTERNATIVE_NAME]),
            &names,
        ],
    );
    let extensions = der(tag::field(3), &[&der(tag::SEQUENCE, &[&extension])]);
    let body = der(
        tag::SEQUENCE,
        &[
            &der(tag::field(0), &[&der(tag::INTEGER, &[&[2]])]),
            &der(tag::INTEGER, &[serial]),
            &algorithm,
            &issuer,
            &validity,
            subject,
            &key,
            if alt_names.is_empty() {
                &[]
            } else {
                &extensions
            },
        ],
    );
    der(tag::SEQUENCE, &[&body, &algorithm, &der(0x03, &[&[0, 1]])])
}

fn of_subject(attributes: &Attributes) -> ClientCertificate {
    ClientCertificate::from_der(&certificate(&name(attributes), &[1], &[])).unwrap()
}

fn named(cn: &str) -> ClientCertificate {
    of_subject(&vec![
        vec![(O, UTF8, b"Example".to_vec())],
        vec![(CN, UTF8, cn.as_bytes().to_vec())],
    ])
}

fn with_alt_names(alt_names: &[Vec<u8>]) -> ClientCertificate {
    let subject = name(&vec![vec![(CN, UTF8, b"alice".to_vec())]]);
    ClientCertificate::from_der(&certificate(&subject, &[1], alt_names)).unwrap()
}

fn openssl(der: &[u8], arguments: &[&str]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["x509", "-inform", "DER", "-noout"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(der).unwrap();
    let output = openssl.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let value = text.split_once('=').unwrap().1;
    value.strip_suffix('\n').unwrap_or(value).to_owned()
}

#[track_caller]
fn assert_as_openssl(der: &[u8]) {
    let ours = ClientCertificate::from_der(der).unwrap();
    let theirs = openssl(der, &["-subject", "-nameopt", "RFC2253,-esc_msb"]);
    assert_eq!(ours.subject_dn, theirs);
    let theirs = openssl(der, &["-subject", "-nameopt", "compat"]);
    assert_eq!(ours.subject_dn_slash, theirs);
}

fn value() -> impl Strategy<Value = (u8, Vec<u8>)> {
    const AWKWARD: &str = "[ -~]{0,12}|[ #,+\"\\\\<>;=/\n\u{0}\u{7f}]{1,6}|[ a-zé日\u{10348}]{0,8}";
    prop_oneof![
        // RFC 2253 wants a backslash before a `#` that stands alone; OpenSSL writes none.
        AWKWARD
            .prop_filter("a lone #", |text| text != "#")
            .prop_map(|text| (UTF8, text.into_bytes())),
        (
            prop::sample::select(
                &[
                    tag::PRINTABLE_STRING,
                    tag::IA5_STRING,
                    tag::NUMERIC_STRING,
                    tag::TELETEX_STRING
                ][..]
            ),
            prop::collection::vec(any::<u8>(), 0..8).prop_filter("a lone #", |text| text != b"#")
        ),
        "[a-z é日,]{0,4}".prop_map(|text| (
            tag::BMP_STRING,
            text.encode_utf16().flat_map(u16::to_be_bytes).collect()
        )),
        "[a-z é日,]{0,4}".prop_map(|text| (
            tag::UNIVERSAL_STRING,
            text.chars()
                .flat_map(|c| u32::from(c).to_be_bytes())
                .collect()
        )),
    ]
}

#[test]
fn names_are_written_as_openssl_writes_them() {
    let oid = prop::sample::select(&[CN, OU, O, UID, NAMELESS][..]);
    let attribute = (oid, value()).prop_map(|(oid, (tag, value))| (oid, tag, value));
    let names = prop::collection::vec(prop::collection::vec(attribute, 1..3), 0..4);
    let mut runner = TestRunner::new(Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&names, |names| {
            assert_as_openssl(&certificate(&name(&names), &[1], &[]));
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_type_of_attribute_has_openssls_name() {
    let all: Attributes = attribute_names::all()
        .map(|oid| vec![(oid, tag::PRINTABLE_STRING, b"x".to_vec())])
        .collect();
    assert!(all.len() > 40);
    assert_as_openssl(&certificate(&name(&all), &[1], &[]));
}

#[test]
fn an_empty_subject_is_an_empty_text() {
    let der = certificate(&name(&vec![]), &[1], &[]);
    assert_as_openssl(&der);
    let empty = ClientCertificate::from_der(&der).unwrap();
    assert_eq!((empty.subject_dn.as_str(), empty.common_name), ("", None));
}

#[test]
fn serial_numbers_and_fingerprints_are_openssls() {
    for serial in [
        &[0][..],
        &[1],
        &[0, 0x80],
        &[0x80],
        &[0xff],
        &[0x0a, 0x1b],
        &[0x7f; 20],
        &[0xfe, 0xdc],
    ] {
        let der = certificate(&name(&vec![]), serial, &[]);
        let ours = ClientCertificate::from_der(&der).unwrap();
        assert_eq!(ours.serial, openssl(&der, &["-serial"]));
        let theirs = openssl(&der, &["-fingerprint", "-sha256"]).replace(':', "");
        assert_eq!(ours.fingerprint, theirs);
    }
}

#[test]
fn dates_are_read_in_both_forms() {
    let alice = named("alice");
    assert_eq!(alice.not_before.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(alice.not_after.to_string(), "2051-01-01T00:00:00Z");
    let is_current =
        |year: i64| alice.is_current(KerberosTime::from_unix((year - 1970) * 31_557_600));
    assert_eq!([2025, 2030, 2052].map(is_current), [false, true, false]);
}

#[test]
fn the_common_name_is_the_last_unless_two_stand_side_by_side() {
    let cn = |value: &str| (CN, UTF8, value.as_bytes().to_vec());
    let directory = of_subject(&vec![vec![cn("Users")], vec![cn("alice")]]);
    assert_eq!(directory.common_name.unwrap(), "alice");
    let twins = of_subject(&vec![vec![cn("alice")], vec![cn("bob"), cn("carol")]]);
    assert_eq!(twins.common_name, None);
}

fn krb5(realm: &str, components: &[&str]) -> Vec<u8> {
    let text = |text: &str| der(tag::GENERAL_STRING, &[text.as_bytes()]);
    let components: Vec<Vec<u8>> = components.iter().map(|part| text(part)).collect();
    let name = der(
        tag::SEQUENCE,
        &[
            &der(tag::field(0), &[&der(tag::INTEGER, &[&[1]])]),
            &der(
                tag::field(1),
                &[&der(tag::SEQUENCE, &[&components.concat()])],
            ),
        ],
    );
    let value = der(
        tag::SEQUENCE,
        &[
            &der(tag::field(0), &[&text(realm)]),
            &der(tag::field(1), &[&name]),
        ],
    );
    other_name(&[0x2b, 0x06, 0x01, 0x05, 0x02, 0x02], &value)
}

fn upn(text: &str) -> Vec<u8> {
    let value = der(UTF8, &[text.as_bytes()]);
    other_name(
        &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03],
        &value,
    )
}

fn other_name(oid: &[u8], value: &[u8]) -> Vec<u8> {
    der(
        tag::field(0),
        &[
            &der(tag::OBJECT_IDENTIFIER, &[oid]),
            &der(tag::field(0), &[value]),
        ],
    )
}

fn mail(text: &str) -> Vec<u8> {
    der(tag::implicit(1), &[text.as_bytes()])
}

#[test]
fn other_names_of_every_kind_are_read_and_strange_ones_passed_over() {
    let certificate = with_alt_names(&[
        mail("alice@example.test"),
        der(tag::implicit(2), &[b"www.example.test"]),
        der(tag::field(3), &[b"\x30\x00"]),
        der(
            tag::field(4),
            &[&name(&vec![vec![(CN, UTF8, b"a,b".to_vec())]])],
        ),
        der(tag::implicit(6), &[b"urn:x"]),
        der(tag::implicit(7), &[&[192, 0, 2, 1]]),
        der(tag::implicit(7), &[&[192, 0, 2]]),
        der(tag::implicit(8), &[CN]),
        other_name(CN, &der(UTF8, &[b"x"])),
        upn("alice@EXAMPLE.TEST"),
        krb5("EXAMPLE.TEST", &["host", "a/b"]),
    ]);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        certificate.alt_names,
        [
            AltName::Mail(text("alice@example.test")),
            AltName::Dns(text("www.example.test")),
            AltName::Directory(text("CN=a\\,b")),
            AltName::Uri(text("urn:x")),
            AltName::Ip(IpAddr::from([192, 0, 2, 1])),
            AltName::Upn(text("alice@EXAMPLE.TEST")),
            AltName::Principal(text("host/a\\/b@EXAMPLE.TEST")),
        ]
    );
    assert_eq!(
        with_alt_names(&[mail("a,\0b"), upn("x")]).alt_names_joined(),
        "mail:a\\,\\00b,upn:x"
    );
}

#[test]
fn what_is_cut_off_or_changed_never_panics() {
    let whole = certificate(
        &name(&vec![vec![(CN, UTF8, b"alice".to_vec())]]),
        &[1],
        &[upn("a@B"), krb5("R", &["a"])],
    );
    for length in 0..whole.len() {
        assert_eq!(ClientCertificate::from_der(&whole[..length]), None);
        for change in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[length] ^= change;
            let _any = ClientCertificate::from_der(&changed);
        }
    }
}

fn rule(field: Field, pattern: Option<&str>, principal: &str) -> MapRule {
    MapRule::new(field, pattern, Some(principal)).unwrap()
}

fn mapped(rules: Vec<MapRule>, certificate: &ClientCertificate) -> Result<String, Unmapped> {
    CertificateMap::new(rules)
        .principal(certificate)
        .map(|principal| principal.to_string())
}

#[test]
fn the_first_rule_that_fits_decides() {
    let rules = || {
        vec![
            rule(
                Field::Email,
                Some(r".*@example\.test"),
                "{user}@EXAMPLE.TEST",
            ),
            rule(
                Field::Subject,
                Some(r"CN=(?<who>[a-z]+),O=Example"),
                "{who}@EXAMPLE.TEST",
            ),
            rule(Field::CommonName, None, "{cn}@OTHER.TEST"),
        ]
    };
    assert_eq!(mapped(rules(), &named("bob")).unwrap(), "bob@EXAMPLE.TEST");
    assert_eq!(mapped(rules(), &named("Bob")).unwrap(), "Bob@OTHER.TEST");
    let mails = with_alt_names(&[mail("a@other.test"), mail("al@example.test")]);
    assert_eq!(mapped(rules(), &mails).unwrap(), "al@EXAMPLE.TEST");
    assert_eq!(mapped(vec![], &mails), Err(Unmapped::NoRule));
}

#[test]
fn a_pattern_matches_the_whole_text() {
    let rules = || vec![rule(Field::CommonName, Some("alice|bob"), "{0}@R")];
    assert_eq!(mapped(rules(), &named("bob")).unwrap(), "bob@R");
    for other in ["bobby", "alices", "mbob", "bob\n"] {
        assert_eq!(
            mapped(rules(), &named(other)),
            Err(Unmapped::NoRule),
            "{other}"
        );
    }
}

#[test]
fn nothing_in_a_certificate_changes_the_shape_of_a_name() {
    for cn in ["root@OTHER.TEST", "alice/admin", "alice\\", "", " alice"] {
        let refused = Err(Unmapped::Unusable(cn.to_owned()));
        assert_eq!(
            mapped(vec![rule(Field::CommonName, None, "{cn}@R")], &named(cn)),
            refused
        );
    }
    // The pattern leaves out what is behind the NUL; the certificate is refused all the same.
    for cn in ["alice\0.evil", "alice\n", "\u{85}alice"] {
        let rules = vec![
            rule(Field::CommonName, Some("(?s)([a-z]+).*|.*"), "{1}@R"),
            rule(Field::CommonName, None, "{cn}@R"),
        ];
        assert_eq!(
            mapped(rules, &named(cn)),
            Err(Unmapped::Unusable(cn.to_owned()))
        );
    }
}

#[test]
fn user_principal_names_have_a_user_and_a_domain() {
    let certificate = with_alt_names(&[upn("alice@corp.example.test")]);
    let rules = vec![rule(Field::Upn, None, "{user}@{domain:upper}")];
    assert_eq!(
        mapped(rules, &certificate).unwrap(),
        "alice@CORP.EXAMPLE.TEST"
    );
}

#[test]
fn a_kerberos_principal_is_taken_as_it_is() {
    let rule = |pattern| vec![MapRule::new(Field::Kerberos, pattern, None).unwrap()];
    let host = with_alt_names(&[krb5("EXAMPLE.TEST", &["host", "a"])]);
    assert_eq!(mapped(rule(None), &host).unwrap(), "host/a@EXAMPLE.TEST");
    assert_eq!(
        mapped(rule(Some(r"[^/]*@EXAMPLE\.TEST")), &host),
        Err(Unmapped::NoRule)
    );
    for (realm, name) in [("EXAMPLE.TEST", "ali\0ce"), ("EXAMPLE\0.TEST", "alice")] {
        let refused = mapped(rule(None), &with_alt_names(&[krb5(realm, &[name])]));
        assert!(matches!(refused, Err(Unmapped::Unusable(_))), "{refused:?}");
    }
}

#[test]
fn a_rule_may_hold_for_one_issuer_alone() {
    let rule = |issuer: &str| {
        let rule = rule(Field::CommonName, None, "{cn}@R");
        vec![rule.of_issuer(Some(issuer.to_owned()))]
    };
    let alice = named("alice");
    assert_eq!(
        mapped(rule("CN=The authority,O=Example"), &alice).unwrap(),
        "alice@R"
    );
    assert_eq!(
        mapped(rule("CN=Another,O=Example"), &alice),
        Err(Unmapped::NoRule)
    );
}

#[test]
fn a_table_is_read_anew_and_stays_when_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let (alice, bob) = (named("alice"), named("bob"));
    let lines = format!(
        "# people\n\nalice@R CN=alice,O=Example\nbobby@R  sha256:{}\n",
        bob.fingerprint.to_lowercase()
    );
    std::fs::write(&path, lines).unwrap();
    let map = CertificateMap::new(vec![MapRule::table(&path).unwrap()]);
    let who = |certificate| {
        map.principal(certificate)
            .map(|principal: Principal| principal.to_string())
    };
    assert_eq!(who(&alice).unwrap(), "alice@R");
    assert_eq!(who(&bob).unwrap(), "bobby@R");
    std::fs::write(&path, "alice2@R CN=alice,O=Example").unwrap();
    assert!(map.reload_if_changed().unwrap());
    assert!(!map.reload_if_changed().unwrap());
    assert_eq!(
        (who(&alice).unwrap().as_str(), who(&bob)),
        ("alice2@R", Err(Unmapped::NoRule))
    );
    for (bad, why) in [
        ("alice@R", "line 1: it wants a principal"),
        ("\nalice CN=x", "line 2: it begins with no principal"),
        ("a@R sha256:00", "64 hexadecimal digits"),
        (
            "a@R CN=x\nb@R CN=x",
            "line 2: this certificate stands in an earlier line",
        ),
    ] {
        std::fs::write(&path, bad).unwrap();
        let error = map.reload_if_changed().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(who(&alice).unwrap(), "alice2@R");
    }
}

#[test]
fn rules_that_cannot_be_meant_so_are_refused() {
    let refused = |field, pattern, principal| {
        MapRule::new(field, pattern, principal)
            .unwrap_err()
            .to_string()
    };
    for (error, words) in [
        (
            refused(Field::CommonName, Some("("), Some("x@R")),
            "pattern cannot be read",
        ),
        (
            refused(Field::CommonName, None, Some("{user}@R")),
            "`{user}`",
        ),
        (
            refused(Field::CommonName, Some("(a)"), Some("{2}@R")),
            "`{2}`",
        ),
        (refused(Field::CommonName, None, Some("{cn@R")), "brace"),
        (refused(Field::CommonName, None, None), "which principal"),
        (refused(Field::Kerberos, None, Some("{user}@R")), "as it is"),
    ] {
        assert!(error.contains(words), "{error}");
    }
    let nowhere = vec![rule(Field::CommonName, None, "{cn}")];
    assert_eq!(
        mapped(nowhere, &named("alice")),
        Err(Unmapped::NoPrincipal("alice".to_owned()))
    );
}
