//! A keytab that changes between two calls.

use std::fs;

use kerbstone_gss::{Step, krb5};
use kerbstone_proxy::wire::AcceptSecContextArgs;

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::{SERVICE, Site};

fn token(site: &Site) -> AcceptSecContextArgs {
    let options = Alice::options(USUAL);
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(options)));
    let Step::Continue { token } = Alice::of(site).step(&mut machine, None) else {
        panic!("an initiator that is done at once");
    };
    AcceptSecContextArgs {
        token: token.into(),
        ..AcceptSecContextArgs::default()
    }
}

#[test]
fn a_key_that_came_this_moment_opens_tickets() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let old = fs::read(&site.keytab).unwrap();
    let under_the_old_key = token(&site);
    site.mit.admin(&["cpw", "-randkey", SERVICE]);
    let new = fs::read(site.mit.keytab(SERVICE)).unwrap();
    site.alice
        .sign_in("alice", "wonderland", &["-f"])
        .succeeded();
    let under_the_new_key = [(); 3].map(|()| token(&site));
    fs::write(&site.keytab, &old).unwrap();
    let [too_early, at_once, later] = under_the_new_key;
    assert_ne!(counter.accept(too_early).status.major, 0);
    assert_eq!(counter.accept(under_the_old_key).status.major, 0);
    fs::write(&site.keytab, &new).unwrap();
    let result = counter.accept(at_once);
    assert_eq!(result.status.major, 0, "{result:?}");
    assert_eq!(counter.accept(later).status.major, 0);
}
