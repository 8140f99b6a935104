//! Lifetimes as people type them after -l, -r and -s: `10h`, `1d 12h`, `1-2:30:00`, `8:30`, `600`.
//!
//! The language is that of MIT's krb5_string_to_deltat: days, hours, minutes and seconds in this
//! order, blanks only before a number, `h:m[:s]` or `d-h:m:s` with two digits after the first
//! number, a plain number for seconds. What follows at the first character outside of the language
//! is ignored, as there.

use std::iter::Peekable;
use std::str::Chars;

/// Seconds; `None` when `text` is no lifetime or does not fit 32 bits.
pub(crate) fn parse(text: &str) -> Option<i32> {
    let mut reader = Reader {
        tokens: tokens(text).into_iter().peekable(),
    };
    let seconds = reader.lifetime()?;
    reader.tokens.next().is_none().then_some(seconds)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Number { value: i32, digits: usize },
    TooLarge,
    Blank,
    Mark(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '-' | ':' | 'd' | 'h' | 'm' | 's' => Token::Mark(c),
            '0'..='9' => number(c, &mut chars),
            ' ' | '\t' | '\n' => {
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                Token::Blank
            }
            _ => break,
        });
    }
    tokens
}

fn number(first: char, chars: &mut Peekable<Chars<'_>>) -> Token {
    let mut text = String::from(first);
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        text.push(digit);
    }
    match text.parse() {
        Ok(value) => Token::Number {
            value,
            digits: text.len(),
        },
        Err(_) => Token::TooLarge,
    }
}

struct Reader {
    tokens: Peekable<std::vec::IntoIter<Token>>,
}

const DAY: i32 = 86_400;
const HOUR: i32 = 3_600;
const MINUTE: i32 = 60;

impl Reader {
    fn lifetime(&mut self) -> Option<i32> {
        self.blank();
        let first = self.signed()?;
        match self.tokens.next() {
            None => Some(first),
            Some(Token::Mark('d')) => self.tail(first.checked_mul(DAY)?, &['h', 'm', 's']),
            Some(Token::Mark('h')) => self.tail(first.checked_mul(HOUR)?, &['m', 's']),
            Some(Token::Mark('m')) => self.tail(first.checked_mul(MINUTE)?, &['s']),
            Some(Token::Mark('s')) => Some(first),
            Some(Token::Mark(':')) => self.clock(None, first),
            Some(Token::Mark('-')) => {
                let hours = self.short_number()?;
                self.mark(':')?;
                self.clock(Some(first), hours)
            }
            Some(_) => None,
        }
    }

    /// What may follow a number with its unit: smaller units, each at most once, in order.
    fn tail(&mut self, so_far: i32, units: &[char]) -> Option<i32> {
        self.blank();
        if self.tokens.peek().is_none() {
            return Some(so_far);
        }
        let value = self.signed()?;
        let Some(Token::Mark(unit)) = self.tokens.next() else {
            return None;
        };
        let at = units.iter().position(|&known| known == unit)?;
        let smaller = units.get(at.checked_add(1)?..)?;
        let seconds = match unit {
            'h' => value.checked_mul(HOUR)?,
            'm' => value.checked_mul(MINUTE)?,
            _ => value,
        };
        let total = so_far.checked_add(seconds)?;
        if smaller.is_empty() {
            Some(total)
        } else {
            self.tail(total, smaller)
        }
    }

    /// `minutes[:seconds]` after `hours:`; the seconds are a must after days.
    fn clock(&mut self, days: Option<i32>, hours: i32) -> Option<i32> {
        let minutes = self.short_number()?;
        let seconds = match self.tokens.peek() {
            Some(Token::Mark(':')) => {
                self.mark(':')?;
                self.short_number()?
            }
            _ if days.is_none() => 0,
            _ => return None,
        };
        days.unwrap_or(0)
            .checked_mul(DAY)?
            .checked_add(hours.checked_mul(HOUR)?)?
            .checked_add(minutes.checked_mul(MINUTE)?)?
            .checked_add(seconds)
    }

    fn blank(&mut self) {
        let _skipped = self.tokens.next_if_eq(&Token::Blank);
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.tokens.next_if_eq(&Token::Mark(mark)).map(|_| ())
    }

    fn signed(&mut self) -> Option<i32> {
        let negative = self.mark('-').is_some();
        match self.tokens.next()? {
            Token::Number { value, .. } if negative => value.checked_neg(),
            Token::Number { value, .. } => Some(value),
            _ => None,
        }
    }

    fn short_number(&mut self) -> Option<i32> {
        match self.tokens.next()? {
            Token::Number { value, digits } if digits <= 2 => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_mit_reads() {
        for (text, seconds) in [
            ("600", 600),
            ("10h", 36_000),
            ("1d", 86_400),
            ("1d12h", 129_600),
            ("1d 12h 5m 3s", 129_903),
            (" 2m30s", 150),
            ("8:30", 30_600),
            ("8:30:15", 30_615),
            ("1-2:30:00", 95_400),
            ("100:00", 360_000),
            ("-5", -5),
            ("7dx", 604_800),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_mit_refuses() {
        for text in [
            "",
            "abc",
            "10 h",
            "1d2",
            "1h1h",
            "1m1h",
            "1:100",
            "1-2:30",
            "0-2:30",
            "5 ",
            "1s ",
            "99999999999",
            "30000d",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
