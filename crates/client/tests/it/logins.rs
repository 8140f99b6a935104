//! Signing in to MIT's KDC.

use std::path::Path;
use std::time::Duration;

use kerbstone_client::{ClientError, Context, Environment, LoginOptions, NoPrompter, Secret};
use kerbstone_proto::error_code::ErrorCode;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{PaType, Ticket};
use kerbstone_proto::name::PrincipalName;
use kerbstone_testkit::lab::{Mit, Setup};

use crate::client::{REALM, Script, login, memory, mit_realm, mit_realm_with, password};

const ENCTYPES: [(&str, i32); 6] = [
    ("aes128-cts-hmac-sha1-96", 17),
    ("aes256-cts-hmac-sha1-96", 18),
    ("aes128-cts-hmac-sha256-128", 19),
    ("aes256-cts-hmac-sha384-192", 20),
    ("camellia128-cts-cmac", 25),
    ("camellia256-cts-cmac", 26),
];

#[test]
fn signs_in_by_password_and_keytab_with_every_enctype() {
    for (name, number) in ENCTYPES {
        let Some(mit) = mit_realm_with(&Setup::realm(REALM).enctypes(&[name])) else {
            return;
        };
        let context = memory(mit.krb5_conf());
        let ticket = login(&context, "alice", "wonderland").unwrap();
        assert_eq!(ticket.preauth, Some(PaType::ENC_TIMESTAMP));
        let sealed = Ticket::from_der(&ticket.credential.ticket)
            .unwrap()
            .enc_part;
        assert_eq!(sealed.etype, number);
        assert!(ticket.offset.size() < Duration::from_secs(5));

        let keytab = context
            .keytab(Some(
                &mit.keytab("host/server.client.test").display().to_string(),
            ))
            .unwrap();
        let client = context.parse_principal("host/server.client.test").unwrap();
        let secret = Secret::Keys {
            entries: keytab.load().unwrap().entries().cloned().collect(),
            keytab: keytab.name().to_owned(),
        };
        let options = context.login_options(&client.realm).unwrap();
        let ticket = context
            .login(&client, &options, secret, &mut NoPrompter)
            .unwrap();
        assert_eq!(ticket.credential.client, client);
    }
}

#[test]
fn gets_the_flags_and_times_that_were_asked_for() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        forwardable: true,
        proxiable: true,
        renewable: Some(Duration::from_secs(7200)),
        lifetime: Duration::from_secs(3600),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap()
        .credential;
    assert!(ticket.flags.contains(
        TicketFlags::FORWARDABLE
            | TicketFlags::PROXIABLE
            | TicketFlags::RENEWABLE
            | TicketFlags::INITIAL
            | TicketFlags::PRE_AUTHENT
    ));
    assert_eq!(
        ticket.endtime.duration_since(ticket.starttime).as_secs(),
        3600
    );
    assert_eq!(
        ticket.renew_till.duration_since(ticket.starttime).as_secs(),
        7200
    );
}

#[test]
fn asks_for_the_password_once_and_only_when_it_is_needed() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = context.login_options(&alice.realm).unwrap();
    let mut script = Script::of(&["wonderland"]);
    context
        .login(&alice, &options, Secret::Prompt, &mut script)
        .unwrap();
    assert_eq!(script.asked.len(), 1);
    assert_eq!(
        script.asked[0].prompts[0].text,
        format!("Password for alice@{REALM}")
    );

    let nobody = context.parse_principal("nobody").unwrap();
    let mut script = Script::default();
    let error = context
        .login(&nobody, &options, Secret::Prompt, &mut script)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Client 'nobody@{REALM}' not found in Kerberos database")
    );
    assert!(script.asked.is_empty());
}

#[test]
fn signs_in_where_the_kdc_asks_for_no_proof() {
    let Some(mit) = mit_realm() else { return };
    mit.admin(&["modprinc", "-requires_preauth", "alice"]);
    let context = memory(mit.krb5_conf());
    let ticket = login(&context, "alice", "wonderland").unwrap();
    assert_eq!(ticket.preauth, None);
    let error = login(&context, "alice", "white rabbit").unwrap_err();
    assert_eq!(error.to_string(), "Password incorrect");
}

#[test]
fn uses_the_salt_and_the_iterations_that_the_kdc_names() {
    let Some(mit) = mit_realm() else { return };
    mit.admin(&[
        "addprinc",
        "-e",
        "aes256-cts-hmac-sha1-96:special",
        "-pw",
        "pepper",
        "salty",
    ]);
    let context = memory(mit.krb5_conf());
    login(&context, "salty", "pepper").unwrap();
    mit.admin(&["modprinc", "-requires_preauth", "salty"]);
    login(&context, "salty", "pepper").unwrap();
    mit.admin(&["renprinc", "alice", "alicia"]);
    login(&context, "alicia", "wonderland").unwrap();
}

#[test]
fn proves_at_once_what_it_knows_from_the_last_time() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let known = login(&context, "alice", "wonderland").unwrap().key_info;
    assert!(known.is_some());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        known_key: known,
        ..context.login_options(&alice.realm).unwrap()
    };
    let demands = || mit.log().matches("NEEDED_PREAUTH").count();
    let before = demands();
    let secret = password("wonderland");
    context
        .login(&alice, &options, secret.clone(), &mut NoPrompter)
        .unwrap();
    assert_eq!(demands(), before);
    // A new salt makes what was known useless, and is learnt on the way.
    mit.admin(&[
        "cpw",
        "-e",
        "aes256-cts-hmac-sha1-96:special",
        "-pw",
        "wonderland",
        "alice",
    ]);
    context
        .login(&alice, &options, secret, &mut NoPrompter)
        .unwrap();
    let error = context
        .login(&alice, &options, password("wrong"), &mut NoPrompter)
        .unwrap_err();
    assert_eq!(error.to_string(), "Password incorrect");
}

#[test]
fn tells_a_wrong_password_from_a_stale_keytab() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let error = login(&context, "alice", "white rabbit").unwrap_err();
    assert_eq!(error.to_string(), "Password incorrect");

    let path = mit.keytab("host/server.client.test");
    mit.admin(&["cpw", "-randkey", "host/server.client.test"]);
    let keytab = context.keytab(Some(&path.display().to_string())).unwrap();
    let client = context.parse_principal("host/server.client.test").unwrap();
    let secret = Secret::Keys {
        entries: keytab.load().unwrap().entries().cloned().collect(),
        keytab: keytab.name().to_owned(),
    };
    let options = context.login_options(&client.realm).unwrap();
    let error = context
        .login(&client, &options, secret.clone(), &mut NoPrompter)
        .unwrap_err();
    assert_eq!(error.to_string(), "Preauthentication failed");
    assert!(error.help().contains("key version 1"), "{}", error.help());

    let alice = context.parse_principal("alice").unwrap();
    let error = context
        .login(&alice, &options, secret, &mut NoPrompter)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Keytab contains no suitable keys for alice@{REALM}")
    );
}

#[test]
fn gets_an_initial_ticket_for_a_service() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        service: Some(PrincipalName::service("host", "server.client.test")),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    assert_eq!(
        ticket.credential.server.to_string(),
        format!("host/server.client.test@{REALM}")
    );
    let options = LoginOptions {
        service: Some(PrincipalName::service("host", "nowhere")),
        ..options
    };
    let error = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap_err();
    assert!(
        matches!(error, ClientError::UnknownService { .. }),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        format!("Server host/nowhere@{REALM} not found in Kerberos database")
    );
}

#[test]
fn says_when_an_account_is_locked() {
    let Some(mit) = mit_realm() else { return };
    mit.admin(&["modprinc", "-allow_tix", "bob"]);
    let context = memory(mit.krb5_conf());
    let error = login(&context, "bob", "builder").unwrap_err();
    assert_eq!(error.krb_code(), Some(ErrorCode::KDC_ERR_CLIENT_REVOKED));
    assert_eq!(error.to_string(), "Client's credentials have been revoked");
}

#[test]
fn changes_an_expired_password_on_the_way() {
    let Some(mit) = mit_realm() else { return };
    mit.admin(&["modprinc", "+needchange", "alice"]);
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = context.login_options(&alice.realm).unwrap();

    let error = context
        .login(
            &alice,
            &LoginOptions {
                change_expired: false,
                ..options.clone()
            },
            password("wonderland"),
            &mut NoPrompter,
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "Password has expired");

    let mut script = Script::of(&[
        "wonderland",
        "looking glass",
        "looking-glass",
        "looking glass",
        "looking glass",
    ]);
    let ticket = context
        .login(&alice, &options, Secret::Prompt, &mut script)
        .unwrap();
    assert_eq!(
        ticket.credential.server,
        kerbstone_proto::name::Principal::krbtgt(&alice.realm, &alice.realm)
    );
    let banners: Vec<_> = script
        .asked
        .iter()
        .filter_map(|q| q.banner.clone())
        .collect();
    assert_eq!(
        banners,
        [
            "Password expired.  You must change it now.",
            "Password mismatch.  Please try again."
        ]
    );
    login(&context, "alice", "looking glass").unwrap();
}

#[test]
fn a_reply_that_is_too_big_for_udp_comes_over_tcp() {
    let setup = Setup::realm(REALM).krb5_conf("[kdcdefaults]\nkdc_max_dgram_reply_size = 300\n");
    let Some(mit) = mit_realm_with(&setup) else {
        return;
    };
    assert!(carried_by(&mit, mit.krb5_conf()).contains("stream"));
}

#[test]
fn a_long_request_goes_over_tcp_at_once() {
    let Some(mit) = mit_realm() else { return };
    let conf = mit.folder().join("small-udp.conf");
    let text = std::fs::read_to_string(mit.krb5_conf()).unwrap();
    let limited = "[libdefaults]\nudp_preference_limit = 1";
    std::fs::write(&conf, text.replace("[libdefaults]", limited)).unwrap();
    let carried = carried_by(&mit, &conf);
    assert!(!carried.contains("dgram"), "{carried}");
}

#[test]
fn a_short_request_goes_over_udp() {
    let Some(mit) = mit_realm() else { return };
    let carried = carried_by(&mit, mit.krb5_conf());
    assert!(
        carried.contains("dgram") && !carried.contains("stream"),
        "{carried}"
    );
}

#[test]
fn the_trace_tells_what_mits_tests_look_for() {
    let Some(mit) = mit_realm() else { return };
    let trace = carried_by(&mit, mit.krb5_conf());
    let mut rest = trace.as_str();
    for words in [
        "Sending initial UDP request",
        "Received answer",
        "Selected etype info",
        "AS key obtained",
        "Decrypted AS reply",
        "FAST negotiation: available",
    ] {
        let at = rest
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {trace}"));
        rest = &rest[at..];
    }
}

/// Signs in, and gives what KRB5_TRACE shows about it.
fn carried_by(mit: &Mit, conf: &Path) -> String {
    let trace = mit.folder().join("trace");
    let context = Context::new(Environment {
        krb5_config: Some(conf.display().to_string()),
        trace: Some(trace.clone()),
        ..Environment::default()
    })
    .unwrap();
    login(&context, "alice", "wonderland").unwrap();
    std::fs::read_to_string(trace).unwrap()
}
