//! What a service lets its callers do, and what becomes of handles that are not its own.

use std::sync::Arc;

use kerbstone_gss::krb5;
use kerbstone_proxy::settings::{Caller, CredUsage, Mechs, Service};
use kerbstone_proxy::wire::{
    AcceptSecContextArgs, AcquireCredArgs, AcquireCredResult, Credential, ExportCredArgs,
    ImportCredArgs, InitSecContextArgs, InitSecContextResult, Name, Oid, Reply, RpcOption,
    StoreCredArgs, Usage, options,
};

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::{SERVICE, Site, TARGET, own_uid, service, stored};

const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const STRING_UID: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x03";
const FAILURE: u64 = 13 << 16;
const NO_CRED: u64 = 7 << 16;
const DEFECTIVE_CREDENTIAL: u64 = 10 << 16;
const UNAUTHORIZED: u64 = 15 << 16;

fn acquire(counter: &Counter, args: AcquireCredArgs) -> AcquireCredResult {
    match counter.ask(args).reply {
        Reply::AcquireCred(result) => result,
        other => panic!("{other:?}"),
    }
}

fn acquire_for(counter: &Counter, usage: Usage) -> AcquireCredResult {
    acquire(
        counter,
        AcquireCredArgs {
            usage,
            ..AcquireCredArgs::default()
        },
    )
}

fn init(counter: &Counter, args: InitSecContextArgs) -> InitSecContextResult {
    let args = InitSecContextArgs {
        target: Some(Name {
            display: TARGET.into(),
            name_type: HOST_BASED.into(),
            ..Name::default()
        }),
        flags: 2,
        ..args
    };
    match counter.ask(args).reply {
        Reply::InitSecContext(result) => result,
        other => panic!("{other:?}"),
    }
}

fn of_alice(site: &Site) -> Service {
    let cache = format!("FILE:{}", site.alice.cache().display());
    Service {
        cred_store: vec![stored("ccache", cache)],
        ..service("alice")
    }
}

#[test]
fn a_service_for_one_usage_is_not_used_for_the_other() {
    let Some(site) = Site::start() else { return };
    let only = |cred_usage, base: Service| Counter::of(&site, Service { cred_usage, ..base });
    let acceptor = only(CredUsage::Accept, site.web_service());
    assert_eq!(
        acquire_for(&acceptor, Usage::Initiate).status.major,
        FAILURE
    );
    let both = acquire_for(&acceptor, Usage::Both);
    assert_eq!(both.credential.unwrap().elements[0].usage, Usage::Accept);
    let initiator = only(CredUsage::Initiate, of_alice(&site));
    assert_eq!(acquire_for(&initiator, Usage::Accept).status.major, FAILURE);
    let refused = initiator.accept(AcceptSecContextArgs::default());
    assert_eq!((refused.status.major, refused.status.minor), (FAILURE, 13));
    let both = acquire_for(&initiator, Usage::Both);
    assert_eq!(both.credential.unwrap().elements[0].usage, Usage::Initiate);
    let refused = init(&acceptor, InitSecContextArgs::default());
    assert_eq!(refused.status.major, FAILURE);
}

#[test]
fn a_credential_for_accepting_does_not_initiate() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let credential = acquire_for(&counter, Usage::Accept).credential;
    let refused = init(
        &counter,
        InitSecContextArgs {
            credential,
            ..InitSecContextArgs::default()
        },
    );
    assert_eq!(refused.status.major, NO_CRED);
}

#[test]
fn mechanisms_that_are_not_spoken_are_no_credential() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let ntlm: Oid = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a".into();
    let krb5: Oid = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".into();
    let wanted = |mechs: Vec<Oid>| {
        acquire(
            &counter,
            AcquireCredArgs {
                mechs,
                usage: Usage::Accept,
                ..AcquireCredArgs::default()
            },
        )
    };
    assert_eq!(wanted(vec![ntlm.clone()]).status.major, NO_CRED);
    assert_eq!(wanted(vec![Oid::new()]).status.major, NO_CRED);
    let several = wanted(vec![ntlm, krb5]);
    assert_eq!(several.credential.unwrap().elements.len(), 1);
}

#[test]
fn a_handle_that_does_not_open_stands_for_its_own_name_only() {
    let Some(site) = Site::start() else { return };
    let web = Counter::of(&site, site.web_service());
    let own = acquire_for(&web, Usage::Accept).credential.unwrap();
    let spoilt = |name: &str| Credential {
        desired_name: Name {
            display: name.into(),
            ..Name::default()
        },
        handle: b"sealed with a key that is gone".into(),
        ..own.clone()
    };
    let alice = Alice::of(&site);
    let first = |credential| {
        let options = Alice::options(USUAL);
        let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
        let kerbstone_gss::Step::Continue { token } = alice.step(&mut machine, None) else {
            panic!("mutual authentication takes two legs");
        };
        web.accept(AcceptSecContextArgs {
            credential: Some(credential),
            token: token.into(),
            ..AcceptSecContextArgs::default()
        })
    };
    assert_eq!(first(own.clone()).status.major, 0);
    assert_eq!(first(spoilt(SERVICE)).status.major, 0);
    let refused = first(spoilt("alice"));
    assert_eq!(refused.status.major, DEFECTIVE_CREDENTIAL);
    assert!(refused.context.is_none());
}

#[test]
fn a_handle_of_another_service_is_none_of_ours() {
    let Some(site) = Site::start() else { return };
    let alice = Counter::of(&site, of_alice(&site));
    let credential = acquire_for(&alice, Usage::Initiate).credential;
    assert!(credential.is_some());
    let args = InitSecContextArgs {
        credential: credential.clone(),
        ..InitSecContextArgs::default()
    };
    assert_eq!(init(&alice, args.clone()).status.major, 1);
    let keytab = stored("keytab", site.keytab.display().to_string());
    let other = Counter {
        service: Arc::new(Service {
            cred_store: vec![keytab.clone(), stored("client_keytab", keytab.value)],
            ..service("web")
        }),
        engine: alice.engine.clone(),
        caller: alice.caller.clone(),
    };
    let refused = init(&other, args);
    assert_eq!(refused.status.major, DEFECTIVE_CREDENTIAL, "{refused:?}");
    let export = ExportCredArgs {
        credential: credential.clone().unwrap(),
        ..ExportCredArgs::default()
    };
    assert!(!other.ask(export).decision.is_granted());
    let import = ImportCredArgs {
        handle: credential.unwrap().handle.clone(),
        ..ImportCredArgs::default()
    };
    assert!(!other.ask(import).decision.is_granted());
}

#[test]
fn a_handle_is_exported_and_imported_within_its_service() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, of_alice(&site));
    let credential = acquire_for(&counter, Usage::Initiate).credential.unwrap();
    let export = ExportCredArgs {
        credential: credential.clone(),
        usage: Usage::Initiate,
        ..ExportCredArgs::default()
    };
    let Reply::ExportCred(exported) = counter.ask(export).reply else {
        panic!("a reply to another call");
    };
    let import = ImportCredArgs {
        handle: exported.handle.unwrap(),
        ..ImportCredArgs::default()
    };
    let Reply::ImportCred(imported) = counter.ask(import).reply else {
        panic!("a reply to another call");
    };
    let imported = imported.credential.unwrap();
    assert_eq!(imported.desired_name, credential.desired_name);
    let args = InitSecContextArgs {
        credential: Some(imported),
        ..InitSecContextArgs::default()
    };
    assert_eq!(init(&counter, args).status.major, 1);
}

#[test]
fn a_trusted_caller_alone_names_users_by_number() {
    let Some(site) = Site::start() else { return };
    let folder = site.mit.folder().display();
    let slot = format!("{folder}/krb5cc_4711");
    std::fs::copy(site.alice.cache(), &slot).unwrap();
    let wanted = AcquireCredArgs {
        desired_name: Some(Name {
            display: b"4711".into(),
            name_type: STRING_UID.into(),
            ..Name::default()
        }),
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    };
    let nfs = |trusted, euid| Service {
        trusted,
        euid,
        allow_any_uid: true,
        cred_store: vec![stored("ccache", format!("FILE:{folder}/krb5cc_%U"))],
        ..service("nfs")
    };
    let ask = |trusted, euid| acquire(&Counter::of(&site, nfs(trusted, euid)), wanted.clone());
    let granted = ask(true, own_uid());
    let credential = granted.credential.unwrap();
    assert_eq!(*credential.desired_name.display, *b"alice@PROXY.TEST");
    let trusted = Counter::of(&site, nfs(true, own_uid()));
    let Reply::AcquireCred(acquired) = trusted.ask(wanted.clone()).reply else {
        panic!("a reply to another call");
    };
    let args = InitSecContextArgs {
        credential: acquired.credential,
        ..InitSecContextArgs::default()
    };
    assert_eq!(init(&trusted, args).status.major, 1);
    assert_ne!(ask(false, own_uid()).status.major, 0);
    assert_ne!(ask(true, own_uid() + 1).status.major, 0);
}

#[test]
fn a_user_comes_with_the_tickets_of_his_own_slot() {
    let Some(site) = Site::start() else { return };
    let folder = site.mit.folder().display();
    std::fs::copy(site.alice.cache(), format!("{folder}/slot_4711")).unwrap();
    let service = Service {
        allow_any_uid: true,
        cred_store: vec![stored("ccache", format!("FILE:{folder}/slot_%U"))],
        ..service("users")
    };
    let counter = |uid| Counter {
        caller: Caller {
            uid,
            ..super::site::own_caller()
        },
        ..Counter::of(&site, service.clone())
    };
    let alice = acquire_for(&counter(4711), Usage::Initiate);
    assert_eq!(alice.status.major, 0, "{alice:?}");
    let nobody = acquire_for(&counter(4712), Usage::Initiate);
    assert_eq!(nobody.status.major, NO_CRED, "{nobody:?}");
    assert!(nobody.status.minor_text.len() > 10);
}

#[test]
fn the_enctypes_that_a_client_allows_are_the_only_ones() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, of_alice(&site));
    let with = |numbers: &[i32]| {
        let mut credential = acquire_for(&counter, Usage::Initiate).credential.unwrap();
        let value: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
        credential.elements[0].options = vec![RpcOption::new(options::ALLOWED_ENCTYPES, &value)];
        init(
            &counter,
            InitSecContextArgs {
                credential: Some(credential),
                ..InitSecContextArgs::default()
            },
        )
    };
    assert_eq!(with(&[17]).status.major, 1);
    // DES alone.
    let refused = with(&[3]);
    assert_eq!(refused.status.major, FAILURE);
    assert!(
        refused
            .status
            .minor_text
            .starts_with(b"Program lacks support")
    );
}

#[test]
fn integrity_and_confidentiality_are_left_out_for_whoever_wants_it_so() {
    const PROTECTION: u64 = 0x10 | 0x20;
    let Some(site) = Site::start() else { return };
    let alice = Counter::of(&site, of_alice(&site));
    let web = Counter::of(&site, site.web_service());
    for (wishes, expected) in [
        (vec![], PROTECTION),
        (vec![RpcOption::new(options::NO_CI_FLAGS, b"")], 0),
    ] {
        let mut credential = acquire_for(&alice, Usage::Initiate).credential.unwrap();
        credential.elements[0].options = wishes;
        let begun = init(
            &alice,
            InitSecContextArgs {
                credential: Some(credential),
                ..InitSecContextArgs::default()
            },
        );
        let accepted = web.accept(AcceptSecContextArgs {
            token: begun.token.unwrap(),
            ..AcceptSecContextArgs::default()
        });
        assert_eq!(accepted.context.unwrap().flags & PROTECTION, expected);
    }
}

#[test]
fn the_engine_negotiates_as_an_initiator() {
    let Some(site) = Site::start() else { return };
    let mechs = Mechs {
        krb5: true,
        spnego: true,
    };
    let alice = Counter::of(
        &site,
        Service {
            mechs,
            ..of_alice(&site)
        },
    );
    let web = Counter::of(
        &site,
        Service {
            mechs,
            ..site.web_service()
        },
    );
    let spnego: Oid = b"\x2b\x06\x01\x05\x05\x02".into();
    let begun = init(
        &alice,
        InitSecContextArgs {
            mech: spnego.clone(),
            ..InitSecContextArgs::default()
        },
    );
    assert_eq!(begun.status.major, 1, "{begun:?}");
    let accepted = web.accept(AcceptSecContextArgs {
        token: begun.token.unwrap(),
        ..AcceptSecContextArgs::default()
    });
    assert_eq!(accepted.status.mech, spnego);
    let done = init(
        &alice,
        InitSecContextArgs {
            mech: spnego.clone(),
            context: begun.context,
            token: accepted.token,
            ..InitSecContextArgs::default()
        },
    );
    assert_eq!(done.status.major, 0, "{done:?}");
    let krb5_only = Counter::of(&site, of_alice(&site));
    let refused = init(
        &krb5_only,
        InitSecContextArgs {
            mech: spnego,
            ..InitSecContextArgs::default()
        },
    );
    assert_eq!(refused.status.major, 1 << 16);
}

#[test]
fn credentials_are_stored_where_later_calls_find_them() {
    let Some(site) = Site::start() else { return };
    let folder = site.mit.folder().display();
    let place = format!("{folder}/stored");
    let keytab = stored("keytab", site.keytab.display().to_string());
    let service = Service {
        cred_store: vec![keytab, stored("ccache", format!("FILE:{place}"))],
        filter_flags: 0,
        ..service("web")
    };
    let counter = Counter::of(&site, service.clone());
    let options = Alice::options(USUAL | kerbstone_gss::GssFlags::DELEG);
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
    let args = AcceptSecContextArgs {
        return_delegated: true,
        ..AcceptSecContextArgs::default()
    };
    let (_, result) = Alice::of(&site).meet(&mut machine, &counter, &args);
    let store = |overwrite| StoreCredArgs {
        credential: result.delegated.clone().unwrap(),
        usage: Usage::Initiate,
        overwrite,
        ..StoreCredArgs::default()
    };
    assert!(counter.ask(store(false)).decision.is_granted());
    let found = acquire_for(&counter, Usage::Initiate).credential.unwrap();
    assert_eq!(*found.desired_name.display, *b"alice@PROXY.TEST");
    const DUPLICATE_ELEMENT: u32 = 17 << 16;
    assert_eq!(counter.ask(store(false)).decision.major, DUPLICATE_ELEMENT);
    assert!(counter.ask(store(true)).decision.is_granted());
    let guest = Counter {
        service: Arc::new(Service {
            euid: own_uid() + 1,
            allow_any_uid: true,
            ..service
        }),
        engine: counter.engine.clone(),
        caller: counter.caller.clone(),
    };
    assert_eq!(
        u64::from(guest.ask(store(true)).decision.major),
        UNAUTHORIZED
    );
}
