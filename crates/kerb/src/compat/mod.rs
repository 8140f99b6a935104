//! Programs of MIT krb5, and gssproxy, under their own names.
//!
//! Flags, output and exit codes are those of MIT 1.20 and gssproxy 0.9, so that scripts and fingers notice nothing.
//! Friendlier words belong to `kerb login` and its sisters.

mod conversation;
mod date;
mod getopt;
mod gssproxy;
mod kdestroy;
mod kinit;
mod klist;
mod kpasswd;
mod kswitch;
mod kvno;
mod lifetime;
mod locale;
pub(crate) mod mit_words;
mod popt;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::console::Console;

pub(crate) use klist::{describe_enctype, flag_letters};
pub(crate) use lifetime::parse as parse_lifetime;

/// The release of MIT krb5 whose behaviour the programs show.
const MIT_VERSION: &str = "Kerberos 5 version 1.20.1";

/// A program that this binary can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Kinit,
    Klist,
    Kdestroy,
    Kvno,
    Kpasswd,
    Kswitch,
    Gssproxy,
}

impl Program {
    /// Every program, in the order in which `kerb compat` links them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Kinit,
        Self::Klist,
        Self::Kdestroy,
        Self::Kvno,
        Self::Kpasswd,
        Self::Kswitch,
        Self::Gssproxy,
    ];

    /// The program's own name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kinit => "kinit",
            Self::Klist => "klist",
            Self::Kdestroy => "kdestroy",
            Self::Kvno => "kvno",
            Self::Kpasswd => "kpasswd",
            Self::Kswitch => "kswitch",
            Self::Gssproxy => "gssproxy",
        }
    }

    /// The program that a process was started as.
    pub(crate) fn of(arguments: &[OsString]) -> Option<Self> {
        let name = Path::new(arguments.first()?).file_name()?;
        Self::ALL.into_iter().find(|program| name == program.name())
    }

    /// Runs the program; `arguments` begin with its name as typed.
    pub(crate) fn run(self, arguments: &[OsString], console: &mut Console) -> ExitCode {
        let mut words = arguments
            .iter()
            .map(|word| word.to_string_lossy().into_owned());
        let typed = words.next().unwrap_or_else(|| self.name().to_owned());
        let call = Call {
            name: self.name().to_owned(),
            typed,
            words: words.collect(),
        };
        let status = match self {
            Self::Kinit => kinit::run(&call, console),
            Self::Klist => klist::run(&call, console),
            Self::Kdestroy => kdestroy::run(&call, console),
            Self::Kvno => kvno::run(&call, console),
            Self::Kpasswd => kpasswd::run(&call, console),
            Self::Kswitch => kswitch::run(&call, console),
            Self::Gssproxy => gssproxy::run(&call, console),
        };
        ExitCode::from(match status {
            Ok(status) | Err(Stop(status)) => status,
        })
    }
}

/// How a program was called.
pub(crate) struct Call {
    /// Its name without a path.
    name: String,
    /// Its name as typed.
    typed: String,
    /// What follows the name.
    words: Vec<String>,
}

/// The end of a program with everything said; the value is its exit code.
#[derive(Debug)]
pub(crate) struct Stop(pub(crate) u8);

/// What a program ends with.
type Outcome = Result<u8, Stop>;
