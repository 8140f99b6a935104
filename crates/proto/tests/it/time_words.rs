//! Lengths of time and points in time, as MIT's library reads them.

use core::time::Duration;
use std::time::SystemTime;

use kerbstone_proto::absolute_time::{NotATime, TimeZone as _, Utc, parse_time};
use kerbstone_proto::delta_time::{DeltaError, parse_delta, parse_duration};

use kerbstone_proto::time::{KerberosTime, Timestamp};

use crate::mit;

/// Every text of up to `length` pieces; the pieces are what the grammar is made of.
fn texts(length: usize) -> Vec<String> {
    let pieces = ["1", "25", "100", "d", "h", "m", "s", ":", "-", " "];
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..length {
        longest = longest
            .iter()
            .flat_map(|text| pieces.iter().map(move |piece| format!("{text}{piece}")))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

#[test]
fn lengths_of_time_are_those_of_mit() {
    let mut texts = texts(4);
    texts.extend(
        [
            "1d 2h 30m 5s",
            "1d2h",
            "1d 2h ",
            "10:00:00",
            "10:00",
            "7-12:00:00",
            "7-12:00",
            "36000",
            "7d",
            "10 hours",
            "3 days",
            "1h30m",
            "1m1h",
            "99999999999",
            "24855d",
            "24856d",
            "596523h",
            "596524h",
            "2147483647",
            "2147483648",
            "-5",
            "-1d 2h",
            "1d -2h",
            "1:2:3",
            "1:100",
            "100:00:00",
            "\t5\t",
            "5\u{b}",
            "5x",
            "é",
            "1d5",
            "0",
            "00000000005",
            "1-2:3:4",
            "1d-5s",
            "1-100:00:00",
            "1d 2h 3h",
            "35791394m",
            "35791395m",
            "1 d",
            "0x10",
            "1.5h",
            "1D",
            "1d 2h 3m 4s ",
            "1d\n2h",
            "-2147483647",
            "- 5",
            "--5",
        ]
        .map(str::to_owned),
    );
    texts.retain(|text| !text.contains('\n'));
    let questions: Vec<String> = texts.iter().map(|text| format!("delta {text}")).collect();
    let Some(answers) = mit::ask("/dev/null", &questions) else {
        return;
    };
    for (text, theirs) in texts.iter().zip(answers) {
        let ours = match parse_delta(text) {
            Ok(seconds) => seconds.to_string(),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(ours, theirs, "{text:?}");
    }
}

#[test]
fn says_what_is_wrong_with_a_length_of_time() {
    assert_eq!(parse_duration("-5"), Err(DeltaError::Negative));
    assert_eq!(parse_duration("ten"), Err(DeltaError::Malformed));
    assert_eq!(parse_duration("99999d"), Err(DeltaError::TooLarge));
    assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
}

fn now() -> KerberosTime {
    Timestamp::from_unix_duration(SystemTime::UNIX_EPOCH.elapsed().unwrap()).time
}

#[test]
fn points_in_time_are_those_of_mit() {
    let texts = [
        "20261122100000",
        "2026.11.22.10.00.00",
        "26.11.22.10.00.00",
        "200131100000",
        "99.11.22.10.00.00",
        "2026.1.2.3.4.5",
        "2611221000",
        "100000",
        "1000",
        "10:00:00",
        "10:00",
        "11/22/26:10:00:00",
        "22-Nov-2026:10:00:00",
        "22-november-2026:10:00",
        "22-NOV-2026:10:00 ",
        "2-Feb-2026:1:2",
        "31-Feb-2026:10:00",
        "29-Feb-2024:23:59:60",
        "01-Jan-1970:00:00:00",
        "22-Nov-1899:10:00",
        "22-Nov-2026",
        "2026-11-22 10:00",
        "202611221000",
        "20261322100000",
        "200101010101",
        "7",
        "25:00",
        "10:60",
        "now",
        "",
        " 10:00",
        "1 2 3",
        "1:2",
        "20261122100000x",
        "20261122100000 \t",
        "may",
    ];
    let questions: Vec<String> = texts
        .iter()
        .map(|text| format!("timestamp {text}"))
        .collect();
    let before = now();
    let Some(answers) = mit::ask("/dev/null", &questions) else {
        return;
    };
    let after = now();
    for (text, theirs) in texts.iter().zip(answers) {
        // What a text leaves out is taken from the clock, which went on while MIT answered.
        let mut ours = (before.unix()..=after.unix())
            .map(|second| parse_time(text, KerberosTime::from_unix(second), &Utc));
        let theirs = theirs
            .parse()
            .map(KerberosTime::from_unix)
            .map_err(|_| NotATime);
        assert!(ours.any(|ours| ours == theirs), "{text:?}: {theirs:?}");
    }
}

#[test]
fn twelve_digits_begin_with_a_short_year() {
    let read = parse_time("261122100000", now(), &Utc);
    assert_eq!(read.unwrap().to_string(), "2026-11-22T10:00:00Z");
}

#[test]
fn the_wall_clock_of_greenwich_goes_both_ways() {
    for seconds in [0, 951_782_399, 951_782_400, 4_102_444_799, -1] {
        let time = KerberosTime::from_unix(seconds);
        assert_eq!(Utc.moment(Utc.civil(time)), Some(time));
    }
}
