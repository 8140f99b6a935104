//! A suite of user programs: ours, MIT's or Heimdal's, and how each says the same.

use std::path::{Path, PathBuf};

use super::program::Program;

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `kerb`.
    Kerb,
    /// MIT krb5's.
    Mit,
    /// Heimdal's.
    Heimdal,
}

/// The programs of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    kind: Kind,
    /// `kerb` itself, or the folder of the others.
    place: PathBuf,
    /// What their names end with: `.heimdal` where MIT's have the plain ones.
    suffix: &'static str,
    /// Where their libraries are, unless the system knows.
    libraries: Option<PathBuf>,
}

impl Suite {
    /// Ours.
    pub(super) const fn kerb(program: PathBuf) -> Self {
        Self {
            kind: Kind::Kerb,
            place: program,
            suffix: "",
            libraries: None,
        }
    }

    /// Somebody else's, in that folder.
    pub(super) const fn other(
        kind: Kind,
        folder: PathBuf,
        suffix: &'static str,
        libraries: Option<PathBuf>,
    ) -> Self {
        Self {
            kind,
            place: folder,
            suffix,
            libraries,
        }
    }

    /// Signs in with a password.
    pub(super) fn sign_in(&self, who: &str, password: &str) -> Program {
        let program = match self.kind {
            Kind::Kerb => self.kerb_command("login"),
            Kind::Mit => self.program("kinit"),
            Kind::Heimdal => self.program("kinit").arg("--password-file=STDIN"),
        };
        program.arg(who).typing(&[password])
    }

    /// Signs in with a keytab.
    pub(super) fn sign_in_with_keytab(&self, who: &str, keytab: &Path) -> Program {
        let program = match self.kind {
            Kind::Kerb => self.kerb_command("login"),
            Kind::Mit | Kind::Heimdal => self.program("kinit").arg("-k"),
        };
        program.arg("-t").arg(keytab).arg(who)
    }

    /// Shows the tickets.
    pub(super) fn list(&self) -> Program {
        match self.kind {
            Kind::Kerb => self.kerb_command("list"),
            Kind::Mit => self.program("klist"),
            Kind::Heimdal => self.heimdal_list(),
        }
    }

    /// Gets a ticket for a service; MIT's and ours prove that a key of the keytab opens it, too.
    pub(super) fn ticket(&self, service: &str, keytab: &Path) -> Program {
        let program = match self.kind {
            Kind::Kerb => self.kerb_command("ticket").arg("-k").arg(keytab),
            Kind::Mit => self.program("kvno").arg("-k").arg(keytab),
            Kind::Heimdal => self.program("kgetcred"),
        };
        program.arg(service)
    }

    /// Changes a password.
    pub(super) fn change_password(&self, who: &str, old: &str, new: &str) -> Program {
        let program = match self.kind {
            Kind::Kerb => self.kerb_command("password"),
            Kind::Mit | Kind::Heimdal => self.program("kpasswd"),
        };
        program.arg(who).typing(&[old, new, new])
    }

    /// Speaks to a GSS service; whom and what about is yet to be said.
    pub(super) fn gss_client(&self, port: &str, is_spnego: bool) -> Program {
        let program = self.kerb_command("gss").args(["client", "--port", port]);
        program.args(is_spnego.then_some("--spnego"))
    }

    /// What people call the suite.
    pub(super) const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Debian's klist.heimdal is a link to a program that knows itself by the name klist alone.
    fn heimdal_list(&self) -> Program {
        match self.place.join("heimtools").is_file() {
            true => self.program("heimtools").arg("klist"),
            false => self.program("klist"),
        }
    }

    fn kerb_command(&self, command: &str) -> Program {
        Program::new("kerb", &self.place).arg(command)
    }

    fn program(&self, name: &str) -> Program {
        let has_no_suffix = matches!(name, "heimtools" | "kgetcred" | "kvno");
        let suffix = if has_no_suffix { "" } else { self.suffix };
        let program = Program::new(name, self.place.join(format!("{name}{suffix}")));
        match &self.libraries {
            Some(libraries) => program.env("LD_LIBRARY_PATH", libraries),
            None => program,
        }
    }
}

impl Kind {
    /// What people call the suite.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kerb => "kerb",
            Self::Mit => "MIT",
            Self::Heimdal => "Heimdal",
        }
    }

    /// What is missing on a machine without the suite, and what brings it.
    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::Kerb => "",
            Self::Mit => "kinit of MIT krb5 is not here; the package krb5-user brings it",
            Self::Heimdal => "kinit of Heimdal is not here; the package heimdal-clients brings it",
        }
    }
}
