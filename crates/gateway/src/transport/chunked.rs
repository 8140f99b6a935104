//! Bodies in chunks (RFC 9112 7.1), read as strictly as they are defined.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

use bytes::{Bytes, BytesMut};

use super::answer_head::BadAnswer;

/// Octets of the line that says how long a chunk is, with its extensions.
const MOST_OF_A_LINE: usize = 1 << 10;
/// Octets of all trailers.
const MOST_OF_TRAILERS: usize = 8 << 10;

/// Reads a body in chunks; trailers are read and forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Chunked {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the line that says how long the next chunk is.
    Size,
    /// So many octets are left of a chunk.
    Data(u64),
    /// At the end of line after a chunk.
    AfterData,
    /// After so many octets of trailers.
    Trailers(usize),
    Over,
}

/// What came of what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// More is needed.
    None,
    /// A piece of the body.
    Data(Bytes),
    /// The body is over.
    End,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size }
    }
}

impl Chunked {
    /// Takes what can be had off the front.
    ///
    /// # Errors
    /// [`BadAnswer::Chunk`]
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Piece, BadAnswer> {
        loop {
            match self.state {
                State::Size => match take_line(buffer, MOST_OF_A_LINE)? {
                    Some(line) => {
                        self.state = match size(&line)? {
                            0 => State::Trailers(0),
                            size => State::Data(size),
                        }
                    }
                    None => return Ok(Piece::None),
                },
                State::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Piece::None);
                    }
                    let length = usize::try_from(left)
                        .unwrap_or(usize::MAX)
                        .min(buffer.len());
                    let left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                    self.state = match left {
                        0 => State::AfterData,
                        left => State::Data(left),
                    };
                    return Ok(Piece::Data(buffer.split_to(length).freeze()));
                }
                State::AfterData => match take_line(buffer, 0)? {
                    Some(_) => self.state = State::Size,
                    None => return Ok(Piece::None),
                },
                State::Trailers(so_far) => {
                    let left = MOST_OF_TRAILERS.saturating_sub(so_far);
                    match take_line(buffer, left)? {
                        Some(line) if line.is_empty() => self.state = State::Over,
                        Some(line) => {
                            let length = line.len().saturating_add(2);
                            self.state = State::Trailers(so_far.saturating_add(length));
                        }
                        None => return Ok(Piece::None),
                    }
                }
                State::Over => return Ok(Piece::End),
            }
        }
    }
}

/// A line without its end, which is CR and LF and nothing else.
fn take_line(buffer: &mut BytesMut, most: usize) -> Result<Option<BytesMut>, BadAnswer> {
    let longest = most.saturating_add(2);
    let seen = buffer.get(..longest.min(buffer.len())).unwrap_or_default();
    let Some(end) = seen.iter().position(|octet| *octet == b'\n') else {
        // What cannot become the line's end any more is not waited for.
        let is_hopeless =
            seen.len() >= longest || (most == 0 && seen.first().is_some_and(|one| *one != b'\r'));
        return match is_hopeless {
            true => Err(BadAnswer::Chunk),
            false => Ok(None),
        };
    };
    let mut line = buffer.split_to(end.saturating_add(1));
    let length = end.checked_sub(1).ok_or(BadAnswer::Chunk)?;
    if line.get(length) != Some(&b'\r') {
        return Err(BadAnswer::Chunk);
    }
    line.truncate(length);
    match line.contains(&b'\r') {
        true => Err(BadAnswer::Chunk),
        false => Ok(Some(line)),
    }
}

fn size(line: &[u8]) -> Result<u64, BadAnswer> {
    let digits = line
        .split(|octet| matches!(octet, b';' | b' ' | b'\t'))
        .next();
    let digits = digits.unwrap_or_default();
    let rest = line
        .get(digits.len()..)
        .unwrap_or_default()
        .trim_ascii_start();
    let is_extended = rest.is_empty() || rest.starts_with(b";");
    if digits.is_empty() || digits.len() > 16 || !is_extended {
        return Err(BadAnswer::Chunk);
    }
    digits.iter().try_fold(0_u64, |sum, &octet| {
        let digit = char::from(octet).to_digit(16).ok_or(BadAnswer::Chunk)?;
        let shifted = sum.checked_mul(16).ok_or(BadAnswer::Chunk)?;
        shifted.checked_add(digit.into()).ok_or(BadAnswer::Chunk)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read, and what is left, when the octets come in pieces of that length.
    fn read(text: &[u8], step: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), BadAnswer> {
        let (mut chunked, mut buffer, mut body) = (Chunked::default(), BytesMut::new(), Vec::new());
        let mut pieces = text.chunks(step);
        loop {
            match chunked.read(&mut buffer)? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End => {
                    let left = buffer.iter().chain(pieces.flatten()).copied().collect();
                    return Ok((body, Some(left)));
                }
                Piece::None => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return Ok((body, None)),
                },
            }
        }
    }

    #[test]
    fn chunks_make_a_body_and_the_rest_stays() {
        let text = b"5\r\nhello\r\n1;name=\"value\"\r\n \r\n00A ; x\r\n0123456789\r\n0\r\nX: 1\r\n\r\nHTTP/1.1";
        for step in [1, 2, 3, 7, 1000] {
            let (body, left) = read(text, step).unwrap();
            assert_eq!(body, b"hello 0123456789");
            assert_eq!(left.unwrap(), b"HTTP/1.1");
        }
    }

    #[test]
    fn a_body_that_breaks_off_has_no_end() {
        for text in ["5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "5"] {
            assert_eq!(read(text.as_bytes(), 1).unwrap().1, None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for text in [
            "\r\n",
            "x\r\n",
            "-5\r\n",
            "+5\r\nhello\r\n",
            "0x5\r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\nhello!\r\n0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5 x\r\nhello\r\n",
            "11111111111111111\r\n",
        ] {
            assert_eq!(read(text.as_bytes(), 1), Err(BadAnswer::Chunk), "{text:?}");
            assert_eq!(
                read(text.as_bytes(), 100),
                Err(BadAnswer::Chunk),
                "{text:?}"
            );
        }
        let endless = format!("5;{}", "x".repeat(2 * MOST_OF_A_LINE));
        assert_eq!(read(endless.as_bytes(), 100), Err(BadAnswer::Chunk));
        let trailers = format!("0\r\n{}\r\n", "X: 1\r\n".repeat(MOST_OF_TRAILERS));
        assert_eq!(read(trailers.as_bytes(), 1000), Err(BadAnswer::Chunk));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_octets_come_in(text in "([0-9a-f]{1,2}|\r\n|[a-z;]){0,40}") {
            let whole = read(text.as_bytes(), text.len().max(1));
            prop_assert_eq!(read(text.as_bytes(), 1), whole);
        }
    }
}
