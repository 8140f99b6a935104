//! Caches that both we and MIT's programs read and write.

use kerbstone_client::{Cache, WantedService};
use kerbstone_testkit::lab::{Mit, Session, Suite};
use keyutils::{Keyring, SpecialKeyring};

use crate::client::{REALM, context, login, mit_realm, sign_in};

/// What a cache name is about, for both.
struct Shared {
    mit: Mit,
    session: Session,
    context: kerbstone_client::Context,
}

fn shared(mit: Mit, name: &str) -> Shared {
    Shared {
        session: Session::new(Suite::Mit, mit.krb5_conf()).env("KRB5CCNAME", name),
        context: context(mit.krb5_conf(), name),
        mit,
    }
}

fn server(lab: &Shared) -> WantedService {
    WantedService::new(
        lab.context
            .parse_principal("host/server.client.test")
            .unwrap(),
    )
}

/// Ours writes, theirs reads and adds; theirs writes, ours reads and adds; both destroy.
fn goes_back_and_forth(lab: &Shared) {
    let cache = sign_in(&lab.context, "alice", "wonderland");
    assert!(
        lab.session
            .list()
            .contains(&format!("krbtgt/{REALM}@{REALM}"))
    );
    lab.session.ticket("host/server.client.test").succeeded();
    let content = cache.load().unwrap();
    assert_eq!(content.tickets().count(), 2);
    let reused = lab.context.service_ticket(&cache, &server(lab)).unwrap();
    assert!(content.tickets().any(|theirs| *theirs == reused));
    let config = lab.session.run("klist", &["-C"], "").succeeded();
    assert!(config.says("pa_type"), "{config}");

    lab.session.destroy().succeeded();
    assert!(cache.load().is_err());
    lab.session
        .sign_in("alice", "wonderland", &["-f"])
        .succeeded();
    let cache = lab.context.default_cache().unwrap();
    assert_eq!(
        cache.principal().unwrap().to_string(),
        format!("alice@{REALM}")
    );
    lab.context.service_ticket(&cache, &server(lab)).unwrap();
    assert!(lab.session.list().contains("host/server.client.test"));

    let removed = cache
        .remove(|credential| credential.server == server(lab).server)
        .unwrap();
    assert_eq!(removed, 1);
    assert!(!lab.session.list().contains("host/server.client.test"));
    assert!(lab.session.list().contains("krbtgt"));
    cache.destroy().unwrap();
    lab.session.run("klist", &[], "").failed();
}

#[test]
fn file_caches_are_shared_with_mits_programs() {
    let Some(mit) = mit_realm() else { return };
    let name = format!("FILE:{}", mit.folder().join("shared.cc").display());
    goes_back_and_forth(&shared(mit, &name));
}

#[test]
fn dir_caches_are_shared_with_mits_programs() {
    let Some(mit) = mit_realm() else { return };
    let name = format!("DIR:{}", mit.folder().join("caches").display());
    let lab = shared(mit, &name);
    goes_back_and_forth(&lab);
    holds_several(&lab);
}

#[test]
fn keyring_caches_are_shared_with_mits_programs() {
    // Nothing of this test shows in, or touches, the keyrings of whoever runs it.
    Keyring::join_anonymous_session().unwrap();
    for anchor in ["session", "user", "persistent", "legacy"] {
        let Some(mit) = mit_realm() else { return };
        let collection = match anchor {
            "persistent" => nix::unistd::geteuid().to_string(),
            _ => format!("kerbstone_test_{}", std::process::id()),
        };
        let lab = shared(mit, &format!("KEYRING:{anchor}:{collection}"));
        if !lab
            .context
            .collection()
            .unwrap()
            .caches()
            .unwrap()
            .is_empty()
        {
            eprintln!("skipped: {anchor}: the keyring is in use");
            continue;
        }
        goes_back_and_forth(&lab);
        holds_several(&lab);
        if anchor == "user" {
            let mut user = Keyring::attach(SpecialKeyring::User).unwrap();
            let label = format!("_krb_{collection}");
            let made = user.search_for_keyring(label.as_str(), None).unwrap();
            user.unlink_keyring(&made).unwrap();
        }
    }
}

/// Two users in one collection: each finds their own, and either can be primary.
fn holds_several(lab: &Shared) {
    let alice = sign_in(&lab.context, "alice", "wonderland");
    let bob = sign_in(&lab.context, "bob", "builder");
    assert_ne!(alice.name(), bob.name());
    let listed = lab.session.run("klist", &["-l"], "").succeeded();
    assert!(
        listed.says(&format!("alice@{REALM}")) && listed.says(&format!("bob@{REALM}")),
        "{listed}"
    );

    bob.switch_to().unwrap();
    assert!(
        lab.session
            .list()
            .contains(&format!("Default principal: bob@{REALM}"))
    );
    lab.session.run("kswitch", &["-p", "alice"], "").succeeded();
    let collection = lab.context.collection().unwrap();
    assert_eq!(
        collection.primary().unwrap().principal().unwrap(),
        alice.principal().unwrap()
    );
    let found: Vec<_> = collection
        .caches()
        .unwrap()
        .iter()
        .map(Cache::name)
        .cloned()
        .collect();
    assert_eq!(&found[0], alice.name());
    assert!(found.contains(bob.name()));
    assert_eq!(
        collection
            .cache_of(&bob.principal().unwrap())
            .unwrap()
            .name(),
        bob.name()
    );
    // Signing in again replaces one's own cache and nobody else's.
    assert_eq!(sign_in(&lab.context, "bob", "builder").name(), bob.name());
    lab.session.run("kdestroy", &["-A"], "").succeeded();
    assert!(collection.caches().unwrap().is_empty());
    assert!(lab.mit.log().contains("ISSUE"));
}

#[test]
fn readers_and_writers_of_one_file_do_not_disturb_each_other() {
    let Some(mit) = mit_realm() else { return };
    let name = format!("FILE:{}", mit.folder().join("busy.cc").display());
    let lab = shared(mit, &name);
    let cache = sign_in(&lab.context, "alice", "wonderland");
    let service = lab.context.service_ticket(&cache, &server(&lab)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    cache.store(&service).unwrap();
                    cache.load().unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..10 {
                lab.session.run("klist", &[], "").succeeded();
            }
        });
    });
    assert_eq!(cache.load().unwrap().tickets().count(), 202);
}

#[test]
fn process_and_thread_keyrings_hold_caches_for_ourselves() {
    let Some(mit) = mit_realm() else { return };
    for anchor in ["process", "thread"] {
        let context = context(mit.krb5_conf(), &format!("KEYRING:{anchor}:own"));
        let cache = sign_in(&context, "alice", "wonderland");
        let again = context.default_cache().unwrap();
        assert_eq!(again.load().unwrap(), cache.load().unwrap());
        assert!(again.load().unwrap().clock_offset().is_some());
        cache.destroy().unwrap();
        assert!(again.load().is_err());
    }
}

#[test]
fn older_layouts_are_written_where_krb5_conf_asks_for_them() {
    let Some(mit) = mit_realm() else { return };
    let text = std::fs::read_to_string(mit.krb5_conf()).unwrap();
    for version in [1, 2, 3, 4] {
        let conf = mit.folder().join(format!("v{version}.conf"));
        let changed = text.replace(
            "[libdefaults]",
            &format!("[libdefaults]\nccache_type = {version}"),
        );
        std::fs::write(&conf, changed).unwrap();
        let path = mit.folder().join(format!("v{version}.cc"));
        let name = format!("FILE:{}", path.display());
        let context = context(&conf, &name);
        let cache = context.default_cache().unwrap();
        let ticket = login(&context, "alice", "wonderland").unwrap();
        context.keep_login(&cache, &ticket).unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[..2], [5, version]);
        let wish = context.parse_principal("host/server.client.test").unwrap();
        context
            .service_ticket(&cache, &WantedService::new(wish))
            .unwrap();
        let session = Session::new(Suite::Mit, &conf).env("KRB5CCNAME", name);
        assert!(session.list().contains("host/server.client.test"));
    }
}
