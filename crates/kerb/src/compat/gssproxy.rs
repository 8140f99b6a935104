//! gssproxy: the daemon, with the options of release 0.9.

use std::path::PathBuf;
use std::time::Duration;

use super::popt::{self, Given, PoptOption, Value};
use super::{Call, Outcome, Stop};
use crate::console::{Console, err, out};
use crate::proxy::{self, Flags};

/// The release whose options these are.
const VERSION: &str = "0.9.1";

static OPTIONS: &[PoptOption] = &[
    option("daemon", Some('D'), Value::None),
    option("interactive", Some('i'), Value::None),
    option("config", Some('c'), Value::Text),
    option("configdir", Some('C'), Value::Text),
    option("socket", Some('s'), Value::Text),
    option("userproxy", Some('u'), Value::None),
    option("debug", Some('d'), Value::None),
    option("debug-level", None, Value::Number),
    option("syslog-status", None, Value::None),
    option("version", None, Value::None),
    option("idle-timeout", None, Value::Number),
    option("extract-ccache", None, Value::Text),
    option("into-ccache", None, Value::Text),
    option("help", Some('?'), Value::None),
    option("usage", None, Value::None),
];

const HELP: &str = "  -D, --daemon               Become a daemon (default)
  -i, --interactive          Run interactive (not a daemon)
  -c, --config=STRING        Specify a non-default config file
  -C, --configdir=STRING     Specify a non-default config directory
  -s, --socket=STRING        Specify a custom default socket
  -u, --userproxy            Simplified user session proxy
  -d, --debug                Enable debugging
      --debug-level=INT      Set debugging level
      --syslog-status        Enable GSSAPI status logging to syslog
      --version              Print version number and exit
      --idle-timeout=INT     Set idle timeout for user mode (default: 1000s)

Help options:
  -?, --help                 Show this help message
      --usage                Display brief usage message
";

const USAGE: &str = " [-?Diud] [-?|--help] [--usage] [-D|--daemon]
        [-i|--interactive] [-c|--config=STRING] [-C|--configdir=STRING]
        [-s|--socket=STRING] [-u|--userproxy] [-d|--debug]
        [--debug-level=INT] [--syslog-status] [--version]
        [--idle-timeout=INT]
";

const fn option(long: &'static str, short: Option<char>, value: Value) -> PoptOption {
    PoptOption { long, short, value }
}

/// The checked command line.
#[derive(Debug, Default)]
struct Arguments {
    daemon: bool,
    interactive: bool,
    debug: bool,
    debug_level: i64,
    version: bool,
    extract: Option<String>,
    into: Option<String>,
    flags: Flags,
}

/// Runs gssproxy.
pub(super) fn run(call: &Call, console: &mut Console) -> Outcome {
    let arguments = Arguments::read(call, console)?;
    if arguments.version {
        out!(console, "{VERSION}\n");
        return Ok(0);
    }
    if arguments.daemon && arguments.interactive {
        err!(
            console,
            "Option -i|--interactive is not allowed together with -D|--daemon\n"
        );
        err!(console, "Usage: {}{USAGE}", call.name);
        return Ok(0);
    }
    if let Some(name) = &arguments.extract {
        return match proxy::extract(name, arguments.into.as_deref()) {
            Ok(()) => Ok(0),
            Err(failure) => {
                err!(console, "{failure}");
                Err(Stop(1))
            }
        };
    }
    let flags = arguments.into_flags();
    match proxy::serve(&flags) {
        Ok(()) => Ok(0),
        Err(error) => {
            err!(console, "{}: {error}\n", call.name);
            let help = error.help();
            if !help.is_empty() {
                err!(console, "help: {help}\n");
            }
            Err(Stop(1))
        }
    }
}

impl Arguments {
    fn read(call: &Call, console: &mut Console) -> Result<Self, Stop> {
        let found = popt::read(OPTIONS, &call.words).map_err(|mistake| {
            err!(
                console,
                "\nInvalid option {}: {}\n\n",
                mistake.word,
                mistake.why
            );
            err!(console, "Usage: {}{USAGE}", call.name);
            Stop(1)
        })?;
        let mut arguments = Self::default();
        for (name, given) in found {
            arguments.take(name, given, call, console)?;
        }
        Ok(arguments)
    }

    fn take(
        &mut self,
        name: &str,
        given: Given,
        call: &Call,
        console: &mut Console,
    ) -> Result<(), Stop> {
        let flags = &mut self.flags;
        match (name, given) {
            ("help", _) => {
                out!(console, "Usage: {} [OPTION...]\n{HELP}", call.name);
                return Err(Stop(0));
            }
            ("usage", _) => {
                out!(console, "Usage: {}{USAGE}", call.name);
                return Err(Stop(0));
            }
            ("daemon", _) => self.daemon = true,
            ("interactive", _) => self.interactive = true,
            ("userproxy", _) => flags.user = true,
            ("debug", _) => self.debug = true,
            ("syslog-status", _) => flags.syslog_status = true,
            ("version", _) => self.version = true,
            ("config", Given::Text(file)) => flags.config = Some(PathBuf::from(file)),
            ("configdir", Given::Text(folder)) => flags.config_dir = Some(PathBuf::from(folder)),
            ("socket", Given::Text(path)) => flags.socket = Some(PathBuf::from(path)),
            ("extract-ccache", Given::Text(name)) => self.extract = Some(name),
            ("into-ccache", Given::Text(name)) => self.into = Some(name),
            ("debug-level", Given::Number(level)) => self.debug_level = level,
            ("idle-timeout", Given::Number(seconds)) => {
                flags.idle_timeout = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            }
            _ => {}
        }
        Ok(())
    }

    fn into_flags(self) -> Flags {
        let level = match self.debug_level {
            0 => i64::from(self.debug),
            level => level,
        };
        Flags {
            background: !self.interactive,
            debug_level: i32::try_from(level).unwrap_or(i32::MAX),
            ..self.flags
        }
        .absolute()
    }
}
