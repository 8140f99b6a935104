//! Every procedure's arguments and results, as their declarations allow them.

use kerbstone_xdr::rpc::{RECORD_MARK, record_length};
use kerbstone_xdr::{Opaque, Writer};
use proptest::prelude::*;

use super::generated::{Dice, Half, generate};
use crate::wire::{Call, Procedure, Reply, read_call, read_reply, write_call, write_reply};

fn procedure() -> impl Strategy<Value = Procedure> {
    prop::sample::select(Procedure::ALL)
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

fn written(encode: impl FnOnce(&mut Writer)) -> Opaque {
    let mut out = Writer::new(1 << 20);
    encode(&mut out);
    out.finish().unwrap()
}

fn behind_mark(record: &Opaque) -> &[u8] {
    let (mark, message) = record.split_first_chunk::<RECORD_MARK>().unwrap();
    assert_eq!(record_length(*mark), Ok(message.len()));
    message
}

proptest! {
    #[test]
    fn arguments_are_written_as_they_were_read(procedure in procedure(), choices in choices()) {
        let args = generate(procedure, Half::Args, &mut Dice::new(&choices));
        let call = Call::decode(procedure, &args).unwrap();
        prop_assert_eq!(call.procedure(), procedure);
        let again = written(|out| call.encode(out));
        prop_assert_eq!(again.as_slice(), args.as_slice());
    }

    #[test]
    fn results_are_written_as_they_were_read(procedure in procedure(), choices in choices()) {
        let result = generate(procedure, Half::Result, &mut Dice::new(&choices));
        let reply = Reply::decode(procedure, &result).unwrap();
        prop_assert_eq!(reply.procedure(), procedure);
        let again = written(|out| reply.encode(out));
        prop_assert_eq!(again.as_slice(), result.as_slice());
    }

    #[test]
    fn a_call_reaches_the_server_as_the_client_meant_it(
        xid in any::<u32>(),
        procedure in procedure(),
        choices in choices(),
    ) {
        let args = generate(procedure, Half::Args, &mut Dice::new(&choices));
        let call = Call::decode(procedure, &args).unwrap();
        let record = write_call(xid, &call).unwrap();
        prop_assert_eq!(read_call(behind_mark(&record)), Ok((xid, call)));
    }

    #[test]
    fn a_reply_reaches_the_client_as_the_server_meant_it(
        xid in any::<u32>(),
        procedure in procedure(),
        choices in choices(),
    ) {
        let result = generate(procedure, Half::Result, &mut Dice::new(&choices));
        let reply = Reply::decode(procedure, &result).unwrap();
        let record = write_reply(xid, &reply).unwrap();
        prop_assert_eq!(read_reply(behind_mark(&record), xid, procedure), Ok(reply));
    }

    #[test]
    fn arguments_that_end_early_are_refused(
        procedure in procedure(),
        choices in choices(),
        end in any::<prop::sample::Index>(),
    ) {
        let args = generate(procedure, Half::Args, &mut Dice::new(&choices));
        prop_assert!(Call::decode(procedure, &args[..end.index(args.len())]).is_err());
    }
}
