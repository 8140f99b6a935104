//! A person at a shell of the site: an environment with a credential cache of its own.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kerbstone_client::Environment;

use super::program::{Program, Said};
use super::verdict::NotPassed;
use crate::up::{KRB5_CONF, Site};

/// What may be needed to find programs and to run them.
const INHERITED: [&str; 2] = ["PATH", "TZ"];

/// Everything that a client knows of the world.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    home: PathBuf,
    /// Sockets in it have paths, which must be short.
    temporary: PathBuf,
    krb5_conf: PathBuf,
}

impl Shell {
    /// A shell with a home of its own below `scratch`.
    ///
    /// # Errors
    /// The home cannot be made.
    pub(super) fn new(site: &Site, scratch: &Path, name: &str) -> io::Result<Self> {
        let home = scratch.join(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&home)?;
        Ok(Self {
            home,
            temporary: scratch.to_owned(),
            krb5_conf: site.path(KRB5_CONF),
        })
    }

    /// Runs a client here.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) async fn run(&self, program: Program) -> Result<Said, NotPassed> {
        let inherited = INHERITED
            .iter()
            .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        let own = [
            ("LC_ALL", OsString::from("C")),
            ("HOME", self.home.clone().into()),
            ("TMPDIR", self.temporary.clone().into()),
            ("KRB5_CONFIG", self.krb5_conf.clone().into()),
            ("KRB5CCNAME", self.cache().into()),
        ];
        let own = own.map(|(name, value)| (OsString::from(name), value));
        let program = inherited
            .chain(own)
            .fold(program, |program, (name, value)| program.env(name, value));
        program.run().await
    }

    /// The credential cache.
    fn cache(&self) -> String {
        format!("FILE:{}", self.home.join("ccache").display())
    }

    /// The folder for what clients leave.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The same for a client in this process.
    pub(super) fn environment(&self) -> Environment {
        Environment {
            krb5_config: Some(self.krb5_conf.to_string_lossy().into_owned()),
            ccname: Some(self.cache()),
            home: Some(self.home.clone()),
            ..Environment::default()
        }
    }
}
