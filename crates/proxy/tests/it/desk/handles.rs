use std::fs;
use std::time::Duration;

use kerbstone_client::Environment;
use kerbstone_gss::Oid;
use kerbstone_proto::ccache::CredentialCache;
use kerbstone_proxy::desk::{
    DeskEnvironment, DeskError, HeldCredential, Patience, Sources, ccache_form,
};
use kerbstone_proxy::settings::CredUsage;
use kerbstone_proxy::wire::{AcquireCredArgs, Credential, InitSecContextArgs, Name, Reply, Usage};
use kerbstone_testkit::lab::{Gssproxy, Keeper};

use super::lab::{Lab, MACHINE, SERVICE, ask, file, now, patient, principal, replace_keytab, wish};

/// Debian's daemon with this lab's keys.
fn debian(lab: &Lab) -> Option<Gssproxy> {
    let services = format!(
        "[service/web]\nmechs = krb5\nallow_any_uid = yes\neuid = 0\n\
         cred_store = keytab:{}\ncred_store = client_keytab:{}\n",
        file(&lab.service),
        file(&lab.machine),
    );
    Gssproxy::start(Keeper::Debian, lab.mit.krb5_conf(), &services)
}

fn acquired(daemon: &Gssproxy, usage: Usage) -> Credential {
    let args = AcquireCredArgs {
        mechs: vec![Oid::KRB5.contents().into()],
        usage,
        ..AcquireCredArgs::default()
    };
    match ask(&daemon.socket(), args) {
        Reply::AcquireCred(reply) if reply.status.major == 0 => reply.credential.unwrap(),
        reply => panic!("{reply:?}\n{}", daemon.log()),
    }
}

/// The daemon's first token with this handle.
fn begun(daemon: &Gssproxy, handle: &[u8]) -> Vec<u8> {
    let args = InitSecContextArgs {
        credential: Some(Credential {
            desired_name: Name {
                display: format!("{MACHINE}@PROXY.TEST").into_bytes().into(),
                ..Name::default()
            },
            handle: handle.into(),
            ..Credential::default()
        }),
        target: Some(Name {
            display: b"HTTP@www.proxy.test".into(),
            name_type: Oid::NT_HOSTBASED_SERVICE.contents().into(),
            ..Name::default()
        }),
        mech: Oid::KRB5.contents().into(),
        flags: 2,
        ..InitSecContextArgs::default()
    };
    match ask(&daemon.socket(), args) {
        Reply::InitSecContext(reply) if reply.status.major & 0xffff_0000 == 0 => {
            reply.token.unwrap().to_vec()
        }
        reply => panic!("{reply:?}\n{}", daemon.log()),
    }
}

fn name(credential: &HeldCredential) -> String {
    credential.name().unwrap().principal.to_string()
}

#[test]
fn opens_and_uses_handles_that_debians_daemon_made() {
    let Some(lab) = Lab::start() else { return };
    let Some(debian) = debian(&lab) else { return };
    let (desk, sources) = (lab.desk(), lab.sources());

    let handle = acquired(&debian, Usage::Initiate).handle;
    let held = desk.open(&sources, &handle).unwrap();
    assert_eq!(held.usage(), CredUsage::Initiate);
    assert_eq!(name(&held), format!("{MACHINE}@PROXY.TEST"));
    let life = desk.life(&held, now()).unwrap().unwrap();
    assert!(life.as_secs() > 3600, "{life:?}");
    assert!(!held.has_grown());
    let context = lab.reach(&desk, &held, patient()).unwrap();
    assert_eq!(*context.initiator_name(), principal(MACHINE));
    assert!(held.has_grown());

    let handle = acquired(&debian, Usage::Accept).handle;
    let held = desk.open(&sources, &handle).unwrap();
    assert_eq!(held.usage(), CredUsage::Accept);
    assert_eq!(desk.life(&held, now()).unwrap(), None);
    let acceptor = desk.acceptor(&sources, &held, now()).unwrap();
    assert!(
        acceptor
            .keys()
            .iter()
            .all(|key| key.principal == principal(SERVICE))
    );
}

#[test]
fn debians_daemon_opens_and_uses_handles_that_were_made_here() {
    let Some(lab) = Lab::start() else { return };
    let Some(debian) = debian(&lab) else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    lab.reach(&desk, &held, patient()).unwrap();
    let handle = desk.seal(&sources, &held).unwrap();
    // Where the daemon could not open it, it would sign in with a keytab that is empty now.
    fs::write(&lab.machine, [5, 2]).unwrap();
    let requests = lab.requests();
    let token = begun(&debian, &handle);
    assert!(!token.is_empty());
    assert_eq!(
        lab.requests(),
        requests,
        "the handle carries the service's ticket"
    );
}

#[test]
fn a_handle_is_opened_without_a_key_only_by_the_desk_that_knows_it() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    let handle = desk.seal(&sources, &held).unwrap();
    assert!(desk.open(&sources, &handle).is_some());

    let anew = lab.desk();
    let held = anew.open(&sources, &handle).unwrap();
    assert_eq!(name(&held), format!("{MACHINE}@PROXY.TEST"));
    let other = Sources {
        service: "mail".into(),
        keytab: Some(file(&lab.machine)),
        ..lab.sources()
    };
    for desk in [&desk, &anew] {
        assert!(desk.open(&other, &handle).is_none(), "under another key");
    }
    for damage in [0, handle.len() / 2, handle.len() - 1] {
        let mut damaged = handle.clone();
        damaged[damage] ^= 1;
        assert!(desk.open(&sources, &damaged).is_none());
    }
    for length in [0, 1, 27, handle.len() - 1] {
        assert!(desk.open(&sources, &handle[..length]).is_none());
    }
}

/// Upstream's services share what they have the same key to; impersonation is often split like this.
#[test]
fn a_service_opens_what_another_with_its_keytab_sealed_a_moment_ago() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    let handle = desk.seal(&sources, &held).unwrap();
    let mail = Sources {
        service: "mail".into(),
        ..lab.sources()
    };
    for _ in 0..2 {
        let opened = desk.open(&mail, &handle).unwrap();
        assert_eq!(name(&opened), format!("{MACHINE}@PROXY.TEST"));
    }
    let mut elsewhere = Sources {
        service: "backup".into(),
        ..lab.sources()
    };
    elsewhere.patterns.client_keytab = Some(file(&lab.path("other.keytab")));
    assert!(
        desk.open(&elsewhere, &handle).is_none(),
        "its files are not this one's"
    );
}

#[test]
fn without_a_keytab_handles_last_as_long_as_the_desk() {
    let Some(lab) = Lab::start() else { return };
    let sources = Sources {
        keytab: Some(file(&lab.path("missing.keytab"))),
        ..lab.sources()
    };
    let desk = lab.desk();
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    let handle = desk.seal(&sources, &held).unwrap();
    // The keytab may come later: handles that are out stay good.
    fs::copy(&lab.service, lab.path("missing.keytab")).unwrap();
    let again = desk.seal(&sources, &held).unwrap();
    assert!(desk.open(&sources, &handle).is_some());
    assert!(lab.desk().open(&sources, &handle).is_none());
    assert!(lab.desk().open(&sources, &again).is_none());
}

#[test]
fn what_a_handle_fetches_stays_for_every_call_with_it() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    let handle = desk.seal(&sources, &held).unwrap();
    let desk = lab.desk();
    let first = desk.open(&sources, &handle).unwrap();
    lab.reach(&desk, &first, Patience::Never).unwrap_err();
    lab.reach(&desk, &first, patient()).unwrap();
    let requests = lab.requests();
    let second = desk.open(&sources, &handle).unwrap();
    lab.reach(&desk, &second, Patience::Never).unwrap();
    assert!(second.has_grown());
    let full = desk.seal(&sources, &second).unwrap();
    let third = desk.open(&sources, &full).unwrap();
    assert!(!third.has_grown());
    // Another desk has the ticket from the handle itself.
    let desk = lab.desk();
    let held = desk.open(&sources, &full).unwrap();
    lab.reach(&desk, &held, Patience::Never).unwrap();
    assert_eq!(lab.requests(), requests);
}

#[test]
fn a_handle_that_names_files_of_another_service_is_none() {
    let Some(lab) = Lab::start() else { return };
    let sources = lab.sources();
    let mut others = Vec::new();
    let mut other = lab.sources();
    other.patterns.client_keytab = Some(file(&lab.path("other.keytab")));
    others.push(other);
    let mut other = lab.sources();
    other.patterns.keytab = Some(file(&lab.path("other.keytab")));
    others.push(other);
    for usage in [CredUsage::Both, CredUsage::Initiate] {
        let desk = lab.desk();
        let held = desk
            .acquire(&wish(&sources, usage), patient(), now())
            .unwrap();
        let handle = desk.seal(&sources, &held).unwrap();
        assert!(lab.desk().open(&sources, &handle).is_some());
        for (index, other) in others.iter().enumerate() {
            let opened = lab.desk().open(other, &handle);
            let names_it = index == 0 || usage == CredUsage::Both;
            assert_eq!(opened.is_none(), names_it, "{usage:?} {index}");
        }
    }
}

#[test]
fn the_plugins_cache_gives_its_tickets_to_whoever_has_the_machines_key() {
    let Some(lab) = Lab::start() else { return };
    let mut sources = lab.sources();
    sources.patterns.client_keytab = None;
    let desk = lab.desk();
    let held = desk
        .acquire(&wish(&sources, CredUsage::Initiate), patient(), now())
        .unwrap();
    let credential = Credential {
        desired_name: Name {
            display: format!("{MACHINE}@PROXY.TEST").into_bytes().into(),
            ..Name::default()
        },
        handle: desk.seal(&sources, &held).unwrap().into(),
        ..Credential::default()
    };
    let ticket = ccache_form::to_ticket(&credential).unwrap();
    let mut content = CredentialCache::new(ticket.client.clone());
    content.credentials.push(ticket);
    lab.cache("plugin.ccache").replace(&content).unwrap();
    let environment = |keytab: &std::path::Path| DeskEnvironment {
        kerberos: Environment {
            krb5_config: Some(lab.mit.krb5_conf().display().to_string()),
            keytab: Some(file(keytab)),
            client_keytab: Some(file(&lab.machine)),
            ..Environment::default()
        },
        ..DeskEnvironment::default()
    };
    let (from, into) = (
        file(&lab.path("plugin.ccache")),
        file(&lab.path("plain.ccache")),
    );
    let wrong = ccache_form::extract(environment(&lab.machine), &from, Some(&into));
    wrong.unwrap_err();
    ccache_form::extract(environment(&lab.service), &from, Some(&into)).unwrap();
    let plain = lab.cache("plain.ccache").load().unwrap();
    assert_eq!(plain.credentials, held.content().unwrap().credentials);
}

#[test]
fn the_same_wish_gets_the_same_handle_until_something_changes() {
    let Some(lab) = Lab::start() else { return };
    let (desk, sources) = (lab.desk(), lab.sources());
    let both = wish(&sources, CredUsage::Both);
    desk.acquire(&both, patient(), now()).unwrap();
    let acquired = || desk.acquire(&both, Patience::Never, now()).unwrap();
    let first = acquired();
    let handle = desk.seal(&sources, &first).unwrap();
    assert_eq!(desk.seal(&sources, &acquired()).unwrap(), handle);
    let accepting = wish(&sources, CredUsage::Accept);
    let accepting = desk.acquire(&accepting, Patience::Never, now()).unwrap();
    assert_ne!(desk.seal(&sources, &accepting).unwrap(), handle);
    // A ticket has come to it.
    lab.reach(&desk, &first, patient()).unwrap();
    let longer = desk.seal(&sources, &acquired()).unwrap();
    assert!(longer.len() > handle.len());
    // The keytabs change: what is made of them is known a moment longer, and not when it matters.
    let before = desk.acceptor(&sources, &first, now()).unwrap();
    let keys = fs::read(&lab.service).unwrap();
    replace_keytab(&lab.service, &lab.machine);
    let after = desk.acceptor_anew(&sources, &first, now()).unwrap();
    assert_ne!(before.keys()[0].principal, after.keys()[0].principal);
    fs::write(&lab.machine, keys).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let error = desk.acquire(&both, Patience::Never, now()).unwrap_err();
    assert!(matches!(error, DeskError::WouldWait), "{error}");
}
