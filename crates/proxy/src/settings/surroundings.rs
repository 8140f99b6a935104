//! What a configuration refers to on its machine: users, groups, files.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{Group, User};

/// Answers about the machine. Tests and fuzzing have their own.
pub trait Surroundings {
    /// The uid of a user.
    ///
    /// # Errors
    /// The name service failed; an unknown user is `None`.
    fn uid(&self, name: &str) -> io::Result<Option<u32>>;

    /// The gid of a group.
    ///
    /// # Errors
    /// The name service failed; an unknown group is `None`.
    fn gid(&self, name: &str) -> io::Result<Option<u32>>;

    /// The names of a folder's files, links to files included.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn file_names(&self, folder: &Path) -> io::Result<Vec<OsString>>;
}

/// This machine, as the C library sees it: nsswitch.conf and preloaded wrappers count.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Surroundings for ThisMachine {
    fn uid(&self, name: &str) -> io::Result<Option<u32>> {
        let user = User::from_name(name)?;
        Ok(user.map(|user| user.uid.as_raw()))
    }

    fn gid(&self, name: &str) -> io::Result<Option<u32>> {
        let group = Group::from_name(name)?;
        Ok(group.map(|group| group.gid.as_raw()))
    }

    fn file_names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path: PathBuf = entry.path();
            if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }
}
