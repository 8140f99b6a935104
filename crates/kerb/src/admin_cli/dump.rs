//! `kerb admin dump`: the whole store in a file, while the KDC runs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use kerbstone_admin::{Operation, Reply};

use super::desk::{Desk, unexpected};
use crate::console::out;
use crate::failure::Failure;

/// The command line of `kerb admin dump`.
#[derive(Debug, Args)]
pub(crate) struct Typed {
    /// The file; - for standard output. It appears under its name when it is whole.
    file: PathBuf,
    /// Let the KDC write the file, which must not exist yet, instead of this command.
    #[arg(long)]
    on_server: bool,
}

impl Typed {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        if self.file.as_os_str() == "-" {
            desk.dump(&mut io::stdout().lock())?;
            return Ok(());
        }
        let path = std::path::absolute(&self.file).map_err(|error| cannot(&self.file, &error))?;
        let records = match self.on_server {
            true => on_server(path, desk)?,
            false => here(&path, desk)?,
        };
        out!(
            desk.console,
            "{records} records dumped to {}\n",
            self.file.display()
        );
        Ok(())
    }
}

fn on_server(path: PathBuf, desk: &mut Desk<'_>) -> Result<u64, Failure> {
    match desk.ask("cannot dump the store", Operation::Dump { path })? {
        Reply::Dumped(records) => Ok(records),
        _ => Err(unexpected()),
    }
}

fn here(path: &Path, desk: &mut Desk<'_>) -> Result<u64, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let unfinished = PathBuf::from(name);
    let open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished);
    let file = open.map_err(|error| cannot(path, &error))?;
    let mut out = io::BufWriter::new(&file);
    let done = desk.dump(&mut out).and_then(|records| {
        let finish = || {
            out.flush()?;
            file.sync_all()?;
            fs::rename(&unfinished, path)
        };
        let mut finish = finish;
        finish().map_err(|error| cannot(path, &error))?;
        Ok(records)
    });
    if done.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    done
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot write {}", path.display());
    Failure::refused(
        what,
        error.to_string(),
        "name a file in a folder where you may write",
    )
}
