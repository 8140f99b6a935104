//! Files in memory: an input cut at its zero bytes.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use kerbstone_proto::krb5_conf::FileSource;

/// The file that is read first. Those behind it are `/d/1.conf`, `/d/2.conf` and so on.
pub const FIRST: &str = "/krb5.conf";
const DIRECTORY: &str = "/d";

/// The files of one input.
#[derive(Debug)]
pub struct Files<'a>(Vec<&'a [u8]>);

impl<'a> Files<'a> {
    /// Cuts an input into files.
    pub fn cut(bytes: &'a [u8]) -> Self {
        Self(bytes.splitn(9, |byte| *byte == 0).collect())
    }

    fn names(&self) -> impl Iterator<Item = PathBuf> {
        let others = (1..self.0.len()).map(|number| Path::new(DIRECTORY).join(name(number)));
        std::iter::once(PathBuf::from(FIRST)).chain(others)
    }
}

impl FileSource for Files<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(DIRECTORY) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.names()
            .zip(&self.0)
            .find_map(|(name, bytes)| (name == path).then(|| bytes.to_vec()))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        if directory != Path::new(DIRECTORY) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok((1..self.0.len())
            .map(|number| name(number).into())
            .collect())
    }
}

fn name(number: usize) -> String {
    format!("{number}.conf")
}
