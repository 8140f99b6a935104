use std::fs;
use std::path::Path;

use kerbstone_client::{ClientError, LoginOptions, NoPrompter, Secret};
use kerbstone_gss::Name;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proto::time::KerberosTime;
use kerbstone_proxy::desk::{CacheSource, Desk, DeskError, Patience, Patterns, Sources, Wish};
use kerbstone_proxy::settings::CredUsage;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::lab::{
    Lab, MACHINE, SERVICE, file, later, now, patient, principal, replace_keytab, wish,
};

fn initiate(sources: &Sources) -> Wish<'_> {
    wish(sources, CredUsage::Initiate)
}

/// Signs alice in to a cache, for so many seconds.
fn sign_in_alice(lab: &Lab, cache: &str, seconds: u64) {
    let desk = lab.desk();
    let context = desk.context();
    let options = LoginOptions {
        lifetime: std::time::Duration::from_secs(seconds),
        ..context.login_options(&principal("alice").realm).unwrap()
    };
    let secret = Secret::Password(String::from("wonderland").into());
    let ticket = context
        .login(&principal("alice"), &options, secret, &mut NoPrompter)
        .unwrap();
    lab.cache(cache).replace(&ticket.to_cache(true)).unwrap();
}

fn named(lab: &Lab, cache: &str) -> Sources {
    Sources {
        cache: CacheSource::Named(file(&lab.path(cache))),
        ..lab.sources()
    }
}

fn expires(desk: &Desk, sources: &Sources) -> KerberosTime {
    desk.acquire(&initiate(sources), patient(), now())
        .unwrap()
        .expires()
}

#[test]
fn signs_in_once_and_never_without_being_allowed_to_wait() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let requests = lab.requests();
    let error = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap_err();
    assert!(matches!(error, DeskError::WouldWait));
    assert_eq!(lab.requests(), requests);
    let held = desk.acquire(&initiate(&sources), patient(), now()).unwrap();
    assert_eq!(held.name().unwrap().principal, principal(MACHINE));
    let requests = lab.requests();
    let again = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap();
    assert_eq!(again.expires(), held.expires());
    assert_eq!(lab.requests(), requests);
    let [login] = desk.logins().try_into().unwrap();
    assert_eq!(
        (login.client, login.service.as_str()),
        (principal(MACHINE), "web")
    );
}

#[test]
fn signs_in_once_for_many_that_ask_at_the_same_time() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let requests = lab.requests();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| desk.acquire(&initiate(&sources), patient(), now()).unwrap());
        }
    });
    // One login: a refusal that asks for pre-authentication, and an answer.
    assert!(lab.requests() - requests <= 2, "{}", lab.mit.log());
}

#[test]
fn signs_in_again_halfway_and_goes_on_with_what_it_has_when_it_cannot() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk.acquire(&initiate(&sources), patient(), now()).unwrap();
    let life = desk.life(&held, now()).unwrap().unwrap().as_secs();
    let soon = later(life / 2 - 60);
    desk.acquire(&initiate(&sources), Patience::Never, soon)
        .unwrap();
    let halfway = later(life / 2 + 60);
    let error = desk
        .acquire(&initiate(&sources), Patience::Never, halfway)
        .unwrap_err();
    assert!(matches!(error, DeskError::WouldWait));
    let mut lab = lab;
    lab.mit.stop();
    desk.acquire(&initiate(&sources), patient(), halfway)
        .unwrap();
    // It was tried a moment ago.
    desk.acquire(&initiate(&sources), Patience::Never, halfway)
        .unwrap();
    let ended = later(life + 60);
    let error = desk
        .acquire(&initiate(&sources), patient(), ended)
        .unwrap_err();
    assert!(
        matches!(error, DeskError::Client(ClientError::Unreachable { .. })),
        "{error}"
    );
}

#[test]
fn takes_tickets_from_the_cache_of_the_service() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let sources = named(&lab, "alice.ccache");
    sign_in_alice(&lab, "alice.ccache", 3600);
    let requests = lab.requests();
    let held = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap();
    assert_eq!(held.name().unwrap().principal, principal("alice"));
    assert_eq!(lab.requests(), requests);
    lab.reach(&desk, &held, patient()).unwrap();
    let kept = lab.cache("alice.ccache").load().unwrap();
    assert!(
        kept.tickets()
            .any(|ticket| ticket.server == principal(SERVICE))
    );
    assert!(!held.has_grown());
    lab.reach(&desk, &held, Patience::Never).unwrap();
    let name = Name::Principal(principal("bob"));
    let wish = Wish {
        name: Some(&name),
        ..initiate(&sources)
    };
    let error = desk.acquire(&wish, patient(), now()).unwrap_err();
    assert!(matches!(error, DeskError::CacheOfAnother));
}

#[test]
fn renews_a_cache_that_has_ended_with_the_keytab() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let sources = named(&lab, "machine.ccache");
    let first = expires(&desk, &sources);
    let content = lab.cache("machine.ccache").load().unwrap();
    let note = content.config(CredentialCache::REFRESH_TIME, None).unwrap();
    let note: i64 = str::from_utf8(note).unwrap().parse().unwrap();
    assert!(note > now().time.unix() && note < first.unix());

    let mut ended = content;
    for ticket in &mut ended.credentials {
        if !ticket.is_config() {
            ticket.endtime = KerberosTime::from_unix(now().time.unix() - 60);
        }
    }
    lab.cache("machine.ccache").replace(&ended).unwrap();
    let error = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap_err();
    assert!(matches!(error, DeskError::WouldWait));
    assert!(expires(&desk, &sources) > now().time);
    let fresh = lab.cache("machine.ccache").load().unwrap();
    assert!(fresh.tickets().all(|ticket| ticket.endtime > now().time));
    assert!(fresh.tickets().count() == 1);
}

#[test]
fn min_lifetime_is_what_is_as_good_as_ended() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    lab.mit.admin(&["modprinc", "-maxlife", "10min", MACHINE]);
    let sources = named(&lab, "short.ccache");
    desk.acquire(&initiate(&sources), patient(), now()).unwrap();
    let mut content = lab.cache("short.ccache").load().unwrap();
    content.remove_config(CredentialCache::REFRESH_TIME, None);
    lab.cache("short.ccache").replace(&content).unwrap();
    desk.acquire(&initiate(&sources), Patience::Never, later(420))
        .unwrap();
    let patient_sources = Sources {
        min_lifetime: std::time::Duration::from_secs(300),
        ..sources
    };
    let error = desk
        .acquire(&initiate(&patient_sources), Patience::Never, later(420))
        .unwrap_err();
    assert!(matches!(error, DeskError::WouldWait));
}

#[test]
fn another_keytab_is_another_login() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk.acquire(&initiate(&sources), patient(), now()).unwrap();
    assert_eq!(held.name().unwrap().principal, principal(MACHINE));
    replace_keytab(&lab.machine, &lab.service);
    let held = desk.acquire(&initiate(&sources), patient(), now()).unwrap();
    assert_eq!(held.name().unwrap().principal, principal(SERVICE));
    fs::remove_file(&lab.machine).unwrap();
    let error = desk
        .acquire(&initiate(&sources), patient(), now())
        .unwrap_err();
    assert!(matches!(error, DeskError::EmptyCache), "{error}");
}

#[test]
fn chooses_the_key_by_name() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let both = lab.path("both.keytab");
    let keys = |path| kerbstone_client::KeytabFile::parse(&file(path)).unwrap();
    for path in [&lab.machine, &lab.service] {
        for entry in keys(path).load().unwrap().entries() {
            keys(&both).add(entry.clone()).unwrap();
        }
    }
    let sources = Sources {
        keytab: Some(file(&both)),
        client_keytab: Some(file(&both)),
        patterns: Patterns {
            keytab: Some(file(&both)),
            ..Patterns::default()
        },
        ..lab.sources()
    };
    for (name, client) in [
        (None, MACHINE),
        (Some(Name::Principal(principal(SERVICE))), SERVICE),
        (Some(Name::host_based("HTTP@www.proxy.test")), SERVICE),
        (Some(Name::host_based("host")), MACHINE),
    ] {
        let wish = Wish {
            name: name.as_ref(),
            ..wish(&sources, CredUsage::Both)
        };
        let held = desk.acquire(&wish, patient(), now()).unwrap();
        assert_eq!(
            held.name().unwrap().principal,
            principal(client),
            "{name:?}"
        );
        assert_eq!(held.usage(), CredUsage::Both);
        let handle = desk.seal(&sources, &held).unwrap();
        let held = lab.desk().open(&sources, &handle).unwrap();
        let acceptor = desk.acceptor(&sources, &held, now()).unwrap();
        let accepts = |who: &str| {
            acceptor
                .keys()
                .iter()
                .any(|key| key.principal == principal(who))
        };
        assert!(accepts(client));
        assert_eq!(accepts(SERVICE) && accepts(MACHINE), name.is_none());
    }
    let name = Name::Principal(principal("nobody"));
    let wish = Wish {
        name: Some(&name),
        ..initiate(&sources)
    };
    let error = desk.acquire(&wish, patient(), now()).unwrap_err();
    assert!(matches!(error, DeskError::EmptyCache), "{error}");
    let wish = Wish {
        usage: CredUsage::Accept,
        ..wish
    };
    let error = desk.acquire(&wish, patient(), now()).unwrap_err();
    assert!(matches!(error, DeskError::NoKeyOf), "{error}");
}

#[test]
fn finds_the_default_cache_and_keytabs_where_mit_has_them() {
    let Some(lab) = Lab::start() else { return };
    let sources = Sources {
        keytab: None,
        client_keytab: None,
        cache: CacheSource::Default,
        ..lab.sources()
    };
    let desk = lab.desk();
    let error = desk
        .acquire(&initiate(&sources), patient(), now())
        .unwrap_err();
    assert!(
        matches!(error, DeskError::Client(ClientError::NoCache { .. })),
        "{error}"
    );
    sign_in_alice(&lab, "default.ccache", 3600);
    let held = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap();
    assert_eq!(held.name().unwrap().principal, principal("alice"));
    let name = Name::Principal(principal(MACHINE));
    let wish_of_machine = Wish {
        name: Some(&name),
        ..initiate(&sources)
    };
    let error = desk
        .acquire(&wish_of_machine, patient(), now())
        .unwrap_err();
    assert!(matches!(error, DeskError::CacheOfAnother), "{error}");

    let desk = lab.desk_with(|environment| {
        environment.ccname = Some(format!("DIR:{}", lab.path("caches").display()));
        environment.client_keytab = Some(file(&lab.machine));
        environment.keytab = Some(file(&lab.service));
    });
    fs::create_dir(lab.path("caches")).unwrap();
    let held = desk.acquire(&wish_of_machine, patient(), now()).unwrap();
    assert_eq!(held.name().unwrap().principal, principal(MACHINE));
    let held = desk
        .acquire(&wish_of_machine, Patience::Never, now())
        .unwrap();
    lab.reach(&desk, &held, patient()).unwrap();
    let accepting = desk.acquire(&wish(&sources, CredUsage::Accept), Patience::Never, now());
    let acceptor = desk.acceptor(&sources, &accepting.unwrap(), now()).unwrap();
    assert!(
        acceptor
            .keys()
            .iter()
            .all(|key| key.principal == principal(SERVICE))
    );
}

#[test]
fn whoever_keeps_a_cache_locked_keeps_nobody_from_the_desk() {
    let Some(lab) = Lab::start() else { return };
    let desk = lab.desk();
    let sources = named(&lab, "alice.ccache");
    sign_in_alice(&lab, "alice.ccache", 3600);
    let locked = lock(&lab.path("alice.ccache"));
    let error = desk
        .acquire(&initiate(&sources), Patience::Never, now())
        .unwrap_err();
    assert!(matches!(error, DeskError::WouldWait), "{error}");
    drop(locked);
    desk.acquire(&initiate(&sources), Patience::Never, now())
        .unwrap();
    // What was read before is good enough while somebody writes.
    let _locked = lock(&lab.path("alice.ccache"));
    desk.acquire(&initiate(&sources), Patience::Never, now())
        .unwrap();
}

/// A lock as MIT's library takes it to write.
fn lock(path: &Path) -> fs::File {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let request = libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&request)).unwrap();
    file
}

#[test]
fn a_host_that_does_not_matter_is_not_looked_at() {
    let Some(lab) = Lab::start() else { return };
    let extra = lab.path("extra.conf");
    fs::write(&extra, "[libdefaults]\nignore_acceptor_hostname = true\n").unwrap();
    let name = Name::host_based("HTTP@alias.proxy.test");
    let sources = lab.sources();
    let wish = Wish {
        name: Some(&name),
        ..wish(&sources, CredUsage::Accept)
    };
    let error = lab
        .desk()
        .acquire(&wish, Patience::Never, now())
        .unwrap_err();
    assert!(matches!(error, DeskError::NoKeyOf), "{error}");
    let desk = lab.desk_with(|environment| {
        let conf = environment.krb5_config.take().unwrap();
        environment.krb5_config = Some(format!("{}:{conf}", extra.display()));
    });
    let held = desk.acquire(&wish, Patience::Never, now()).unwrap();
    desk.acceptor(&sources, &held, now()).unwrap();
}
