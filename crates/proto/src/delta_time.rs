//! Lengths of time as people write them: `10h`, `1d 2h 30m`, `10:00:00`, `7-12:00:00`, `36000`.
//!
//! The grammar is that of MIT's `krb5_string_to_deltat`, which krb5.conf, `kinit -l` and kadmin
//! share, down to what it lets pass: it stops reading at the first character that it does not know,
//! so that `10 hours` is `10h`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::time::Duration;

const MINUTE: i32 = 60;
const HOUR: i32 = 3600;
const DAY: i32 = 86_400;

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It follows none of the forms.
    #[error("not a length of time: write it as 36000, 10h, 1d 2h 30m or 10:00:00")]
    Malformed,
    /// It is more than 68 years.
    #[error("the length of time is too large")]
    TooLarge,
    /// It is less than nothing.
    #[error("the length of time is negative")]
    Negative,
}

/// Reads a length of time in seconds, which may be negative, as `krb5_string_to_deltat` does.
///
/// # Errors
/// [`DeltaError::Malformed`] or [`DeltaError::TooLarge`].
pub fn parse_delta(text: &str) -> Result<i32, DeltaError> {
    Parser {
        rest: text.as_bytes(),
    }
    .delta()
}

/// Reads a length of time that a ticket may live or be renewed for.
///
/// ```
/// use core::time::Duration;
/// use kerbstone_proto::delta_time::parse_duration;
///
/// assert_eq!(parse_duration("1d 2h"), Ok(Duration::from_secs(26 * 3600)));
/// assert!(parse_duration("-5m").is_err());
/// ```
///
/// # Errors
/// As [`parse_delta`], and [`DeltaError::Negative`].
pub fn parse_duration(text: &str) -> Result<Duration, DeltaError> {
    let seconds = u64::try_from(parse_delta(text)?).map_err(|_| DeltaError::Negative)?;
    Ok(Duration::from_secs(seconds))
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    /// A number, and whether it has one or two digits, as minutes and seconds behind a colon must.
    Number {
        value: i32,
        is_short: bool,
    },
    TooLarge,
    Sign(u8),
    Blank,
    End,
}

/// One token of look-ahead decides everything in this grammar.
struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn delta(mut self) -> Result<i32, DeltaError> {
        let first = self.number()?.ok_or(DeltaError::Malformed)?;
        let total = match self.next() {
            Token::Sign(b'd') => {
                let rest = self.units(&[(b'h', HOUR), (b'm', MINUTE), (b's', 1)])?;
                sum(scaled(first, DAY)?, rest)
            }
            Token::Sign(b'h') => {
                let rest = self.units(&[(b'm', MINUTE), (b's', 1)])?;
                sum(scaled(first, HOUR)?, rest)
            }
            Token::Sign(b'm') => {
                let rest = self.units(&[(b's', 1)])?;
                sum(scaled(first, MINUTE)?, rest)
            }
            Token::Sign(b's') => Ok(first),
            Token::Sign(b'-') => {
                let hours = self.short_number()?;
                let minutes = self.behind_colon()?;
                let seconds = self.behind_colon()?;
                clock(scaled(first, DAY)?, hours, minutes, seconds)
            }
            Token::Sign(b':') => {
                let minutes = self.short_number()?;
                let seconds = if self.peek() == Token::Sign(b':') {
                    self.behind_colon()?
                } else {
                    0
                };
                clock(0, first, minutes, seconds)
            }
            Token::End => return Ok(first),
            _ => Err(DeltaError::Malformed),
        }?;
        match self.next() {
            Token::End => Ok(total),
            _ => Err(DeltaError::Malformed),
        }
    }

    /// Any of `units`, each at most once and in this order, then perhaps blanks.
    fn units(&mut self, units: &[(u8, i32)]) -> Result<i32, DeltaError> {
        let mut units = units.iter();
        let mut total = 0;
        while let Some(count) = self.number()? {
            let Token::Sign(sign) = self.next() else {
                return Err(DeltaError::Malformed);
            };
            let &(_, seconds) = units
                .find(|&&(unit, _)| unit == sign)
                .ok_or(DeltaError::Malformed)?;
            total = sum(scaled(count, seconds)?, total)?;
            if units.len() == 0 {
                break;
            }
        }
        Ok(total)
    }

    /// A number with blanks and a minus before it.
    fn number(&mut self) -> Result<Option<i32>, DeltaError> {
        if self.peek() == Token::Blank {
            self.next();
        }
        match self.peek() {
            Token::Sign(b'-') => {
                self.next();
                match self.next() {
                    Token::Number { value, .. } => Ok(value.checked_neg()),
                    _ => Err(DeltaError::Malformed),
                }
            }
            Token::Number { value, .. } => {
                self.next();
                Ok(Some(value))
            }
            Token::TooLarge => Err(DeltaError::TooLarge),
            _ => Ok(None),
        }
    }

    fn short_number(&mut self) -> Result<i32, DeltaError> {
        match self.next() {
            Token::Number {
                value,
                is_short: true,
            } => Ok(value),
            _ => Err(DeltaError::Malformed),
        }
    }

    fn behind_colon(&mut self) -> Result<i32, DeltaError> {
        match self.next() {
            Token::Sign(b':') => self.short_number(),
            _ => Err(DeltaError::Malformed),
        }
    }

    fn peek(&self) -> Token {
        Self { rest: self.rest }.next()
    }

    fn next(&mut self) -> Token {
        let Some((&first, rest)) = self.rest.split_first() else {
            return Token::End;
        };
        match first {
            b'-' | b':' | b'd' | b'h' | b'm' | b's' => {
                self.rest = rest;
                Token::Sign(first)
            }
            b' ' | b'\t' | b'\n' => {
                self.skip(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
                Token::Blank
            }
            b'0'..=b'9' => digits(self.skip(|byte| byte.is_ascii_digit())),
            _ => Token::End,
        }
    }

    fn skip(&mut self, belongs: fn(u8) -> bool) -> &[u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !belongs(byte))
            .unwrap_or(self.rest.len());
        let (skipped, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        skipped
    }
}

fn digits(digits: &[u8]) -> Token {
    let value = digits.iter().try_fold(0_i32, |value, &digit| {
        let digit = digit.checked_sub(b'0')?;
        value.checked_mul(10)?.checked_add(digit.into())
    });
    match value {
        Some(value) => Token::Number {
            value,
            is_short: digits.len() <= 2,
        },
        None => Token::TooLarge,
    }
}

fn scaled(count: i32, seconds: i32) -> Result<i32, DeltaError> {
    count.checked_mul(seconds).ok_or(DeltaError::TooLarge)
}

fn sum(one: i32, other: i32) -> Result<i32, DeltaError> {
    one.checked_add(other).ok_or(DeltaError::TooLarge)
}

fn clock(days: i32, hours: i32, minutes: i32, seconds: i32) -> Result<i32, DeltaError> {
    let with_hours = sum(days, scaled(hours, HOUR)?)?;
    sum(sum(with_hours, scaled(minutes, MINUTE)?)?, seconds)
}
