//! Lives and points in time as people type them, and times as the wire has them.

#![no_main]

use kerbstone_fuzz::clock::NOW;
use kerbstone_proto::absolute_time::{Utc, parse_time};
use kerbstone_proto::delta_time::{parse_delta, parse_duration};
use kerbstone_proto::time::KerberosTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(time) = KerberosTime::from_wire(bytes) {
        assert_eq!(KerberosTime::from_wire(&time.to_wire()), Some(time));
        let _ = time.to_string();
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let _ = parse_delta(text);
    let _ = parse_duration(text);
    if let Ok(time) = parse_time(text, NOW.time, &Utc) {
        assert_eq!(KerberosTime::from_wire(&time.to_wire()), Some(time));
    }
});
