//! Options as the popt library reads them, with its words for mistakes.
//!
//! Clusters, glued values (`-cFILE`, `-c=FILE`, `--config=FILE`), `--`, operands anywhere; no abbreviations.

use std::collections::VecDeque;

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoptOption {
    /// Its long name.
    pub(super) long: &'static str,
    /// Its letter, if it has one.
    pub(super) short: Option<char>,
    /// What follows it.
    pub(super) value: Value,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing.
    None,
    /// Any text.
    Text,
    /// A number, in decimal, octal or hexadecimal.
    Number,
}

/// What was given for an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Nothing,
    Text(String),
    Number(i64),
}

/// A word that the program does not understand, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) word: String,
    pub(super) why: &'static str,
}

/// Reads a command line, the words after the program's name; operands are passed over.
pub(super) fn read(
    known: &'static [PoptOption],
    words: &[String],
) -> Result<Vec<(&'static str, Given)>, Mistake> {
    let mut words: VecDeque<&str> = words.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    while let Some(word) = words.pop_front() {
        if word == "--" {
            break;
        }
        if let Some(text) = word.strip_prefix("--") {
            let (name, glued) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let option = known.iter().find(|option| option.long == name);
            let option = option.ok_or_else(|| mistake(word, "unknown option"))?;
            found.push(option.take(word, glued, &mut words)?);
        } else if word.len() > 1 && word.starts_with('-') {
            cluster(known, word, &mut words, &mut found)?;
        }
    }
    Ok(found)
}

fn cluster(
    known: &'static [PoptOption],
    word: &str,
    words: &mut VecDeque<&str>,
    found: &mut Vec<(&'static str, Given)>,
) -> Result<(), Mistake> {
    let mut letters = word.get(1..).unwrap_or_default().chars();
    while let Some(letter) = letters.next() {
        let option = known.iter().find(|option| option.short == Some(letter));
        let option = option.ok_or_else(|| mistake(word, "unknown option"))?;
        if option.value == Value::None {
            found.push((option.long, Given::Nothing));
            continue;
        }
        let rest = letters.as_str();
        let glued = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest));
        found.push(option.take(word, glued, words)?);
        return Ok(());
    }
    Ok(())
}

impl PoptOption {
    fn take(
        &self,
        word: &str,
        glued: Option<&str>,
        words: &mut VecDeque<&str>,
    ) -> Result<(&'static str, Given), Mistake> {
        if self.value == Value::None {
            return match glued {
                Some(_) => Err(mistake(word, "option does not take an argument")),
                None => Ok((self.long, Given::Nothing)),
            };
        }
        let text = glued
            .or_else(|| words.pop_front())
            .ok_or_else(|| mistake(word, "missing argument"))?;
        let given = match self.value {
            Value::Number => number(text).ok_or_else(|| mistake(word, "invalid numeric value"))?,
            Value::None | Value::Text => Given::Text(text.to_owned()),
        };
        Ok((self.long, given))
    }
}

/// As `strtoll` with base 0 reads it.
fn number(text: &str) -> Option<Given> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hexadecimal) => (16, hexadecimal),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    let size = i64::from_str_radix(digits, base).ok()?;
    size.checked_mul(sign).map(Given::Number)
}

fn mistake(word: &str, why: &'static str) -> Mistake {
    Mistake {
        word: word.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[PoptOption] = &[
        PoptOption {
            long: "daemon",
            short: Some('D'),
            value: Value::None,
        },
        PoptOption {
            long: "config",
            short: Some('c'),
            value: Value::Text,
        },
        PoptOption {
            long: "level",
            short: None,
            value: Value::Number,
        },
    ];

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn values_are_glued_or_follow() {
        for line in [
            "-c a",
            "-ca",
            "-c=a",
            "--config=a",
            "--config a",
            "x -c a y",
        ] {
            let found = read(OPTIONS, &words(line)).unwrap();
            assert_eq!(found, [("config", Given::Text("a".to_owned()))], "{line}");
        }
        let found = read(OPTIONS, &words("-Dc a --level=0x10")).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[2], ("level", Given::Number(16)));
    }

    #[test]
    fn mistakes_are_told_with_the_whole_word() {
        let cases = [
            ("-Dx", "-Dx", "unknown option"),
            ("--conf", "--conf", "unknown option"),
            ("--config", "--config", "missing argument"),
            ("-c", "-c", "missing argument"),
            ("--level=x", "--level=x", "invalid numeric value"),
            ("--level=0x", "--level=0x", "invalid numeric value"),
            (
                "--daemon=3",
                "--daemon=3",
                "option does not take an argument",
            ),
        ];
        for (line, word, why) in cases {
            assert_eq!(read(OPTIONS, &words(line)), Err(mistake(word, why)));
        }
    }
}
