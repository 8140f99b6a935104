//! The NFS server in Linux, which writes and reads these messages by hand, byte by byte.
//!
//! It is not run here: calls are built as it builds them (net/sunrpc/auth_gss/gss_rpc_xdr.c), and
//! replies are held against what it can take.

use kerbstone_xdr::rpc::RECORD_MARK;

use crate::wire::{
    AcceptSecContextArgs, AcceptSecContextResult, Call, CallContext, Context, Name, Reply,
    RpcOption, Status, options, read_call, write_reply,
};

/// Words and opaque data, as they follow each other on the wire.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn word(mut self, word: u32) -> Self {
        self.0.extend(word.to_be_bytes());
        self
    }

    fn opaque(self, bytes: &[u8]) -> Self {
        let mut out = self.word(bytes.len() as u32);
        out.0.extend(bytes);
        out.0.resize(out.0.len().next_multiple_of(4), 0);
        out
    }

    fn call(xid: u32, procedure: u32) -> Self {
        [xid, 0, 2, 400_112, 1, procedure, 0, 0, 0, 0]
            .into_iter()
            .fold(Self::default(), Self::word)
    }
}

/// What a client of NFS sent, in the call that nfsd makes of it.
fn nfsd(token: &[u8]) -> Vec<u8> {
    Bytes::call(0x1234_5678, 9)
        .opaque(b"") // locale
        .opaque(b"") // server_context
        .word(2)
        .opaque(b"exported_context_type\0")
        .opaque(b"linux_lucid_v1\0")
        .opaque(b"exported_creds_type\0")
        .opaque(b"linux_creds_v1\0")
        .word(0) // context
        .word(0) // credential
        .opaque(token)
        .word(0) // channel bindings
        .word(0) // return_delegated
        .word(0) // options
        .0
}

#[test]
fn the_call_of_nfsd_is_read() {
    let token = b"\x60\x06krb5..";
    let (xid, call) = read_call(&nfsd(token)).unwrap();
    assert_eq!(xid, 0x1234_5678);
    let expected = AcceptSecContextArgs {
        call_context: CallContext {
            options: vec![
                RpcOption::new(options::EXPORTED_CONTEXT_TYPE, options::LINUX_LUCID_V1),
                RpcOption::new(options::EXPORTED_CREDS_TYPE, options::LINUX_CREDS_V1),
            ],
            ..CallContext::default()
        },
        token: token.into(),
        ..AcceptSecContextArgs::default()
    };
    assert_eq!(call, Call::AcceptSecContext(expected));
}

#[test]
fn a_token_of_any_length_is_padded_as_the_kernel_pads() {
    for length in 0..9 {
        let token = vec![0xee; length];
        let (_, call) = read_call(&nfsd(&token)).unwrap();
        assert!(
            matches!(call, Call::AcceptSecContext(args) if args.token == token.as_slice()),
            "{length}"
        );
    }
}

/// `gid_count` groups of a user, as the kernel reads them in its own byte order.
fn creds(gid_count: u32) -> Vec<u8> {
    [1000, 1000, gid_count]
        .into_iter()
        .chain(0..gid_count)
        .flat_map(u32::to_ne_bytes)
        .collect()
}

#[test]
fn a_reply_to_nfsd_has_every_field_where_the_kernel_looks_for_it() {
    let name = Name {
        display: b"alice@EXAMPLE.TEST".into(),
        name_type: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01".into(),
        ..Name::default()
    };
    let reply = Reply::AcceptSecContext(AcceptSecContextResult {
        status: Status {
            mech: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".into(),
            ..Status::default()
        },
        context: Some(Context {
            exported_token: (&[7; 52]).into(),
            mech: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".into(),
            source: name.clone(),
            target: name,
            lifetime: 36_000,
            flags: 0x1be,
            open: true,
            ..Context::default()
        }),
        token: Some(b"\x60\x02ok".into()),
        delegated: None,
        options: vec![RpcOption::new(options::LINUX_CREDS_V1, &creds(3))],
    });
    let expected = [9, 1, 0, 0, 0, 0]
        .into_iter()
        .fold(Bytes::default(), Bytes::word)
        .word(0) // major
        .word(0)
        .opaque(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
        .word(0) // minor
        .word(0)
        .opaque(b"")
        .opaque(b"")
        .opaque(b"")
        .word(0)
        .word(1) // context
        .opaque(&[7; 52])
        .opaque(b"")
        .word(0)
        .opaque(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02");
    let expected = (0..2) // source and target
        .fold(expected, |bytes, _| {
            bytes
                .opaque(b"alice@EXAMPLE.TEST")
                .opaque(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01")
                .opaque(b"")
                .opaque(b"")
                .word(0)
                .word(0)
        })
        .word(0) // lifetime
        .word(36_000)
        .word(0) // flags
        .word(0x1be)
        .word(0)
        .word(1)
        .word(0)
        .word(1) // token
        .opaque(b"\x60\x02ok")
        .word(0) // delegated
        .word(1) // options
        .opaque(b"linux_creds_v1\0")
        .opaque(&creds(3));
    let record = write_reply(9, &reply).unwrap();
    assert_eq!(record[RECORD_MARK..], expected.0);
}

#[test]
fn the_most_groups_that_the_kernel_takes_fit_into_a_reply() {
    let reply = Reply::AcceptSecContext(AcceptSecContextResult {
        options: vec![RpcOption::new(options::LINUX_CREDS_V1, &creds(65_536))],
        ..AcceptSecContextResult::default()
    });
    assert!(write_reply(1, &reply).unwrap().len() > 4 * 65_536);
}

/// The calls of rpc.gssd, which begins contexts for users whose tickets it does not have: those of
/// the plugin in its process.
#[test]
fn the_calls_of_rpc_gssd_are_read() {
    let krb5 = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
    let acquire = Bytes::call(1, 6)
        .opaque(b"")
        .opaque(b"")
        .word(0)
        .word(0) // input
        .word(0) // add_to_input
        .word(0) // desired_name
        .word(0) // time
        .word(0xffff_ffff)
        .word(1) // mechs
        .opaque(krb5)
        .word(1) // usage
        .word(0)
        .word(0)
        .word(0)
        .word(0)
        .word(0);
    let (_, call) = read_call(&acquire.0).unwrap();
    assert!(matches!(call, Call::AcquireCred(args) if args.time == 0xffff_ffff));

    let init = Bytes::call(2, 8)
        .opaque(b"")
        .opaque(b"")
        .word(0)
        .word(0) // context
        .word(0) // credential
        .word(1) // target
        .opaque(b"nfs@server.example.test")
        .opaque(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04")
        .opaque(b"")
        .opaque(b"")
        .word(0)
        .word(0)
        .opaque(krb5)
        .word(0) // flags
        .word(0x2a)
        .word(0) // time
        .word(0)
        .word(1) // channel bindings, all of them empty
        .word(0)
        .word(0)
        .opaque(b"")
        .word(0)
        .word(0)
        .opaque(b"")
        .opaque(b"")
        .word(0) // token
        .word(0);
    let (_, call) = read_call(&init.0).unwrap();
    assert!(matches!(call, Call::InitSecContext(args)
            if args.target.as_ref().unwrap().display == b"nfs@server.example.test"
                && args.flags == 0x2a
                && args.token.is_none()));
}
