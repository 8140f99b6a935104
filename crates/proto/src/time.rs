//! Points in time as Kerberos writes them (RFC 4120 5.2.3): whole seconds of UTC,
//! with microseconds beside them where a protocol needs to tell two moments apart.

use std::fmt;
use std::time::Duration;

use der::{
    DecodeValue, EncodeValue, Error, ErrorKind, FixedTag, Header, Length, Reader, Tag, Writer,
};

/// Bytes of `YYYYMMDDHHMMSSZ`.
const WIRE_LENGTH: usize = 15;
const SECONDS_PER_DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z, the first moment that four digits of a year can say.
const FIRST: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z, the last one.
const LAST: i64 = 253_402_300_799;

/// A moment in whole seconds since 1970-01-01T00:00:00Z.
///
/// On the wire it is a `GeneralizedTime` of exactly fifteen bytes, so every value lies in
/// the years 0000 to 9999. A client that wants "as long as possible" sends
/// [`KerberosTime::ZERO`] (`19700101000000Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KerberosTime(i64);

impl KerberosTime {
    /// 1970-01-01T00:00:00Z, by which the protocol says "not set" or "no limit".
    pub const ZERO: Self = Self(0);
    /// The last moment that the wire format can hold.
    pub const MAX: Self = Self(LAST);

    /// The moment `seconds` after 1970-01-01T00:00:00Z, clamped to the years 0000 to 9999.
    pub const fn from_unix(seconds: i64) -> Self {
        if seconds < FIRST {
            Self(FIRST)
        } else if seconds > LAST {
            Self(LAST)
        } else {
            Self(seconds)
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z; negative before that.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Whether this is 1970-01-01T00:00:00Z, the protocol's "not set".
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This moment and the whole seconds of `duration` later; `None` past the year 9999.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let seconds = self
            .0
            .checked_add(i64::try_from(duration.as_secs()).ok()?)?;
        (seconds <= LAST).then_some(Self(seconds))
    }

    /// This moment and the whole seconds of `duration` later, at most [`KerberosTime::MAX`].
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self::MAX)
    }

    /// The whole seconds of `duration` before this moment; never before the year 0000.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self::from_unix(self.0.saturating_sub(seconds))
    }

    /// How long after `earlier` this moment is; zero when it is not after.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The distance between two moments, whichever comes first.
    pub const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_secs(self.0.abs_diff(other.0))
    }

    /// The moment that `YYYYMMDDHHMMSSZ` names; `None` when it is written in any other way.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let text: &[u8; WIRE_LENGTH] = bytes.try_into().ok()?;
        let [digits @ .., b'Z'] = text else {
            return None;
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, mi1, mi2, s1, s2] =
            digits.map(|digit| i64::from(digit - b'0'));
        let year = y1 * 1000 + y2 * 100 + y3 * 10 + y4;
        let (month, day) = (mo1 * 10 + mo2, d1 * 10 + d2);
        let (hour, minute, second) = (h1 * 10 + h2, mi1 * 10 + mi2, s1 * 10 + s2);
        let in_calendar =
            (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        if !in_calendar || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        Some(Self(
            days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second,
        ))
    }

    /// `YYYYMMDDHHMMSSZ`.
    pub fn to_wire(self) -> [u8; WIRE_LENGTH] {
        let civil = Civil::from(self);
        let mut wire = *b"00000000000000Z";
        put_decimal(&mut wire[0..4], civil.year);
        put_decimal(&mut wire[4..6], civil.month);
        put_decimal(&mut wire[6..8], civil.day);
        put_decimal(&mut wire[8..10], civil.hour);
        put_decimal(&mut wire[10..12], civil.minute);
        put_decimal(&mut wire[12..14], civil.second);
        wire
    }
}

/// RFC 3339, for example `2026-11-22T08:15:00Z`.
impl fmt::Display for KerberosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = Civil::from(*self);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl fmt::Debug for KerberosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FixedTag for KerberosTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for KerberosTime {
    type Error = Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let mut wire = [0; WIRE_LENGTH];
        if header.length() != Length::new(WIRE_LENGTH as u32) {
            return Err(reader.error(ErrorKind::DateTime));
        }
        reader.read_into(&mut wire)?;
        Self::from_wire(&wire).ok_or_else(|| reader.error(ErrorKind::DateTime))
    }
}

impl EncodeValue for KerberosTime {
    fn value_len(&self) -> der::Result<Length> {
        Ok(Length::new(WIRE_LENGTH as u32))
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(&self.to_wire())
    }
}

/// A moment to the microsecond: what a machine is told when it is asked "what now?".
///
/// The microseconds are always in `0..=999_999`, the range of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// The whole seconds.
    pub time: KerberosTime,
    /// Microseconds after them, `0..=999_999`.
    pub usec: u32,
}

impl Timestamp {
    /// The moment `usec` microseconds after `time`; microseconds past 999,999 are cut to it.
    pub const fn new(time: KerberosTime, usec: u32) -> Self {
        Self {
            time,
            usec: if usec > 999_999 { 999_999 } else { usec },
        }
    }

    /// The moment that lies `since_1970` after 1970-01-01T00:00:00Z.
    pub fn from_unix_duration(since_1970: Duration) -> Self {
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        Self::new(KerberosTime::from_unix(seconds), since_1970.subsec_micros())
    }

    /// This moment and `duration` later (to the microsecond), at most the end of year 9999.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = u64::from(self.usec).saturating_add(u64::from(duration.subsec_micros()));
        let seconds = duration.as_secs().saturating_add(micros / 1_000_000);
        let usec = u32::try_from(micros % 1_000_000).unwrap_or(0);
        Self::new(self.time.saturating_add(Duration::from_secs(seconds)), usec)
    }

    /// How long after `earlier` this moment is; zero when it is not after.
    pub fn duration_since(self, earlier: Self) -> Duration {
        let micros = self.micros().saturating_sub(earlier.micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Microseconds since 1970; fits, as the seconds span ten thousand years only.
    const fn micros(self) -> i64 {
        self.time
            .0
            .saturating_mul(1_000_000)
            .saturating_add(self.usec as i64)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:06}us", self.time, self.usec)
    }
}

impl From<KerberosTime> for Timestamp {
    fn from(time: KerberosTime) -> Self {
        Self { time, usec: 0 }
    }
}

/// A moment taken apart by the calendar.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl From<KerberosTime> for Civil {
    fn from(time: KerberosTime) -> Self {
        let (year, month, day) = civil_from_days(time.0.div_euclid(SECONDS_PER_DAY));
        let rest = time.0.rem_euclid(SECONDS_PER_DAY);
        Self {
            year,
            month,
            day,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted
/// from March, so that the leap day is the last of its year.
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day counted from 1970-01-01: the inverse of [`days_from_civil`].
pub(crate) const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn put_decimal(digits: &mut [u8], mut value: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}
