//! DER of certificates, read element by element.
//!
//! The chain has been verified by then, so that the structure is known to be sound; names of all kinds of authorities
//! are read all the same, some of which no decoder of the standards' profile takes (unsorted sets, universal strings).

/// Tags that stand in certificates.
pub(super) mod tag {
    pub(in crate::certificate) const INTEGER: u8 = 0x02;
    pub(in crate::certificate) const OCTET_STRING: u8 = 0x04;
    pub(in crate::certificate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in crate::certificate) const UTF8_STRING: u8 = 0x0c;
    pub(in crate::certificate) const NUMERIC_STRING: u8 = 0x12;
    pub(in crate::certificate) const PRINTABLE_STRING: u8 = 0x13;
    pub(in crate::certificate) const TELETEX_STRING: u8 = 0x14;
    pub(in crate::certificate) const IA5_STRING: u8 = 0x16;
    pub(in crate::certificate) const UTC_TIME: u8 = 0x17;
    pub(in crate::certificate) const GENERALIZED_TIME: u8 = 0x18;
    pub(in crate::certificate) const VISIBLE_STRING: u8 = 0x1a;
    pub(in crate::certificate) const GENERAL_STRING: u8 = 0x1b;
    pub(in crate::certificate) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(in crate::certificate) const BMP_STRING: u8 = 0x1e;
    pub(in crate::certificate) const SEQUENCE: u8 = 0x30;
    pub(in crate::certificate) const SET: u8 = 0x31;
    /// `[number]`, constructed.
    pub(in crate::certificate) const fn field(number: u8) -> u8 {
        0xa0 | number
    }
    /// `[number] IMPLICIT` of something primitive.
    pub(in crate::certificate) const fn implicit(number: u8) -> u8 {
        0x80 | number
    }
}

/// One element: its tag, its contents, and the whole of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    pub(super) der: &'a [u8],
}

impl<'a> Element<'a> {
    /// The only element of these bytes.
    pub(super) fn only(bytes: &'a [u8]) -> Option<Self> {
        let mut elements = Elements(bytes);
        let element = elements.next()?;
        elements.0.is_empty().then_some(element)
    }

    /// The contents, if the tag is this one.
    pub(super) fn of(self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.contents)
    }

    /// What a SEQUENCE holds.
    pub(super) fn sequence(self) -> Option<Elements<'a>> {
        self.of(tag::SEQUENCE).map(Elements)
    }
}

/// Elements one after another. It ends where no more can be read: [`Elements::is_over`] says whether that is the end.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// Whether everything has been read.
    pub(super) const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one, if its tag is this.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<Element<'a>> {
        (self.0.first() == Some(&tag))
            .then(|| self.next())
            .flatten()
    }

    /// All of them, or nothing when one cannot be read.
    pub(super) fn all(mut self) -> Option<Vec<Element<'a>>> {
        let all = self.by_ref().collect();
        self.is_over().then_some(all)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        const LONG_TAG: u8 = 0x1f;
        let (&tag, rest) = self.0.split_first()?;
        if tag & LONG_TAG == LONG_TAG {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        let whole = self.0.len().checked_sub(rest.len())?;
        let der = self.0.get(..whole)?;
        self.0 = rest;
        Some(Element { tag, contents, der })
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    let octets = usize::from(first & 0x7f);
    if octets == 0 || octets > 4 {
        return None;
    }
    let (number, rest) = rest.split_at_checked(octets)?;
    let length = number
        .iter()
        .fold(0_u32, |length, &octet| (length << 8) | u32::from(octet));
    Some((usize::try_from(length).ok()?, rest))
}

/// An object identifier in dots, from its contents.
pub(super) fn dotted(contents: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    for &octet in contents {
        arc = arc.checked_mul(128)?.checked_add(u64::from(octet & 0x7f))?;
        if octet & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    if contents.last()? & 0x80 != 0 {
        return None;
    }
    let (&first, rest) = arcs.split_first()?;
    let root = (first / 40).min(2);
    let mut text = format!("{root}.{}", first.checked_sub(root.checked_mul(40)?)?);
    for arc in rest {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    Some(text)
}

/// The text of a string, whichever kind it is; `None` when it is no string or not well-formed.
pub(super) fn text(element: Element<'_>) -> Option<String> {
    match element.tag {
        tag::UTF8_STRING => std::str::from_utf8(element.contents)
            .ok()
            .map(str::to_owned),
        tag::NUMERIC_STRING
        | tag::PRINTABLE_STRING
        | tag::TELETEX_STRING
        | tag::IA5_STRING
        | tag::UTC_TIME
        | tag::GENERALIZED_TIME
        | tag::VISIBLE_STRING => Some(element.contents.iter().copied().map(char::from).collect()),
        tag::BMP_STRING => wide(element.contents.chunks_exact(2)),
        tag::UNIVERSAL_STRING => wide(element.contents.chunks_exact(4)),
        _ => None,
    }
}

fn wide(characters: std::slice::ChunksExact<'_, u8>) -> Option<String> {
    if !characters.remainder().is_empty() {
        return None;
    }
    characters
        .map(|octets| {
            let number = octets
                .iter()
                .fold(0_u32, |number, &octet| (number << 8) | u32::from(octet));
            char::from_u32(number)
        })
        .collect()
}
