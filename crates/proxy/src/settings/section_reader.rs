//! A section's options as values with types.

use std::path::{Path, PathBuf};

use super::error::{SettingsError, ValueFault, Warning};
use super::ini::{Entry, Section};
use super::options::SectionKind;
use super::surroundings::Surroundings;

/// Options that may be given several times.
const REPEATABLE: &str = "cred_store";

/// Reads one section, and collects what is odd about it.
#[derive(Debug)]
pub(super) struct SectionReader<'a, S: ?Sized> {
    pub(super) section: &'a Section,
    pub(super) surroundings: &'a S,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl<'a, S: Surroundings + ?Sized> SectionReader<'a, S> {
    /// Warns of names that are not known, given twice, or look like comments, and of values that
    /// look as if they had a comment or quotes.
    pub(super) fn check_names(&mut self, kind: SectionKind) {
        let section = self.section;
        for (index, entry) in section.entries.iter().enumerate() {
            let earlier = section
                .entries
                .iter()
                .take(index)
                .find(|earlier| earlier.name.eq_ignore_ascii_case(&entry.name));
            if entry.name.starts_with(['#', ';']) {
                self.warn(
                    entry,
                    format!("`{}` is read as an option's name", entry.name),
                    "a comment begins in the first column",
                );
            } else if !kind.knows(&entry.name) {
                let help = kind.nearest(&entry.name).map_or_else(
                    || "the book's page on replacing gssproxy lists the options".to_owned(),
                    |known| format!("did you mean `{known}`?"),
                );
                let message = format!("unknown option `{}` is ignored", entry.name);
                self.warn(entry, message, help);
            } else if let Some(earlier) = earlier.filter(|earlier| {
                !earlier.name.eq_ignore_ascii_case(REPEATABLE) && earlier.value != entry.value
            }) {
                let message = format!(
                    "`{}` is given twice: the value of line {} counts",
                    entry.name, earlier.location.line
                );
                self.warn(entry, message, "remove one of the two");
            } else {
                self.check_value(entry);
            }
        }
    }

    fn check_value(&mut self, entry: &Entry) {
        let value = entry.value.as_str();
        if value.contains(" #") || value.contains("\t#") || value.contains(" ;") {
            self.warn(
                entry,
                format!(
                    "what looks like a comment is part of the value of `{}`",
                    entry.name
                ),
                "comments stand on lines of their own",
            );
        } else if value.len() > 1 && ['"', '\''].iter().any(|q| value.starts_with(*q)) {
            self.warn(
                entry,
                format!("the quotes are part of the value of `{}`", entry.name),
                "remove them: a value may have blanks without them",
            );
        }
    }

    /// The option's line.
    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.section.first(name)
    }

    /// The option's line, which the section must have.
    ///
    /// # Errors
    /// [`SettingsError::Missing`]
    pub(super) fn required(&self, option: &'static str) -> Result<&'a Entry, SettingsError> {
        self.entry(option).ok_or_else(|| SettingsError::Missing {
            location: self.section.location.clone(),
            section: self.section.name.clone(),
            option,
        })
    }

    /// The option's text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.entry(name).map(|entry| entry.value.clone())
    }

    /// Whether the option is on: `1`, `true`, `yes` or `on`. Anything else is off.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let entry = self.entry(name)?;
        let is_one_of = |words: [&str; 4]| {
            words
                .iter()
                .any(|word| entry.value.eq_ignore_ascii_case(word))
        };
        let on = is_one_of(["1", "true", "yes", "on"]);
        if !on && !is_one_of(["0", "false", "no", "off"]) {
            let message = format!("`{} = {}` is read as no", entry.name, entry.value);
            self.warn(entry, message, "write yes or no");
        }
        Some(on)
    }

    /// The whole number that the value begins with, as upstream reads it.
    ///
    /// # Errors
    /// There is none, or it is outside 32 bits.
    pub(super) fn number(&mut self, option: &'static str) -> Result<Option<i32>, SettingsError> {
        let Some(entry) = self.entry(option) else {
            return Ok(None);
        };
        let (number, rest) = leading_number(&entry.value)
            .and_then(|(number, rest)| Some((i32::try_from(number).ok()?, rest)))
            .ok_or_else(|| refusal(entry, option, ValueFault::Number))?;
        self.warn_of_rest(entry, number, rest);
        Ok(Some(number))
    }

    /// A count of ours: digits only.
    ///
    /// # Errors
    /// [`ValueFault::Number`]
    pub(super) fn count(&self, option: &'static str) -> Result<Option<usize>, SettingsError> {
        let parse = |entry: &Entry| {
            let count = entry.value.parse::<u32>().ok();
            count
                .and_then(|count| usize::try_from(count).ok())
                .ok_or_else(|| refusal(entry, option, ValueFault::Number))
        };
        self.entry(option).map(parse).transpose()
    }

    pub(super) fn warn_of_rest(&mut self, entry: &Entry, number: impl ToString, rest: &str) {
        if rest.is_empty() {
            return;
        }
        let message = format!(
            "`{} = {}` is read as {}",
            entry.name,
            entry.value,
            number.to_string()
        );
        self.warn(entry, message, "write digits only");
    }

    /// A user, by name or number.
    ///
    /// # Errors
    /// There is no such user, or the name service failed.
    pub(super) fn user(&self, option: &'static str) -> Result<Option<u32>, SettingsError> {
        self.identity(option, ValueFault::UnknownUser, |name| {
            self.surroundings.uid(name)
        })
    }

    /// A group, by name or number.
    ///
    /// # Errors
    /// There is no such group, or the name service failed.
    pub(super) fn group(&self, option: &'static str) -> Result<Option<u32>, SettingsError> {
        self.identity(option, ValueFault::UnknownGroup, |name| {
            self.surroundings.gid(name)
        })
    }

    fn identity(
        &self,
        option: &'static str,
        unknown: ValueFault,
        ask: impl Fn(&str) -> std::io::Result<Option<u32>>,
    ) -> Result<Option<u32>, SettingsError> {
        let Some(entry) = self.entry(option) else {
            return Ok(None);
        };
        if let Ok(number) = entry.value.parse() {
            return Ok(Some(number));
        }
        match ask(&entry.value) {
            Ok(Some(number)) => Ok(Some(number)),
            Ok(None) => Err(refusal(entry, option, unknown)),
            Err(error) => Err(refusal(
                entry,
                option,
                ValueFault::NameService(error.to_string()),
            )),
        }
    }

    /// Permissions as octal digits.
    ///
    /// # Errors
    /// [`ValueFault::Mode`]
    pub(super) fn mode(&self, option: &'static str) -> Result<Option<u32>, SettingsError> {
        let parse = |entry: &Entry| {
            u32::from_str_radix(&entry.value, 8)
                .ok()
                .filter(|mode| {
                    *mode <= 0o777 && entry.value.len() >= 3 && !entry.value.starts_with('+')
                })
                .ok_or_else(|| refusal(entry, option, ValueFault::Mode))
        };
        self.entry(option).map(parse).transpose()
    }

    /// An absolute path.
    ///
    /// # Errors
    /// [`ValueFault::RelativePath`]
    pub(super) fn absolute_path(
        &self,
        option: &'static str,
    ) -> Result<Option<PathBuf>, SettingsError> {
        let parse = |entry: &Entry| {
            let path = Path::new(&entry.value);
            if path.is_absolute() {
                Ok(path.to_owned())
            } else {
                Err(refusal(entry, option, ValueFault::RelativePath))
            }
        };
        self.entry(option).map(parse).transpose()
    }

    pub(super) fn warn(
        &mut self,
        entry: &Entry,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.warnings
            .push(Warning::new(&entry.location, message, help));
    }
}

/// The error of a value.
pub(super) fn refusal(entry: &Entry, option: &'static str, fault: ValueFault) -> SettingsError {
    SettingsError::Value {
        location: entry.location.clone(),
        option,
        value: entry.value.clone(),
        fault,
    }
}

/// The number at the beginning, and what follows it, as C's `strtoll` with base 10.
pub(super) fn leading_number(value: &str) -> Option<(i64, &str)> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let rest = digits.trim_start_matches(|character: char| character.is_ascii_digit());
    let number = value.strip_suffix(rest)?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::leading_number;

    #[test]
    fn a_number_ends_where_its_digits_end() {
        for (value, read) in [
            ("0", Some((0, ""))),
            ("12abc", Some((12, "abc"))),
            ("0x10", Some((0, "x10"))),
            ("-1", Some((-1, ""))),
            ("+7 # x", Some((7, " # x"))),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("abc", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(leading_number(value), read, "{value}");
        }
    }
}
