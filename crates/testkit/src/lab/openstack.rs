use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::Command;

use super::Finished;
use super::presence::{require, require_file};

/// The openstack command as somebody: its variables, and nothing else of the caller's environment that begins with `OS_`.
#[derive(Debug, Clone, Default)]
pub struct Openstack {
    variables: Vec<(OsString, OsString)>,
}

impl Openstack {
    const PROGRAM: &'static str = "/usr/bin/openstack";

    /// Whether the command is on this machine, with what it needs for Kerberos.
    ///
    /// # Panics
    /// When it is not although `CI=true`.
    #[must_use]
    pub fn is_here() -> bool {
        require("openstack", "python3-openstackclient")
            && require_file(
                "/usr/lib/python3/dist-packages/requests_kerberos/__init__.py".as_ref(),
                "python3-requests-kerberos",
            )
    }

    /// With these variables.
    pub fn new<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self::default().and(variables)
    }

    /// With further variables; a later one replaces an earlier one.
    #[must_use]
    pub fn and<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let own = |text: &OsStr| text.to_owned();
        self.variables.extend(
            variables
                .into_iter()
                .map(|(name, value)| (own(name.as_ref()), own(value.as_ref()))),
        );
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, "")
    }

    /// Runs several commands, a line each, in one process with one token. A failing one does not end it, nor show in its
    /// exit code.
    #[must_use]
    pub fn script(&self, lines: &str) -> Finished {
        self.run_with(&[], lines)
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Finished {
        // It keeps what it has found out about its plugins below its home, for the next time.
        let home = env::temp_dir().join("kerbstone-openstack");
        fs::create_dir_all(&home).expect("a home for openstack");
        let mut command = Command::new("/usr/bin/python3");
        command
            .arg(Self::PROGRAM)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", home)
            .env("OS_IDENTITY_API_VERSION", "3")
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        Finished::of(&mut command, "openstack", input)
    }

    /// What a successful command printed as a bare value: `-f value`, trimmed.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    #[track_caller]
    pub fn value(&self, arguments: &[&str]) -> String {
        let done = self
            .run(&[arguments, &["-f", "value"]].concat())
            .succeeded();
        done.stdout.trim().to_owned()
    }
}
