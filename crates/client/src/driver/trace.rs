//! KRB5_TRACE: one line per event into a file, in the form of MIT's library; and the same to whoever collects this
//! crate's trace events.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// Where the lines go, if anywhere.
#[derive(Debug, Default)]
pub(super) struct Trace {
    file: Option<Mutex<File>>,
}

impl Trace {
    /// Appends to a file. One that cannot be opened traces nothing, as with MIT's library.
    pub(super) fn to(path: Option<&Path>) -> Self {
        let file =
            path.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
        Self {
            file: file.map(Mutex::new),
        }
    }

    pub(super) fn say(&self, line: fmt::Arguments<'_>) {
        tracing::trace!("{line}");
        let Some(file) = &self.file else { return };
        let now = super::system_time();
        let whole = format!(
            "[{}] {}.{:06}: {line}\n",
            std::process::id(),
            now.time.unix(),
            now.usec
        );
        if let Ok(mut file) = file.lock() {
            // Nothing is lost but the trace.
            let _ = file.write_all(whole.as_bytes());
        }
    }
}
