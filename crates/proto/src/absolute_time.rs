//! Points in time as people write them: `20261122100000`, `22-Nov-2026:10:00`, `10:00`.
//!
//! The forms are those of MIT's `krb5_string_to_timestamp` in the C locale, which `kinit -s` and
//! kadmin share. What a form leaves out is taken from the present moment, even the seconds. The
//! local time zone is the caller's to know.
//!
//! One thing is not as there: a form that gives a time after 2106 is passed over. MIT takes
//! `261122100000` for the year 2611, which its 32 bits make 2066.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::time::{KerberosTime, civil_from_days, days_from_civil};

const SECONDS_PER_DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// In the notation of C's `strptime`, in the order in which they are tried.
const FORMS: [&str; 12] = [
    "%Y%m%d%H%M%S",
    "%Y.%m.%d.%H.%M.%S",
    "%y%m%d%H%M%S",
    "%y.%m.%d.%H.%M.%S",
    "%y%m%d%H%M",
    "%H%M%S",
    "%H%M",
    "%H:%M:%S",
    "%H:%M",
    "%m/%d/%y:%H:%M:%S",
    "%d-%b-%Y:%H:%M:%S",
    "%d-%b-%Y:%H:%M",
];

/// The text is of none of the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a point in time: write it as 20261122100000, 22-Nov-2026:10:00 or 10:00")]
pub struct NotATime;

/// A date and a time of day as a calendar and a clock on the wall show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The year; 2026 is 2026.
    pub year: i64,
    /// The month, from 1.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// The hour, from 0.
    pub hour: i64,
    /// The minute, from 0.
    pub minute: i64,
    /// The second, from 0.
    pub second: i64,
}

/// What clocks on walls show.
pub trait TimeZone {
    /// The local date and time at a moment.
    fn civil(&self, time: KerberosTime) -> CivilTime;

    /// The moment of a local date and time; a day past the end of its month is one of the next
    /// month, as with C's `mktime`. `None` when there is no such moment.
    fn moment(&self, civil: CivilTime) -> Option<KerberosTime>;
}

/// The zone of Greenwich, without summer time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utc;

impl TimeZone for Utc {
    fn civil(&self, time: KerberosTime) -> CivilTime {
        let (year, month, day) = civil_from_days(time.unix().div_euclid(SECONDS_PER_DAY));
        let second = time.unix().rem_euclid(SECONDS_PER_DAY);
        CivilTime {
            year,
            month,
            day,
            hour: second.div_euclid(3600),
            minute: second.div_euclid(60).rem_euclid(60),
            second: second.rem_euclid(60),
        }
    }

    fn moment(&self, civil: CivilTime) -> Option<KerberosTime> {
        let days = days_from_civil(civil.year, civil.month, civil.day);
        let minutes = civil.hour.checked_mul(60)?.checked_add(civil.minute)?;
        let seconds = minutes.checked_mul(60)?.checked_add(civil.second)?;
        let total = days.checked_mul(SECONDS_PER_DAY)?.checked_add(seconds)?;
        Some(KerberosTime::from_unix(total))
    }
}

/// Reads a point in time.
///
/// # Errors
/// The text is of none of the forms.
pub fn parse_time(
    text: &str,
    now: KerberosTime,
    zone: &impl TimeZone,
) -> Result<KerberosTime, NotATime> {
    let today = zone.civil(now);
    FORMS
        .iter()
        .filter_map(|form| read(text, form, today))
        .filter(|civil| civil.year > 1900)
        .filter_map(|civil| zone.moment(civil))
        .find(|moment| moment.unix() <= u32::MAX.into())
        .ok_or(NotATime)
}

/// As `strptime`, with nothing but blanks behind.
fn read(text: &str, form: &str, mut civil: CivilTime) -> Option<CivilTime> {
    let mut rest = text;
    let mut form = form.chars();
    while let Some(c) = form.next() {
        if c != '%' {
            rest = rest.strip_prefix(c)?;
            continue;
        }
        match form.next()? {
            'Y' => civil.year = number(&mut rest, 4, 0, 9999)?,
            'y' => civil.year = century(number(&mut rest, 2, 0, 99)?),
            'm' => civil.month = number(&mut rest, 2, 1, 12)?,
            'b' => civil.month = month(&mut rest)?,
            'd' => civil.day = number(&mut rest, 2, 1, 31)?,
            'H' => civil.hour = number(&mut rest, 2, 0, 23)?,
            'M' => civil.minute = number(&mut rest, 2, 0, 59)?,
            // Leap seconds, and the double ones that POSIX once believed in.
            'S' => civil.second = number(&mut rest, 2, 0, 61)?,
            _ => return None,
        }
    }
    rest.chars()
        .all(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'))
        .then_some(civil)
}

/// As glibc, leaves a digit to the next field when it could only make this number too large: the
/// month in `221000` is 2.
fn number(rest: &mut &str, digits: usize, least: i64, most: i64) -> Option<i64> {
    let mut text = rest.trim_start_matches(' ').chars();
    let mut value = None;
    for _ in 0..digits {
        let shifted = value.unwrap_or(0_i64).checked_mul(10)?;
        if shifted > most {
            break;
        }
        let mut ahead = text.clone();
        let Some(digit) = ahead.next().and_then(|c| c.to_digit(10)) else {
            break;
        };
        value = Some(shifted.checked_add(digit.into())?);
        text = ahead;
    }
    *rest = text.as_str();
    value.filter(|value| (least..=most).contains(value))
}

/// Two digits from 69 on are of the last century.
const fn century(year: i64) -> i64 {
    if year >= 69 {
        year.saturating_add(1900)
    } else {
        year.saturating_add(2000)
    }
}

/// A month's name, whole or by its first three letters.
fn month(rest: &mut &str) -> Option<i64> {
    let named = |name: &str| {
        let (start, after) = rest.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some(after)
    };
    let (number, after) = MONTHS.iter().zip(1..).find_map(|(name, number)| {
        let short = name.get(..3)?;
        Some((number, named(name).or_else(|| named(short))?))
    })?;
    *rest = after;
    Some(number)
}
