//! Names of subjects and issuers, in the two forms in which applications expect them.

use super::attribute_names::{COMMON_NAME, short_name};
use super::element::{self, Element, Elements, dotted, tag};

/// A name: attributes in the order of the certificate, some of which may stand in one and the same
/// relative distinguished name.
#[derive(Clone, Debug)]
pub(super) struct DistinguishedName<'a>(Vec<Vec<Attribute<'a>>>);

#[derive(Clone, Copy, Debug)]
struct Attribute<'a> {
    oid: &'a [u8],
    value: Element<'a>,
}

impl<'a> DistinguishedName<'a> {
    /// Reads the contents of a `Name`.
    pub(super) fn parse(name: Element<'a>) -> Option<Self> {
        let sets = name.sequence()?.all()?;
        let relative = |set: &Element<'a>| {
            let attributes = Elements(set.of(tag::SET)?).all()?;
            attributes.into_iter().map(Attribute::parse).collect()
        };
        sets.iter().map(relative).collect::<Option<_>>().map(Self)
    }

    /// As RFC 2253 writes it: what is most specific first, characters beyond ASCII as they are. This is
    /// Apache's `SSL_CLIENT_S_DN`, and `openssl x509 -nameopt RFC2253,-esc_msb`.
    pub(super) fn rfc2253(&self) -> String {
        let mut text = String::new();
        for relative in self.0.iter().rev() {
            for (index, attribute) in relative.iter().rev().enumerate() {
                match (text.is_empty(), index) {
                    (true, _) => {}
                    (false, 0) => text.push(','),
                    (false, _) => text.push('+'),
                }
                attribute.write_rfc2253(&mut text);
            }
        }
        text
    }

    /// As OpenSSL wrote it in former times: `/C=AU/O=Example/CN=alice`, octets beyond ASCII as `\xC3`. It says less
    /// than the name: a value may hold what looks like a further attribute.
    pub(super) fn slashed(&self) -> String {
        let mut text = String::new();
        for relative in &self.0 {
            for (index, attribute) in relative.iter().enumerate() {
                text.push(if index == 0 { '/' } else { '+' });
                attribute.write_slashed(&mut text);
            }
        }
        text
    }

    /// The most specific common name, if there is one and it is text.
    pub(super) fn common_name(&self) -> Option<String> {
        let names = |relative: &Vec<Attribute<'a>>| {
            let mut names = relative.iter().filter(|one| one.oid == COMMON_NAME);
            let first = names.next().copied();
            first.map(|first| (first, names.next().is_none()))
        };
        let (attribute, is_single) = self.0.iter().rev().find_map(names)?;
        is_single.then(|| element::text(attribute.value)).flatten()
    }
}

impl<'a> Attribute<'a> {
    fn parse(element: Element<'a>) -> Option<Self> {
        let mut parts = element.sequence()?;
        let oid = parts.tagged(tag::OBJECT_IDENTIFIER)?.contents;
        let value = parts.next()?;
        parts.is_over().then_some(Self { oid, value })
    }

    fn name(&self) -> String {
        let known = short_name(self.oid).map(str::to_owned);
        known.or_else(|| dotted(self.oid)).unwrap_or_default()
    }

    fn write_rfc2253(&self, text: &mut String) {
        text.push_str(&self.name());
        text.push('=');
        let value = short_name(self.oid).and_then(|_| element::text(self.value));
        let Some(value) = value else {
            text.push('#');
            for octet in self.value.der {
                text.push_str(&format!("{octet:02X}"));
            }
            return;
        };
        let last = value.chars().count().saturating_sub(1);
        for (index, character) in value.chars().enumerate() {
            let is_edge = match character {
                ' ' => index == 0 || index == last,
                '#' => index == 0,
                _ => false,
            };
            if is_edge || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                text.push('\\');
                text.push(character);
            } else if character.is_ascii_control() {
                text.push_str(&format!("\\{:02X}", u32::from(character)));
            } else {
                text.push(character);
            }
        }
    }

    fn write_slashed(&self, text: &mut String) {
        text.push_str(&self.name());
        text.push('=');
        for &octet in self.value.contents {
            match octet {
                b'/' | b'+' => text.extend(['\\', char::from(octet)]),
                b' '..=b'~' => text.push(char::from(octet)),
                _ => text.push_str(&format!("\\x{octet:02X}")),
            }
        }
    }
}
