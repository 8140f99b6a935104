//! The bytes on the admin socket: a length of four octets, then that much JSON with a version.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::operation::Operation;
use crate::reply::{Refusal, Reply};
use crate::secret::Secret;

/// The version of the conversation. Both ends say theirs in every frame; they must be equal.
pub const VERSION: u32 = 1;

/// The longest frame, in octets.
pub const LONGEST: usize = 1 << 20;

/// Octets of names in one frame of a list, before escapes, which make six of one at most.
const NAMES_IN_FRAME: usize = LONGEST / 16;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Perform this.
    Execute(Box<Operation>),
    /// Send a dump of the whole store.
    Dump,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// A part of the reply; more follows.
    Part(Reply),
    /// A part of a dump; more follows.
    Chunk(Secret),
    /// The reply, or its end.
    Reply(Reply),
    /// It was refused.
    Refused(Refusal),
}

/// Why a frame is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`LONGEST`].
    #[error("a frame of {0} octets, where {LONGEST} are the most")]
    TooLong(u64),
    /// Of another version of the conversation.
    #[error("the other end speaks version {0} of the admin protocol, this one version {VERSION}")]
    Version(u32),
    /// Not what a frame of this version looks like.
    #[error("not a frame of the admin protocol: {0}")]
    Malformed(String),
}

/// Read first and leniently, so that frames of any version tell at least that.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    version: u32,
    body: T,
}

/// The length that the first four octets of a frame announce.
///
/// # Errors
/// [`FrameError::TooLong`]
pub fn length(header: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_be_bytes(header);
    match usize::try_from(length) {
        Ok(length) if length <= LONGEST => Ok(length),
        _ => Err(FrameError::TooLong(length.into())),
    }
}

/// Reads a request, without the length before it.
///
/// # Errors
/// [`FrameError`]; never with a part of what was sent, which may be a password.
pub fn decode_request(json: &[u8]) -> Result<Request, FrameError> {
    decode(json)
}

/// Reads an answer, without the length before it.
///
/// # Errors
/// [`FrameError`]
pub fn decode_answer(json: &[u8]) -> Result<Answer, FrameError> {
    decode(json)
}

fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, FrameError> {
    let Versioned { version } = serde_json::from_slice(json).map_err(malformed)?;
    if version != VERSION {
        return Err(FrameError::Version(version));
    }
    let envelope: Envelope<T> = serde_json::from_slice(json).map_err(malformed)?;
    Ok(envelope.body)
}

/// Where it went wrong and how, but not what stood there.
fn malformed(error: serde_json::Error) -> FrameError {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        _ => "it has unknown or wrong fields",
    };
    FrameError::Malformed(format!("{kind} (column {})", error.column()))
}

/// A request with the length before it.
///
/// # Errors
/// [`FrameError::TooLong`]
pub fn encode_request(request: &Request) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    encode(request)
}

/// An answer with the length before it.
///
/// # Errors
/// [`FrameError::TooLong`]
pub fn encode_answer(answer: &Answer) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    encode(answer)
}

fn encode<T: Serialize>(body: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let version = VERSION;
    let envelope = Envelope { version, body };
    let mut count = Counter(0);
    serde_json::to_writer(&mut count, &envelope).map_err(malformed)?;
    let Some(length) = u32::try_from(count.0).ok().filter(|_| count.0 <= LONGEST) else {
        return Err(FrameError::TooLong(count.0 as u64));
    };
    // At once as long as it will be: a vector that grows leaves copies of secrets behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(count.0.saturating_add(4)));
    frame.extend_from_slice(&length.to_be_bytes());
    serde_json::to_writer(&mut *frame, &envelope).map_err(malformed)?;
    Ok(frame)
}

/// Counts what is written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The answers that carry a reply: several for a long list.
pub(crate) fn answers(reply: Reply) -> Vec<Answer> {
    let Reply::Principals(names) = reply else {
        return vec![Answer::Reply(reply)];
    };
    let mut answers = Vec::new();
    let mut part = Vec::new();
    let mut size = 0_usize;
    for name in names {
        size = size.saturating_add(name.unparse().len());
        part.push(name);
        if size >= NAMES_IN_FRAME {
            answers.push(Answer::Part(Reply::Principals(std::mem::take(&mut part))));
            size = 0;
        }
    }
    answers.push(Answer::Reply(Reply::Principals(part)));
    answers
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::{Principal, Realm};

    use super::*;

    #[test]
    fn a_long_list_is_cut_into_frames_that_fit() {
        let realm = Realm::from("EXAMPLE.TEST");
        let long = "\u{1}".repeat(1000);
        let names: Vec<_> = (0..500)
            .map(|number| Principal::parse(&format!("{number}{long}"), Some(&realm)).unwrap())
            .collect();
        let mut back = Vec::new();
        for answer in answers(Reply::Principals(names.clone())) {
            let frame = encode_answer(&answer).unwrap();
            match decode_answer(&frame[4..]).unwrap() {
                Answer::Part(Reply::Principals(part)) | Answer::Reply(Reply::Principals(part)) => {
                    back.extend(part);
                }
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!(back, names);
    }

    #[test]
    fn no_error_repeats_what_was_sent() {
        let json =
            br#"{"version":1,"body":{"execute":{"change_password":{"password":"hunter2!"}}}}"#;
        let error = decode_request(json).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn another_version_is_told_whatever_else_stands_there() {
        let error = decode_request(br#"{"version":7,"quantum":true}"#).unwrap_err();
        assert_eq!(error, FrameError::Version(7));
    }
}
