//! `filter_flags` and `enforce_flags`: `+NAME`, `-NAME`, `+0x10`, with blanks or commas between.

/// The names of RFC 2744's request flags. `INTEGRITIY` is how gssproxy spells what it documents as
/// `INTEGRITY`.
const NAMES: [(&str, u32); 8] = [
    ("DELEGATE", super::DELEGATE),
    ("MUTUAL_AUTH", 2),
    ("REPLAY_DETECT", 4),
    ("SEQUENCE", 8),
    ("CONFIDENTIALITY", 16),
    ("INTEGRITY", 32),
    ("INTEGRITIY", 32),
    ("ANONYMOUS", 64),
];

/// Applies a list to flags; words that say nothing are ignored and given to `ignored`.
pub(super) fn apply<'a>(list: &'a str, flags: u32, mut ignored: impl FnMut(&'a str)) -> u32 {
    let words = list.split([',', ' ']).filter(|word| !word.is_empty());
    words.fold(flags, |flags, word| match change(word) {
        Some(Change::Add(flag)) => flags | flag,
        Some(Change::Remove(flag)) => flags & !flag,
        None => {
            ignored(word);
            flags
        }
    })
}

/// Flags as a list of names, for people.
pub(super) fn names(flags: u32) -> String {
    let mut left = flags;
    let mut words = Vec::new();
    for (name, flag) in NAMES.iter().filter(|(name, _)| *name != "INTEGRITIY") {
        if left & flag != 0 {
            words.push((*name).to_owned());
            left &= !flag;
        }
    }
    if left != 0 {
        words.push(format!("{left:#x}"));
    }
    words.join(" ")
}

enum Change {
    Add(u32),
    Remove(u32),
}

fn change(word: &str) -> Option<Change> {
    if let Some(name) = word.strip_prefix('+') {
        return value(name).map(Change::Add);
    }
    value(word.strip_prefix('-')?).map(Change::Remove)
}

fn value(name: &str) -> Option<u32> {
    let named = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    named.map(|(_, flag)| *flag).or_else(|| number(name))
}

/// As C's `strtoul` with base 0; nothing above 32 bits, and not 0.
fn number(digits: &str) -> Option<u32> {
    let lower = digits.to_ascii_lowercase();
    let parsed = if let Some(hexadecimal) = lower.strip_prefix("0x") {
        unsigned(hexadecimal, 16)
    } else if lower.starts_with('0') {
        unsigned(&lower, 8)
    } else {
        unsigned(&lower, 10)
    };
    parsed.filter(|flag| *flag != 0)
}

fn unsigned(digits: &str, radix: u32) -> Option<u32> {
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::{apply, names};

    fn applied(list: &str, flags: u32) -> (u32, Vec<&str>) {
        let mut ignored = Vec::new();
        let flags = apply(list, flags, |word| ignored.push(word));
        (flags, ignored)
    }

    #[test]
    fn words_add_and_remove_by_name_and_number() {
        for (list, from, to) in [
            ("", 1, 1),
            ("-DELEGATE", 1, 0),
            ("-0x0001 +ANONYMOUS", 1, 64),
            ("+mutual_auth,+Sequence", 0, 10),
            ("+INTEGRITY", 0, 32),
            ("+INTEGRITIY", 0, 32),
            ("+0x10 -020 +3", 0, 3),
            ("+0XFF -REPLAY_DETECT , -CONFIDENTIALITY", 0, 0xEB),
        ] {
            assert_eq!(applied(list, from), (to, Vec::new()), "{list}");
        }
    }

    #[test]
    fn words_that_say_nothing_are_ignored_and_told() {
        assert_eq!(
            applied("DELEGATE +FOO -0 +0x +08 +++1 +2 +0x1ffffffff +", 1),
            (
                3,
                vec![
                    "DELEGATE",
                    "+FOO",
                    "-0",
                    "+0x",
                    "+08",
                    "+++1",
                    "+0x1ffffffff",
                    "+"
                ]
            )
        );
    }

    #[test]
    fn flags_are_named() {
        assert_eq!(names(0), "");
        assert_eq!(names(1 | 32 | 0x100), "DELEGATE INTEGRITY 0x100");
    }
}
