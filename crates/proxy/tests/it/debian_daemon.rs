//! Our side of the protocol at Debian's gssproxy: it takes what we write, we read what it answers,
//! and what it refuses we would refuse in the same bytes.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use kerbstone_proxy::wire::{
    AcceptSecContextArgs, Call, Context, GetCallContextArgs, GetMicArgs, Handle, ImportCredArgs,
    IndicateMechsArgs, InitSecContextArgs, Name, Opaque, Procedure, ReleaseHandleArgs, Reply,
    StoreCredArgs, UnwrapArgs, VerifyArgs, WrapArgs, WrapSizeLimitArgs, read_call, read_reply,
    refuse, write_call,
};
use kerbstone_testkit::lab::{Gssproxy, Keeper, Mit, Setup};
use kerbstone_xdr::XdrError;
use kerbstone_xdr::rpc::{RECORD_MARK, ReplyFault, record_length};

const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
const SERVICE: &str = "host/www.example.test";
const COMPLETE: u64 = 0;
const CONTINUE_NEEDED: u64 = 1;
const UNAVAILABLE: u64 = 16 << 16;
const BAD_STRUCTURE: u64 = 3 << 24;
/// Mutual authentication, replay and order detection, confidentiality and integrity.
const FLAGS: u64 = 0x3e;

/// A connection to a daemon, which numbers its calls.
struct Connection {
    stream: UnixStream,
    xid: u32,
}

impl Connection {
    fn to(socket: &Path) -> Self {
        Self {
            stream: UnixStream::connect(socket).unwrap(),
            xid: 0,
        }
    }

    /// Sends a message without its mark; the answer, or nothing when the connection was closed.
    fn exchange(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mark = message.len() as u32 | 1 << 31;
        self.stream.write_all(&mark.to_be_bytes()).unwrap();
        self.stream.write_all(message).unwrap();
        let mut mark = [0; RECORD_MARK];
        self.stream.read_exact(&mut mark).ok()?;
        let mut answer = vec![0; record_length(mark).unwrap()];
        self.stream.read_exact(&mut answer).unwrap();
        Some(answer)
    }

    fn ask(&mut self, call: impl Into<Call>) -> Result<Reply, ReplyFault> {
        let call = call.into();
        self.xid += 1;
        let record = write_call(self.xid, &call).unwrap();
        let answer = self.exchange(&record[RECORD_MARK..]).unwrap();
        read_reply(&answer, self.xid, call.procedure())
    }
}

/// What stands in a reply of one kind.
macro_rules! answer {
    ($connection:expr, $kind:ident, $call:expr) => {
        match $connection.ask($call) {
            Ok(Reply::$kind(result)) => result,
            other => panic!("{other:?}"),
        }
    };
}

struct Site {
    _mit: Mit,
    daemon: Gssproxy,
}

fn site() -> Option<Site> {
    let mit = Mit::start(&Setup::realm("EXAMPLE.TEST"))?;
    mit.add_service(SERVICE);
    let keytab = mit.keytab(SERVICE);
    let uid = rustix::process::geteuid().as_raw();
    let services = format!(
        "[service/test]\nmechs = krb5\neuid = {uid}\nkrb5_principal = {SERVICE}\n\
         cred_store = keytab:{0}\ncred_store = client_keytab:{0}\n\
         cred_store = ccache:FILE:{1}\n",
        keytab.display(),
        mit.folder().join("proxied.cache").display(),
    );
    let daemon = Gssproxy::start(Keeper::Debian, mit.krb5_conf(), &services)?;
    Some(Site { _mit: mit, daemon })
}

/// Both ends of an established context.
fn establish(connection: &mut Connection) -> (Context, Context) {
    let target = Name {
        display: "host@www.example.test".into(),
        name_type: HOST_BASED.into(),
        ..Name::default()
    };
    let mut args = InitSecContextArgs {
        target: Some(target),
        mech: KRB5.into(),
        flags: FLAGS,
        ..InitSecContextArgs::default()
    };
    let first = answer!(connection, InitSecContext, args.clone());
    assert_eq!(first.status.major, CONTINUE_NEEDED, "{:?}", first.status);

    let accepted = answer!(
        connection,
        AcceptSecContext,
        AcceptSecContextArgs {
            token: first.token.unwrap(),
            ..AcceptSecContextArgs::default()
        }
    );
    assert_eq!(accepted.status.major, COMPLETE, "{:?}", accepted.status);

    args.context = first.context;
    args.token = accepted.token;
    let second = answer!(connection, InitSecContext, args);
    assert_eq!(second.status.major, COMPLETE, "{:?}", second.status);
    (second.context.unwrap(), accepted.context.unwrap())
}

#[test]
fn every_procedure_that_debians_daemon_has_takes_our_arguments() {
    let Some(site) = site() else { return };
    let mut connection = Connection::to(&site.daemon.socket());

    let mechs = answer!(connection, IndicateMechs, IndicateMechsArgs::default());
    assert!(mechs.mechs.iter().any(|info| info.mech == KRB5));

    let (initiator, acceptor) = establish(&mut connection);
    assert!(initiator.open && acceptor.open);
    assert!(initiator.locally_initiated && !acceptor.locally_initiated);

    protects_messages(&mut connection, &initiator, &acceptor);
    releases_nothing(&mut connection, initiator);
}

fn protects_messages(connection: &mut Connection, initiator: &Context, acceptor: &Context) {
    let message = Opaque::from(b"a message");
    let signed = answer!(
        connection,
        GetMic,
        GetMicArgs {
            context: initiator.clone(),
            message: message.clone(),
            ..GetMicArgs::default()
        }
    );
    assert_eq!(signed.status.major, COMPLETE, "{:?}", signed.status);
    let initiator = signed.context.unwrap_or_else(|| initiator.clone());
    let verified = answer!(
        connection,
        Verify,
        VerifyArgs {
            context: acceptor.clone(),
            message: message.clone(),
            token: signed.token,
            ..VerifyArgs::default()
        }
    );
    assert_eq!(verified.status.major, COMPLETE, "{:?}", verified.status);
    assert_eq!(verified.qop, Some(0));

    let wrapped = answer!(
        connection,
        Wrap,
        WrapArgs {
            context: initiator.clone(),
            confidential: true,
            message: vec![message.clone()],
            ..WrapArgs::default()
        }
    );
    assert_eq!(wrapped.status.major, COMPLETE, "{:?}", wrapped.status);
    assert_eq!(wrapped.confidential, Some(true));
    let unwrapped = answer!(
        connection,
        Unwrap,
        UnwrapArgs {
            context: verified.context.unwrap_or_else(|| acceptor.clone()),
            token: wrapped.token,
            ..UnwrapArgs::default()
        }
    );
    assert_eq!(unwrapped.status.major, COMPLETE, "{:?}", unwrapped.status);
    assert_eq!(unwrapped.message, [message]);

    let limit = answer!(
        connection,
        WrapSizeLimit,
        WrapSizeLimitArgs {
            context: initiator,
            confidential: true,
            output_size: 1000,
            ..WrapSizeLimitArgs::default()
        }
    );
    assert_eq!(limit.status.major, COMPLETE, "{:?}", limit.status);
    assert!((900..1000).contains(&limit.max_input_size));
}

/// It keeps no state, so there is nothing to release; but it reads what we wrote.
fn releases_nothing(connection: &mut Connection, context: Context) {
    let handles = [
        (Handle::Context(context), UNAVAILABLE),
        (Handle::Credential(Default::default()), UNAVAILABLE),
        (Handle::Other(2, "future".into()), BAD_STRUCTURE),
    ];
    for (handle, major) in handles {
        let args = ReleaseHandleArgs {
            call_context: Default::default(),
            handle,
        };
        let released = answer!(connection, ReleaseHandle, args);
        assert_eq!(released.status.major, major);
    }
}

#[test]
fn procedures_that_debians_daemon_lacks_are_answered_with_zeros() {
    let Some(site) = site() else { return };
    let mut connection = Connection::to(&site.daemon.socket());
    let context = answer!(connection, GetCallContext, GetCallContextArgs::default());
    assert_eq!(context, Default::default());
    let imported = answer!(connection, ImportCred, ImportCredArgs::default());
    assert_eq!(imported, Default::default());
    // A zero is no usage: for us these are no replies.
    assert!(matches!(
        connection.ask(StoreCredArgs::default()),
        Err(ReplyFault::Unreadable(XdrError::Undeclared {
            value: 0,
            name: "Usage",
            ..
        }))
    ));
}

/// The shortest call, with one of its words changed.
fn call_with(word: usize, value: u32) -> Vec<u8> {
    let record = write_call(99, &IndicateMechsArgs::default().into()).unwrap();
    let mut message = record[RECORD_MARK..].to_vec();
    message[4 * word..4 * word + 4].copy_from_slice(&value.to_be_bytes());
    message
}

#[test]
fn what_debians_daemon_refuses_is_refused_in_the_same_bytes() {
    let Some(site) = site() else { return };
    let calls = [
        call_with(2, 3),                          // RPC version
        call_with(3, 100_003),                    // program
        call_with(4, 2),                          // version
        call_with(5, 0),                          // procedure
        call_with(5, 16),                         //
        call_with(6, 1),                          // flavour of the credential
        call_with(12, 1),                         // an option that is not there
        call_with(5, Procedure::Verify.number()), // arguments of another procedure
    ];
    for call in calls {
        let answer = Connection::to(&site.daemon.socket()).exchange(&call);
        let (xid, refusal) = read_call(&call).unwrap_err().answer().unwrap();
        let ours = refuse(xid, refusal).unwrap();
        assert_eq!(answer.as_deref(), Some(&ours[RECORD_MARK..]), "{refusal}");
    }
}

#[test]
fn where_debians_daemon_closes_there_is_no_answer_of_ours_either() {
    let Some(site) = site() else { return };
    let whole = call_with(5, 1);
    for message in [&whole[..39], &call_with(7, 401), &[]] {
        assert_eq!(read_call(message).unwrap_err().answer(), None);
        if !message.is_empty() {
            let answer = Connection::to(&site.daemon.socket()).exchange(message);
            assert_eq!(answer, None);
        }
    }
}
