//! Frames of the admin socket: what can be read is written, and read again as it was.

#![no_main]

use kerbstone_admin::frame::{
    decode_answer, decode_request, encode_answer, encode_request, length,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(header) = bytes.first_chunk() {
        let _ = length(*header);
    }
    if let Ok(request) = decode_request(bytes)
        && let Ok(frame) = encode_request(&request)
    {
        assert_eq!(decode_request(behind_length(&frame)), Ok(request));
    }
    if let Ok(answer) = decode_answer(bytes)
        && let Ok(frame) = encode_answer(&answer)
    {
        assert_eq!(decode_answer(behind_length(&frame)), Ok(answer));
    }
});

fn behind_length(frame: &[u8]) -> &[u8] {
    let (header, json) = frame.split_first_chunk().expect("a length is before it");
    assert_eq!(length(*header), Ok(json.len()));
    json
}
