//! A file that says which certificate belongs to which principal, line by line:
//!
//! ```text
//! # principal            subject in the form of RFC 2253, or the fingerprint
//! alice@EXAMPLE.COM      CN=alice,O=Example
//! bob@EXAMPLE.COM        sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
//! ```

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use kerbstone_proto::name::Principal;

use super::ClientCertificate;
use crate::file_stamp::Stamp;

const FINGERPRINT: &str = "sha256:";

/// Why a table of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTable {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line says nothing that can be used.
    #[error("{path}: line {line}: {why}", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, the first being 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The table, read anew when asked.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    /// The file as it was when it was last looked at.
    seen: Mutex<Stamp>,
    lines: ArcSwap<HashMap<String, Principal>>,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, BadTable> {
        Ok(Self {
            path: path.to_owned(),
            seen: Mutex::new(Stamp::of([path])),
            lines: ArcSwap::from_pointee(read(path)?),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file anew; what was read before stays when that fails.
    pub(super) fn reload(&self) -> Result<(), BadTable> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Stamp::of([&self.path]);
        self.lines.store(Arc::new(read(&self.path)?));
        Ok(())
    }

    pub(super) fn has_changed(&self) -> bool {
        let stamp = Stamp::of([&self.path]);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamp
    }

    pub(super) fn find(&self, certificate: &ClientCertificate) -> Option<Principal> {
        let lines = self.lines.load();
        let fingerprint = format!("{FINGERPRINT}{}", certificate.fingerprint);
        lines
            .get(&fingerprint)
            .or_else(|| lines.get(&certificate.subject_dn))
            .cloned()
    }
}

fn read(path: &Path) -> Result<HashMap<String, Principal>, BadTable> {
    let text = std::fs::read_to_string(path).map_err(|source| BadTable::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut lines = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |why| BadTable::Line {
            path: path.to_owned(),
            line: index.saturating_add(1),
            why,
        };
        let (key, principal) = entry(line).map_err(bad)?;
        if lines.insert(key, principal).is_some() {
            return Err(bad("this certificate stands in an earlier line already"));
        }
    }
    Ok(lines)
}

fn entry(line: &str) -> Result<(String, Principal), &'static str> {
    let (principal, certificate) = line
        .split_once(char::is_whitespace)
        .ok_or("it wants a principal, a space, and a subject or `sha256:` with a fingerprint")?;
    let principal = Principal::parse(principal, None)
        .map_err(|_| "it begins with no principal with its realm")?;
    let certificate = certificate.trim();
    let Some(fingerprint) = certificate.strip_prefix(FINGERPRINT) else {
        return Ok((certificate.to_owned(), principal));
    };
    let digits: String = fingerprint.chars().filter(|&digit| digit != ':').collect();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("a fingerprint of SHA-256 has 64 hexadecimal digits");
    }
    Ok((format!("{FINGERPRINT}{}", digits.to_uppercase()), principal))
}
