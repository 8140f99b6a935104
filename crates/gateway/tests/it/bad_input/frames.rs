//! HTTP/2 frames with anything in them (RFC 9113, RFC 7541).

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Stream, connect_h2};
use crate::site::Site;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const GOAWAY: u8 = 7;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The preface and empty settings of a client.
pub(super) const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals that are not put into the table, nothing of them checked.
pub(super) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (name, value) in fields {
        octets.push(0);
        for text in [name, value] {
            octets.extend(integer(text.len()));
            octets.extend_from_slice(text);
        }
    }
    octets
}

/// A length with a prefix of seven bits.
fn integer(length: usize) -> Vec<u8> {
    if length < 127 {
        return vec![u8::try_from(length).unwrap()];
    }
    let (mut octets, mut rest) = (vec![127], length - 127);
    while rest >= 128 {
        octets.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    octets.push(u8::try_from(rest).unwrap());
    octets
}

/// What the gateway said to a stream, or to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// An answer with that status.
    Status(u16),
    /// The stream was reset with that code.
    Reset(u32),
    /// The connection ended with that code.
    GoAway(u32),
    /// The connection ended without a word.
    Nothing,
}

/// Sends frames behind a greeting, and returns what is said about stream 1.
pub(super) async fn said(site: &Site, frames: &[u8]) -> Said {
    let mut stream = connect_h2(site).await;
    // The gateway may hang up before it was all sent.
    let _sent = stream.write_all(&[HELLO, frames].concat()).await;
    let _sent = stream.flush().await;
    read(&mut stream).await
}

pub(super) async fn read(stream: &mut Stream) -> Said {
    let mut octets = Vec::new();
    loop {
        let mut rest = &octets[..];
        while let Some((header, after)) = rest.split_first_chunk::<9>() {
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
            let Some((payload, next)) = after.split_at_checked(length) else {
                break;
            };
            let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            match (header[3], header[8]) {
                (HEADERS, 1) => return Said::Status(status(payload)),
                (RST_STREAM, 1) => return Said::Reset(word(0)),
                (GOAWAY, _) => return Said::GoAway(word(4)),
                _ => rest = next,
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(length @ 1..) => octets.extend_from_slice(&piece[..length]),
            _ => return Said::Nothing,
        }
    }
}

/// `:status` comes first, out of the static table or as three digits, perhaps in Huffman's code.
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it (RFC 7541 6.3).
    let block = match block {
        [update, rest @ ..] if update & 0xe0 == 0x20 => rest,
        block => block,
    };
    match block {
        [indexed @ 0x88..=0x8e, ..] => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]
        }
        [0x48 | 0x08 | 0x18, length, rest @ ..] if length & 0x80 == 0 => {
            let digits = std::str::from_utf8(&rest[..usize::from(*length)]).unwrap();
            digits.parse().unwrap()
        }
        [0x48 | 0x08 | 0x18, length, rest @ ..] => digits(&rest[..usize::from(length & 0x7f)]),
        other => panic!("no status: {other:02x?}"),
    }
}

/// Digits in Huffman's code: 0, 1 and 2 have five bits, the others six (RFC 7541, appendix B).
fn digits(octets: &[u8]) -> u16 {
    let bits: String = octets.iter().map(|octet| format!("{octet:08b}")).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let short = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let digit = if short < 3 {
            at += 5;
            short
        } else {
            at += 6;
            u16::from_str_radix(&bits[at - 6..at], 2).unwrap() - 0x19 + 3
        };
        number = number * 10 + digit;
    }
    number
}

#[test]
fn statuses_are_read_in_every_spelling() {
    assert_eq!(status(&[0x20, 0x8c]), 400);
    assert_eq!(status(b"\x48\x03401"), 401);
    // 401 in Huffman's code: 011010 00000 00001
    assert_eq!(status(&[0x48, 0x82, 0b0110_1000, 0b0000_0001]), 401);
}
