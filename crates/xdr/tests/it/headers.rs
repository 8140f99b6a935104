//! ONC RPC's headers, on both sides.

use kerbstone_xdr::rpc::{
    AuthStatus, CallFault, Credential, Program, RECORD_MARK, RPCSEC_GSS, Refusal, ReplyFault,
    begin_call, begin_success, finish_record, read_call, read_reply, record_length, refuse,
};
use kerbstone_xdr::{Opaque, Reader, XdrError};

const PROGRAM: Program = Program {
    number: 400_112,
    version: 1,
    procedures: 1..=15,
};

/// A call's header, word by word.
const CALL: [u32; 10] = [77, 0, 2, 400_112, 1, 8, 0, 0, 0, 0];

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn call_with(position: usize, word: u32) -> Vec<u8> {
    let mut call = CALL;
    call[position] = word;
    words(&call)
}

/// What a server makes of a call.
fn judge(message: &[u8]) -> Result<u32, CallFault> {
    let mut input = Reader::new(message);
    let header = read_call(&mut input)?;
    PROGRAM.serves(&header)?;
    Ok(header.procedure)
}

fn refusal(message: &[u8]) -> Refusal {
    let (xid, refusal) = judge(message).unwrap_err().answer().unwrap();
    assert_eq!(xid, 77);
    refusal
}

#[test]
fn a_call_is_written_as_it_is_read() {
    let mut out = begin_call(77, 400_112, 1, 8);
    out.u32(5);
    let record = finish_record(out).unwrap();
    let (mark, message) = record.split_first_chunk::<RECORD_MARK>().unwrap();
    assert_eq!(record_length(*mark), Ok(message.len()));
    assert_eq!(message[..40], words(&CALL));

    let mut input = Reader::new(message);
    let header = read_call(&mut input).unwrap();
    assert_eq!(header.xid, 77);
    assert_eq!(header.credential, Credential::NONE);
    assert_eq!(PROGRAM.serves(&header), Ok(()));
    assert_eq!(input.rest(), [0, 0, 0, 5]);
}

#[test]
fn procedures_1_to_15_are_served_and_0_is_not() {
    for procedure in 1..=15 {
        assert_eq!(judge(&call_with(5, procedure)), Ok(procedure));
    }
    for procedure in [0, 16, u32::MAX] {
        assert_eq!(
            refusal(&call_with(5, procedure)),
            Refusal::ProcedureUnavailable
        );
    }
}

#[test]
fn another_program_is_unavailable() {
    assert_eq!(refusal(&call_with(3, 100_003)), Refusal::ProgramUnavailable);
}

#[test]
fn another_version_is_a_mismatch() {
    for version in [0, 2] {
        assert_eq!(
            refusal(&call_with(4, version)),
            Refusal::ProgramMismatch { low: 1, high: 1 }
        );
    }
}

#[test]
fn another_version_of_rpc_is_denied_before_anything_else() {
    let mut call = CALL;
    call[2] = 3;
    call[3] = 1;
    assert_eq!(
        refusal(&words(&call)),
        Refusal::RpcMismatch { low: 2, high: 2 }
    );
}

#[test]
fn a_caller_with_credentials_is_denied() {
    for flavor in [1, RPCSEC_GSS] {
        assert_eq!(
            refusal(&call_with(6, flavor)),
            Refusal::Authentication(AuthStatus::Failed)
        );
    }
}

#[test]
fn what_the_program_lacks_weighs_more_than_credentials() {
    let mut call = CALL;
    call[5] = 0;
    call[6] = 1;
    assert_eq!(refusal(&words(&call)), Refusal::ProcedureUnavailable);
}

#[test]
fn a_verifier_is_passed_over() {
    let mut message = words(&CALL[..8]);
    message.extend(words(&[5, 6]));
    message.extend(b"sealed\0\0");
    assert_eq!(judge(&message), Ok(8));
}

#[test]
fn a_credential_has_400_bytes_at_most() {
    let message = |length: u32| {
        let mut message = words(&CALL[..6]);
        message.extend(words(&[0, length]));
        message.resize(message.len() + length.next_multiple_of(4) as usize, 0);
        message.extend(words(&[0, 0]));
        message
    };
    assert_eq!(judge(&message(400)), Ok(8));
    assert_eq!(
        judge(&message(401)),
        Err(CallFault::Unreadable(XdrError::TooLong {
            at: 28,
            length: 401,
            most: 400
        }))
    );
}

#[test]
fn what_cannot_be_read_has_no_answer() {
    let whole = words(&CALL);
    for end in 0..whole.len() {
        let fault = judge(&whole[..end]).unwrap_err();
        assert!(matches!(fault, CallFault::Unreadable(_)), "{end}: {fault}");
        assert_eq!(fault.answer(), None);
    }
}

#[test]
fn a_reply_has_no_answer() {
    for kind in [1, 2] {
        let fault = judge(&call_with(1, kind)).unwrap_err();
        assert_eq!(fault, CallFault::NoCall(kind));
        assert_eq!(fault.answer(), None);
    }
}

#[test]
fn arguments_that_cannot_be_read_are_garbage() {
    let why = XdrError::Trailing { at: 0, left: 1 };
    let fault = CallFault::Arguments { xid: 77, why };
    assert_eq!(fault.answer(), Some((77, Refusal::GarbageArguments)));
}

fn behind_mark(record: &Opaque) -> &[u8] {
    let (mark, message) = record.split_first_chunk::<RECORD_MARK>().unwrap();
    assert_eq!(record_length(*mark), Ok(message.len()));
    message
}

/// Every refusal, and its words behind the number of the call and the word that says reply.
fn refusals() -> Vec<(Refusal, Vec<u32>)> {
    vec![
        (Refusal::ProgramUnavailable, vec![0, 0, 0, 1]),
        (
            Refusal::ProgramMismatch { low: 1, high: 1 },
            vec![0, 0, 0, 2, 1, 1],
        ),
        (Refusal::ProcedureUnavailable, vec![0, 0, 0, 3]),
        (Refusal::GarbageArguments, vec![0, 0, 0, 4]),
        (Refusal::SystemError, vec![0, 0, 0, 5]),
        (Refusal::RpcMismatch { low: 2, high: 2 }, vec![1, 0, 2, 2]),
        (Refusal::Authentication(AuthStatus::Failed), vec![1, 1, 7]),
        (
            Refusal::Authentication(AuthStatus::GssContextProblem),
            vec![1, 1, 14],
        ),
    ]
}

#[test]
fn a_refusal_is_written_and_read() {
    for (refusal, expected) in refusals() {
        let record = refuse(77, refusal).unwrap();
        let message = behind_mark(&record);
        assert_eq!(message[..8], words(&[77, 1]));
        assert_eq!(message[8..], words(&expected), "{refusal}");
        assert_eq!(
            read_reply(&mut Reader::new(message), 77),
            Err(ReplyFault::Refused(refusal))
        );
    }
}

#[test]
fn a_result_follows_the_header_of_success() {
    let mut out = begin_success(77);
    out.u64(9);
    let record = finish_record(out).unwrap();
    let message = behind_mark(&record);
    assert_eq!(message[..24], words(&[77, 1, 0, 0, 0, 0]));
    let mut input = Reader::new(message);
    assert_eq!(read_reply(&mut input, 77), Ok(()));
    assert_eq!(input.rest(), 9u64.to_be_bytes());
}

#[test]
fn a_reply_to_another_call_is_none() {
    let reply = words(&[76, 1, 0, 0, 0, 0]);
    assert_eq!(
        read_reply(&mut Reader::new(&reply), 77),
        Err(ReplyFault::OtherCall {
            wanted: 77,
            got: 76
        })
    );
}

#[test]
fn a_call_is_no_reply() {
    assert_eq!(
        read_reply(&mut Reader::new(&words(&CALL)), 77),
        Err(ReplyFault::NoReply(0))
    );
}

#[test]
fn statuses_that_nobody_declared_are_told() {
    for unknown in [vec![77, 1, 2], vec![77, 1, 0, 0, 0, 6], vec![77, 1, 1, 2]] {
        let fault = read_reply(&mut Reader::new(&words(&unknown)), 77).unwrap_err();
        assert!(matches!(fault, ReplyFault::UnknownStatus(_)), "{fault}");
    }
    assert!(matches!(
        read_reply(&mut Reader::new(&words(&[77, 1, 1, 1, 15])), 77),
        Err(ReplyFault::Unreadable(XdrError::Undeclared {
            value: 15,
            ..
        }))
    ));
}
