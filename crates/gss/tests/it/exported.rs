//! Contexts on their way to another process, changed on that way.

use kerbstone_gss::{Context, GssError, GssFlags, Oid, krb5};

use crate::virtual_pair::{Tickets, exchange, now, options, rng};

fn exported() -> Vec<u8> {
    let mut tickets = Tickets::new();
    let mut initiator = krb5::Initiator::new(options(GssFlags::MUTUAL));
    let mut acceptor = krb5::Acceptor::new(tickets.credential(), None);
    let (mut one, mut other) = (rng(), rng());
    let exchange = exchange(
        |input| initiator.step(input, &mut tickets, now(), &mut one),
        |input| acceptor.step(input, now(), &mut other),
        |_, token| token,
    );
    let (initiator, _) = exchange.both();
    initiator.export().to_vec()
}

#[test]
fn a_context_of_krb5_that_says_inside_to_be_of_another_mechanism_is_refused() {
    let good = exported();
    assert!(Context::import(&good).is_ok());
    let oid = Oid::KRB5.contents();
    let places: Vec<usize> = (0..good.len() - oid.len())
        .filter(|at| good[*at..].starts_with(oid))
        .collect();
    assert_eq!(places.len(), 2, "outside and inside");
    for at in places {
        let mut bad = good.clone();
        bad[at + 2] ^= 1;
        let refused = Context::import(&bad).unwrap_err();
        assert!(matches!(refused, GssError::Mechanism(_)), "{refused}");
    }
}
