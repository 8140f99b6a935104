//! A store in a text file: consistent, checksummed, keys still sealed.
//!
//! The first line names the format, each further one holds a record (name and value in hex), and
//! the last the store's revision, the number of records and the SHA-256 of everything before.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::RealmError;
use crate::record_key::{RecordKey, RecordPrefix};
use crate::store::{LoadInto, Revision, Store};

const TITLE: &str = "kerbstone-dump";
const FORMAT: u64 = 1;
/// No record comes near this; a longer line is no dump's.
const LONGEST_LINE: u64 = 64 << 20;

/// What a dump holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpSummary {
    /// How many records.
    pub records: u64,
    /// As of which revision of the store.
    pub revision: Revision,
}

/// Writes every record as of one moment, while changes go on.
pub fn dump(store: &dyn Store, out: &mut dyn Write) -> Result<DumpSummary, RealmError> {
    let mut out = Hashed::new(out);
    let mut line = Vec::new();
    let mut records = 0_u64;
    out.write(format!("{TITLE} {FORMAT}\n").as_bytes())?;
    let revision = store.scan(&RecordPrefix::all(), &mut |record| {
        line.clear();
        push_hex(&mut line, record.key);
        line.push(b' ');
        push_hex(&mut line, record.bytes);
        line.push(b'\n');
        out.write(&line)?;
        records = records.saturating_add(1);
        Ok(ControlFlow::Continue(()))
    })?;
    out.write(format!("end {} {records} ", revision.0).as_bytes())?;
    let checksum = out.hash.finalize_reset();
    line.clear();
    push_hex(&mut line, &checksum);
    line.push(b'\n');
    out.write(&line)?;
    Ok(DumpSummary { records, revision })
}

/// Writes a dump to a file of mode 0600, which appears under its name only when it is whole.
pub fn dump_to_file(store: &dyn Store, path: &Path) -> Result<DumpSummary, RealmError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let unfinished = Path::new(&name);
    let written = write_file(store, unfinished).and_then(|summary| {
        fs::rename(unfinished, path).map_err(|error| RealmError::io(path, error))?;
        sync_directory(path).map_err(|error| RealmError::io(path, error))?;
        Ok(summary)
    });
    if written.is_err() {
        let _ = fs::remove_file(unfinished);
    }
    written
}

fn write_file(store: &dyn Store, path: &Path) -> Result<DumpSummary, RealmError> {
    let failed = |error| RealmError::io(path, error);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // Made anew: a file that is there has the mode, and a link the place, of somebody else's choice.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mut out = BufWriter::new(file);
    let summary = dump(store, &mut out).map_err(|error| match error {
        RealmError::Io { source, .. } => failed(source),
        RealmError::DiskFull { .. } => RealmError::DiskFull {
            path: path.to_owned(),
        },
        other => other,
    })?;
    let file = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    Ok(summary)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Restores a dump into an empty store: checks the whole of it first, then writes all of it in
/// one commit, or nothing.
pub fn restore(
    store: &dyn Store,
    source: &mut (impl Read + Seek),
) -> Result<DumpSummary, RealmError> {
    let summary = verify(source)?;
    rewind(source)?;
    let mut lines = Lines::begin(source)?;
    let mut records = std::iter::from_fn(|| match lines.next() {
        Ok(Line::Record(key, bytes)) => Some(Ok((key, bytes))),
        Ok(Line::End(end)) if end == summary => None,
        // Someone writes to the file while it is being read.
        Ok(Line::End(_)) => Some(Err(bad("it changed while it was read"))),
        Err(error) => Some(Err(error)),
    });
    store.load(&mut records, LoadInto::EmptyStore(summary.revision))?;
    Ok(summary)
}

/// Restores a dump from a file; see [`restore`].
pub fn restore_from_file(store: &dyn Store, path: &Path) -> Result<DumpSummary, RealmError> {
    let mut file = File::open(path).map_err(|error| RealmError::io(path, error))?;
    restore(store, &mut file)
}

/// Reads a whole dump and checks its checksum.
pub fn verify(source: &mut (impl Read + Seek)) -> Result<DumpSummary, RealmError> {
    rewind(source)?;
    let mut lines = Lines::begin(source)?;
    loop {
        if let Line::End(summary) = lines.next()? {
            return Ok(summary);
        }
    }
}

/// Passes bytes on and hashes them.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
}

impl<'a> Hashed<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        let hash = Sha256::new();
        Self { out, hash }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RealmError> {
        self.hash.update(bytes);
        self.out
            .write_all(bytes)
            .map_err(|error| RealmError::io("dump", error))
    }
}

/// A line of a dump.
enum Line {
    Record(RecordKey, Vec<u8>),
    End(DumpSummary),
}

/// Reads a dump line by line, and its end only when the checksum is right.
struct Lines<R> {
    source: BufReader<R>,
    hash: Sha256,
    records: u64,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    fn begin(source: R) -> Result<Self, RealmError> {
        let mut lines = Self {
            source: BufReader::new(source),
            hash: Sha256::new(),
            records: 0,
            line: Vec::new(),
        };
        lines.read_line()?;
        lines.hash.update(&lines.line);
        let title = std::str::from_utf8(&lines.line).unwrap_or_default();
        let format = title
            .strip_prefix(TITLE)
            .and_then(|rest| rest.trim().parse().ok());
        match format {
            Some(FORMAT) => Ok(lines),
            Some(found) => Err(RealmError::NewerFormat {
                what: "the dump",
                found,
                known: FORMAT,
            }),
            None => Err(bad("its first line is not that of a dump")),
        }
    }

    fn next(&mut self) -> Result<Line, RealmError> {
        self.read_line()?;
        if self.line.starts_with(b"end ") {
            return self.read_end().map(Line::End);
        }
        self.hash.update(&self.line);
        self.records = self.records.saturating_add(1);
        let line = self.line.trim_ascii_end();
        let malformed = || bad("a line is malformed");
        let blank = line.iter().position(|byte| *byte == b' ');
        let (key, value) = blank
            .and_then(|at| line.split_at_checked(at))
            .ok_or_else(malformed)?;
        let key = from_hex(key).ok_or_else(malformed)?;
        let value = from_hex(value.trim_ascii_start()).ok_or_else(malformed)?;
        Ok(Line::Record(RecordKey::from_bytes(&key)?, value))
    }

    fn read_end(&mut self) -> Result<DumpSummary, RealmError> {
        let line = std::str::from_utf8(&self.line).unwrap_or_default();
        let (head, checksum) = line
            .trim_end()
            .rsplit_once(' ')
            .ok_or_else(|| bad("its last line is malformed"))?;
        self.hash.update(head.as_bytes());
        self.hash.update(b" ");
        let mut expected = Vec::new();
        push_hex(&mut expected, &self.hash.finalize_reset());
        if checksum.as_bytes() != expected {
            return Err(bad("its checksum is wrong, so it was altered"));
        }
        let numbers: Vec<u64> = head
            .split(' ')
            .skip(1)
            .filter_map(|number| number.parse().ok())
            .collect();
        match numbers.as_slice() {
            [revision, records] if *records == self.records => self.nothing_follows(DumpSummary {
                records: *records,
                revision: Revision(*revision),
            }),
            _ => Err(bad("it does not hold as many records as it says")),
        }
    }

    fn nothing_follows(&mut self, summary: DumpSummary) -> Result<DumpSummary, RealmError> {
        match self.source.fill_buf() {
            Ok([]) => Ok(summary),
            Ok(_) => Err(bad("something follows its last line")),
            Err(error) => Err(RealmError::io("dump", error)),
        }
    }

    fn read_line(&mut self) -> Result<(), RealmError> {
        self.line.clear();
        (&mut self.source)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| RealmError::io("dump", error))?;
        if self.line.ends_with(b"\n") {
            Ok(())
        } else {
            Err(bad("it is cut short"))
        }
    }
}

fn rewind(source: &mut impl Seek) -> Result<(), RealmError> {
    source
        .seek(SeekFrom::Start(0))
        .map(|_| ())
        .map_err(|error| RealmError::io("dump", error))
}

fn bad(reason: &str) -> RealmError {
    RealmError::BadDump(reason.to_owned())
}

fn push_hex(line: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0') as u8;
    for byte in bytes {
        line.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| u8::try_from((digit(*high)? << 4) | digit(*low)?).ok())
        .collect()
}
