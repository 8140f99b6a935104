use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

/// A request and its reply, as somebody beside the KDC sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overheard {
    /// When the KDC answered, counted from the beginning of the site.
    pub at: Duration,
    /// The client.
    pub client: SocketAddr,
    /// The KDC, at port 88 for tickets and at 464 for passwords.
    pub kdc: SocketAddr,
    /// What it was asked.
    pub request: Vec<u8>,
    /// What it said, if anything.
    pub reply: Vec<u8>,
}

/// What happened, one line each.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) lines: Vec<String>,
    pub(super) overheard: Vec<Overheard>,
}

impl Trace {
    pub(super) fn say(&mut self, at: Duration, what: &str) {
        self.lines.push(format!(
            "{:>12}.{:06} {what}",
            at.as_secs(),
            at.subsec_micros()
        ));
    }
}

/// Stands for bytes in a line: their number and a hash that is the same in every process.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} octets {:016x}", bytes.len(), hasher.finish())
}
