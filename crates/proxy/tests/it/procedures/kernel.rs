//! What the kernel's NFS server asks, and the room that it has for answers.

use kerbstone_gss::krb5;
use kerbstone_proxy::wire::{AcceptSecContextArgs, CallContext, RpcOption, options};

use super::peer::{Alice, Counter, Initiator, USUAL};
use super::site::Site;

#[test]
fn the_kernel_gets_what_it_has_room_for() {
    let Some(site) = Site::start() else { return };
    let counter = Counter::of(&site, site.web_service());
    let mut machine = Initiator::Krb5(Box::new(krb5::Initiator::new(Alice::options(USUAL))));
    let args = AcceptSecContextArgs {
        call_context: CallContext {
            options: vec![
                RpcOption::new(options::EXPORTED_CONTEXT_TYPE, options::LINUX_LUCID_V1),
                RpcOption::new(options::EXPORTED_CREDS_TYPE, options::LINUX_CREDS_V1),
            ],
            ..CallContext::default()
        },
        ..AcceptSecContextArgs::default()
    };
    let (ours, result) = Alice::of(&site).meet(&mut machine, &counter, &args);
    assert_eq!(result.status.major, 0);
    assert!(result.delegated.is_none());
    assert!(result.token.unwrap().len() <= 1024);
    let context = result.context.unwrap();
    let key = ours.session_key().bytes();
    assert_eq!(context.exported_token.len(), 20 + key.len());
    assert!(context.exported_token.len() <= 128);
    assert!(context.exported_token.ends_with(key));
    assert!(context.mech.len() <= 16);
    assert_eq!(*context.source.display, *b"alice@PROXY.TEST");
    for name in [&context.source, &context.target] {
        assert!(name.exported_composite.is_empty());
        assert!(name.display.len() <= 256);
    }
    let [creds] = result.options.as_slice() else {
        panic!("one option");
    };
    assert_eq!(*creds.option, *options::LINUX_CREDS_V1);
    // Nobody on this machine is called alice.
    assert_eq!(*creds.value, [[0xff; 4], [0xff; 4], [0; 4]].concat());
}
