//! Tokens from nowhere, to every machine and to contexts that stand: none is believed.

#![no_main]

use std::cell::RefCell;

use kerbstone_crypto::Enctype;
use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::gss_pair::{Tickets, credential, options, talk};
use kerbstone_gss::{Context, GssError, GssFlags, Part, Step, krb5, spnego};
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng;
use rand::rngs::StdRng;

thread_local! {
    /// The same keys in every run.
    static CONTEXT: RefCell<Context> = RefCell::new(acceptors_context());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((way, token)) = bytes.split_first() else {
        return;
    };
    match way % 10 {
        0 => {
            let mut acceptor = krb5::Acceptor::new(credential(), None);
            believes_nothing(acceptor.step(token, NOW, &mut random()));
        }
        1 => {
            let mut acceptor = spnego::Acceptor::new(credential(), None);
            believes_nothing(acceptor.step(token, NOW, &mut random()));
        }
        2 => to_krb5_initiator(token, GssFlags::MUTUAL),
        3 => to_krb5_initiator(token, GssFlags::MUTUAL | GssFlags::DCE_STYLE),
        4 => to_spnego_initiator(token),
        5 => drop(spnego::parse_token(token)),
        6 => in_context(|context| context.unwrap(token).is_err()),
        7 => in_context(|context| context.unwrap_in_place(&mut token.to_vec()).is_err()),
        8 => in_context(|context| context.verify_mic(b"message", token).is_err()),
        _ => in_context(|context| in_parts(context, token)),
    }
});

fn believes_nothing(outcome: Result<Step, impl Sized>) {
    assert!(!matches!(outcome, Ok(Step::Established { .. })));
}

fn to_krb5_initiator(token: &[u8], flags: GssFlags) {
    let mut wish = options();
    wish.flags = flags;
    let (mut initiator, mut rng) = (krb5::Initiator::new(wish), random());
    let mut tickets = Tickets::new(Enctype::Aes256CtsHmacSha1_96);
    initiator
        .step(None, &mut tickets, NOW, &mut rng)
        .expect("there is a ticket");
    let outcome = initiator.step(Some(token), &mut tickets, NOW, &mut rng);
    believes_nothing(outcome);
    let again = initiator.step(Some(token), &mut tickets, NOW, &mut rng);
    believes_nothing(again);
}

fn to_spnego_initiator(token: &[u8]) {
    let (mut initiator, mut rng) = (spnego::Initiator::new(options()), random());
    let mut tickets = Tickets::new(Enctype::Aes256CtsHmacSha1_96);
    initiator
        .step(None, &mut tickets, NOW, &mut rng)
        .expect("there is a ticket");
    let outcome = initiator.step(Some(token), &mut tickets, NOW, &mut rng);
    if let Err(refused) = &outcome {
        // Words are made of what was sent.
        assert!(!refused.to_string().is_empty());
    }
    believes_nothing(outcome);
}

fn in_context(is_refused: impl FnOnce(&mut Context) -> bool) {
    CONTEXT.with_borrow_mut(|context| assert!(is_refused(context)));
}

fn in_parts(context: &mut Context, token: &[u8]) -> bool {
    let cut = token
        .len()
        .min(usize::from(token.first().copied().unwrap_or(0)));
    let (header, data) = token.split_at(cut);
    let (mut header, mut data) = (header.to_vec(), data.to_vec());
    let mut trailer = data.split_off(data.len().saturating_sub(28));
    let mut parts = [
        Part::Header(&mut header),
        Part::Data(&mut data),
        Part::Trailer(&mut trailer),
    ];
    context.unwrap_parts(&mut parts).is_err()
}

fn acceptors_context() -> Context {
    let mut tickets = Tickets::new(Enctype::Aes128CtsHmacSha256_128);
    let mut initiator = krb5::Initiator::new(options());
    let mut acceptor = krb5::Acceptor::new(credential(), None);
    // Keys that no token of the corpus was made with.
    let (mut one, mut other) = (random(), StdRng::seed_from_u64(4121));
    let (_, context) = talk(
        |input| initiator.step(input, &mut tickets, NOW, &mut one),
        |input| acceptor.step(input, NOW, &mut other),
        |_, _| {},
    );
    context
        .ok_or(GssError::NegotiationRejected)
        .expect("it is accepted")
}
