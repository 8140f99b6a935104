//! A role's output: kept in a file that does not grow without end, and the last of it at hand.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A longer file becomes `NAME.log.old`, and the one before it goes.
const LONGEST: u64 = 1 << 20;
/// How much of the output is at hand as last words.
const AT_HAND: usize = 4096;
const LAST_LINES: usize = 6;

/// Takes what a role writes. A file that cannot be written is no reason to stop it: those lines are lost.
#[derive(Debug)]
pub(super) struct RoleLog {
    path: PathBuf,
    file: Option<(File, u64)>,
    tail: VecDeque<u8>,
}

impl RoleLog {
    /// A log in this file, which continues what is there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            tail: VecDeque::new(),
        }
    }

    /// Forgets the last words of the process before.
    pub(super) fn begin(&mut self) {
        self.tail.clear();
    }

    /// Takes some output.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.tail.extend(bytes);
        let surplus = self.tail.len().saturating_sub(AT_HAND);
        self.tail.drain(..surplus);
        if self.append(bytes).is_err() {
            self.file = None;
        }
    }

    /// The last lines since [`begin`](Self::begin).
    pub(super) fn last_words(&mut self) -> String {
        let text = String::from_utf8_lossy(self.tail.make_contiguous());
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        lines.get(first..).unwrap_or_default().join("\n")
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self
            .file
            .as_ref()
            .is_some_and(|(_, length)| *length >= LONGEST)
        {
            self.file = None;
            fs::rename(&self.path, self.path.with_extension("log.old"))?;
        }
        let (file, length) = match &mut self.file {
            Some(open) => open,
            None => self.file.insert(open(&self.path)?),
        };
        file.write_all(bytes)?;
        *length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_bounded_size_are_all_that_a_chatty_role_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log/chatty.log");
        let mut log = RoleLog::new(path.clone());
        let line = "x".repeat(4095) + "\n";
        for _ in 0..1000 {
            log.write(line.as_bytes());
        }
        let sizes: Vec<u64> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(
            sizes.iter().all(|size| *size <= LONGEST + 4096),
            "{sizes:?}"
        );
        assert!(log.tail.len() <= AT_HAND);
    }

    #[test]
    fn the_last_words_are_those_of_the_last_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RoleLog::new(folder.path().join("role.log"));
        log.write(b"of the first\n");
        log.begin();
        for number in 0..10 {
            log.write(format!("line {number}\n\n").as_bytes());
        }
        assert_eq!(
            log.last_words(),
            "line 4\nline 5\nline 6\nline 7\nline 8\nline 9"
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_takes_nothing_from_the_last_words() {
        let mut log = RoleLog::new("/proc/nowhere/role.log".into());
        log.write(b"still here\n");
        assert_eq!(log.last_words(), "still here");
    }
}
