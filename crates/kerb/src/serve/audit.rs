//! The audit log: one JSON object a line, appended, never rewritten.
//!
//! A quiet server writes each line at once. A busy one gathers lines for a few milliseconds, because a system call
//! for each would cost as much as the decision that it records.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Octets gathered before they are written, however young they are.
const MOST_PENDING: usize = 64 << 10;
/// How long a line waits at most for others.
const GATHERING: Duration = Duration::from_millis(20);

/// Gathers lines and writes them together; a sudden death loses those of the last [`GATHERING`] at most.
#[derive(Debug)]
pub(crate) struct AuditLog {
    path: PathBuf,
    pending: Mutex<Pending>,
    output: Mutex<Output>,
    left_over: Notify,
}

/// Lines that wait, since when nothing has been written, and whether somebody will see to the lines.
#[derive(Debug)]
struct Pending {
    lines: String,
    written: Instant,
    awaited: bool,
}

/// The file, and a buffer that takes turns with the one in which lines are gathered.
#[derive(Debug)]
struct Output {
    file: File,
    spare: String,
}

impl AuditLog {
    /// Opens the log for appending; a new one is readable by its owner alone.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            pending: Mutex::new(Pending {
                lines: String::new(),
                written: Instant::now(),
                awaited: false,
            }),
            output: Mutex::new(Output {
                file: append_to(path)?,
                spare: String::new(),
            }),
            left_over: Notify::new(),
        })
    }

    /// Opens the path anew, after somebody has moved the file away.
    ///
    /// # Errors
    /// The system's; the old file stays in use then.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        self.flush();
        let file = append_to(&self.path)?;
        lock(&self.output).file = file;
        Ok(())
    }

    /// Adds a line, which brings its line end.
    pub(crate) fn record(&self, line: &str) {
        let mut pending = lock(&self.pending);
        pending.lines.push_str(line);
        if pending.lines.len() >= MOST_PENDING {
            drop(pending);
            self.flush();
        }
    }

    /// Writes what has been gathered, unless something was written a moment ago: then [`Self::sweep`] will.
    pub(crate) fn flush_if_due(&self) {
        let mut pending = lock(&self.pending);
        if pending.written.elapsed() >= GATHERING {
            drop(pending);
            self.flush();
        } else if !pending.awaited && !pending.lines.is_empty() {
            pending.awaited = true;
            self.left_over.notify_one();
        }
    }

    /// Writes the lines that no later request came to take along, until the task is dropped.
    pub(crate) async fn sweep(&self) {
        loop {
            self.left_over.notified().await;
            tokio::time::sleep(GATHERING).await;
            self.flush();
        }
    }

    /// Writes what has been gathered. A failure is reported, and the lines are kept while there is room for them.
    pub(crate) fn flush(&self) {
        let mut output = lock(&self.output);
        let spare = std::mem::take(&mut output.spare);
        let mut lines = lock(&self.pending).take(spare);
        if let Err(error) = append_whole(&output.file, &lines) {
            tracing::error!(path = %self.path.display(), %error, "the audit log cannot be written");
            metrics::counter!("kerbstone_audit_write_failures_total").increment(1);
            lock(&self.pending).put_back(lines);
            return;
        }
        lines.clear();
        output.spare = lines;
    }
}

impl Pending {
    /// Hands the lines over and goes on in an empty buffer.
    fn take(&mut self, empty: String) -> String {
        self.written = Instant::now();
        self.awaited = false;
        std::mem::replace(&mut self.lines, empty)
    }

    /// Puts lines that could not be written back in front of newer ones, unless that would grow without bound.
    fn put_back(&mut self, mut lines: String) {
        if lines.len().saturating_add(self.lines.len()) <= MOST_PENDING * 16 {
            lines.push_str(&self.lines);
            self.lines = lines;
        }
    }
}

/// Appends lines or none: what fits of them is taken back, so that no line is torn.
fn append_whole(mut file: &File, lines: &str) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let before = file.metadata()?.len();
    file.write_all(lines.as_bytes()).inspect_err(|_| {
        let _ = file.set_len(before);
    })
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, AuditLog) {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(&folder.path().join("audit.jsonl")).unwrap();
        (folder, log)
    }

    #[test]
    fn lines_are_in_the_file_after_a_batch() {
        let (_folder, log) = log();
        log.record("{\"n\":1}\n");
        log.record("{\"n\":2}\n");
        log.flush();
        let text = std::fs::read_to_string(&log.path).unwrap();
        assert_eq!(text, "{\"n\":1}\n{\"n\":2}\n");
    }

    #[test]
    fn a_reopened_log_goes_on_in_a_new_file() {
        let (folder, log) = log();
        log.record("1\n");
        std::fs::rename(&log.path, folder.path().join("old")).unwrap();
        log.reopen().unwrap();
        log.record("2\n");
        log.flush();
        assert_eq!(
            std::fs::read_to_string(folder.path().join("old")).unwrap(),
            "1\n"
        );
        assert_eq!(std::fs::read_to_string(&log.path).unwrap(), "2\n");
    }

    #[test]
    fn a_new_log_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, log) = log();
        let mode = std::fs::metadata(&log.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn lines_survive_a_full_disk_in_memory() {
        let (_folder, log) = log();
        let mut pending = lock(&log.pending);
        pending.lines.push_str("new\n");
        pending.put_back("old\n".to_owned());
        assert_eq!(pending.lines, "old\nnew\n");
    }
}
