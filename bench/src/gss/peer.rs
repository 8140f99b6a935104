//! MIT's library, asked by a small C program that is compiled for the run.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Work;
use crate::site::Site;

const SOURCE: &str = include_str!("../../peers/mit_gss.c");

/// The compiled program and the site that it is to use.
pub(crate) struct Mit<'a> {
    program: PathBuf,
    site: &'a Site,
}

impl<'a> Mit<'a> {
    /// `None` when there is no compiler, or no header.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn build(site: &'a Site) -> io::Result<Option<Self>> {
        let source = site.path().join("mit_gss.c");
        let program = site.path().join("mit_gss");
        fs::write(&source, SOURCE)?;
        let built = Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .arg(&program)
            .arg(&source)
            .arg("-lgssapi_krb5")
            .stderr(Stdio::null())
            .status();
        let is_built = built.is_ok_and(|status| status.success());
        Ok(is_built.then_some(Self { program, site }))
    }

    /// # Errors
    /// What MIT's library says.
    pub(crate) fn cost(&self, work: Work) -> io::Result<Duration> {
        let mut command = Command::new(&self.program);
        self.site.point(&mut command);
        command.arg(self.site.service());
        let replay_cache = match work {
            Work::Establish {
                replay_cache,
                count,
            } => {
                command.args(["establish", &count.to_string()]);
                replay_cache
            }
            Work::Protect {
                size,
                in_place,
                count,
            } => {
                let how = if in_place { "in-place" } else { "protect" };
                command.args([how, &size.to_string(), &count.to_string()]);
                false
            }
        };
        match replay_cache {
            true => command.env("KRB5RCACHEDIR", self.site.path()),
            false => command.env("KRB5RCACHENAME", "none:"),
        };
        let output = command.output()?;
        let nanoseconds = String::from_utf8_lossy(&output.stdout).trim().parse();
        nanoseconds.map(Duration::from_nanos).map_err(|_| {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            io::Error::other(format!("MIT's library: {words}"))
        })
    }
}
