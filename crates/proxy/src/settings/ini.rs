//! The text of a configuration file, read as upstream's parser (ding-libs' libini, with
//! `INI_PARSE_NOWRAP`) reads it.
//!
//! Where that surprises, it is kept: a comment begins in the first column or not at all, a line that
//! begins with blanks is an option like any other, nothing continues on the next line, quotes and a
//! `#` behind a value are part of the value, and names are the same whatever their case.

use std::path::Path;
use std::sync::Arc;

use super::error::{Location, SettingsError, Syntax};

/// The longest name of a section, and one more than the longest of an option.
const LONGEST_NAME: usize = 1024;

/// Where options before the first header belong.
const DEFAULT_SECTION: &str = "default";

/// The sections of a file, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// In the order in which they first appear.
    pub(super) sections: Vec<Section>,
}

/// A section with all its options, also those of its repetitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its name as first written.
    pub(super) name: String,
    /// Its first header.
    pub(super) location: Location,
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
}

/// `name = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name as written.
    pub(super) name: String,
    /// The value without blanks around it.
    pub(super) value: String,
    /// The line.
    pub(super) location: Location,
}

impl Section {
    /// The option's first value.
    pub(super) fn first(&self, name: &str) -> Option<&Entry> {
        self.all(name).next()
    }

    /// All the option's values.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.name.eq_ignore_ascii_case(name))
    }
}

impl Document {
    /// The section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.name.eq_ignore_ascii_case(name))
    }

    fn position(&mut self, name: &str, location: Location) -> usize {
        let known = self
            .sections
            .iter()
            .position(|section| section.name.eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| {
            self.sections.push(Section {
                name: name.to_owned(),
                location,
                entries: Vec::new(),
            });
            self.sections.len().saturating_sub(1)
        })
    }
}

/// Reads a file's octets; `file` is for locations.
///
/// # Errors
/// [`SettingsError::Syntax`]
pub(super) fn parse(file: &Arc<Path>, octets: &[u8]) -> Result<Document, SettingsError> {
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    let mut document = Document::default();
    let mut current = None;
    let mut in_comment = false;
    let mut last_line = 0;
    for (index, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        last_line = index.saturating_add(1);
        let location = || Location {
            file: Arc::clone(file),
            line: last_line,
        };
        let fault = |syntax| SettingsError::Syntax {
            location: location(),
            syntax,
        };
        let line = text(line).map_err(fault)?;
        match read_line(line, &mut in_comment).map_err(fault)? {
            Line::Nothing => {}
            Line::Header(name) => current = Some(document.position(name, location())),
            Line::Option(name, value) => {
                let position =
                    *current.get_or_insert_with(|| document.position(DEFAULT_SECTION, location()));
                if let Some(section) = document.sections.get_mut(position) {
                    section.entries.push(Entry {
                        name: name.to_owned(),
                        value: value.to_owned(),
                        location: location(),
                    });
                }
            }
        }
    }
    if in_comment {
        return Err(SettingsError::Syntax {
            location: Location {
                file: Arc::clone(file),
                line: last_line,
            },
            syntax: Syntax::OpenComment,
        });
    }
    Ok(document)
}

enum Line<'a> {
    Nothing,
    Header(&'a str),
    Option(&'a str, &'a str),
}

fn text(line: &[u8]) -> Result<&str, Syntax> {
    let line = str::from_utf8(line).map_err(|_| Syntax::NotUtf8)?;
    if line.contains('\0') {
        return Err(Syntax::Nul);
    }
    Ok(line.trim_end_matches('\r'))
}

fn read_line<'a>(line: &'a str, in_comment: &mut bool) -> Result<Line<'a>, Syntax> {
    if is_comment(line, in_comment) || line.chars().all(is_space) {
        return Ok(Line::Nothing);
    }
    if line.starts_with('[') {
        return header(line).map(Line::Header);
    }
    let unindented = line.trim_start_matches([' ', '\t']);
    if unindented.starts_with(is_space) {
        return Err(Syntax::ControlCharacter);
    }
    option(unindented)
}

fn is_comment(line: &str, in_comment: &mut bool) -> bool {
    // The lengths keep `*/` alone on a line from ending a comment, and `/*/` from being a whole
    // one, as they do in libini.
    let ends = |least: usize| {
        let line = line.trim_end_matches(is_space);
        line.len() >= least && line.ends_with("*/")
    };
    if *in_comment {
        *in_comment = !ends(3);
        return true;
    }
    if line.starts_with("/*") {
        *in_comment = !ends(4);
        return true;
    }
    line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//")
}

fn header(line: &str) -> Result<&str, Syntax> {
    let name = line
        .trim_end_matches(is_space)
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .ok_or(Syntax::OpenHeader)?
        .trim_matches(is_space);
    if name.is_empty() {
        return Err(Syntax::NamelessSection);
    }
    checked_name(name, LONGEST_NAME)
}

fn option(line: &str) -> Result<Line<'_>, Syntax> {
    let (name, value) = line.split_once('=').ok_or(Syntax::NoEqualSign)?;
    let name = name.trim_end_matches(is_space);
    if name.is_empty() {
        return Err(Syntax::NamelessOption);
    }
    Ok(Line::Option(
        checked_name(name, LONGEST_NAME.saturating_sub(1))?,
        value.trim_matches(is_space),
    ))
}

fn checked_name(name: &str, longest: usize) -> Result<&str, Syntax> {
    if name.len() > longest {
        return Err(Syntax::LongName);
    }
    let refused = |character: char| character < ' ' || character == '!' || !character.is_ascii();
    if name.contains(refused) {
        return Err(Syntax::CharacterInName);
    }
    Ok(name)
}

/// C's `isspace`.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0B' | '\x0C')
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::{Document, Syntax, parse};
    use crate::settings::SettingsError;

    fn read(text: &str) -> Document {
        parse(&Arc::from(Path::new("t.conf")), text.as_bytes()).unwrap()
    }

    fn refusal(text: &[u8]) -> (usize, Syntax) {
        match parse(&Arc::from(Path::new("t.conf")), text).unwrap_err() {
            SettingsError::Syntax { location, syntax } => (location.line, syntax),
            other => unreachable!("{other}"),
        }
    }

    fn flat(document: &Document) -> Vec<(&str, &str, &str)> {
        document
            .sections
            .iter()
            .flat_map(|section| {
                section.entries.iter().map(|entry| {
                    (
                        section.name.as_str(),
                        entry.name.as_str(),
                        entry.value.as_str(),
                    )
                })
            })
            .collect()
    }

    #[test]
    fn blanks_around_names_and_values_do_not_count() {
        let document =
            read("[ service/a ]  \r\n\tmechs \t= krb5 \t\r\n  worker threads=\x0C4\x0B\n");
        assert_eq!(
            flat(&document),
            [
                ("service/a", "mechs", "krb5"),
                ("service/a", "worker threads", "4")
            ]
        );
    }

    #[test]
    fn a_comment_begins_in_the_first_column() {
        let document =
            read("# a\n; b\n// c\n/* d\n e */\n   \n[s]\na = 1 # two\n  # b = 2\n/c = 3\n");
        assert_eq!(
            flat(&document),
            [("s", "a", "1 # two"), ("s", "# b", "2"), ("s", "/c", "3")]
        );
        assert_eq!(refusal(b"[s]\n  # b\n"), (2, Syntax::NoEqualSign));
        assert_eq!(refusal(b"[s] # b\n"), (1, Syntax::OpenHeader));
    }

    #[test]
    fn a_long_comment_ends_where_libini_ends_it() {
        assert!(flat(&read("/**/\n/* x */ \n/*\n*/\n */\n")).is_empty());
        assert_eq!(refusal(b"/*/\n"), (2, Syntax::OpenComment));
        assert_eq!(refusal(b"/*\n*/"), (2, Syntax::OpenComment));
    }

    #[test]
    fn sections_and_options_are_the_same_in_any_case_and_merge() {
        let document = read("[Service/a]\nEUID = 0\n[other]\n[service/A]\neuid = 1\n");
        assert_eq!(document.sections.len(), 2);
        let section = document.section("SERVICE/A").unwrap();
        assert_eq!(section.name, "Service/a");
        assert_eq!(section.first("euid").unwrap().value, "0");
        assert_eq!(section.all("Euid").count(), 2);
        assert_eq!(section.all("Euid").last().unwrap().location.line, 5);
    }

    #[test]
    fn options_before_the_first_header_have_a_section_of_their_own() {
        let document = read("\u{FEFF}a = 1\n[default]\nb = = 2\n");
        assert_eq!(
            flat(&document),
            [("default", "a", "1"), ("default", "b", "= 2")]
        );
    }

    #[test]
    fn what_libini_refuses_is_refused() {
        for (text, line, syntax) in [
            (&b"[s]\nfoo\n"[..], 2, Syntax::NoEqualSign),
            (b"[s]\n = foo\n", 2, Syntax::NamelessOption),
            (b"[s\n", 1, Syntax::OpenHeader),
            (b"[\n", 1, Syntax::OpenHeader),
            (b"[]\n", 1, Syntax::NamelessSection),
            (b"[ ]\n", 1, Syntax::NamelessSection),
            (b"]\n", 1, Syntax::NoEqualSign),
            (b"  [s]\n", 1, Syntax::NoEqualSign),
            (b"\x0Ca = 1\n", 1, Syntax::ControlCharacter),
            (b" \x0B a = 1\n", 1, Syntax::ControlCharacter),
            (b"a!b = 1\n", 1, Syntax::CharacterInName),
            (b"a\tb = 1\n", 1, Syntax::CharacterInName),
            ("[caf\u{e9}]\n".as_bytes(), 1, Syntax::CharacterInName),
            (b"# \xE9\n", 1, Syntax::NotUtf8),
            (b"a = b\0c\n", 1, Syntax::Nul),
        ] {
            assert_eq!(refusal(text), (line, syntax), "{text:?}");
        }
        let long = "a".repeat(1024);
        assert_eq!(
            refusal(format!("{long}=1").as_bytes()),
            (1, Syntax::LongName)
        );
        assert_eq!(
            read(&format!("[{long}]\n{}=1", &long[1..])).sections.len(),
            1
        );
        assert_eq!(
            refusal(format!("[{long}a]").as_bytes()),
            (1, Syntax::LongName)
        );
    }
}
