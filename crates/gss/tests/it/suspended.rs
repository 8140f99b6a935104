//! Machines that sleep between any two tokens, as those of a daemon without a memory do.

use kerbstone_gss::krb5::InitiatorOptions;
use kerbstone_gss::{Context, GssError, GssFlags, Oid, SuspensionKey, krb5, spnego};

use crate::virtual_pair::{Exchange, Tickets, exchange, now, options, rng};

const USUAL: GssFlags = GssFlags::MUTUAL
    .union(GssFlags::REPLAY)
    .union(GssFlags::SEQUENCE);

type Asleep = zeroize::Zeroizing<Vec<u8>>;

const DOOR: &[u8] = b"service/HTTP 33";

/// Through the hands of a caller and back.
fn carried(key: &SuspensionKey, suspended: &Asleep) -> Vec<u8> {
    let sealed = key.seal(suspended, DOOR, &mut rng());
    key.open(&sealed, DOOR).unwrap().to_vec()
}

fn both_converse(exchange: Exchange) {
    let (mut initiator, mut acceptor): (Context, Context) = exchange.both();
    let token = initiator.wrap(true, b"question", &mut rng());
    assert_eq!(acceptor.unwrap(&token).unwrap().message, b"question");
    let token = acceptor.wrap(true, b"answer", &mut rng());
    assert_eq!(initiator.unwrap(&token).unwrap().message, b"answer");
}

#[test]
fn krb5_sleeps_on_both_sides_also_in_dce_style() {
    let key = SuspensionKey::random(&mut rng()).unwrap();
    for flags in [GssFlags::EMPTY, USUAL, USUAL | GssFlags::DCE_STYLE] {
        let mut tickets = Tickets::new();
        let credential = tickets.credential();
        let (mut asleep, mut dozing): (Option<Asleep>, Option<Asleep>) = (None, None);
        let exchange = exchange(
            |input| {
                let mut initiator = match asleep.take() {
                    Some(suspended) => krb5::Initiator::resume(&carried(&key, &suspended)).unwrap(),
                    None => krb5::Initiator::new(options(flags)),
                };
                let step = initiator.step(input, &mut tickets, now(), &mut rng());
                asleep = initiator.suspend().ok();
                step
            },
            |input| {
                let credential = credential.clone();
                let mut acceptor = match dozing.take() {
                    Some(suspended) => {
                        let bytes = carried(&key, &suspended);
                        krb5::Acceptor::resume(&bytes, credential, None).unwrap()
                    }
                    None => krb5::Acceptor::new(credential, None),
                };
                let step = acceptor.step(input, now(), &mut rng());
                dozing = acceptor.suspend().ok();
                step
            },
            |_, token| token,
        );
        both_converse(exchange);
    }
}

/// A negotiation in which both sides sleep after each token.
fn negotiate(options: &InitiatorOptions, mechs: &[Oid]) -> Exchange {
    let key = SuspensionKey::random(&mut rng()).unwrap();
    let mut tickets = Tickets::new();
    let credential = tickets.credential();
    let (mut asleep, mut dozing): (Option<Asleep>, Option<Asleep>) = (None, None);
    exchange(
        |input| {
            let mut initiator = match asleep.take() {
                Some(suspended) => {
                    let bytes = carried(&key, &suspended);
                    spnego::Initiator::resume(&bytes, options.clone()).unwrap()
                }
                None => spnego::Initiator::new(options.clone()).offer(mechs.to_vec()),
            };
            let step = initiator.step(input, &mut tickets, now(), &mut rng());
            asleep = initiator.suspend().ok();
            step
        },
        |input| {
            let credential = credential.clone();
            let mut acceptor = match dozing.take() {
                Some(suspended) => {
                    let bytes = carried(&key, &suspended);
                    spnego::Acceptor::resume(&bytes, credential, None).unwrap()
                }
                None => spnego::Acceptor::new(credential, None),
            };
            let step = acceptor.step(input, now(), &mut rng());
            dozing = acceptor.suspend().ok();
            step
        },
        |_, token| token,
    )
}

#[test]
fn a_negotiation_sleeps_after_each_of_its_tokens() {
    let preferences = [vec![Oid::KRB5], vec![Oid::NTLMSSP, Oid::KRB5_MS, Oid::KRB5]];
    for flags in [GssFlags::EMPTY, USUAL, USUAL | GssFlags::DCE_STYLE] {
        for mechs in &preferences {
            both_converse(negotiate(&options(flags), mechs));
        }
    }
}

#[test]
fn what_is_cut_off_or_of_another_machine_is_not_gone_on_with() {
    let mut tickets = Tickets::new();
    let credential = tickets.credential();
    let dce = options(USUAL | GssFlags::DCE_STYLE);
    let mut initiator = spnego::Initiator::new(dce.clone());
    let mut acceptor = spnego::Acceptor::new(credential.clone(), None);
    let step = initiator.step(None, &mut tickets, now(), &mut rng());
    let kerbstone_gss::Step::Continue { token } = step.unwrap() else {
        panic!("a negotiation takes more than one token");
    };
    acceptor.step(&token, now(), &mut rng()).unwrap();
    let (one, other) = (initiator.suspend().unwrap(), acceptor.suspend().unwrap());
    for end in 0..one.len() {
        assert!(spnego::Initiator::resume(&one[..end], dce.clone()).is_err());
    }
    for end in 0..other.len() {
        assert!(spnego::Acceptor::resume(&other[..end], credential.clone(), None).is_err());
    }
    assert!(spnego::Acceptor::resume(&one, credential.clone(), None).is_err());
    assert!(krb5::Acceptor::resume(&other, credential, None).is_err());
    assert!(krb5::Initiator::resume(&one).is_err());
}

#[test]
fn what_is_sealed_opens_at_its_own_door_with_its_own_key() {
    let key = SuspensionKey::random(&mut rng()).unwrap();
    let sealed = key.seal(b"machine", DOOR, &mut rng());
    assert_eq!(&**key.open(&sealed, DOOR).unwrap(), b"machine");
    let elsewhere = key.open(&sealed, b"service/HTTP 34").unwrap_err();
    assert!(matches!(elsewhere, GssError::Import(_)));
    assert!(key.open(&sealed, b"service/HTTP").is_err());
    let mut changed = sealed.clone();
    changed[20] ^= 1;
    assert!(key.open(&changed, DOOR).is_err());
    let other = SuspensionKey::random(&mut rand::rng()).unwrap();
    assert!(other.open(&sealed, DOOR).is_err());
}

#[test]
fn protection_is_not_announced_when_nobody_asked_and_that_is_wished() {
    for (asked, told) in [
        (GssFlags::EMPTY, GssFlags::EMPTY),
        (GssFlags::INTEG, GssFlags::INTEG),
    ] {
        let mut tickets = Tickets::new();
        let mut acceptor = krb5::Acceptor::new(tickets.credential(), None);
        let mut initiator = krb5::Initiator::new(InitiatorOptions {
            no_ci_flags: true,
            ..options(asked)
        });
        let (mut one, mut other) = (rng(), rng());
        let exchange = exchange(
            |input| initiator.step(input, &mut tickets, now(), &mut one),
            |input| acceptor.step(input, now(), &mut other),
            |_, token| token,
        );
        let protection = GssFlags::INTEG | GssFlags::CONF;
        let (initiator, acceptor) = exchange.both();
        assert_eq!(initiator.flags() & protection, told);
        assert_eq!(acceptor.flags() & protection, told);
    }
}
