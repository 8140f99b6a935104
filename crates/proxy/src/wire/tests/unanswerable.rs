//! What a server does not execute, and what it says instead.

use kerbstone_xdr::XdrError;
use kerbstone_xdr::rpc::{CallFault, MAX_MESSAGE, RECORD_MARK, Refusal, ReplyFault};

use crate::wire::{
    Call, GetMicArgs, GetMicResult, Handle, IndicateMechsArgs, Procedure, ReleaseHandleArgs, Reply,
    WrapResult, read_call, read_reply, refuse, write_call, write_reply,
};

fn message(call: &Call) -> Vec<u8> {
    write_call(7, call).unwrap()[RECORD_MARK..].to_vec()
}

fn garbage(message: &[u8]) -> XdrError {
    match read_call(message) {
        Err(fault @ CallFault::Arguments { why, .. }) => {
            assert_eq!(fault.answer(), Some((7, Refusal::GarbageArguments)));
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn arguments_of_another_procedure_are_garbage() {
    let mut message = message(&IndicateMechsArgs::default().into());
    message[23] = Procedure::Wrap.number() as u8;
    assert!(matches!(garbage(&message), XdrError::Truncated { .. }));
}

#[test]
fn bytes_after_the_arguments_are_garbage() {
    let mut message = message(&IndicateMechsArgs::default().into());
    message.push(0);
    assert_eq!(garbage(&message), XdrError::Trailing { at: 12, left: 1 });
}

#[test]
fn millions_of_options_are_garbage_before_room_is_made_for_them() {
    let mut message = message(&IndicateMechsArgs::default().into());
    let options = message.len() - 4;
    message[options..].copy_from_slice(&134_217_728u32.to_be_bytes());
    assert_eq!(
        garbage(&message),
        XdrError::TooMany {
            at: 8,
            count: 134_217_728,
            left: 0
        }
    );
}

#[test]
fn a_procedure_that_is_none_is_unavailable() {
    let mut message = message(&IndicateMechsArgs::default().into());
    for number in [0, 16, 255] {
        message[23] = number;
        let fault = read_call(&message).unwrap_err();
        assert_eq!(fault.answer(), Some((7, Refusal::ProcedureUnavailable)));
    }
}

#[test]
fn half_a_header_has_no_answer() {
    let message = message(&IndicateMechsArgs::default().into());
    assert_eq!(read_call(&message[..39]).unwrap_err().answer(), None);
    assert_eq!(read_call(&[]).unwrap_err().answer(), None);
}

#[test]
fn a_handle_of_a_kind_that_nobody_knows_is_read() {
    let args = ReleaseHandleArgs {
        call_context: Default::default(),
        handle: Handle::Other(2, b"future".into()),
    };
    let (_, call) = read_call(&message(&args.clone().into())).unwrap();
    assert_eq!(call, Call::ReleaseHandle(args));
}

#[test]
fn a_call_that_is_too_long_is_not_written() {
    let args = GetMicArgs {
        message: vec![0; MAX_MESSAGE].into(),
        ..GetMicArgs::default()
    };
    assert!(matches!(
        write_call(7, &args.into()),
        Err(XdrError::OverLimit { .. })
    ));
}

#[test]
fn a_result_that_is_too_long_becomes_a_system_error() {
    let result = WrapResult {
        token: vec![vec![0; MAX_MESSAGE].into()],
        ..WrapResult::default()
    };
    let record = write_reply(7, &result.into()).unwrap();
    assert_eq!(
        read_reply(&record[RECORD_MARK..], 7, Procedure::Wrap),
        Err(ReplyFault::Refused(Refusal::SystemError))
    );
}

#[test]
fn a_refusal_reaches_the_client() {
    let record = refuse(7, Refusal::GarbageArguments).unwrap();
    assert_eq!(
        read_reply(&record[RECORD_MARK..], 7, Procedure::GetMic),
        Err(ReplyFault::Refused(Refusal::GarbageArguments))
    );
}

#[test]
fn bytes_after_a_result_are_a_fault() {
    let record = write_reply(7, &Reply::GetMic(GetMicResult::default())).unwrap();
    let mut message = record[RECORD_MARK..].to_vec();
    message.extend([0; 4]);
    assert!(matches!(
        read_reply(&message, 7, Procedure::GetMic),
        Err(ReplyFault::Unreadable(XdrError::Trailing { .. }))
    ));
}
