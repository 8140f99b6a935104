//! Every procedure's arguments and results: what can be read is written byte for byte as it was, and
//! reaches the other side as it was meant.

#![no_main]

use kerbstone_proxy::wire::{
    Call, Procedure, Reply, read_call, read_reply, write_call, write_reply,
};
use kerbstone_xdr::Writer;
use kerbstone_xdr::rpc::{MAX_MESSAGE, RECORD_MARK};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&way, bytes)) = bytes.split_first() else {
        return;
    };
    let procedures = Procedure::ALL;
    let procedure = procedures[usize::from(way >> 1) % procedures.len()];
    if way & 1 == 0 {
        arguments(procedure, bytes);
    } else {
        result(procedure, bytes);
    }
});

fn arguments(procedure: Procedure, bytes: &[u8]) {
    let Ok(call) = Call::decode(procedure, bytes) else {
        return;
    };
    assert_eq!(written(|out| call.encode(out)), bytes);
    let record = write_call(7, &call).expect("it came in a message");
    assert_eq!(read_call(&record[RECORD_MARK..]), Ok((7, call)));
}

fn result(procedure: Procedure, bytes: &[u8]) {
    let Ok(reply) = Reply::decode(procedure, bytes) else {
        return;
    };
    assert_eq!(written(|out| reply.encode(out)), bytes);
    let record = write_reply(7, &reply).expect("it came in a message");
    assert_eq!(read_reply(&record[RECORD_MARK..], 7, procedure), Ok(reply));
}

fn written(encode: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new(MAX_MESSAGE);
    encode(&mut out);
    out.finish().expect("it came in a message").into_vec()
}
