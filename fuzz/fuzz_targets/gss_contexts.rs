//! Two peers establish a context while somebody meddles, then talk while somebody loses, repeats,
//! reorders and changes what they say: what is believed was said, and repetitions are told.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use kerbstone_crypto::Enctype;
use kerbstone_fuzz::clock::{NOW, random};
use kerbstone_fuzz::gss_pair::{CLIENT, SERVICE, Tickets, credential, options, talk};
use kerbstone_gss::krb5::PrfKey;
use kerbstone_gss::{ChannelBindings, Context, GssFlags, Oid, Order, Part, krb5, spnego};
use libfuzzer_sys::fuzz_target;
use rand::rngs::StdRng;

#[derive(Arbitrary, Debug)]
struct Beginning {
    flags: u32,
    enctype: u8,
    negotiates: bool,
    prefers_another: bool,
    bindings: [Option<bool>; 2],
    meddling: Vec<Meddling>,
}

/// A change of a byte in a token of establishment.
#[derive(Arbitrary, Debug)]
struct Meddling {
    token: u8,
    at: u16,
    change: u8,
}

#[derive(Arbitrary, Debug)]
enum Deed {
    Wrap(bool, bool, u16),
    WrapParts(bool, bool, u8, u8),
    Mic(bool, u8),
    Deliver(bool, u8),
    DeliverInPlace(bool, u8),
    Tamper(bool, u8, u16, u8),
    Cut(bool, u8, u16),
    /// To the side that said it.
    Reflect(bool, u8),
    /// A side goes on in another process.
    Export(bool),
    Prf,
}

#[derive(Debug)]
struct Said {
    token: Vec<u8>,
    message: Vec<u8>,
    kind: Kind,
    was_delivered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wrapped { confidential: bool },
    Mic,
}

fuzz_target!(|bytes: &[u8]| {
    let mut source = Unstructured::new(bytes);
    let Ok(beginning) = source.arbitrary::<Beginning>() else {
        return;
    };
    let Some(mut story) = begin(&beginning) else {
        return;
    };
    let mut deeds = 0;
    while !source.is_empty() && deeds < 60 {
        match source.arbitrary::<Deed>() {
            Ok(deed) => story.go_on(&deed),
            Err(_) => break,
        }
        deeds += 1;
    }
});

fn begin(beginning: &Beginning) -> Option<Story> {
    const ENCTYPES: &[Enctype] = &[
        Enctype::Aes256CtsHmacSha1_96,
        Enctype::Aes128CtsHmacSha1_96,
        Enctype::Aes128CtsHmacSha256_128,
        Enctype::Aes256CtsHmacSha384_192,
        Enctype::Camellia128CtsCmac,
    ];
    let enctype = ENCTYPES[usize::from(beginning.enctype) % ENCTYPES.len()];
    let mut tickets = Tickets::new(enctype);
    let [one, other] = beginning
        .bindings
        .map(|kind| kind.map(|kind| ChannelBindings::application_data(format!("channel {kind}"))));
    let mut wish = options();
    wish.flags = GssFlags(beginning.flags);
    wish.bindings = one.clone();
    let mut is_meddled = false;
    let meddle = |leg: usize, token: &mut Vec<u8>| {
        for meddling in &beginning.meddling {
            if usize::from(meddling.token) == leg
                && let Some(byte) = token.get_mut(usize::from(meddling.at))
            {
                *byte ^= meddling.change;
                is_meddled |= meddling.change != 0;
            }
        }
    };
    let (mut our_rng, mut their_rng) = (random(), random());
    let (initiator, acceptor) = if beginning.negotiates {
        let mut initiator = spnego::Initiator::new(wish);
        if beginning.prefers_another {
            initiator = initiator.offer(vec![Oid::NTLMSSP, Oid::KRB5]);
        }
        let mut acceptor = spnego::Acceptor::new(credential(), other.clone());
        talk(
            |input| initiator.step(input, &mut tickets, NOW, &mut our_rng),
            |input| acceptor.step(input, NOW, &mut their_rng),
            meddle,
        )
    } else {
        let mut initiator = krb5::Initiator::new(wish);
        let mut acceptor = krb5::Acceptor::new(credential(), other.clone());
        talk(
            |input| initiator.step(input, &mut tickets, NOW, &mut our_rng),
            |input| acceptor.step(input, NOW, &mut their_rng),
            meddle,
        )
    };
    let are_bound_apart = matches!((&one, &other), (Some(one), Some(other)) if one != other);
    assert!(
        !are_bound_apart || acceptor.is_none(),
        "bound to different channels"
    );
    if !is_meddled && !are_bound_apart && (other.is_none() || one.is_some()) {
        assert!(initiator.is_some() && acceptor.is_some(), "nobody meddled");
    }
    let (initiator, acceptor) = (initiator?, acceptor?);
    for context in [&initiator, &acceptor] {
        assert_eq!(context.initiator_name().to_string(), CLIENT);
        assert_eq!(context.acceptor_name().to_string(), SERVICE);
    }
    assert!(initiator.session_key() == acceptor.session_key());
    Some(Story {
        contexts: [acceptor, initiator],
        said: [Vec::new(), Vec::new()],
        rng: random(),
    })
}

/// Side 1 is the initiator.
struct Story {
    contexts: [Context; 2],
    /// What each side said.
    said: [Vec<Said>; 2],
    rng: StdRng,
}

impl Story {
    fn go_on(&mut self, deed: &Deed) {
        match *deed {
            Deed::Wrap(by, confidential, length) => {
                let message = vec![0x6d; usize::from(length) % 5000];
                let context = &mut self.contexts[usize::from(by)];
                let token = context.wrap(confidential, &message, &mut self.rng);
                let limit = context.wrap_size_limit(confidential, token.len());
                assert!(limit >= message.len(), "{limit} for {}", message.len());
                self.say(by, token, message, Kind::Wrapped { confidential });
            }
            Deed::WrapParts(by, confidential, first, second) => {
                self.wrap_parts(by, confidential, first, second);
            }
            Deed::Mic(by, length) => {
                let message = vec![0x6d; usize::from(length)];
                let token = self.contexts[usize::from(by)].get_mic(&message);
                self.say(by, token, message, Kind::Mic);
            }
            Deed::Deliver(by, number) => self.deliver(by, number, false),
            Deed::DeliverInPlace(by, number) => self.deliver(by, number, true),
            Deed::Tamper(by, number, at, change) => {
                self.deliver_changed(by, number, |token| {
                    let at = usize::from(at) % token.len();
                    token[at] ^= change;
                });
            }
            Deed::Cut(by, number, end) => {
                self.deliver_changed(by, number, |token| {
                    token.truncate(usize::from(end) % (token.len() + 1));
                });
            }
            Deed::Reflect(by, number) => self.reflect(by, number),
            Deed::Export(side) => self.export(side),
            Deed::Prf => {
                let [one, other] = &self.contexts;
                for key in [PrfKey::Full, PrfKey::Partial] {
                    assert!(one.prf(key, b"seed", 33) == other.prf(key, b"seed", 33));
                }
            }
        }
    }

    fn say(&mut self, by: bool, token: Vec<u8>, message: Vec<u8>, kind: Kind) {
        self.said[usize::from(by)].push(Said {
            token,
            message,
            kind,
            was_delivered: false,
        });
    }

    fn wrap_parts(&mut self, by: bool, confidential: bool, first: u8, second: u8) {
        let context = &mut self.contexts[usize::from(by)];
        if context.flags().contains(GssFlags::DCE_STYLE) {
            // Parts with a trailer are no token in one piece there.
            return;
        }
        let lengths = context.part_lengths(confidential, true);
        let mut header = vec![0; lengths.header];
        let mut trailer = vec![0; lengths.trailer];
        let (mut one, mut two) = (vec![1; first.into()], vec![2; second.into()]);
        let message = [&one[..], &two].concat();
        let mut parts = [
            Part::Header(&mut header),
            Part::Data(&mut one),
            Part::Data(&mut two),
            Part::Trailer(&mut trailer),
        ];
        if context
            .wrap_parts(confidential, &mut parts, &mut self.rng)
            .is_err()
        {
            return;
        }
        let token = [header, one, two, trailer].concat();
        self.say(by, token, message, Kind::Wrapped { confidential });
    }

    fn pick(&self, by: bool, number: u8) -> Option<usize> {
        let said = &self.said[usize::from(by)];
        usize::from(number).checked_rem(said.len())
    }

    fn deliver(&mut self, by: bool, number: u8, in_place: bool) {
        let Some(index) = self.pick(by, number) else {
            return;
        };
        let said = &mut self.said[usize::from(by)][index];
        let context = &mut self.contexts[usize::from(!by)];
        let order = match said.kind {
            Kind::Mic => context
                .verify_mic(&said.message, &said.token)
                .expect("it is right"),
            Kind::Wrapped { confidential } => {
                let (message, is_confidential, order) = unwrap(context, &said.token, in_place);
                assert_eq!(message, said.message);
                assert_eq!(is_confidential, confidential);
                order
            }
        };
        if said.was_delivered && context.flags().intersects(GssFlags::REPLAY) {
            assert!(
                matches!(order, Order::Duplicate | Order::Old | Order::Unsequenced),
                "{order:?}"
            );
        }
        said.was_delivered = true;
    }

    fn deliver_changed(&mut self, by: bool, number: u8, change: impl Fn(&mut Vec<u8>)) {
        let Some(index) = self.pick(by, number) else {
            return;
        };
        let said = &mut self.said[usize::from(by)][index];
        let mut token = said.token.clone();
        change(&mut token);
        if token == said.token {
            return;
        }
        let context = &mut self.contexts[usize::from(!by)];
        let is_believed = match said.kind {
            Kind::Mic => context.verify_mic(&said.message, &token).is_ok(),
            Kind::Wrapped { .. } => match context.unwrap(&token) {
                // The rotation is not protected, and may come to the same.
                Ok(unwrapped) => {
                    assert_eq!(
                        token.get(..6),
                        said.token.get(..6),
                        "a changed header is believed"
                    );
                    assert_eq!(
                        token.get(8..),
                        said.token.get(8..),
                        "a changed token is believed"
                    );
                    assert_eq!(unwrapped.message, said.message);
                    said.was_delivered = true;
                    return;
                }
                Err(_) => false,
            },
        };
        assert!(!is_believed, "a changed token is believed");
    }

    fn reflect(&mut self, by: bool, number: u8) {
        let Some(index) = self.pick(by, number) else {
            return;
        };
        let said = &self.said[usize::from(by)][index];
        let context = &mut self.contexts[usize::from(by)];
        let is_believed = match said.kind {
            Kind::Mic => context.verify_mic(&said.message, &said.token).is_ok(),
            Kind::Wrapped { .. } => context.unwrap(&said.token).is_ok(),
        };
        assert!(!is_believed, "one's own token is believed");
    }

    fn export(&mut self, side: bool) {
        let context = &mut self.contexts[usize::from(side)];
        let spare = begin(&Beginning {
            flags: 0,
            enctype: 0,
            negotiates: false,
            prefers_another: false,
            bindings: [None, None],
            meddling: Vec::new(),
        });
        let Some(spare) = spare else { return };
        let [spare, _] = spare.contexts;
        let exported = std::mem::replace(context, spare).export();
        *context = Context::import(&exported).expect("what we exported");
    }
}

fn unwrap(context: &mut Context, token: &[u8], in_place: bool) -> (Vec<u8>, bool, Order) {
    if in_place {
        let mut buffer = token.to_vec();
        let opened = context.unwrap_in_place(&mut buffer).expect("it is right");
        let message = buffer[opened.message].to_vec();
        return (message, opened.confidential, opened.order);
    }
    let opened = context.unwrap(token).expect("it is right");
    (opened.message, opened.confidential, opened.order)
}
