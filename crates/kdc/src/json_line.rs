//! One JSON object on one line, of names that we choose and values that anybody may have chosen.
//!
//! It is written for every request, so it goes without `fmt`'s machinery where it can.

use std::fmt::Write;
use std::net::IpAddr;

use kerbstone_proto::time::KerberosTime;

/// Texts longer than this are cut, so that nobody floods the log.
const LONGEST_TEXT: usize = 256;

/// Appends to a string what will be one line.
pub(crate) struct JsonLine<'a> {
    line: &'a mut String,
    empty: bool,
}

impl<'a> JsonLine<'a> {
    pub(crate) fn begin(line: &'a mut String) -> Self {
        line.reserve(512);
        line.push('{');
        Self { line, empty: true }
    }

    pub(crate) fn end(self) {
        self.line.push_str("}\n");
    }

    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.quoted(text);
    }

    /// Text that need not be UTF-8.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.quoted(&String::from_utf8_lossy(bytes));
    }

    pub(crate) fn number(&mut self, name: &str, number: i64) {
        self.name(name);
        self.decimal(number);
    }

    /// Nothing, if there are none.
    pub(crate) fn numbers(&mut self, name: &str, numbers: &[i32]) {
        let Some((first, others)) = numbers.split_first() else {
            return;
        };
        self.name(name);
        self.line.push('[');
        self.decimal(i64::from(*first));
        for number in others {
            self.line.push(',');
            self.decimal(i64::from(*number));
        }
        self.line.push(']');
    }

    /// As RFC 3339 writes it.
    pub(crate) fn time(&mut self, name: &str, time: KerberosTime) {
        self.name(name);
        self.line.push('"');
        for (at, digit) in time.to_wire().iter().enumerate() {
            match at {
                4 | 6 => self.line.push('-'),
                8 => self.line.push('T'),
                10 | 12 => self.line.push(':'),
                _ => {}
            }
            self.line.push(char::from(*digit));
        }
        self.line.push('"');
    }

    pub(crate) fn address(&mut self, name: &str, address: IpAddr) {
        self.name(name);
        self.line.push('"');
        match address {
            IpAddr::V4(address) => {
                let [first, others @ ..] = address.octets();
                self.decimal(i64::from(first));
                for octet in others {
                    self.line.push('.');
                    self.decimal(i64::from(octet));
                }
            }
            IpAddr::V6(address) => {
                let _ = write!(self.line, "{address}");
            }
        }
        self.line.push('"');
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.line.push(',');
        }
        self.empty = false;
        self.line.push('"');
        self.line.push_str(name);
        self.line.push_str("\":");
    }

    fn decimal(&mut self, number: i64) {
        if number < 0 {
            self.line.push('-');
        }
        let mut rest = number.unsigned_abs();
        let mut digits = [b'0'; 20];
        let mut count: usize = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' | u8::try_from(rest % 10).unwrap_or(0);
            count = count.saturating_add(1);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let used = digits.iter().skip(digits.len().saturating_sub(count));
        self.line.extend(used.copied().map(char::from));
    }

    fn quoted(&mut self, text: &str) {
        self.line.push('"');
        let harmless = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\';
        if text.len() <= LONGEST_TEXT && text.bytes().all(harmless) {
            self.line.push_str(text);
        } else {
            self.escaped(text);
        }
        self.line.push('"');
    }

    fn escaped(&mut self, text: &str) {
        for (at, character) in text.chars().enumerate() {
            match character {
                _ if at >= LONGEST_TEXT => {
                    self.line.push_str("...");
                    return;
                }
                '"' => self.line.push_str("\\\""),
                '\\' => self.line.push_str("\\\\"),
                control if control.is_control() => {
                    let _ = write!(self.line, "\\u{:04x}", u32::from(control));
                }
                plain => self.line.push(plain),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut JsonLine<'_>)) -> String {
        let mut line = String::new();
        let mut json = JsonLine::begin(&mut line);
        write(&mut json);
        json.end();
        line
    }

    #[test]
    fn numbers_are_written_as_they_are() {
        for number in [0, 7, 10, -1, i64::MAX, i64::MIN] {
            let line = written(|json| json.number("n", number));
            assert_eq!(line, format!("{{\"n\":{number}}}\n"));
        }
        assert_eq!(written(|json| json.numbers("n", &[])), "{}\n");
        let line = written(|json| json.numbers("n", &[1, -2]));
        assert_eq!(line, "{\"n\":[1,-2]}\n");
    }

    #[test]
    fn times_and_addresses_read_as_elsewhere() {
        let time = KerberosTime::from_unix(1_800_000_000);
        let line = written(|json| json.time("t", time));
        assert_eq!(line, format!("{{\"t\":\"{time}\"}}\n"));
        for text in ["192.0.2.10", "2001:db8::1"] {
            let line = written(|json| json.address("a", text.parse().unwrap()));
            assert_eq!(line, format!("{{\"a\":\"{text}\"}}\n"));
        }
    }

    #[test]
    fn texts_cannot_break_out() {
        let line = written(|json| json.text("t", "a\"b\\c\n\u{85}é"));
        assert_eq!(line, "{\"t\":\"a\\\"b\\\\c\\u000a\\u0085é\"}\n");
        let long = written(|json| json.text("t", &"é".repeat(500)));
        assert!(long.contains("...") && long.chars().count() < 300);
    }
}
