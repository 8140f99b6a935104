//! Times as people say them.

/// `11 h 59 min`, `2 d 3 h`, `45 s`: the two largest units.
pub(crate) fn duration(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.max(0);
    let mut words = Vec::new();
    for (length, unit) in UNITS {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
        if words.len() == 2 || (count == 0 && !words.is_empty()) {
            break;
        }
    }
    if words.is_empty() {
        "0 s".to_owned()
    } else {
        words.join(" ")
    }
}

/// `in 11 h 59 min` or `expired 3 min ago`.
pub(crate) fn until(unix: i64, now: i64) -> String {
    match unix.saturating_sub(now) {
        left if left > 0 => format!("in {}", duration(left)),
        past => format!("{} ago", duration(past.saturating_neg())),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, until};

    #[test]
    fn says_the_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (45, "45 s"),
            (600, "10 min"),
            (43_199, "11 h 59 min"),
            (36_000, "10 h"),
            (86_460, "1 d"),
            (183_600, "2 d 3 h"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn tells_past_from_future() {
        assert_eq!(until(160, 100), "in 1 min");
        assert_eq!(until(40, 100), "1 min ago");
    }
}
