//! ONC RPC's headers: what is refused has an answer that its client understands, and what is read is
//! written as it was.

#![no_main]

use kerbstone_xdr::rpc::{
    CallHeader, Credential, Program, RECORD_MARK, Refusal, ReplyFault, begin_call, begin_success,
    finish_record, read_call, read_reply, record_length, refuse,
};
use kerbstone_xdr::{Opaque, Reader};
use libfuzzer_sys::fuzz_target;

const SERVED: Program = Program {
    number: 400_112,
    version: 1,
    procedures: 1..=15,
};

fuzz_target!(|message: &[u8]| {
    if let Some(mark) = message.first_chunk() {
        let _ = record_length(*mark);
    }
    call(message);
    if let Some(xid) = message.first_chunk() {
        reply(message, u32::from_be_bytes(*xid));
    }
});

fn call(message: &[u8]) {
    let mut input = Reader::new(message);
    let read = read_call(&mut input);
    if let Ok(header) = &read {
        assert_written_alike(header, &input, message);
    }
    match read.and_then(|header| SERVED.serves(&header)) {
        Ok(()) => assert!(message.len() >= 40),
        Err(fault) => {
            if let Some((xid, refusal)) = fault.answer() {
                assert_understood(xid, refusal);
            }
        }
    }
}

fn assert_written_alike(header: &CallHeader<'_>, rest: &Reader<'_>, message: &[u8]) {
    if header.credential != Credential::NONE || header.verifier != Credential::NONE {
        return;
    }
    let CallHeader {
        xid,
        program,
        version,
        procedure,
        ..
    } = *header;
    let written = finish_record(begin_call(xid, program, version, procedure)).expect("a header");
    assert_eq!(
        [behind_mark(&written), rest.rest()].concat(),
        message,
        "{header:?}"
    );
}

fn assert_understood(xid: u32, refusal: Refusal) {
    let record = refuse(xid, refusal).expect("a few words");
    let read = read_reply(&mut Reader::new(behind_mark(&record)), xid);
    assert_eq!(read, Err(ReplyFault::Refused(refusal)));
}

fn reply(message: &[u8], xid: u32) {
    let mut input = Reader::new(message);
    match read_reply(&mut input, xid) {
        Ok(()) => {
            // A verifier is passed over; without one, the header is ours.
            if message.get(12..20) == Some(&[0; 8]) {
                let written = finish_record(begin_success(xid)).expect("a header");
                assert_eq!([behind_mark(&written), input.rest()].concat(), message);
            }
        }
        Err(ReplyFault::Refused(refusal)) => assert_understood(xid, refusal),
        Err(_) => {}
    }
}

fn behind_mark(record: &Opaque) -> &[u8] {
    let (mark, message) = record
        .split_first_chunk::<RECORD_MARK>()
        .expect("a mark is before it");
    assert_eq!(record_length(*mark), Ok(message.len()));
    message
}
