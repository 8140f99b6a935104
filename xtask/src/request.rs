//! What was asked for on the command line.

/// The text of `cargo xtask help`.
pub(crate) const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [unit|interop]       everything that `README.md` promises; or one half of it
  interop                   the same as `test interop`
  ci                        what CI runs: .ci/run
  fuzz [SECONDS] [TARGET..] every fuzz target (or those named) for SECONDS each, default 30
  bench [ARGS..]            ours and the peers side by side
  doc                       API documentation and the book
  peers                     only fetch the programs that tests talk to
  deps                      only check that dependencies point downwards and SECURITY.md's tests exist
";

const FUZZ_SECONDS: u64 = 30;

/// A command of xtask, checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Test(TestScope),
    Ci,
    Fuzz { seconds: u64, targets: Vec<String> },
    Bench(Vec<String>),
    Doc,
    Peers,
    Deps,
}

/// Which tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestScope {
    /// The whole workspace.
    All,
    /// All but `tests/interop`.
    Unit,
    /// `tests/interop` and kerb's own, which build the binary that interop runs.
    Interop,
}

impl Request {
    /// Reads the arguments that follow `cargo xtask`.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let words: Vec<String> = arguments.collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["help" | "-h" | "--help"] => Ok(Self::Help),
            ["test"] => Ok(Self::Test(TestScope::All)),
            ["test", "unit"] => Ok(Self::Test(TestScope::Unit)),
            ["test", "interop"] | ["interop"] => Ok(Self::Test(TestScope::Interop)),
            ["ci"] => Ok(Self::Ci),
            ["fuzz", rest @ ..] => Ok(Self::fuzz(rest)),
            ["bench", rest @ ..] => Ok(Self::Bench(owned(rest))),
            ["doc"] => Ok(Self::Doc),
            ["peers"] => Ok(Self::Peers),
            ["deps"] => Ok(Self::Deps),
            other => Err(format!("no such command: {}", other.join(" "))),
        }
    }

    fn fuzz(words: &[&str]) -> Self {
        let seconds = words.first().and_then(|word| word.parse().ok());
        let targets = if seconds.is_some() {
            &words[1..]
        } else {
            words
        };
        Self::Fuzz {
            seconds: seconds.unwrap_or(FUZZ_SECONDS),
            targets: owned(targets),
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn fuzz_takes_seconds_and_targets_in_either_combination() {
        let fuzz = |seconds, targets: &[&str]| {
            Ok(Request::Fuzz {
                seconds,
                targets: owned(targets),
            })
        };
        assert_eq!(parse("fuzz"), fuzz(30, &[]));
        assert_eq!(parse("fuzz 600"), fuzz(600, &[]));
        assert_eq!(parse("fuzz keytab"), fuzz(30, &["keytab"]));
        assert_eq!(
            parse("fuzz 5 keytab ccache"),
            fuzz(5, &["keytab", "ccache"])
        );
    }

    #[test]
    fn a_misspelt_part_is_refused_instead_of_ignored() {
        assert!(parse("test inter").is_err());
        assert!(parse("tset").is_err());
    }
}
