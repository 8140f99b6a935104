//! Local dates as MIT's programs print and read them.

use jiff::Timestamp;
use jiff::Zoned;
use jiff::civil::{self, DateTime};
use jiff::tz::TimeZone;

use crate::compat::locale::Locale;

/// Formats of a column of dates, best first: the first one that fits the width is taken.
const COLUMN_FORMATS: [&str; 9] = [
    "%c",
    "%d %b %Y %T",
    "%x %X",
    "%x %T",
    "%x %R",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
];

/// What a column of dates may take at most, when a program measures it.
const WIDEST_COLUMN: usize = 19;

/// Formats of an absolute time on a command line.
const TYPED_FORMATS: [&str; 12] = [
    "%Y%m%d%H%M%S",
    "%Y.%m.%d.%H.%M.%S",
    "%y%m%d%H%M%S",
    "%y.%m.%d.%H.%M.%S",
    "%y%m%d%H%M",
    "%H%M%S",
    "%H%M",
    "%T",
    "%R",
    "%x:%X",
    "%d-%b-%Y:%T",
    "%d-%b-%Y:%R",
];

/// The calendar of this process: its locale and its time zone.
pub(crate) struct Calendar {
    locale: Locale,
    zone: TimeZone,
    width: usize,
}

impl Calendar {
    /// The calendar that the environment asks for; `now` decides the width of columns.
    pub(crate) fn of_environment(now: i64) -> Self {
        let mut calendar = Self {
            locale: Locale::of_environment(),
            zone: TimeZone::system(),
            width: 15,
        };
        calendar.width = calendar
            .fitting(now, WIDEST_COLUMN)
            .map_or(15, |text| text.len());
        calendar
    }

    /// Bytes that a date takes in a column.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// A date in its column, filled up with blanks.
    pub(crate) fn column(&self, unix: i64) -> Vec<u8> {
        let mut text = self.fitting(unix, self.width).unwrap_or_default();
        if !text.is_empty() {
            text.resize(self.width, b' ');
        }
        text
    }

    /// The locale's own long form, `Wed Nov 25 09:13:09 2026`.
    pub(crate) fn long(&self, unix: i64) -> Vec<u8> {
        self.format(unix, b"%c").unwrap_or_default()
    }

    /// An absolute local time as typed, in seconds since 1970.
    pub(crate) fn parse(&self, text: &str, now: i64) -> Option<i64> {
        let today = self.zoned(now)?.datetime();
        TYPED_FORMATS.iter().find_map(|format| {
            let read = Reading::new(text, today).read(format, &self.locale)?;
            let zoned = self.zone.to_zoned(read.datetime()?).ok()?;
            Some(zoned.timestamp().as_second())
        })
    }

    fn fitting(&self, unix: i64, width: usize) -> Option<Vec<u8>> {
        COLUMN_FORMATS
            .iter()
            .filter_map(|format| self.format(unix, format.as_bytes()))
            .find(|text| !text.is_empty() && text.len() <= width)
    }

    fn format(&self, unix: i64, format: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        write_date(&mut text, format, &self.zoned(unix)?, &self.locale);
        Some(text)
    }

    fn zoned(&self, unix: i64) -> Option<Zoned> {
        Some(
            Timestamp::from_second(unix)
                .ok()?
                .to_zoned(self.zone.clone()),
        )
    }
}

/// strftime for the conversions that glibc's locales use in their date formats.
fn write_date(text: &mut Vec<u8>, format: &[u8], date: &Zoned, locale: &Locale) {
    let mut bytes = format.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            text.push(byte);
            continue;
        }
        let mut flag = None;
        let mut conversion = bytes.next();
        while let Some(c @ (b'-' | b'_' | b'0' | b'^' | b'#' | b'E' | b'O')) = conversion {
            flag = if matches!(c, b'-' | b'_' | b'0') {
                Some(c)
            } else {
                flag
            };
            conversion = bytes.next();
        }
        let Some(conversion) = conversion else { return };
        write_conversion(text, conversion, flag, date, locale);
    }
}

fn write_conversion(
    text: &mut Vec<u8>,
    conversion: u8,
    flag: Option<u8>,
    date: &Zoned,
    locale: &Locale,
) {
    let month = usize::try_from(date.month().saturating_sub(1)).unwrap_or(0);
    let day = usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or(0);
    let afternoon = date.hour() >= 12;
    let hour12 = match date.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let year = i64::from(date.year());
    let mut digits = |value: i64, fill: &str, width: usize| {
        let fill = match flag {
            Some(b'-') => "",
            Some(b'_') => " ",
            Some(_) => "0",
            None => fill,
        };
        let number = value.to_string();
        let missing = width.saturating_sub(number.len());
        text.extend_from_slice(fill.repeat(missing).as_bytes());
        text.extend_from_slice(number.as_bytes());
    };
    match conversion {
        b'd' => digits(date.day().into(), "0", 2),
        b'e' => digits(date.day().into(), " ", 2),
        b'm' => digits(date.month().into(), "0", 2),
        b'y' => digits(year.rem_euclid(100), "0", 2),
        b'C' => digits(year.div_euclid(100), "0", 2),
        b'Y' => digits(year, "0", 1),
        b'H' => digits(date.hour().into(), "0", 2),
        b'k' => digits(date.hour().into(), " ", 2),
        b'I' => digits(hour12.into(), "0", 2),
        b'l' => digits(hour12.into(), " ", 2),
        b'M' => digits(date.minute().into(), "0", 2),
        b'S' => digits(date.second().into(), "0", 2),
        b'j' => digits(date.day_of_year().into(), "0", 3),
        b'u' => digits(date.weekday().to_monday_one_offset().into(), "0", 1),
        b'w' => digits(date.weekday().to_sunday_zero_offset().into(), "0", 1),
        b'a' => text.extend_from_slice(locale.short_day(day)),
        b'A' => text.extend_from_slice(locale.day(day)),
        b'b' | b'h' => text.extend_from_slice(locale.short_month(month)),
        b'B' => text.extend_from_slice(locale.month(month)),
        b'p' => text.extend_from_slice(locale.am_pm(afternoon)),
        b'P' => text.extend(locale.am_pm(afternoon).iter().map(u8::to_ascii_lowercase)),
        b'Z' | b'z' => {
            let name = date
                .strftime(if conversion == b'Z' { "%Z" } else { "%z" })
                .to_string();
            text.extend_from_slice(name.as_bytes());
        }
        b'n' => text.push(b'\n'),
        b't' => text.push(b'\t'),
        b'%' => text.push(b'%'),
        other => match composite(other, locale) {
            Some(format) => write_date(text, format, date, locale),
            None => text.extend_from_slice(&[b'%', other]),
        },
    }
}

/// The format that a conversion stands for.
fn composite(conversion: u8, locale: &Locale) -> Option<&[u8]> {
    match conversion {
        b'c' => Some(locale.date_time_format()),
        b'x' => Some(locale.date_format()),
        b'X' => Some(locale.time_format()),
        b'r' => Some(locale.time_am_pm_format()),
        b'T' => Some(b"%H:%M:%S"),
        b'R' => Some(b"%H:%M"),
        b'D' => Some(b"%m/%d/%y"),
        b'F' => Some(b"%Y-%m-%d"),
        _ => None,
    }
}

/// strptime for [`TYPED_FORMATS`]: what is not in the text is as it is now.
#[derive(Clone)]
struct Reading<'a> {
    rest: &'a [u8],
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str, now: DateTime) -> Self {
        Self {
            rest: text.as_bytes(),
            year: now.year().into(),
            month: now.month().into(),
            day: now.day().into(),
            hour: now.hour().into(),
            minute: now.minute().into(),
            second: now.second().into(),
        }
    }

    fn read(mut self, format: &str, locale: &Locale) -> Option<Self> {
        self.conversions(format.as_bytes(), locale)?;
        self.blanks();
        self.rest.is_empty().then_some(self)
    }

    fn conversions(&mut self, format: &[u8], locale: &Locale) -> Option<()> {
        let mut format = format.iter().copied();
        while let Some(byte) = format.next() {
            if byte != b'%' {
                self.rest = self.rest.strip_prefix(&[byte])?;
                continue;
            }
            let mut conversion = format.next()?;
            while matches!(conversion, b'-' | b'_' | b'E' | b'O') {
                conversion = format.next()?;
            }
            self.conversion(conversion, locale)?;
        }
        Some(())
    }

    fn conversion(&mut self, conversion: u8, locale: &Locale) -> Option<()> {
        match conversion {
            b'Y' => self.year = self.number(4, 0..=9999)?,
            b'y' => {
                let year = self.number(2, 0..=99)?;
                self.year = if year < 69 {
                    year.checked_add(2000)?
                } else {
                    year.checked_add(1900)?
                };
            }
            b'm' => self.month = self.number(2, 1..=12)?,
            b'd' | b'e' => self.day = self.number(2, 1..=31)?,
            b'H' => self.hour = self.number(2, 0..=23)?,
            b'M' => self.minute = self.number(2, 0..=59)?,
            b'S' => self.second = self.number(2, 0..=61)?,
            b'b' => self.month = self.month_name(locale)?,
            other => self.conversions(composite(other, locale)?, locale)?,
        }
        Some(())
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn number(&mut self, most_digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.blanks();
        let digits = self
            .rest
            .iter()
            .take(most_digits)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        self.rest = rest;
        range.contains(&number).then_some(number)
    }

    fn month_name(&mut self, locale: &Locale) -> Option<i64> {
        (0..12).find_map(|month| {
            let rest = [locale.month(month), locale.short_month(month)]
                .iter()
                .find_map(|name| {
                    let (start, rest) = self.rest.split_at_checked(name.len())?;
                    start.eq_ignore_ascii_case(name).then_some(rest)
                })?;
            self.rest = rest;
            i64::try_from(month).ok()?.checked_add(1)
        })
    }

    /// Years before 1901 are taken for a slip. A day too many runs over, as mktime does it.
    fn datetime(&self) -> Option<DateTime> {
        if self.year <= 1900 {
            return None;
        }
        let start = civil::date(
            i16::try_from(self.year).ok()?,
            i8::try_from(self.month).ok()?,
            1,
        )
        .at(0, 0, 0, 0);
        let span = jiff::Span::new()
            .try_days(self.day.checked_sub(1)?)
            .and_then(|span| span.try_hours(self.hour))
            .and_then(|span| span.try_minutes(self.minute))
            .and_then(|span| span.try_seconds(self.second))
            .ok()?;
        start.checked_add(span).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Locale, TimeZone};

    /// 2026-11-22 09:13:31 UTC, a Sunday.
    const NOW: i64 = 1_795_338_811;

    fn calendar() -> Calendar {
        Calendar {
            locale: Locale::c(),
            zone: TimeZone::UTC,
            width: 17,
        }
    }

    #[test]
    fn prints_the_short_form_where_the_long_one_does_not_fit() {
        assert_eq!(calendar().column(NOW), b"11/22/26 09:13:31");
        assert_eq!(calendar().long(NOW), b"Sun Nov 22 09:13:31 2026");
    }

    #[test]
    fn reads_absolute_times() {
        for (text, unix) in [
            ("20261122091331", NOW),
            ("2026.11.22.09.13.31", NOW),
            ("261122091331", NOW),
            ("2611220913", NOW),
            ("091331", NOW),
            ("09:13:31", NOW),
            ("11/22/26:09:13:31", NOW),
            ("22-Nov-2026:09:13:31", NOW),
            ("09:13", NOW),
        ] {
            assert_eq!(calendar().parse(text, NOW), Some(unix), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in ["", "foo", "25:00", "20261322000000", "22-Foo-2026:09:13"] {
            assert_eq!(calendar().parse(text, NOW), None, "{text:?}");
        }
    }
}
