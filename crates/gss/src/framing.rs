//! The frame around the first tokens of a mechanism (RFC 2743 3.1): which mechanism it is.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::{GssError, Oid};

/// The tag of a framed token: APPLICATION 0, constructed.
pub(crate) const FRAME_TAG: u8 = 0x60;
const OID_TAG: u8 = 0x06;

/// The longest token of establishment that is read. PACs of people in a thousand groups fit.
pub(crate) const MAX_TOKEN: usize = 1 << 20;

/// A frame and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Framed<'a> {
    /// The mechanism.
    pub(crate) mech: Oid,
    /// What the mechanism wrote.
    pub(crate) inner: &'a [u8],
}

/// Frames what a mechanism wrote, in pieces.
pub(crate) fn frame(mech: &Oid, pieces: &[&[u8]]) -> Vec<u8> {
    let oid = mech.contents();
    let inner: usize = pieces.iter().map(|piece| piece.len()).sum();
    let body = inner.saturating_add(oid.len()).saturating_add(2);
    let mut token = Vec::with_capacity(body.saturating_add(6));
    token.push(FRAME_TAG);
    push_length(&mut token, body);
    token.push(OID_TAG);
    push_length(&mut token, oid.len());
    token.extend_from_slice(oid);
    for piece in pieces {
        token.extend_from_slice(piece);
    }
    token
}

/// A length as DER writes it.
pub(crate) fn push_length(output: &mut Vec<u8>, length: usize) {
    if let Ok(short) = u8::try_from(length)
        && short < 0x80
    {
        output.push(short);
        return;
    }
    let bytes = length.to_be_bytes();
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    let count = significant.clone().count();
    output.push(0x80 | u8::try_from(count).unwrap_or(0x7f));
    output.extend(significant);
}

/// Reads a frame to the token's last byte.
pub(crate) fn unframe(token: &[u8]) -> Result<Framed<'_>, GssError> {
    check_size(token)?;
    let defective = |why| GssError::DefectiveToken {
        what: "GSS token",
        why,
    };
    let rest = token
        .strip_prefix(&[FRAME_TAG])
        .ok_or_else(|| defective("it has no frame that names a mechanism"))?;
    let (length, rest) = read_length(rest).ok_or_else(|| defective("its length cannot be read"))?;
    if length != rest.len() {
        return Err(defective(if length > rest.len() {
            "it is cut off"
        } else {
            "bytes follow its end"
        }));
    }
    let (mech, inner) = rest
        .strip_prefix(&[OID_TAG])
        .and_then(read_length)
        .and_then(|(length, rest)| rest.split_at_checked(length))
        .ok_or_else(|| defective("it names no mechanism"))?;
    Ok(Framed {
        mech: Oid::from_contents(mech),
        inner,
    })
}

/// A length in DER and what follows it.
pub(crate) fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(*first & 0x7f);
    let (digits, rest) = rest.split_at_checked(count)?;
    let significant = digits.first().is_some_and(|digit| *digit != 0);
    if !significant || count > 4 {
        return None;
    }
    let length = digits
        .iter()
        .fold(0_u32, |length, digit| length << 8 | u32::from(*digit));
    (length >= 0x80).then_some((usize::try_from(length).ok()?, rest))
}

/// Refuses what is longer than any token of establishment.
pub(crate) const fn check_size(token: &[u8]) -> Result<(), GssError> {
    if token.len() > MAX_TOKEN {
        return Err(GssError::Oversized {
            length: token.len(),
            limit: MAX_TOKEN,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_read_back() {
        for length in [0, 1, 100, 115, 116, 117, 255, 256, 65_535, 70_000] {
            let inner = vec![7; length];
            let token = frame(&Oid::KRB5, &[b"\x01\x00", &inner]);
            let framed = unframe(&token).unwrap();
            assert_eq!(framed.mech, Oid::KRB5);
            assert_eq!(framed.inner, [&b"\x01\x00"[..], &inner].concat());
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_or_followed_by_something_is_refused() {
        let token = frame(&Oid::KRB5, &[&[7; 300]]);
        for end in 0..token.len() {
            assert!(unframe(&token[..end]).is_err(), "{end} bytes");
        }
        let longer = [&token[..], b"x"].concat();
        let refused = unframe(&longer).unwrap_err().to_string();
        assert!(refused.contains("bytes follow its end"), "{refused}");
    }

    #[test]
    fn a_length_that_der_would_write_shorter_is_refused() {
        for length in [
            &b"\x81\x05"[..],
            b"\x82\x00\x90",
            b"\x80",
            b"\x85\x01\x00\x00\x00\x00",
        ] {
            assert!(read_length(length).is_none(), "{length:02x?}");
        }
    }
}
