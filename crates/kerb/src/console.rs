//! The two streams that a program writes to.
//!
//! A closed pipe (`klist | head -1`) is no error: what cannot be written is dropped.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Standard output and standard error of one run.
pub(crate) struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl Console {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
        }
    }

    /// Writes to standard output.
    pub(crate) fn out(&mut self, text: Arguments<'_>) {
        let _closed_pipe = self.out.write_fmt(text).and_then(|()| self.out.flush());
    }

    /// Writes bytes to standard output as they are.
    pub(crate) fn out_bytes(&mut self, bytes: &[u8]) {
        let _closed_pipe = self.out.write_all(bytes);
    }

    /// Writes to standard error.
    pub(crate) fn err(&mut self, text: Arguments<'_>) {
        let _closed_pipe = self.err.write_fmt(text);
    }
}

/// Writes formatted text to a [`Console`]'s standard output.
macro_rules! out {
    ($console:expr, $($text:tt)*) => { $console.out(format_args!($($text)*)) };
}

/// Writes formatted text to a [`Console`]'s standard error.
macro_rules! err {
    ($console:expr, $($text:tt)*) => { $console.err(format_args!($($text)*)) };
}

pub(crate) use {err, out};
