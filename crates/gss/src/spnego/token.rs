//! The negotiation's messages as DER (RFC 4178 4.2, MS-SPNG 2.2.1).

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::WHAT;
use crate::framing::{FRAME_TAG, check_size, frame, push_length, read_length, unframe};
use crate::{GssError, Oid};

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const BIT_STRING: u8 = 0x03;
const GENERAL_STRING: u8 = 0x1b;
const INIT: u8 = 0xa0;
const RESPONSE: u8 = 0xa1;
const FIELD_0: u8 = 0xa0;
const FIELD_1: u8 = 0xa1;
const FIELD_2: u8 = 0xa2;
const FIELD_3: u8 = 0xa3;
const FIELD_4: u8 = 0xa4;

/// More mechanisms than anybody has.
const MAX_MECHS: usize = 64;

/// What Windows wrote as hint when there was nothing to hint at (MS-SPNG 2.2.1).
const HINT: &[u8] = b"not_defined_in_RFC4178@please_ignore";

/// What is said in negState.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NegState {
    AcceptCompleted,
    AcceptIncomplete,
    Reject,
    RequestMic,
}

impl NegState {
    const fn number(self) -> u8 {
        match self {
            Self::AcceptCompleted => 0,
            Self::AcceptIncomplete => 1,
            Self::Reject => 2,
            Self::RequestMic => 3,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::AcceptCompleted,
            1 => Self::AcceptIncomplete,
            2 => Self::Reject,
            3 => Self::RequestMic,
            _ => return None,
        })
    }
}

/// The first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NegTokenInit<'a> {
    /// The list of mechanisms as its DER, which a mechListMIC covers.
    pub(super) mech_list: Vec<u8>,
    /// What it says; not looked at for writing.
    pub(super) mechs: Vec<Oid>,
    pub(super) mech_token: Option<&'a [u8]>,
    pub(super) mic: Option<&'a [u8]>,
}

/// Any further one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NegTokenResp<'a> {
    pub(super) state: Option<NegState>,
    pub(super) supported_mech: Option<Oid>,
    pub(super) response_token: Option<&'a [u8]>,
    pub(super) mic: Option<&'a [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NegotiationToken<'a> {
    Init(NegTokenInit<'a>),
    Response(NegTokenResp<'a>),
}

impl<'a> NegotiationToken<'a> {
    /// Either message, framed or not: the first one is, later ones are with old peers.
    pub(super) fn parse(token: &'a [u8]) -> Result<Self, GssError> {
        check_size(token)?;
        let mut inner = token;
        if token.first() == Some(&FRAME_TAG) {
            let framed = unframe(token)?;
            if framed.mech != Oid::SPNEGO {
                return Err(GssError::Mechanism(framed.mech));
            }
            inner = framed.inner;
        }
        let mut reader = Reader(inner);
        let (tag, body) = reader.element()?;
        reader.end()?;
        match tag {
            INIT => NegTokenInit::parse(body).map(Self::Init),
            RESPONSE => NegTokenResp::parse(body).map(Self::Response),
            _ => Err(defective("it is neither NegTokenInit nor NegTokenResp")),
        }
    }
}

impl<'a> NegTokenInit<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, GssError> {
        let mut fields = Reader::only(body, SEQUENCE)?;
        let mech_list = fields
            .optional(FIELD_0)?
            .ok_or_else(|| defective("it lists no mechanisms"))?;
        let mechs = parse_mechs(mech_list)?;
        // Context flags, which nothing protects: MS-SPNG and RFC 4178 say to ignore them.
        if let Some(flags) = fields.optional(FIELD_1)? {
            Reader::value(flags, BIT_STRING)?;
        }
        let mech_token = fields.octets(FIELD_2)?;
        let mut mic = None;
        if let Some(field) = fields.optional(FIELD_3)? {
            // NegTokenInit2 has its hints here, and the MIC one further.
            match field.first() {
                Some(&SEQUENCE) => {
                    Reader::value(field, SEQUENCE)?;
                }
                _ => mic = Some(Reader::value(field, OCTET_STRING)?),
            }
        }
        if let Some(field) = fields.optional(FIELD_4)? {
            mic = Some(Reader::value(field, OCTET_STRING)?);
        }
        fields.end()?;
        Ok(Self {
            mech_list: mech_list.to_vec(),
            mechs,
            mech_token,
            mic,
        })
    }

    /// The framed token.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        put(&mut fields, FIELD_0, &self.mech_list);
        put_octets(&mut fields, FIELD_2, self.mech_token);
        put_octets(&mut fields, FIELD_3, self.mic);
        frame(&Oid::SPNEGO, &[&nested(&[INIT, SEQUENCE], &fields)])
    }
}

/// What an acceptor sends who was asked for nothing: its mechanisms and an empty hint
/// (NegTokenInit2).
pub(super) fn hints(mechs: &[Oid]) -> Vec<u8> {
    let mut fields = Vec::new();
    put(&mut fields, FIELD_0, &mech_list(mechs));
    let hint = nested(&[SEQUENCE, FIELD_0, GENERAL_STRING], HINT);
    put(&mut fields, FIELD_3, &hint);
    frame(&Oid::SPNEGO, &[&nested(&[INIT, SEQUENCE], &fields)])
}

/// A list of mechanisms as DER.
pub(super) fn mech_list(mechs: &[Oid]) -> Vec<u8> {
    let mut list = Vec::new();
    for mech in mechs {
        put(&mut list, OBJECT_IDENTIFIER, mech.contents());
    }
    nested(&[SEQUENCE], &list)
}

fn parse_mechs(list: &[u8]) -> Result<Vec<Oid>, GssError> {
    let mut reader = Reader::only(list, SEQUENCE)?;
    let mut mechs = Vec::new();
    while !reader.0.is_empty() {
        if mechs.len() >= MAX_MECHS {
            return Err(defective("it lists more mechanisms than there are"));
        }
        mechs.push(Oid::from_contents(reader.expect(OBJECT_IDENTIFIER)?));
    }
    if mechs.is_empty() {
        return Err(defective("it lists no mechanisms"));
    }
    Ok(mechs)
}

impl<'a> NegTokenResp<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, GssError> {
        let mut fields = Reader::only(body, SEQUENCE)?;
        let state = match fields.optional(FIELD_0)? {
            Some(field) => Some(parse_state(field)?),
            None => None,
        };
        let supported_mech = match fields.optional(FIELD_1)? {
            Some(field) => Some(Oid::from_contents(Reader::value(field, OBJECT_IDENTIFIER)?)),
            None => None,
        };
        let response_token = fields.octets(FIELD_2)?;
        let mut mic = fields.octets(FIELD_3)?;
        fields.end()?;
        if mic.is_some() && mic == response_token {
            mic = None;
        }
        Ok(Self {
            state,
            supported_mech,
            // IIS sends an empty one for none.
            response_token: response_token.filter(|token| !token.is_empty()),
            mic,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        if let Some(state) = self.state {
            put(
                &mut fields,
                FIELD_0,
                &nested(&[ENUMERATED], &[state.number()]),
            );
        }
        if let Some(mech) = &self.supported_mech {
            put(
                &mut fields,
                FIELD_1,
                &nested(&[OBJECT_IDENTIFIER], mech.contents()),
            );
        }
        put_octets(&mut fields, FIELD_2, self.response_token);
        put_octets(&mut fields, FIELD_3, self.mic);
        nested(&[RESPONSE, SEQUENCE], &fields)
    }
}

fn parse_state(field: &[u8]) -> Result<NegState, GssError> {
    match Reader::value(field, ENUMERATED)? {
        [number] => NegState::from_number(*number),
        _ => None,
    }
    .ok_or_else(|| defective("its state is none of the four"))
}

fn defective(why: &'static str) -> GssError {
    GssError::DefectiveToken { what: WHAT, why }
}

/// Elements one behind the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The inside of the one element in `bytes`.
    fn only(bytes: &'a [u8], tag: u8) -> Result<Self, GssError> {
        Self::value(bytes, tag).map(Self)
    }

    fn value(bytes: &'a [u8], tag: u8) -> Result<&'a [u8], GssError> {
        let mut reader = Self(bytes);
        let value = reader.expect(tag)?;
        reader.end()?;
        Ok(value)
    }

    fn element(&mut self) -> Result<(u8, &'a [u8]), GssError> {
        let cut_off = || defective("it is cut off, or a length in it is wrong");
        let (tag, rest) = self.0.split_first().ok_or_else(cut_off)?;
        let (length, rest) = read_length(rest).ok_or_else(cut_off)?;
        let (value, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        self.0 = rest;
        Ok((*tag, value))
    }

    fn expect(&mut self, tag: u8) -> Result<&'a [u8], GssError> {
        match self.element()? {
            (found, value) if found == tag => Ok(value),
            _ => Err(defective(
                "something in it is of another type than it should be",
            )),
        }
    }

    fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, GssError> {
        match self.0.first() {
            Some(found) if *found == tag => self.expect(tag).map(Some),
            _ => Ok(None),
        }
    }

    fn octets(&mut self, tag: u8) -> Result<Option<&'a [u8]>, GssError> {
        match self.optional(tag)? {
            Some(field) => Self::value(field, OCTET_STRING).map(Some),
            None => Ok(None),
        }
    }

    fn end(&self) -> Result<(), GssError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(defective("something follows where it should end"))
    }
}

fn put(output: &mut Vec<u8>, tag: u8, value: &[u8]) {
    output.push(tag);
    push_length(output, value.len());
    output.extend_from_slice(value);
}

fn put_octets(output: &mut Vec<u8>, tag: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        put(output, tag, &nested(&[OCTET_STRING], value));
    }
}

/// `value` in the innermost of the tags.
fn nested(tags: &[u8], value: &[u8]) -> Vec<u8> {
    let mut inner = value.to_vec();
    for tag in tags.iter().rev() {
        let mut outer = Vec::with_capacity(inner.len().saturating_add(8));
        put(&mut outer, *tag, &inner);
        inner = outer;
    }
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(bytes: &[u8]) -> NegTokenResp<'_> {
        match NegotiationToken::parse(bytes).unwrap() {
            NegotiationToken::Response(response) => response,
            NegotiationToken::Init(_) => panic!("a NegTokenInit"),
        }
    }

    fn init(bytes: &[u8]) -> NegTokenInit<'_> {
        match NegotiationToken::parse(bytes).unwrap() {
            NegotiationToken::Init(init) => init,
            NegotiationToken::Response(_) => panic!("a NegTokenResp"),
        }
    }

    #[test]
    fn tokens_are_read_as_they_were_written() {
        let mechs = [Oid::KRB5_MS, Oid::KRB5, Oid::NTLMSSP];
        let token = NegTokenInit {
            mech_list: mech_list(&mechs),
            mechs: mechs.to_vec(),
            mech_token: Some(&[7; 3000]),
            mic: Some(b"mic"),
        };
        assert_eq!(init(&token.to_bytes()), token);
        let token = NegTokenResp {
            state: Some(NegState::RequestMic),
            supported_mech: Some(Oid::KRB5),
            response_token: Some(&[8; 200]),
            mic: Some(b"mic"),
        };
        assert_eq!(response(&token.to_bytes()), token);
        let nothing = NegTokenResp::default();
        assert_eq!(response(&nothing.to_bytes()), nothing);
    }

    #[test]
    fn the_first_token_of_mit_is_written_byte_by_byte() {
        // MIT 1.20: `60 <len> 06 06 SPNEGO a0 <len> 30 <len> a0 <len> 30 <len> OIDs a2 <len> 04 ..`.
        let token = NegTokenInit {
            mech_list: mech_list(&[Oid::KRB5]),
            mechs: vec![Oid::KRB5],
            mech_token: Some(b"token"),
            mic: None,
        };
        let expected = [
            &b"\x60\x24\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x1a\x30\x18\xa0\x0d\x30\x0b\x06\x09"[..],
            b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02",
            b"\xa2\x07\x04\x05token",
        ]
        .concat();
        assert_eq!(token.to_bytes(), expected);
    }

    #[test]
    fn hints_of_windows_are_no_mic() {
        let bytes = hints(&[Oid::KRB5]);
        let read = init(&bytes);
        assert_eq!((read.mechs.as_slice(), read.mic), (&[Oid::KRB5][..], None));
    }

    #[test]
    fn context_flags_are_passed_over() {
        let mut fields = Vec::new();
        put(&mut fields, FIELD_0, &mech_list(&[Oid::KRB5]));
        put(&mut fields, FIELD_1, &nested(&[BIT_STRING], b"\x01\x7e"));
        put_octets(&mut fields, FIELD_2, Some(b"token"));
        let bytes = frame(&Oid::SPNEGO, &[&nested(&[INIT, SEQUENCE], &fields)]);
        assert_eq!(init(&bytes).mech_token, Some(&b"token"[..]));
    }

    #[test]
    fn a_response_token_that_comes_twice_is_no_mic_and_an_empty_one_is_none() {
        let twice = NegTokenResp {
            response_token: Some(b"same"),
            mic: Some(b"same"),
            ..NegTokenResp::default()
        };
        assert_eq!(response(&twice.to_bytes()).mic, None);
        let empty = NegTokenResp {
            response_token: Some(b""),
            ..NegTokenResp::default()
        };
        assert_eq!(response(&empty.to_bytes()).response_token, None);
    }

    #[test]
    fn every_cut_and_every_addition_is_refused() {
        let first = NegTokenInit {
            mech_list: mech_list(&[Oid::KRB5, Oid::NTLMSSP]),
            mechs: Vec::new(),
            mech_token: Some(&[7; 200]),
            mic: Some(b"mic"),
        };
        let second = NegTokenResp {
            state: Some(NegState::AcceptIncomplete),
            supported_mech: Some(Oid::KRB5),
            response_token: Some(&[7; 200]),
            mic: Some(b"mic"),
        };
        for token in [first.to_bytes(), second.to_bytes()] {
            for end in 0..token.len() {
                assert!(NegotiationToken::parse(&token[..end]).is_err(), "{end}");
            }
            let longer = [&token[..], &[0]].concat();
            assert!(NegotiationToken::parse(&longer).is_err());
        }
    }

    #[test]
    fn states_and_lists_that_cannot_be_are_refused() {
        let state = |number| nested(&[RESPONSE, SEQUENCE, FIELD_0, ENUMERATED], number);
        assert!(NegotiationToken::parse(&state(&[3])).is_ok());
        for number in [&[4][..], &[0xff], &[0, 0], &[]] {
            assert!(NegotiationToken::parse(&state(number)).is_err());
        }
        let list = |mechs: &[Oid]| nested(&[INIT, SEQUENCE, FIELD_0], &mech_list(mechs));
        assert!(NegotiationToken::parse(&list(&vec![Oid::KRB5; MAX_MECHS])).is_ok());
        assert!(NegotiationToken::parse(&list(&vec![Oid::KRB5; MAX_MECHS + 1])).is_err());
        assert!(NegotiationToken::parse(&list(&[])).is_err());
    }

    #[test]
    fn fields_out_of_order_or_twice_are_refused() {
        let mut fields = Vec::new();
        put_octets(&mut fields, FIELD_2, Some(b"token"));
        put(&mut fields, FIELD_0, &nested(&[ENUMERATED], &[0]));
        assert!(NegotiationToken::parse(&nested(&[RESPONSE, SEQUENCE], &fields)).is_err());
        let mut fields = Vec::new();
        put_octets(&mut fields, FIELD_2, Some(b"token"));
        put_octets(&mut fields, FIELD_2, Some(b"token"));
        assert!(NegotiationToken::parse(&nested(&[RESPONSE, SEQUENCE], &fields)).is_err());
    }
}
