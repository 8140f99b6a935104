//! Values as they are typed: lengths of time, dates, attributes, enctypes.

use std::time::{Duration, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone as Zone;
use kerbstone_admin::{AttributeChange, Change};
use kerbstone_proto::absolute_time::{CivilTime, TimeZone, parse_time};
use kerbstone_proto::delta_time::parse_duration;
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::Keysalt;

use crate::commands::human;

/// A length of time: `10h`, `7d`.
pub(crate) fn length(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// A length of time, or `none`.
pub(crate) fn length_or_none(text: &str) -> Result<Change<Duration>, String> {
    match length(text) {
        _ if text == "none" => Ok(Change::Clear),
        Ok(Duration::ZERO) => Ok(Change::Clear),
        Ok(length) => Ok(Change::Set(length)),
        Err(error) => Err(format!("{error}, or none")),
    }
}

/// A point in time, `+30d` from now, or `never`.
pub(crate) fn time_or_never(text: &str) -> Result<Change<KerberosTime>, String> {
    if text == "never" {
        return Ok(Change::Clear);
    }
    let now = KerberosTime::from_unix(unix_now());
    if let Some(ahead) = text.strip_prefix('+') {
        return Ok(Change::Set(now.saturating_add(length(ahead)?)));
    }
    calendar_time(text)
        .or_else(|| parse_time(text, now, &Local).ok())
        .map(Change::Set)
        .ok_or_else(|| "write a time as 2027-01-31, \"2027-01-31 18:00\", +30d or never".to_owned())
}

/// Now, in seconds since 1970.
pub(crate) fn unix_now() -> i64 {
    let seconds = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// ISO 8601, in local time unless it names its zone.
fn calendar_time(text: &str) -> Option<KerberosTime> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(KerberosTime::from_unix(moment.as_second()));
    }
    let civil: DateTime = text.parse().ok()?;
    let moment = civil.to_zoned(Zone::system()).ok()?;
    Some(KerberosTime::from_unix(moment.timestamp().as_second()))
}

/// The zone of this process.
struct Local;

impl TimeZone for Local {
    fn civil(&self, time: KerberosTime) -> CivilTime {
        let moment = jiff::Timestamp::from_second(time.unix()).unwrap_or_default();
        let civil = moment.to_zoned(Zone::system());
        CivilTime {
            year: civil.year().into(),
            month: civil.month().into(),
            day: civil.day().into(),
            hour: civil.hour().into(),
            minute: civil.minute().into(),
            second: civil.second().into(),
        }
    }

    fn moment(&self, civil: CivilTime) -> Option<KerberosTime> {
        let civil = DateTime::new(
            i16::try_from(civil.year).ok()?,
            i8::try_from(civil.month).ok()?,
            i8::try_from(civil.day).ok()?,
            i8::try_from(civil.hour).ok()?,
            i8::try_from(civil.minute).ok()?,
            i8::try_from(civil.second).ok()?,
            0,
        );
        let moment = civil.ok()?.to_zoned(Zone::system()).ok()?;
        Some(KerberosTime::from_unix(moment.timestamp().as_second()))
    }
}

/// kadmin's flags: `+requires_preauth,-allow_tix`.
pub(crate) fn attributes(text: &str) -> Result<AttributeChange, String> {
    AttributeChange::parse(text).map_err(|error| match error.nearest {
        Some(nearest) => format!("{error}; did you mean `{nearest}`?"),
        None => error.to_string(),
    })
}

/// Enctypes with salts: `aes256-cts:normal,aes128-cts`.
pub(crate) fn keysalts(text: &str) -> Result<Keysalts, String> {
    let names = text.split([',', ' ']).filter(|name| !name.is_empty());
    let keysalts: Result<Vec<Keysalt>, _> = names.map(str::parse).collect();
    match keysalts {
        Ok(keysalts) if keysalts.is_empty() => Err("name at least one enctype".to_owned()),
        Ok(keysalts) => Ok(Keysalts(keysalts)),
        Err(error) => Err(error.to_string()),
    }
}

/// A list that is one value of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Keysalts(pub(crate) Vec<Keysalt>);

/// A time that may be missing, with how far off it is.
pub(crate) fn say_time(time: Option<KerberosTime>, missing: &str) -> String {
    match time {
        None => missing.to_owned(),
        Some(time) => format!("{time} ({})", human::until(time.unix(), unix_now())),
    }
}

/// A length of time that may be missing.
pub(crate) fn say_length(length: Option<Duration>, missing: &str) -> String {
    length.map_or_else(
        || missing.to_owned(),
        |length| human::duration(i64::try_from(length.as_secs()).unwrap_or(i64::MAX)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(text: &str) -> i64 {
        match time_or_never(text) {
            Ok(Change::Set(time)) => time.unix(),
            other => unreachable!("{text}: {other:?}"),
        }
    }

    #[test]
    fn times_are_read_in_the_forms_of_iso_and_of_mit() {
        assert_eq!(unix("2027-01-31T18:00:00Z"), 1_801_418_400);
        assert_eq!(unix("2027-01-31 18:00"), unix("20270131180000"));
        assert_eq!(unix("2027-01-31"), unix("2027-01-31 00:00"));
        assert!((unix("+1d") - unix_now() - 86_400).abs() <= 1);
        assert_eq!(time_or_never("never"), Ok(Change::Clear));
        assert!(time_or_never("soon").is_err());
    }

    #[test]
    fn lengths_can_be_taken_away() {
        assert_eq!(length_or_none("none"), Ok(Change::Clear));
        assert_eq!(length_or_none("0"), Ok(Change::Clear));
        assert_eq!(
            length_or_none("10h"),
            Ok(Change::Set(Duration::from_secs(36_000)))
        );
        assert!(length_or_none("long").is_err());
    }

    #[test]
    fn a_mistyped_attribute_gets_a_hint() {
        let error = attributes("+require_preauth").unwrap_err();
        assert!(error.contains("did you mean `requires_preauth`"), "{error}");
    }
}
