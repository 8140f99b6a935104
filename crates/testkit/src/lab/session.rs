use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::heimdal::{heimdal_command, is_unpacked};
use super::kerb_binary;
use super::pty::converse;
use super::{Finished, find_program, require};

/// Whose user programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// MIT krb5's.
    Mit,
    /// Heimdal's.
    Heimdal,
    /// Ours, under MIT's names.
    Kerb,
}

impl Suite {
    /// All of them, for matrices.
    pub const ALL: [Self; 3] = [Self::Mit, Self::Heimdal, Self::Kerb];

    /// Whether its programs are here; says what brings them when not, and panics when `CI=true`.
    #[must_use]
    pub fn is_present(self) -> bool {
        match self {
            Self::Mit => require("kinit", "krb5-user"),
            Self::Heimdal => is_unpacked(),
            Self::Kerb => true,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mit => "MIT's programs",
            Self::Heimdal => "Heimdal's programs",
            Self::Kerb => "our programs",
        })
    }
}

/// A person at a shell: a suite's programs with a `krb5.conf` and a credential cache of their own.
#[derive(Debug)]
pub struct Session {
    suite: Suite,
    environment: Vec<(String, OsString)>,
    cache: PathBuf,
    folder: TempDir,
}

impl Session {
    /// A session without credentials.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[must_use]
    pub fn new(suite: Suite, krb5_conf: &Path) -> Self {
        let folder = TempDir::with_prefix("kerbstone-session-").expect("a folder for the session");
        let cache = folder.path().join("ccache");
        let environment = vec![
            ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into()),
            ("LC_ALL".into(), "C".into()),
            ("TZ".into(), "UTC".into()),
            ("HOME".into(), folder.path().into()),
            ("KRB5_CONFIG".into(), krb5_conf.into()),
            (
                "KRB5CCNAME".into(),
                format!("FILE:{}", cache.display()).into(),
            ),
        ];
        let session = Self {
            suite,
            environment,
            cache,
            folder,
        };
        if suite == Suite::Kerb {
            session.link_our_names();
        }
        session
    }

    /// Ours answers to MIT's names when called by them.
    fn link_our_names(&self) {
        for name in ["kinit", "klist", "kdestroy", "kvno", "kpasswd"] {
            symlink(kerb_binary(), self.folder.path().join(name)).expect("a name for kerb");
        }
    }

    /// Sets or replaces an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Signs in with a password on standard input; `options` are those that all kinits share (`-f`, `-p`, `-l 1h`,
    /// `-r 2h`, `-S service`, ...).
    pub fn sign_in(&self, principal: &str, password: &str, options: &[&str]) -> Finished {
        let from_stdin: &[&str] = match self.suite {
            Suite::Heimdal => &["--password-file=STDIN"],
            Suite::Mit | Suite::Kerb => &[],
        };
        let arguments = [from_stdin, options, &[principal]].concat();
        self.run("kinit", &arguments, &format!("{password}\n"))
    }

    /// Signs in with a keytab.
    pub fn sign_in_with_keytab(
        &self,
        principal: &str,
        keytab: &Path,
        options: &[&str],
    ) -> Finished {
        let keytab = keytab.to_string_lossy();
        self.run(
            "kinit",
            &[&["-k", "-t", &keytab], options, &[principal]].concat(),
            "",
        )
    }

    /// Renews the ticket-granting ticket.
    pub fn renew(&self) -> Finished {
        self.run("kinit", &["-R"], "")
    }

    /// Gets a ticket for a service into the cache.
    pub fn ticket(&self, service: &str) -> Finished {
        match self.suite {
            Suite::Heimdal => self.run("kgetcred", &[service], ""),
            Suite::Mit | Suite::Kerb => self.run("kvno", &[service], ""),
        }
    }

    /// The cache's tickets with flags, as the suite's own klist prints them.
    #[track_caller]
    pub fn list(&self) -> String {
        let options: &[&str] = match self.suite {
            Suite::Heimdal => &["-f"],
            Suite::Mit | Suite::Kerb => &["-f", "-e"],
        };
        self.run("klist", options, "").succeeded().stdout
    }

    /// The flags, as letters, that the suite's klist shows for the ticket whose server begins with `service`.
    #[track_caller]
    #[must_use]
    pub fn flags(&self, service: &str) -> String {
        let list = self.list();
        let flags = match self.suite {
            Suite::Heimdal => flags_in_column(&list, service),
            Suite::Mit | Suite::Kerb => flags_below(&list, service),
        };
        flags
            .unwrap_or_else(|| panic!("{} list no flags of {service}:\n{list}", self.suite))
            .to_string()
    }

    /// Changes a password as a person does, at a terminal where the program wants one.
    pub fn change_password(&self, principal: &str, old: &str, new: &str) -> Finished {
        match self.suite {
            Suite::Heimdal => self.converse(
                "kpasswd",
                &[principal],
                &[("Password:", old), ("New password", new), ("Verify", new)],
            ),
            Suite::Mit | Suite::Kerb => {
                self.run("kpasswd", &[principal], &format!("{old}\n{new}\n{new}\n"))
            }
        }
    }

    /// Removes the cache.
    pub fn destroy(&self) -> Finished {
        self.run("kdestroy", &[], "")
    }

    /// Runs one of the suite's programs, called by its common name, with `input` as standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Finished {
        let name = format!("{}: {program} {}", self.suite, arguments.join(" "));
        Finished::of(&mut self.command(program, arguments), &name, input)
    }

    /// Runs a program on a terminal of its own; each pair is a prompt to wait for and the line to type then.
    ///
    /// # Panics
    /// When a prompt does not come.
    pub fn converse(
        &self,
        program: &str,
        arguments: &[&str],
        dialogue: &[(&str, &str)],
    ) -> Finished {
        converse(&self.command(program, arguments), dialogue)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = match self.suite {
            Suite::Mit => mit_command(program),
            Suite::Heimdal => heimdal_user_command(program),
            Suite::Kerb => {
                let mut command = Command::new(self.folder.path().join(program));
                command.env_clear();
                command
            }
        };
        let environment = self.environment.iter().map(|(name, value)| (name, value));
        command
            .args(arguments)
            .envs(environment)
            .current_dir(self.folder.path());
        command
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The credential cache's file.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The session's folder, for files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn mit_command(program: &str) -> Command {
    let path = find_program(program).unwrap_or_else(|| panic!("no {program} on this machine"));
    let mut command = Command::new(path);
    command.env_clear();
    command
}

/// klist is a verb of Heimdal's `heimtools`; other programs that MIT has too carry a suffix.
fn heimdal_user_command(program: &str) -> Command {
    match program {
        "klist" => {
            let mut command = heimdal_command("heimtools");
            command.arg("klist");
            command
        }
        "kgetcred" => heimdal_command(program),
        _ => heimdal_command(&format!("{program}.heimdal")),
    }
}

/// MIT: the server at the line's end, its flags on the next line after `Flags: `.
fn flags_below<'a>(list: &'a str, service: &str) -> Option<&'a str> {
    let mut lines = list
        .lines()
        .skip_while(|line| !last_word(line).is_some_and(|word| word.starts_with(service)));
    lines.next();
    let (_, flags) = lines.next()?.split_once("Flags: ")?;
    flags.split([',', ' ']).next()
}

/// Heimdal: the last column is the server, the one before it the flags.
fn flags_in_column<'a>(list: &'a str, service: &str) -> Option<&'a str> {
    let line = list
        .lines()
        .find(|line| last_word(line).is_some_and(|word| word.starts_with(service)))?;
    line.split_whitespace().rev().nth(1)
}

fn last_word(line: &str) -> Option<&str> {
    line.split_whitespace().next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_in_either_kind_of_list() {
        let mit = "Default principal: a@R\n\n11/22/26 09:22:56  11/23/26 09:22:56  krbtgt/R@R\n\trenew until 11/29/26 09:22:56, Flags: FRIA\n\tEtype (skey, tkt): x, y\n";
        assert_eq!(flags_below(mit, "krbtgt/R"), Some("FRIA"));
        let heimdal = "  Issued                Expires               Flags    Principal\nNov 22 09:22:56 2026  Nov 23 09:22:56 2026  FIA      krbtgt/R@R\n";
        assert_eq!(flags_in_column(heimdal, "krbtgt/R"), Some("FIA"));
    }
}
