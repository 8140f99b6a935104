//! Real calls with bytes of them changed: whatever can be read is answered.

use kerbstone_gss::{Step, krb5};
use kerbstone_proxy::desk::Patience;
use kerbstone_proxy::settings::Mechs;
use kerbstone_proxy::wire::{
    AcceptSecContextArgs, AcquireCredArgs, Call, Context, Credential, ExportCredArgs, GetMicArgs,
    Handle, ImportAndCanonNameArgs, ImportCredArgs, InitSecContextArgs, Name, ReleaseHandleArgs,
    Reply, StoreCredArgs, UnwrapArgs, Usage, VerifyArgs, WrapArgs, WrapSizeLimitArgs,
};
use kerbstone_xdr::Writer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::{Site, now, stored};

const ROUNDS: usize = 2000;

/// One of every call that means something, with real tokens, contexts and handles.
fn real_calls(site: &Site, counter: &Counter) -> Vec<Call> {
    let alice = Alice::of(site);
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(Alice::options(USUAL))));
    let Step::Continue { token } = alice.step(&mut machine, None) else {
        panic!("mutual authentication takes two legs");
    };
    let acquire = |usage| AcquireCredArgs {
        usage,
        ..AcquireCredArgs::default()
    };
    let Reply::AcquireCred(acquired) = counter.ask(acquire(Usage::Both)).reply else {
        panic!("a reply to another call");
    };
    let credential = acquired.credential.unwrap();
    let accept = AcceptSecContextArgs {
        credential: Some(credential.clone()),
        token: token.into(),
        return_delegated: true,
        ..AcceptSecContextArgs::default()
    };
    let context = counter.accept(accept.clone()).context.unwrap();
    let init = InitSecContextArgs {
        credential: Some(credential.clone()),
        target: Some(Name {
            display: super::site::SERVICE.into(),
            ..Name::default()
        }),
        flags: 2,
        ..InitSecContextArgs::default()
    };
    let Reply::InitSecContext(begun) = counter.ask(init.clone()).reply else {
        panic!("a reply to another call");
    };
    let second = InitSecContextArgs {
        context: begun.context.clone(),
        token: begun.token,
        ..init.clone()
    };
    let message = |context: &Context| (context.clone(), vec![b"message".into()]);
    let (held, pieces) = message(&context);
    vec![
        acquire(Usage::Initiate).into(),
        AcquireCredArgs {
            input: Some(credential.clone()),
            ..acquire(Usage::Both)
        }
        .into(),
        accept.into(),
        init.into(),
        second.into(),
        ImportAndCanonNameArgs {
            input: context.source.clone(),
            mech: context.mech.clone(),
            ..ImportAndCanonNameArgs::default()
        }
        .into(),
        ExportCredArgs {
            credential: credential.clone(),
            ..ExportCredArgs::default()
        }
        .into(),
        ImportCredArgs {
            handle: credential.handle.clone(),
            ..ImportCredArgs::default()
        }
        .into(),
        StoreCredArgs {
            credential: Credential::default(),
            ..StoreCredArgs::default()
        }
        .into(),
        ReleaseHandleArgs {
            call_context: Default::default(),
            handle: Handle::Context(context),
        }
        .into(),
        GetMicArgs {
            context: held.clone(),
            message: b"message".into(),
            ..GetMicArgs::default()
        }
        .into(),
        VerifyArgs {
            context: held.clone(),
            message: b"message".into(),
            token: vec![4; 28].into(),
            ..VerifyArgs::default()
        }
        .into(),
        WrapArgs {
            context: held.clone(),
            confidential: true,
            message: pieces.clone(),
            ..WrapArgs::default()
        }
        .into(),
        UnwrapArgs {
            context: held.clone(),
            token: pieces,
            ..UnwrapArgs::default()
        }
        .into(),
        WrapSizeLimitArgs {
            context: held,
            output_size: u64::MAX,
            ..WrapSizeLimitArgs::default()
        }
        .into(),
    ]
}

#[test]
fn real_calls_with_bytes_changed_are_answered_as_long_as_they_can_be_read() {
    let Some(site) = Site::start() else { return };
    let keytab = stored("keytab", site.keytab.display().to_string());
    let mut service = site.web_service();
    service.mechs = Mechs {
        krb5: true,
        spnego: true,
    };
    service.cred_store = vec![
        keytab.clone(),
        stored("client_keytab", keytab.value.clone()),
    ];
    let counter = Counter::of(&site, service);
    let mut random = StdRng::seed_from_u64(400_112);
    let mut answered = 0;
    for call in real_calls(&site, &counter) {
        let mut out = Writer::new(1 << 20);
        call.encode(&mut out);
        let bytes = out.finish().unwrap();
        for _ in 0..ROUNDS {
            let mut changed = bytes.to_vec();
            for _ in 0..random.random_range(1..4) {
                let place = random.random_range(0..changed.len());
                changed[place] = random.random();
            }
            let Ok(call) = Call::decode(call.procedure(), &changed) else {
                continue;
            };
            let answer = counter.engine.answer(
                &counter.caller,
                &counter.service,
                &call,
                Patience::Never,
                now(),
            );
            if let Ok(answer) = answer {
                assert_eq!(answer.reply.procedure(), call.procedure());
                answered += 1;
            }
        }
    }
    assert!(answered > ROUNDS, "{answered} calls could be read");
}
