//! Records out of a stream (RFC 5531 11): a message that came whole is looked at where it lies, one that came in pieces
//! is gathered.

use kerbstone_xdr::rpc::{RECORD_MARK, record_length};
use zeroize::{Zeroizing, optimization_barrier};

/// What has come of the next message.
#[derive(Debug, Default)]
pub(super) struct Framing {
    mark: [u8; RECORD_MARK],
    mark_octets: usize,
    body: Zeroizing<Vec<u8>>,
}

/// What some octets made of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framed<'a> {
    /// The message has not ended.
    Unfinished,
    /// A message that lies in the octets, and the octets behind it.
    Here { message: &'a [u8], rest: &'a [u8] },
    /// A message that [`Framing::take`] gives, and the octets behind it.
    Gathered { rest: &'a [u8] },
    /// A record that nobody sends: with more fragments to come, or too long.
    Refused,
}

impl Framing {
    /// Whether a message has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.mark_octets > 0
    }

    /// The octets that the message keeps, or will keep, in memory.
    pub(super) fn reserved(&self) -> usize {
        self.body.capacity()
    }

    /// Takes octets in as they came.
    pub(super) fn feed<'a>(&mut self, input: &'a [u8]) -> Framed<'a> {
        let missing = self.mark.len().saturating_sub(self.mark_octets);
        let (mark, input) = input.split_at(missing.min(input.len()));
        for (place, octet) in self.mark.iter_mut().skip(self.mark_octets).zip(mark) {
            *place = *octet;
        }
        self.mark_octets = self.mark_octets.saturating_add(mark.len());
        if self.mark_octets < self.mark.len() {
            return Framed::Unfinished;
        }
        let Ok(length) = record_length(self.mark) else {
            return Framed::Refused;
        };
        let missing = length.saturating_sub(self.body.len());
        let (piece, rest) = input.split_at(missing.min(input.len()));
        if piece.len() == length {
            self.mark_octets = 0;
            return Framed::Here {
                message: piece,
                rest,
            };
        }
        if self.body.capacity() < length && !piece.is_empty() {
            self.body.reserve_exact(length);
        }
        self.body.extend_from_slice(piece);
        if self.body.len() < length {
            return Framed::Unfinished;
        }
        self.mark_octets = 0;
        Framed::Gathered { rest }
    }

    /// The message that was gathered.
    pub(super) fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.body)
    }
}

/// The octets of the loop's shared buffer that held something, cleared in one sweep: a volatile store
/// for each would take longer than reading them did.
pub(super) fn clear(buffer: &mut [u8], used: usize) {
    let used = used.min(buffer.len());
    if let Some(held) = buffer.get_mut(..used) {
        held.fill(0);
        optimization_barrier(held);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAST_FRAGMENT: u32 = 1 << 31;

    fn record(body: &[u8]) -> Vec<u8> {
        let mark = LAST_FRAGMENT | u32::try_from(body.len()).unwrap();
        [&mark.to_be_bytes(), body].concat()
    }

    #[test]
    fn a_whole_message_is_not_copied() {
        let octets = record(b"whole");
        let mut framing = Framing::default();
        let expected = Framed::Here {
            message: b"whole",
            rest: b"",
        };
        assert_eq!(framing.feed(&octets), expected);
        assert_eq!(framing.reserved(), 0);
        assert!(!framing.has_begun());
    }

    #[test]
    fn a_mark_that_came_alone_costs_no_copy_of_the_message() {
        let octets = record(b"body");
        let mut framing = Framing::default();
        assert_eq!(framing.feed(&octets[..4]), Framed::Unfinished);
        let framed = framing.feed(&octets[4..]);
        assert!(matches!(
            framed,
            Framed::Here {
                message: b"body",
                ..
            }
        ));
    }

    #[test]
    fn several_fragments_and_long_messages_are_refused() {
        let too_long = (LAST_FRAGMENT | ((1 << 20) + 1)).to_be_bytes();
        for mark in [too_long, 5_u32.to_be_bytes(), [0xff; 4], [0; 4]] {
            assert_eq!(Framing::default().feed(&mark), Framed::Refused);
        }
        let longest = (LAST_FRAGMENT | (1 << 20)).to_be_bytes();
        assert_eq!(Framing::default().feed(&longest), Framed::Unfinished);
    }

    #[test]
    fn an_announced_megabyte_takes_no_memory_before_it_comes() {
        let mut framing = Framing::default();
        framing.feed(&(LAST_FRAGMENT | (1 << 20)).to_be_bytes());
        assert_eq!(framing.reserved(), 0);
    }

    #[test]
    fn an_empty_message_is_one() {
        let octets = record(b"");
        let framed = Framing::default().feed(&octets);
        assert!(matches!(framed, Framed::Here { message: b"", .. }));
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            cuts in prop::collection::vec(1_usize..12, 1..60),
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| record(body)).collect();
            let mut framing = Framing::default();
            let mut seen = Vec::new();
            let mut octets = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if octets.is_empty() {
                    break;
                }
                let (mut piece, later) = octets.split_at((*cut).min(octets.len()));
                octets = later;
                while !piece.is_empty() {
                    match framing.feed(piece) {
                        Framed::Unfinished => break,
                        Framed::Here { message, rest } => {
                            seen.push(message.to_vec());
                            piece = rest;
                        }
                        Framed::Gathered { rest } => {
                            piece = rest;
                            seen.push(framing.take().to_vec());
                        }
                        Framed::Refused => prop_assert!(false),
                    }
                }
            }
            prop_assert_eq!(seen, bodies);
        }
    }
}
