use kerbstone_gss::{Context, krb5};
use kerbstone_proxy::wire::{
    self, AcceptSecContextArgs, CallContext, GetMicArgs, Opaque, Reply, UnwrapArgs, VerifyArgs,
    WrapArgs, WrapSizeLimitArgs,
};

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::Site;

fn established(site: &Site, counter: &Counter) -> (Context, wire::Context) {
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(Alice::options(USUAL))));
    let args = AcceptSecContextArgs::default();
    let (ours, result) = Alice::of(site).meet(&mut machine, counter, &args);
    (ours, result.context.unwrap())
}

#[test]
fn messages_are_protected_with_the_context_that_the_client_carries() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let (mut ours, mut theirs) = established(&site, &counter);
    for (turn, confidential) in [(1, true), (2, false), (3, true)] {
        let text = format!("message {turn}");
        let Reply::Wrap(wrapped) = counter
            .ask(WrapArgs {
                context: theirs,
                confidential,
                message: vec![text.as_str().into()],
                ..WrapArgs::default()
            })
            .reply
        else {
            panic!("a reply to another call");
        };
        assert_eq!(wrapped.confidential, Some(confidential));
        let heard = ours.unwrap(&wrapped.token[0]).unwrap();
        assert_eq!(heard.message, text.as_bytes());
        assert_eq!(heard.order, kerbstone_gss::Order::InOrder);
        let token = ours.wrap(confidential, b"answer", &mut rand::rng());
        let Reply::Unwrap(unwrapped) = counter
            .ask(UnwrapArgs {
                context: wrapped.context.unwrap(),
                token: vec![token.into()],
                ..UnwrapArgs::default()
            })
            .reply
        else {
            panic!("a reply to another call");
        };
        assert_eq!(*unwrapped.message[0], *b"answer");
        theirs = unwrapped.context.unwrap();
    }
    let Reply::GetMic(signed) = counter
        .ask(GetMicArgs {
            context: theirs,
            message: b"signed".into(),
            ..GetMicArgs::default()
        })
        .reply
    else {
        panic!("a reply to another call");
    };
    ours.verify_mic(b"signed", &signed.token).unwrap();
}

#[test]
fn a_message_that_comes_again_or_was_changed_is_told() {
    const BAD_MIC: u64 = 6 << 16;
    const DUPLICATE: u64 = 2;
    const GAP: u64 = 16;
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let (mut ours, theirs) = established(&site, &counter);
    let verify = |context: &wire::Context, text: &[u8], token: &[u8]| {
        let args = VerifyArgs {
            call_context: CallContext::default(),
            context: context.clone(),
            message: text.into(),
            token: token.into(),
        };
        match counter.ask(args).reply {
            Reply::Verify(result) => result,
            other => panic!("{other:?}"),
        }
    };
    let first = ours.get_mic(b"first");
    let _lost = ours.get_mic(b"lost");
    let third = ours.get_mic(b"third");
    let good = verify(&theirs, b"first", &first);
    assert_eq!(good.status.major, 0);
    let context = good.context.unwrap();
    let again = verify(&context, b"first", &first);
    assert_eq!(again.status.major, DUPLICATE);
    assert!(
        again
            .status
            .major_text
            .starts_with(b"The token was a duplicate")
    );
    assert_eq!(verify(&context, b"third", &third).status.major, GAP);
    let changed = verify(&context, b"fourth", &third);
    assert_eq!(changed.status.major, BAD_MIC);
    assert!(changed.context.is_none());
}

#[test]
fn a_limit_holds_for_the_token_as_it_is() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let (_, theirs) = established(&site, &counter);
    for confidential in [false, true] {
        let args = WrapSizeLimitArgs {
            context: theirs.clone(),
            confidential,
            output_size: 1000,
            ..WrapSizeLimitArgs::default()
        };
        let Reply::WrapSizeLimit(limit) = counter.ask(args).reply else {
            panic!("a reply to another call");
        };
        let length = usize::try_from(limit.max_input_size).unwrap();
        let wrap = |length: usize| {
            let args = WrapArgs {
                context: theirs.clone(),
                confidential,
                message: vec![vec![7; length].into()],
                ..WrapArgs::default()
            };
            match counter.ask(args).reply {
                Reply::Wrap(result) => result.token[0].len(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrap(length), 1000);
        assert!(wrap(length + 1) > 1000);
    }
}

#[test]
fn a_quality_that_is_unknown_and_a_message_in_pieces_are_refused() {
    const BAD_QOP: u32 = 14 << 16;
    const BAD_STRUCTURE: u32 = 3 << 24;
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let (_, theirs) = established(&site, &counter);
    let odd = WrapArgs {
        context: theirs.clone(),
        qop: 7,
        ..WrapArgs::default()
    };
    assert_eq!(counter.ask(odd).decision.major, BAD_QOP);
    let pieces = WrapArgs {
        context: theirs.clone(),
        message: vec![Opaque::from(b"piece"); 100_000],
        ..WrapArgs::default()
    };
    assert_eq!(counter.ask(pieces).decision.major, BAD_STRUCTURE);
    let nothing = WrapArgs {
        context: theirs,
        ..WrapArgs::default()
    };
    assert!(counter.ask(nothing).decision.is_granted());
}
