//! Options as glibc's getopt and getopt_long read them, with its words for mistakes.
//!
//! Clusters (`-fp`), glued values (`-l10h`), `--`, operands between options (unless POSIXLY_CORRECT
//! is set), and for programs with long options their unambiguous abbreviations and `--name=value`.

use std::collections::VecDeque;
use std::env;

use crate::console::{Console, err};

/// The options of one program.
pub(crate) struct Options {
    /// Letters, each followed by `:` when it takes a value.
    pub(crate) short: &'static str,
    /// Long names; none means that the program knows short options only.
    pub(crate) long: &'static [Long],
}

/// A long option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Long {
    /// The name without its two dashes.
    pub(crate) name: &'static str,
    /// Whether a value must follow.
    pub(crate) takes_value: bool,
    /// The letter that it stands for, or a letter of its own.
    pub(crate) letter: char,
}

/// What the command line says next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An option by its letter, with its value if it takes one.
    Option(char, Option<String>),
    /// A mistake; its message is written already.
    Mistake,
}

/// One reading of a command line.
pub(crate) struct Getopt {
    program: String,
    options: &'static Options,
    permute: bool,
    rest: VecDeque<String>,
    cluster: VecDeque<char>,
    operands: Vec<String>,
}

impl Getopt {
    /// Reads `arguments`, the words after the program's name.
    pub(crate) fn new(program: &str, arguments: &[String], options: &'static Options) -> Self {
        Self {
            program: program.to_owned(),
            options,
            permute: env::var_os("POSIXLY_CORRECT").is_none(),
            rest: arguments.iter().cloned().collect(),
            cluster: VecDeque::new(),
            operands: Vec::new(),
        }
    }

    /// The next option; `None` when only operands are left.
    pub(crate) fn next(&mut self, console: &mut Console) -> Option<Found> {
        loop {
            if let Some(letter) = self.cluster.pop_front() {
                return Some(self.short(letter, console));
            }
            let word = self.rest.pop_front()?;
            if word == "--" {
                self.operands.extend(self.rest.drain(..));
            } else if let Some(name) = word.strip_prefix("--").filter(|_| self.knows_long()) {
                return Some(self.long(name, console));
            } else if word.len() > 1 && word.starts_with('-') {
                self.cluster = word.chars().skip(1).collect();
            } else if self.permute {
                self.operands.push(word);
            } else {
                self.operands.push(word);
                self.operands.extend(self.rest.drain(..));
            }
        }
    }

    /// The words that are no options, in their order.
    pub(crate) fn operands(self) -> Vec<String> {
        self.operands
    }

    fn knows_long(&self) -> bool {
        !self.options.long.is_empty()
    }

    fn short(&mut self, letter: char, console: &mut Console) -> Found {
        let program = &self.program;
        let known = letter != ':' && letter != ';';
        let Some((at, _)) = self
            .options
            .short
            .char_indices()
            .find(|&(_, c)| known && c == letter)
        else {
            err!(console, "{program}: invalid option -- '{letter}'\n");
            return Found::Mistake;
        };
        if self.options.short.chars().skip(at).nth(1) != Some(':') {
            return Found::Option(letter, None);
        }
        let glued: String = self.cluster.drain(..).collect();
        let value = if glued.is_empty() {
            self.rest.pop_front()
        } else {
            Some(glued)
        };
        if value.is_none() {
            err!(
                console,
                "{program}: option requires an argument -- '{letter}'\n"
            );
            return Found::Mistake;
        }
        Found::Option(letter, value)
    }

    fn long(&mut self, text: &str, console: &mut Console) -> Found {
        let program = &self.program;
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let option = match find(self.options.long, name) {
            Match::One(option) => option,
            Match::None => {
                err!(console, "{program}: unrecognized option '--{name}'\n");
                return Found::Mistake;
            }
            Match::Several(names) => {
                let names: String = names.iter().map(|name| format!(" '--{name}'")).collect();
                err!(
                    console,
                    "{program}: option '--{text}' is ambiguous; possibilities:{names}\n"
                );
                return Found::Mistake;
            }
        };
        match (option.takes_value, value) {
            (false, Some(_)) => {
                err!(
                    console,
                    "{program}: option '--{}' doesn't allow an argument\n",
                    option.name
                );
                Found::Mistake
            }
            (false, None) => Found::Option(option.letter, None),
            (true, value) => match value.or_else(|| self.rest.pop_front()) {
                Some(value) => Found::Option(option.letter, Some(value)),
                None => {
                    err!(
                        console,
                        "{program}: option '--{}' requires an argument\n",
                        option.name
                    );
                    Found::Mistake
                }
            },
        }
    }
}

enum Match {
    None,
    One(Long),
    Several(Vec<&'static str>),
}

/// An exact name wins; a beginning serves when all names that begin so mean the same.
fn find(known: &[Long], name: &str) -> Match {
    if let Some(exact) = known.iter().find(|option| option.name == name) {
        return Match::One(*exact);
    }
    let candidates: Vec<&Long> = known
        .iter()
        .filter(|option| option.name.starts_with(name))
        .collect();
    match candidates.split_first() {
        None => Match::None,
        Some((first, others)) if others.iter().all(|other| other.same_effect(first)) => {
            Match::One(**first)
        }
        Some(_) => Match::Several(candidates.iter().map(|option| option.name).collect()),
    }
}

impl Long {
    fn same_effect(&self, other: &Self) -> bool {
        self.letter == other.letter && self.takes_value == other.takes_value
    }
}
