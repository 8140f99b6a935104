//! Credentials that end, and calls that must not wait.

use std::time::Duration;

use kerbstone_gss::krb5;
use kerbstone_proto::time::Timestamp;
use kerbstone_proxy::desk::Patience;
use kerbstone_proxy::procedures::WouldWait;
use kerbstone_proxy::settings::Service;
use kerbstone_proxy::wire::{
    AcceptSecContextArgs, AcquireCredArgs, AcquireCredResult, Call, CallContext, Credential,
    InitSecContextArgs, Name, Reply, RpcOption, Usage, options,
};

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::{Site, now, service, stored};

const CREDENTIALS_EXPIRED: u64 = 11 << 16;

fn at(counter: &Counter, call: &Call, now: Timestamp) -> Result<Reply, WouldWait> {
    counter
        .engine
        .answer(
            &counter.caller,
            &counter.service,
            call,
            Patience::Never,
            now,
        )
        .map(|answer| answer.reply)
}

fn acquire(counter: &Counter, input: Option<Credential>, now: Timestamp) -> AcquireCredResult {
    let args = AcquireCredArgs {
        input,
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    };
    match at(counter, &args.into(), now).unwrap() {
        Reply::AcquireCred(result) => result,
        other => panic!("{other:?}"),
    }
}

fn later(hours: u64) -> Timestamp {
    let now = now();
    Timestamp {
        time: now.time.saturating_add(Duration::from_secs(hours * 3600)),
        ..now
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
fn a_credential_says_how_long_it_lasts_whenever_it_is_asked() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, of_alice(&site));
    let credential = acquire(&counter, None, now()).credential.unwrap();
    let life = |credential: &Credential| credential.elements[0].initiator_life;
    assert!(
        (80_000..=86_400).contains(&life(&credential)),
        "{credential:?}"
    );
    // It is good still, so it is given back as it was.
    let again = acquire(&counter, Some(credential.clone()), later(1));
    assert_eq!(again.credential.unwrap().handle, credential.handle);
    let fresh = acquire(&counter, None, later(1)).credential.unwrap();
    assert!(life(&fresh) <= life(&credential) - 3600);
}

#[test]
fn what_was_delegated_and_has_ended_is_not_replaced_by_the_services_own() {
    let Some(site) = Site::start() else { return };
    site.mit.add_service("host/client.proxy.test");
    let keytab = stored("keytab", site.keytab.display().to_string());
    let counter = Counter::of(
        &site,
        Service {
            cred_store: vec![
                keytab.clone(),
                stored("client_keytab", keytab.value.clone()),
            ],
            ..service("web")
        },
    );
    let options = Alice::options(USUAL | kerbstone_gss::GssFlags::DELEG);
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
    let args = AcceptSecContextArgs {
        return_delegated: true,
        ..AcceptSecContextArgs::default()
    };
    let (_, result) = Alice::of(&site).meet(&mut machine, &counter, &args);
    let alices = result.delegated.unwrap();
    let own = counter.ask(AcquireCredArgs {
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    });
    assert!(own.decision.is_granted(), "{own:?}");
    let held = acquire(&counter, Some(alices.clone()), now());
    assert_eq!(
        *held.credential.unwrap().desired_name.display,
        *b"alice@PROXY.TEST"
    );
    let args = AcquireCredArgs {
        input: Some(alices),
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    };
    // The service's own has ended as well by then, and a new one takes a KDC.
    let answer = counter.engine.answer(
        &counter.caller,
        &counter.service,
        &args.into(),
        Patience::Until(std::time::Instant::now() + Duration::from_secs(20)),
        later(30),
    );
    let reply = answer.unwrap().reply;
    assert_eq!(reply.status().major, CREDENTIALS_EXPIRED, "{reply:?}");
}

#[test]
fn nothing_has_happened_when_a_call_would_have_to_wait() {
    let Some(mut site) = Site::start() else {
        return;
    };
    let alice = Counter::of(&site, of_alice(&site));
    let web = Counter::of(&site, site.web_service());
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(Alice::options(USUAL))));
    let kerbstone_gss::Step::Continue { token } = Alice::of(&site).step(&mut machine, None) else {
        panic!("mutual authentication takes two legs");
    };
    site.mit.stop();
    let to = |target: &str, flags| {
        Call::from(InitSecContextArgs {
            target: Some(Name {
                display: target.into(),
                ..Name::default()
            }),
            flags,
            ..InitSecContextArgs::default()
        })
    };
    // No ticket is at hand.
    assert_eq!(at(&alice, &to("imap/unknown", 2), now()), Err(WouldWait));
    // A token is accepted once only: whoever wants the local user as well has to wait first.
    let linux = AcceptSecContextArgs {
        call_context: CallContext {
            options: vec![RpcOption::new(
                options::EXPORTED_CREDS_TYPE,
                options::LINUX_CREDS_V1,
            )],
            ..CallContext::default()
        },
        token: token.into(),
        ..AcceptSecContextArgs::default()
    };
    assert_eq!(at(&web, &linux.clone().into(), now()), Err(WouldWait));
    assert_eq!(web.accept(linux.clone()).status.major, 0);
    let replayed = web.accept(linux);
    assert_ne!(replayed.status.major, 0);
    assert!(
        replayed
            .status
            .minor_text
            .starts_with(b"Request is a replay")
    );
}

#[test]
fn delegation_that_would_have_to_wait_is_waited_for() {
    let Some(mut site) = Site::start() else {
        return;
    };
    let open = Service {
        filter_flags: 0,
        ..of_alice(&site)
    };
    let alice = Counter::of(&site, open);
    let call = |flags| {
        Call::from(InitSecContextArgs {
            target: Some(Name {
                display: super::site::SERVICE.into(),
                ..Name::default()
            }),
            flags,
            ..InitSecContextArgs::default()
        })
    };
    let Call::InitSecContext(args) = call(2) else {
        unreachable!()
    };
    assert_eq!(alice.ask(args).reply.status().major, 1);
    site.mit.stop();
    // The service's ticket is at hand now, the one to delegate is not.
    assert_eq!(at(&alice, &call(2), now()).unwrap().status().major, 1);
    assert_eq!(at(&alice, &call(2 | 1), now()), Err(WouldWait));
}

#[test]
fn tickets_that_were_added_go_back_to_a_client_that_keeps_them() {
    let Some(site) = Site::start() else { return };
    let keytab = site.mit.keytab(super::site::SERVICE);
    let own = |allow_client_ccache_sync| {
        Counter::of(
            &site,
            Service {
                allow_client_ccache_sync,
                cred_store: vec![stored("client_keytab", keytab.display().to_string())],
                ..service("own")
            },
        )
    };
    let asked = RpcOption::new(options::SYNC_MODIFIED_CREDS, options::DEFAULT);
    let init = |counter: &Counter, credential: Option<Credential>| {
        let args = InitSecContextArgs {
            credential,
            target: Some(Name {
                display: super::site::SERVICE.into(),
                ..Name::default()
            }),
            options: vec![asked.clone()],
            ..InitSecContextArgs::default()
        };
        match counter.ask(args).reply {
            Reply::InitSecContext(result) => result,
            other => panic!("{other:?}"),
        }
    };
    let counter = own(true);
    let wanted = AcquireCredArgs {
        usage: Usage::Initiate,
        ..AcquireCredArgs::default()
    };
    let Reply::AcquireCred(acquired) = counter.ask(wanted).reply else {
        panic!("a reply to another call");
    };
    let before = acquired.credential.unwrap();
    let result = init(&counter, Some(before.clone()));
    assert_eq!(result.status.major, 0, "{result:?}");
    let sent = options::find(&result.options, options::SYNC_CREDS).expect("a credential");
    let after: Credential = kerbstone_xdr::from_bytes(sent).unwrap();
    assert!(after.handle.len() > before.handle.len() + 500);
    assert_eq!(after.desired_name, before.desired_name);
    // Nothing was added this time.
    assert!(init(&counter, Some(after)).options.is_empty());
    assert!(init(&own(false), None).options.is_empty());
}
