//! MIT's grammar, line by line.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ConfError, Location, Syntax};
use super::profile::{Relation, Section};
use super::source::{FileSource, is_included_name};

/// Realms' settings nest two deep; nobody needs this much.
const MAX_DEPTH: usize = 32;
/// How deep files may include each other.
const MAX_INCLUDE_DEPTH: usize = 16;
/// How many files one file of the search path may draw in.
const MAX_INCLUDES: usize = 1000;

/// Reads every file of the search path that exists.
pub(super) fn load(paths: &[PathBuf], source: &dyn FileSource) -> Result<Vec<Section>, ConfError> {
    let mut files = Vec::new();
    let mut denied = None;
    for path in paths {
        match source.read(path) {
            Ok(contents) => files.push(parse(path, &contents, source)?),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => {}
                io::ErrorKind::IsADirectory => files.push(parse_directory(path, source)?),
                io::ErrorKind::PermissionDenied => denied = Some(unreadable(path, &error)),
                _ => return Err(unreadable(path, &error)),
            },
        }
    }
    match denied {
        Some(error) if files.is_empty() => Err(error),
        _ => Ok(files),
    }
}

/// Reads one file with what it includes.
pub(super) fn parse(
    path: &Path,
    contents: &[u8],
    source: &dyn FileSource,
) -> Result<Section, ConfError> {
    let mut parser = Parser::new(source);
    parser.file(path, contents)?;
    Ok(parser.root)
}

fn parse_directory(path: &Path, source: &dyn FileSource) -> Result<Section, ConfError> {
    let mut parser = Parser::new(source);
    let at = Location {
        file: path.into(),
        line: 0,
    };
    parser.include_directory(path, &at)?;
    Ok(parser.root)
}

fn unreadable(path: &Path, error: &io::Error) -> ConfError {
    ConfError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// What all files of one tree share.
struct Parser<'a> {
    source: &'a dyn FileSource,
    root: Section,
    /// The files that are being read, outermost first.
    open: Vec<Arc<Path>>,
    includes: usize,
}

/// Where in a file the parser stands. Each file begins anew.
#[derive(Default)]
struct Position {
    expects: Expects,
    /// The sections around the line, that of `[ ]` first; without those that are discarded.
    path: Vec<String>,
    /// 0 before the first section, 1 in a section, 2 and more in braces.
    level: usize,
    /// The level at which a section began that had been marked final before: its lines are dropped.
    discard: Option<usize>,
}

#[derive(Default, PartialEq)]
enum Expects {
    /// Anything: before the first `[`, all is comment.
    #[default]
    FirstSection,
    Line,
    Brace,
}

impl<'a> Parser<'a> {
    fn new(source: &'a dyn FileSource) -> Self {
        Self {
            source,
            root: Section::default(),
            open: Vec::new(),
            includes: 0,
        }
    }

    fn file(&mut self, path: &Path, contents: &[u8]) -> Result<(), ConfError> {
        let file: Arc<Path> = path.into();
        self.open.push(Arc::clone(&file));
        let mut position = Position::default();
        for (line, number) in contents.split(|&byte| byte == b'\n').zip(1..) {
            let at = Location {
                file: Arc::clone(&file),
                line: number,
            };
            // To MIT a line is a C string.
            let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
            self.line(&String::from_utf8_lossy(line), &mut position, at)?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(&mut self, line: &str, position: &mut Position, at: Location) -> Result<(), ConfError> {
        let line = line.trim_end_matches('\r');
        if let Some(path) = directive(line, "include") {
            return self.include(Path::new(path), &at);
        }
        if let Some(path) = directive(line, "includedir") {
            return self.include_directory(Path::new(path), &at);
        }
        if position.expects == Expects::FirstSection && directive(line, "module").is_some() {
            let problem = Syntax::Module;
            return Err(ConfError::Syntax { at, problem });
        }
        position
            .line(line, &at, &mut self.root)
            .map_err(|problem| ConfError::Syntax { at, problem })
    }

    fn include(&mut self, path: &Path, at: &Location) -> Result<(), ConfError> {
        let refused = |problem| ConfError::Syntax {
            at: at.clone(),
            problem,
        };
        if self.open.iter().any(|open| **open == *path) {
            return Err(refused(Syntax::IncludeLoop));
        }
        self.includes = self.includes.saturating_add(1);
        if self.includes > MAX_INCLUDES || self.open.len() > MAX_INCLUDE_DEPTH {
            return Err(refused(Syntax::TooManyIncludes));
        }
        let contents = self
            .source
            .read(path)
            .map_err(|error| not_included(path, at, &error))?;
        self.file(path, &contents)
    }

    fn include_directory(&mut self, directory: &Path, at: &Location) -> Result<(), ConfError> {
        let mut names = self
            .source
            .list(directory)
            .map_err(|error| not_included(directory, at, &error))?;
        names.sort();
        names
            .iter()
            .filter(|name| name.to_str().is_some_and(is_included_name))
            .try_for_each(|name| self.include(&directory.join(name), at))
    }
}

fn not_included(path: &Path, at: &Location, error: &io::Error) -> ConfError {
    ConfError::Include {
        at: at.clone(),
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// What follows `word` and blanks, if the line begins with them in its first column.
fn directive<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    rest.starts_with(is_space)
        .then(|| rest.trim_start_matches(is_space))
}

/// C's `isspace`.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

impl Position {
    fn line(&mut self, line: &str, at: &Location, root: &mut Section) -> Result<(), Syntax> {
        match self.expects {
            Expects::FirstSection if !line.starts_with('[') => return Ok(()),
            Expects::FirstSection => self.expects = Expects::Line,
            Expects::Brace => {
                self.expects = Expects::Line;
                let opens = line.trim_start_matches(is_space).starts_with('{');
                return if opens {
                    Ok(())
                } else {
                    Err(Syntax::MissingBrace)
                };
            }
            Expects::Line => {}
        }
        let line = line.trim_start_matches(is_space);
        match line.chars().next() {
            None | Some('#' | ';') => Ok(()),
            Some('[') => self.section(line, root),
            Some('}') => self.close(line, root),
            Some(_) => self.relation(line, at, root),
        }
    }

    /// `[name]`, `[name]*`
    fn section(&mut self, line: &str, root: &mut Section) -> Result<(), Syntax> {
        if self.level > 1 {
            return Err(Syntax::SectionInBraces);
        }
        let (name, rest) = line
            .strip_prefix('[')
            .and_then(|line| line.split_once(']'))
            .ok_or(Syntax::Section)?;
        self.path = vec![name.to_owned()];
        self.level = 1;
        let section = root.descend(&self.path);
        self.discard = section.is_final.then_some(self.level);
        let rest = match rest.strip_prefix('*') {
            Some(rest) => {
                section.is_final = true;
                rest
            }
            None => rest,
        };
        if rest.trim_start_matches(is_space).is_empty() {
            Ok(())
        } else {
            Err(Syntax::Section)
        }
    }

    /// `}`, `}*`; whatever else is on the line does not matter to MIT.
    fn close(&mut self, line: &str, root: &mut Section) -> Result<(), Syntax> {
        if self.level < 2 {
            return Err(Syntax::ExtraBrace);
        }
        if line.starts_with("}*") {
            root.descend(&self.path).is_final = true;
        }
        self.level = self.level.saturating_sub(1);
        if self.discard.is_some_and(|level| self.level < level) {
            self.discard = None;
        }
        if self.discard.is_none() {
            self.path.pop();
        }
        Ok(())
    }

    /// `name = value`, `name = "value"`, `name = {`, `name =` and `{` on the next line; each with
    /// `*` behind the name to make it final.
    fn relation(&mut self, line: &str, at: &Location, root: &mut Section) -> Result<(), Syntax> {
        let (name, value) = line.split_once('=').ok_or(Syntax::Relation)?;
        let name = name.trim_end_matches(is_space);
        if name.is_empty() || name.contains(is_space) {
            return Err(Syntax::Relation);
        }
        let (name, is_final) = match name.split_once('*') {
            Some((name, _)) => (name, true),
            None => (name, false),
        };
        let value = value.trim_start_matches(is_space);
        if value.is_empty() {
            self.expects = Expects::Brace;
            return self.open(name, is_final, root);
        }
        if value.trim_end_matches(is_space) == "{" {
            return self.open(name, is_final, root);
        }
        let relation = Relation {
            value: match value.strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => value.trim_end_matches(is_space).to_owned(),
            },
            at: at.clone(),
            is_final,
        };
        if self.discard.is_none() {
            root.descend(&self.path).add(name, relation);
        }
        Ok(())
    }

    fn open(&mut self, name: &str, is_final: bool, root: &mut Section) -> Result<(), Syntax> {
        if self.level >= MAX_DEPTH {
            return Err(Syntax::TooDeep(MAX_DEPTH));
        }
        self.level = self.level.saturating_add(1);
        if self.discard.is_some() {
            return Ok(());
        }
        self.path.push(name.to_owned());
        let section = root.descend(&self.path);
        self.discard = section.is_final.then_some(self.level);
        section.is_final |= is_final;
        Ok(())
    }
}

/// The text up to the closing quote, or to the end of the line where there is none.
fn unquote(quoted: &str) -> String {
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => text.push(match chars.next() {
                None => '\\',
                Some('n') => '\n',
                Some('t') => '\t',
                Some('b') => '\x08',
                Some(other) => other,
            }),
            other => text.push(other),
        }
    }
    text
}
