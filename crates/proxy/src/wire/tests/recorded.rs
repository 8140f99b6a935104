//! What Debian's plugin and daemon said to each other, read and written again.

use std::fs;
use std::path::Path;

use kerbstone_xdr::rpc::RECORD_MARK;

use crate::wire::{
    Call, CallContext, Procedure, Reply, RpcOption, Usage, options, read_call, read_reply,
    write_call, write_reply,
};

/// The Kerberos mechanism.
const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// The type of a service's name.
const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const CONTINUE_NEEDED: u64 = 1;
const FAILURE: u64 = 13 << 16;
const NO_END: u64 = 0xffff_ffff;

fn bytes(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    fs::read(folder.join(file)).unwrap()
}

/// A recorded call; ours is written alike.
fn call(name: &str) -> (u32, Call) {
    let recorded = bytes(&format!("{name}.call"));
    let (xid, call) = read_call(&recorded).unwrap();
    let written = write_call(xid, &call).unwrap();
    assert_eq!(written[RECORD_MARK..], recorded, "{name}");
    (xid, call)
}

/// A recorded reply; ours is written alike.
fn reply(name: &str, procedure: Procedure) -> Reply {
    let recorded = bytes(&format!("{name}.reply"));
    let xid = u32::from_be_bytes(*recorded.first_chunk().unwrap());
    let reply = read_reply(&recorded, xid, procedure).unwrap();
    let written = write_reply(xid, &reply).unwrap();
    assert_eq!(written[RECORD_MARK..], recorded, "{name}");
    reply
}

#[test]
fn the_first_question_of_every_client_is_about_mechanisms() {
    let (xid, Call::IndicateMechs(args)) = call("indicate_mechs") else {
        panic!("another procedure");
    };
    assert_eq!(xid, 0);
    assert_eq!(args.call_context, CallContext::default());

    let Reply::IndicateMechs(result) = reply("indicate_mechs", Procedure::IndicateMechs) else {
        panic!("another procedure");
    };
    let krb5 = result.mechs.iter().find(|info| info.mech == KRB5).unwrap();
    assert_eq!(krb5.sasl_mech, b"GS2-KRB5");
    assert_eq!(krb5.sasl_name, b"krb5");
    assert!(krb5.name_types.iter().any(|of| of == HOST_BASED));
    assert!(!result.attributes.is_empty());
}

#[test]
fn a_credential_to_accept_is_acquired() {
    let (_, Call::AcquireCred(args)) = call("acquire_cred") else {
        panic!("another procedure");
    };
    assert_eq!(args.input, None);
    assert_eq!(args.usage, Usage::Accept);
    assert_eq!(args.time, NO_END);
    assert_eq!(args.mechs, [KRB5]);
    let desired = args.desired_name.unwrap();
    assert_eq!(desired.display, b"host@www.example.test");
    assert_eq!(desired.name_type, HOST_BASED);

    let Reply::AcquireCred(result) = reply("acquire_cred", Procedure::AcquireCred) else {
        panic!("another procedure");
    };
    assert_eq!(result.status.major, 0);
    assert!(result.status.major_text.is_empty());
    let credential = result.credential.unwrap();
    assert!(!credential.needs_release);
    assert!(!credential.handle.is_empty());
    let [element] = credential.elements.as_slice() else {
        panic!("{} elements", credential.elements.len());
    };
    assert_eq!(element.usage, Usage::Accept);
    // The realm is empty: it is the one that a ticket brings.
    assert_eq!(element.name.display.as_slice(), b"host/www.example.test@");
    assert!(element.name.exported.starts_with(b"\x04\x01"));
    assert!(element.name.exported_composite.starts_with(b"\x04\x02"));
}

#[test]
fn a_context_is_begun() {
    let (_, Call::InitSecContext(args)) = call("init_first") else {
        panic!("another procedure");
    };
    assert_eq!(args.context, None);
    // MIT's library hands the plugin an empty token where there is none.
    assert_eq!(args.token, Some(b"".into()));
    assert!(args.credential.is_some());
    assert_eq!(args.mech, KRB5);
    assert_eq!(args.flags, 0x3f);
    assert_eq!(args.target.unwrap().display, b"host@www.example.test");
    assert_eq!(
        args.channel_bindings.unwrap().application_data,
        b"tls-unique:abc"
    );
    assert_eq!(
        options::find(&args.options, options::SYNC_MODIFIED_CREDS),
        Some(options::DEFAULT)
    );

    let Reply::InitSecContext(result) = reply("init_first", Procedure::InitSecContext) else {
        panic!("another procedure");
    };
    assert_eq!(result.status.major, CONTINUE_NEEDED);
    let context = result.context.unwrap();
    assert!(!context.open);
    assert!(context.locally_initiated);
    assert!(!context.exported_token.is_empty());
    assert!(result.token.unwrap().starts_with(b"\x60"));
}

#[test]
fn a_context_is_finished() {
    let (_, Call::InitSecContext(args)) = call("init_second") else {
        panic!("another procedure");
    };
    assert!(args.token.is_some());
    let context = args.context.unwrap();
    assert!(!context.open);

    let Reply::InitSecContext(result) = reply("init_second", Procedure::InitSecContext) else {
        panic!("another procedure");
    };
    assert_eq!(result.status.major, 0);
    assert_eq!(result.token, None);
    let context = result.context.unwrap();
    assert!(context.open);
    assert_eq!(context.mech, KRB5);
}

#[test]
fn a_failure_says_why_in_words_that_end_with_a_nul() {
    let Reply::InitSecContext(result) = reply("init_refused", Procedure::InitSecContext) else {
        panic!("another procedure");
    };
    assert_eq!(result.status.major, FAILURE);
    assert_eq!(result.status.mech, KRB5);
    assert!(result.status.major_text.ends_with(b"\0"));
    let why = String::from_utf8(result.status.minor_text.to_vec()).unwrap();
    assert!(
        why.starts_with("Server host/nowhere.example.test@EXAMPLE.TEST not found"),
        "{why}"
    );
    assert!(why.ends_with('\0'));
    assert_eq!(result.context, None);
    assert_eq!(result.token, None);
}

#[test]
fn a_context_is_accepted_with_what_was_delegated() {
    let (_, Call::AcceptSecContext(args)) = call("accept_delegated") else {
        panic!("another procedure");
    };
    assert_eq!(args.context, None);
    assert_eq!(args.channel_bindings, None);
    assert!(args.return_delegated);

    let Reply::AcceptSecContext(result) = reply("accept_delegated", Procedure::AcceptSecContext)
    else {
        panic!("another procedure");
    };
    let context = result.context.unwrap();
    assert!(context.open);
    assert!(!context.locally_initiated);
    assert_eq!(context.source.display, b"alice@EXAMPLE.TEST");
    let delegated = result.delegated.unwrap();
    assert_eq!(delegated.desired_name.display, b"alice@EXAMPLE.TEST");
    assert_eq!(delegated.elements[0].usage, Usage::Initiate);
    assert!(!delegated.handle.is_empty());
}

#[test]
fn a_token_that_is_none_is_refused_in_words() {
    let (_, Call::AcceptSecContext(args)) = call("accept_refused") else {
        panic!("another procedure");
    };
    assert!(args.token.ends_with(b"abcd"));

    let Reply::AcceptSecContext(result) = reply("accept_refused", Procedure::AcceptSecContext)
    else {
        panic!("another procedure");
    };
    assert_eq!(result.status.major, FAILURE);
    assert_eq!(result.status.minor, 100_001);
    assert_eq!(result.status.minor_text, b"Success\0");
}

#[test]
fn a_local_name_is_asked_for_with_an_option_and_answered_in_one() {
    let (_, Call::ImportAndCanonName(args)) = call("localname") else {
        panic!("another procedure");
    };
    assert_eq!(args.input.display, b"alice@EXAMPLE.TEST");
    assert_eq!(args.mech, KRB5);
    assert_eq!(args.options, [RpcOption::new(options::LOCALNAME, b"")]);

    let Reply::ImportAndCanonName(result) = reply("localname", Procedure::ImportAndCanonName)
    else {
        panic!("another procedure");
    };
    assert_eq!(result.output, None);
    // This value alone has no NUL.
    assert_eq!(
        options::find(&result.options, options::LOCALNAME),
        Some(b"alice".as_slice())
    );
}
