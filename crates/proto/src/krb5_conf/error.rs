//! What can be wrong with a configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::delta_time::DeltaError;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// How a line breaks the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    /// A `[section]` inside `{ }`.
    #[error("a section cannot begin inside braces: close them with `}}` first")]
    SectionInBraces,
    /// `[` without `]`, or something behind it.
    #[error("a section header is `[name]` and nothing else on the line")]
    Section,
    /// No `=`, nothing before it, or more than one word before it.
    #[error("expected `name = value`")]
    Relation,
    /// `}` without a `{` before it.
    #[error("this `}}` closes nothing")]
    ExtraBrace,
    /// `name =` and then a line that does not begin with `{`.
    #[error("the line above ends with `=`, so this one must begin with `{{`")]
    MissingBrace,
    /// More levels of braces than any program has a use for.
    #[error("braces are nested more than {0} deep")]
    TooDeep(usize),
    /// `module PATH:RESIDUAL` would load a library that answers in place of the file.
    #[error(
        "`module` loads a library in place of this file, which is not supported: write the settings here"
    )]
    Module,
    /// A file that includes itself, directly or through others.
    #[error("the file is included from itself")]
    IncludeLoop,
    /// So many files, or so deep, that a mistake is certain.
    #[error("too many included files")]
    TooManyIncludes,
}

/// Why a configuration, or a value in it, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfError {
    /// A line is not of the grammar.
    #[error("{at}: {problem}")]
    Syntax {
        /// The line.
        at: Location,
        /// What is wrong with it.
        problem: Syntax,
    },
    /// `include` or `includedir` names something that cannot be read. Make it readable, or remove
    /// the line.
    #[error("{at}: cannot include {}: {reason}", .path.display())]
    Include {
        /// The line.
        at: Location,
        /// What is named there.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file of the search path exists but cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A value is not of the kind that its relation takes.
    #[error("{at}: {name} = {value}: expected {expected}")]
    Value {
        /// The line.
        at: Location,
        /// The relation.
        name: String,
        /// What is written.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A value is not a length of time.
    #[error("{at}: {name} = {value}: {reason}")]
    Duration {
        /// The line.
        at: Location,
        /// The relation.
        name: String,
        /// What is written.
        value: String,
        /// What is wrong with it.
        reason: DeltaError,
    },
    /// A list of enctypes names none that may be used.
    #[error("{at}: {name} = {value}: no enctype in it can be used here")]
    NoEnctype {
        /// The line.
        at: Location,
        /// The relation.
        name: String,
        /// What is written.
        value: String,
    },
}
