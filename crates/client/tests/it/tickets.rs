//! Service tickets, and what else a TGT is good for, from MIT's KDC.

use std::time::Duration;

use kerbstone_client::{ClientError, LoginOptions, NoPrompter, WantedService};
use kerbstone_crypto::Enctype;
use kerbstone_proto::flags::TicketFlags;
use kerbstone_proto::message::{HostAddress, Ticket};
use kerbstone_proto::name::{NameType, Principal, PrincipalName, Realm};
use kerbstone_testkit::lab::{Krb5ConfText, Mit, Setup};

use crate::client::{REALM, context, login, memory, mit_realm, password, sign_in};

#[test]
fn gets_a_service_ticket_once_and_keeps_it() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, "alice", "wonderland");
    let server = context.parse_principal("host/server.client.test").unwrap();
    let wish = WantedService::new(server.clone());
    let first = context.service_ticket(&cache, &wish).unwrap();
    assert_eq!(first.server, server);
    let again = context.service_ticket(&cache, &wish).unwrap();
    assert_eq!(first, again);
    assert_eq!(cache.load().unwrap().tickets().count(), 2);
}

#[test]
fn finds_the_realm_of_a_host_by_itself() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, "alice", "wonderland");
    let name = PrincipalName::service("host", "server.client.test");
    let wish = WantedService::new(Principal::new(name, Realm::from("")));
    let credential = context.service_ticket(&cache, &wish).unwrap();
    let ticket = Ticket::from_der(&credential.ticket).unwrap();
    assert_eq!(ticket.realm, *REALM);
}

#[test]
fn says_which_service_is_unknown_and_where() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, "alice", "wonderland");
    let server = context.parse_principal("host/nowhere").unwrap();
    let error = context
        .service_ticket(&cache, &WantedService::new(server))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Server host/nowhere@{REALM} not found in Kerberos database")
    );
    let server = context.parse_principal("host/x@OTHER.REALM").unwrap();
    let error = context
        .service_ticket(&cache, &WantedService::new(server))
        .unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("Server krbtgt/"), "{text}");
    assert!(error.help().contains("trusts no realm"), "{}", error.help());
}

#[test]
fn takes_the_session_key_of_the_enctype_that_is_wished_for() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let cache = sign_in(&context, "alice", "wonderland");
    mit.admin(&[
        "setstr",
        "host/server.client.test",
        "session_enctypes",
        "aes256-sha1 aes128-sha1",
    ]);
    let wish = WantedService {
        enctypes: Some(vec![Enctype::Aes128CtsHmacSha1_96]),
        ..WantedService::new(context.parse_principal("host/server.client.test").unwrap())
    };
    let credential = context.service_ticket(&cache, &wish).unwrap();
    assert_eq!(credential.key.enctype, 17);
}

#[test]
fn renews_and_forwards() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        forwardable: true,
        renewable: Some(Duration::from_secs(7200)),
        lifetime: Duration::from_secs(3600),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    let cache = context.default_cache().unwrap();
    cache.replace(&ticket.to_cache(true)).unwrap();
    let tgt = ticket.credential;

    let renewed = context.renew(&cache, None).unwrap();
    assert_eq!(renewed.server, tgt.server);
    assert_ne!(renewed.key, tgt.key);
    assert_eq!(renewed.renew_till, tgt.renew_till);
    assert_eq!(cache.load().unwrap().tickets().count(), 1);

    let forwarded = context.forward(&cache, Vec::new(), true).unwrap();
    assert!(
        forwarded
            .flags
            .contains(TicketFlags::FORWARDED | TicketFlags::FORWARDABLE)
    );
    let bound = HostAddress::from(std::net::IpAddr::from([192, 0, 2, 7]));
    let forwarded = context.forward(&cache, vec![bound.clone()], false).unwrap();
    assert!(!forwarded.flags.contains(TicketFlags::FORWARDABLE));
    assert_eq!(forwarded.addresses, [bound]);

    let plain = sign_in(&memory(mit.krb5_conf()), "bob", "builder");
    let error = context.renew(&plain, None).unwrap_err();
    assert_eq!(error.to_string(), "KDC can't fulfill requested option");
}

#[test]
fn validates_a_postdated_ticket() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        start: Some(Duration::from_secs(1)),
        lifetime: Duration::from_secs(3600),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    assert!(ticket.credential.flags.contains(TicketFlags::INVALID));
    let cache = context.default_cache().unwrap();
    cache.replace(&ticket.to_cache(true)).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let valid = context.validate(&cache, None).unwrap();
    assert!(!valid.flags.contains(TicketFlags::INVALID));
}

#[test]
fn gets_a_user_to_user_ticket() {
    let Some(mit) = mit_realm() else { return };
    let context = memory(mit.krb5_conf());
    let bob = login(&context, "bob", "builder").unwrap().credential;
    let cache = sign_in(&context, "alice", "wonderland");
    let wish = WantedService {
        second_ticket: Some(Ticket::from_der(&bob.ticket).unwrap()),
        ..WantedService::new(bob.client.clone())
    };
    let credential = context.service_ticket(&cache, &wish).unwrap();
    assert!(credential.is_skey);
    let ticket = Ticket::from_der(&credential.ticket).unwrap();
    let opened = ticket.enc_part.decrypt(
        &bob.key.to_key().unwrap(),
        kerbstone_crypto::KeyUsage::TICKET,
    );
    assert!(opened.is_ok());
    assert_eq!(context.service_ticket(&cache, &wish).unwrap(), credential);
}

/// Three realms in a row: LEFT trusts MIDDLE, MIDDLE trusts RIGHT.
fn chain() -> Option<(Vec<Mit>, tempfile::TempDir)> {
    let names = ["LEFT.TEST", "MIDDLE.TEST", "RIGHT.TEST"];
    let paths = "[capaths]\nLEFT.TEST = {\nRIGHT.TEST = MIDDLE.TEST\n}\n";
    let realms: Vec<Mit> = names
        .iter()
        .map(|name| Mit::start(&Setup::realm(name).krb5_conf(paths)))
        .collect::<Option<_>>()?;
    realms[0].trust("MIDDLE.TEST", "left-middle");
    realms[1].trust("LEFT.TEST", "left-middle");
    realms[1].trust("RIGHT.TEST", "middle-right");
    realms[2].trust("MIDDLE.TEST", "middle-right");
    realms[0].add_user("alice", "wonderland");
    realms[2].add_service("host/far.right.test");
    Some((realms, tempfile::tempdir().unwrap()))
}

fn chain_conf(realms: &[Mit], folder: &std::path::Path, more: &str) -> std::path::PathBuf {
    let addresses: Vec<_> = realms.iter().map(Mit::addresses).collect();
    Krb5ConfText::new(&addresses, more).write(folder)
}

#[test]
fn walks_from_realm_to_realm_and_keeps_the_tgts() {
    let Some((realms, folder)) = chain() else {
        return;
    };
    let conf = chain_conf(
        &realms,
        folder.path(),
        "[capaths]\nLEFT.TEST = {\nRIGHT.TEST = MIDDLE.TEST\n}\n",
    );
    let context = memory(&conf);
    let cache = sign_in(&context, "alice@LEFT.TEST", "wonderland");
    let server = context
        .parse_principal("host/far.right.test@RIGHT.TEST")
        .unwrap();
    let credential = context
        .service_ticket(&cache, &WantedService::new(server.clone()))
        .unwrap();
    assert_eq!(credential.server, server);
    let held: Vec<String> = cache
        .load()
        .unwrap()
        .tickets()
        .map(|ticket| ticket.server.to_string())
        .collect();
    assert_eq!(
        held,
        [
            "krbtgt/LEFT.TEST@LEFT.TEST",
            // The KDC gave that of MIDDLE.TEST unasked: kept, it would be there twice one day.
            "krbtgt/RIGHT.TEST@MIDDLE.TEST",
            "host/far.right.test@RIGHT.TEST"
        ]
    );
}

#[test]
fn follows_the_referrals_of_the_kdc() {
    let Some((mut realms, folder)) = chain() else {
        return;
    };
    // The KDC of LEFT knows by its own configuration where the host lives.
    let extra = "[domain_realm]\n.middle.test = MIDDLE.TEST\n";
    realms[1].add_service("host/near.middle.test");
    let server_conf = std::fs::read_to_string(realms[0].krb5_conf()).unwrap();
    std::fs::write(realms[0].krb5_conf(), server_conf + extra).unwrap();
    realms[0].stop();
    realms[0].start_servers();
    let conf = chain_conf(&realms, folder.path(), "");
    let context = memory(&conf);
    let cache = sign_in(&context, "alice@LEFT.TEST", "wonderland");
    let name = PrincipalName::new(NameType::SRV_HST, ["host", "near.middle.test"]);
    let wish = WantedService::new(Principal::new(name, Realm::from("")));
    let credential = context.service_ticket(&cache, &wish).unwrap();
    let ticket = Ticket::from_der(&credential.ticket).unwrap();
    assert_eq!(
        ticket.server().to_string(),
        "host/near.middle.test@MIDDLE.TEST"
    );
    assert_eq!(context.service_ticket(&cache, &wish).unwrap(), credential);
}

#[test]
fn says_when_no_tgt_is_there_or_it_has_expired() {
    let Some(mit) = mit_realm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let name = format!("FILE:{}", folder.path().join("none").display());
    let context = context(mit.krb5_conf(), &name);
    let wish = WantedService::new(context.parse_principal("host/server.client.test").unwrap());
    let cache = context.default_cache().unwrap();
    let error = context.service_ticket(&cache, &wish).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "No credentials cache found (filename: {})",
            folder.path().join("none").display()
        )
    );
    let alice = context.parse_principal("alice").unwrap();
    let options = LoginOptions {
        lifetime: Duration::from_secs(1),
        ..context.login_options(&alice.realm).unwrap()
    };
    let ticket = context
        .login(&alice, &options, password("wonderland"), &mut NoPrompter)
        .unwrap();
    cache.replace(&ticket.to_cache(true)).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let error = context.service_ticket(&cache, &wish).unwrap_err();
    assert!(
        matches!(error, ClientError::TicketExpired { .. }),
        "{error}"
    );
}
