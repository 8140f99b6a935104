use kerbstone_gss::{Context, GssFlags, Oid, krb5, spnego};
use kerbstone_proxy::settings::{Caller, Mechs, Service};
use kerbstone_proxy::wire::AcceptSecContextArgs;

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::{Site, service};

fn counter(site: &Site) -> Counter {
    let mechs = Mechs {
        krb5: true,
        spnego: true,
    };
    Counter::of(
        site,
        Service {
            mechs,
            ..site.web_service()
        },
    )
}

#[test]
fn a_context_in_dce_style_is_accepted_in_three_legs() {
    let Some(site) = Site::start() else { return };
    let counter = counter(&site);
    let options = Alice::options(USUAL | GssFlags::DCE_STYLE);
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
    let args = AcceptSecContextArgs::default();
    let (mut ours, result) = Alice::of(&site).meet(&mut machine, &counter, &args);
    let context = result.context.unwrap();
    assert!(context.open);
    let mut theirs = Context::import(&context.exported_token).unwrap();
    let token = theirs.wrap(true, b"in three legs", &mut rand::rng());
    assert_eq!(ours.unwrap(&token).unwrap().message, b"in three legs");
}

#[test]
fn a_negotiation_goes_through_as_many_legs_as_it_takes() {
    let Some(site) = Site::start() else { return };
    let counter = counter(&site);
    let favourites = [
        vec![Oid::KRB5],
        // The acceptor has to ask for krb5, and both prove that they saw the same list.
        vec![Oid::NTLMSSP, Oid::KRB5],
    ];
    for mechs in favourites {
        let machine = spnego::Initiator::new(Alice::options(USUAL)).offer(mechs);
        let mut machine = Initiator::Spnego(Box::new(machine));
        let args = AcceptSecContextArgs::default();
        let (mut ours, result) = Alice::of(&site).meet(&mut machine, &counter, &args);
        assert_eq!(*result.status.mech, *Oid::SPNEGO.contents());
        let context = result.context.unwrap();
        let mut theirs = Context::import(&context.exported_token).unwrap();
        let token = ours.get_mic(b"agreed");
        theirs.verify_mic(b"agreed", &token).unwrap();
    }
}

#[test]
fn a_context_that_has_begun_goes_on_through_its_own_door_only() {
    let Some(site) = Site::start() else { return };
    let counter = counter(&site);
    let alice = Alice::of(&site);
    let begin = || {
        let options = Alice::options(USUAL | GssFlags::DCE_STYLE);
        let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
        let kerbstone_gss::Step::Continue { token } = alice.step(&mut machine, None) else {
            panic!("DCE style takes three legs");
        };
        let first = counter.accept(AcceptSecContextArgs {
            token: token.into(),
            ..AcceptSecContextArgs::default()
        });
        assert_eq!(first.status.major, 1);
        let answer = first.token.unwrap();
        let kerbstone_gss::Step::Established {
            token: Some(third), ..
        } = alice.step(&mut machine, Some(&answer))
        else {
            panic!("the initiator is done after two");
        };
        AcceptSecContextArgs {
            context: first.context,
            token: third.into(),
            ..AcceptSecContextArgs::default()
        }
    };
    let another_user = Counter {
        caller: Caller {
            uid: 4711,
            ..counter.caller.clone()
        },
        service: counter.service.clone(),
        engine: counter.engine.clone(),
    };
    let another_service = Counter {
        service: std::sync::Arc::new(Service {
            cred_store: counter.service.cred_store.clone(),
            ..service("other")
        }),
        caller: counter.caller.clone(),
        engine: counter.engine.clone(),
    };
    for elsewhere in [another_user, another_service] {
        let refused = elsewhere.accept(begin());
        assert_eq!(refused.status.major, 8 << 16, "{refused:?}");
    }
    let mut changed = begin();
    let context = changed.context.as_mut().unwrap();
    let mut bytes = context.exported_token.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    context.exported_token = bytes.into();
    assert_eq!(counter.accept(changed).status.major, 8 << 16);
    assert_eq!(counter.accept(begin()).status.major, 0);
    let after_reload = Counter {
        engine: counter.engine.with_desk(counter.engine.desk().clone()),
        service: counter.service.clone(),
        caller: counter.caller.clone(),
    };
    assert_eq!(after_reload.accept(begin()).status.major, 0);
}
