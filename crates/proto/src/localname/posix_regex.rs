//! From POSIX extended regular expressions, as glibc reads them, to the `regex` crate's.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::iter::Peekable;
use core::str::Chars;

/// The same pattern for the `regex` crate; `None` for one that glibc refuses too, or that only a
/// backtracking engine can match.
pub(super) fn translate(pattern: &str) -> Option<String> {
    Translator {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len()),
        groups: 0,
        before: Before::Nothing,
    }
    .run()
}

/// What stands before the next character.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// The beginning of an alternative: nothing that could be repeated.
    Nothing,
    /// Something that can be.
    Atom,
    /// A repetition: `a*?` means lazy to the crate, and `(a*)?` to POSIX.
    Repetition,
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    groups: usize,
    before: Before,
}

impl Translator<'_> {
    fn run(mut self) -> Option<String> {
        while let Some(c) = self.rest.next() {
            let before = core::mem::replace(&mut self.before, Before::Atom);
            match c {
                '\\' => self.escape()?,
                '[' => self.bracket()?,
                '(' => {
                    self.groups = self.groups.checked_add(1)?;
                    self.opens('(');
                }
                '^' | '|' => self.opens(c),
                ')' if self.groups == 0 => self.out.push_str(r"\)"),
                ')' => {
                    self.groups = self.groups.checked_sub(1)?;
                    self.out.push(')');
                }
                '*' | '+' | '?' => self.repeat(c, before)?,
                '{' if before == Before::Nothing => return None,
                '{' => self.count()?,
                '}' => self.out.push_str(r"\}"),
                other => self.out.push(other),
            }
        }
        Some(self.out)
    }

    /// GNU's word classes and anchors; a back-reference cannot be had; any other character is
    /// itself.
    fn escape(&mut self) -> Option<()> {
        match self.rest.next()? {
            '1'..='9' => return None,
            c @ ('w' | 'W' | 's' | 'S' | 'b' | 'B' | '<' | '>') => {
                self.out.push('\\');
                self.out.push(c);
            }
            '`' => self.out.push_str(r"\A"),
            '\'' => self.out.push_str(r"\z"),
            c => self.literal(c),
        }
        Some(())
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() && c != '<' && c != '>' {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn opens(&mut self, c: char) {
        self.out.push(c);
        self.before = Before::Nothing;
    }

    fn repeat(&mut self, c: char, before: Before) -> Option<()> {
        self.before = Before::Repetition;
        match (before, c) {
            (Before::Nothing, _) => return None,
            (Before::Repetition, '?') => self.out.push_str("{0,1}"),
            _ => self.out.push(c),
        }
        Some(())
    }

    /// `{2}`, `{2,}`, `{2,3}` and glibc's `{,3}`; other braces are errors to it.
    fn count(&mut self) -> Option<()> {
        let mut ahead = self.rest.clone();
        let inside: String = ahead.by_ref().take_while(|&c| c != '}').take(16).collect();
        let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
        if inside.len() >= 16 || inside.is_empty() || !is_number(least) || !is_number(most) {
            return None;
        }
        self.out.push('{');
        if least.is_empty() {
            self.out.push('0');
        }
        self.out.push_str(&inside);
        self.out.push('}');
        self.rest = ahead;
        self.before = Before::Repetition;
        Some(())
    }

    /// In brackets nothing is special to POSIX but `]`, `-`, a leading `^`, and `[:class:]`.
    fn bracket(&mut self) -> Option<()> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            match self.rest.next()? {
                ']' if !is_first => break,
                '[' => self.class()?,
                '-' if is_first || self.rest.peek() == Some(&']') => self.out.push_str(r"\-"),
                '-' => self.out.push('-'),
                c => self.literal(c),
            }
            is_first = false;
        }
        self.out.push(']');
        Some(())
    }

    /// `[:alpha:]`; collating symbols and equivalence classes are too rare to carry over.
    fn class(&mut self) -> Option<()> {
        match self.rest.peek() {
            Some(':') => {
                self.out.push('[');
                loop {
                    let c = self.rest.next()?;
                    self.out.push(c);
                    if c == ']' {
                        return Some(());
                    }
                }
            }
            Some('.' | '=') => None,
            _ => {
                self.out.push_str(r"\[");
                Some(())
            }
        }
    }
}
