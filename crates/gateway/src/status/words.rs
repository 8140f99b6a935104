//! Figures as people read them.

use std::time::Duration;

/// `0`, `0.3`, `12`, `3.4k`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate < 0.05 => "0".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        rate if rate < 999.5 => format!("{rate:.0}"),
        rate => format!("{:.1}k", rate / 1000.0),
    }
}

/// `1,234,567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// `950 B`, `38.2 MiB`.
pub(super) fn octets(octets: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut left = octets as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        if left < 1024.0 {
            break;
        }
        (left, unit) = (left / 1024.0, larger);
    }
    format!("{left:.1} {unit}")
}

/// `850 µs`, `2.4 ms`, `1.3 s`.
pub(super) fn took(took: Duration) -> String {
    match took.as_micros() {
        micros @ 0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// `45 s`, `12 min`, `3 h 20 min`, `18 d 4 h`.
pub(super) fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(
            ["0", "0.3", "12", "3.4k"],
            [0.01, 0.3, 12.2, 3432.0].map(rate)
        );
        assert_eq!(
            ["7", "1,234", "1,234,567"],
            [7, 1234, 1_234_567].map(number)
        );
        assert_eq!(
            ["950 B", "1.0 KiB", "38.2 MiB"],
            [950, 1024, 40_055_603].map(octets)
        );
        let times = [850, 2_400, 1_300_000].map(Duration::from_micros);
        assert_eq!(["850 µs", "2.4 ms", "1.3 s"], times.map(took));
        let times = [45, 725, 12_000, 1_570_000].map(Duration::from_secs);
        assert_eq!(
            ["45 s", "12 min", "3 h 20 min", "18 d 4 h"],
            times.map(length)
        );
    }
}
