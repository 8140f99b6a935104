//! The seam between a realm's records and the engine that keeps them.
//!
//! An engine keeps bytes under names, tells versions apart, and commits a batch of changes
//! whole or not at all. What the bytes mean is no business of it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Weak;

use crate::error::RealmError;
use crate::record_key::{RecordKey, RecordPrefix};

/// Counts a store's commits. A record's version is the revision that wrote it, so a version never
/// comes back, not even for a record that was deleted and made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// A value together with the revision that wrote it: what compare-and-swap compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The revision.
    pub version: Revision,
    /// The value.
    pub value: T,
}

impl<T> Versioned<T> {
    /// The same version of something made from the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned {
            version: self.version,
            value: change(self.value),
        }
    }
}

/// What must hold of a record for a batch to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// It is not there.
    Absent,
    /// It is there.
    Present,
    /// It is there and was written by this revision.
    Version(Revision),
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the change states an expectation only.
    Keep,
    /// It gets these bytes.
    Put(Vec<u8>),
    /// It goes.
    Delete,
}

/// One line of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The record.
    pub key: RecordKey,
    /// What must hold of it.
    pub expect: Expect,
    /// What becomes of it.
    pub action: Action,
}

/// Changes that happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The changes, no record twice.
    pub changes: Vec<Change>,
    /// When set: nothing at all may have been written since this revision.
    pub unchanged_since: Option<Revision>,
}

impl Batch {
    /// Adds: this record must be as expected, and stays as it is.
    #[must_use]
    pub fn require(self, key: RecordKey, expect: Expect) -> Self {
        self.change(key, expect, Action::Keep)
    }

    /// Adds: this record gets these bytes.
    #[must_use]
    pub fn put(self, key: RecordKey, expect: Expect, bytes: Vec<u8>) -> Self {
        self.change(key, expect, Action::Put(bytes))
    }

    /// Adds: this record goes.
    #[must_use]
    pub fn delete(self, key: RecordKey, expect: Expect) -> Self {
        self.change(key, expect, Action::Delete)
    }

    /// Adds a change.
    pub fn add(&mut self, key: RecordKey, expect: Expect, action: Action) {
        self.changes.push(Change {
            key,
            expect,
            action,
        });
    }

    fn change(mut self, key: RecordKey, expect: Expect, action: Action) -> Self {
        self.add(key, expect, action);
        self
    }
}

/// One record while a scan passes over it.
#[derive(Clone, Copy, Debug)]
pub struct Scanned<'a> {
    /// The bytes of its [`RecordKey`].
    pub key: &'a [u8],
    /// Who wrote it.
    pub version: Revision,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Sees each record of a scan and says whether to go on.
pub type Visitor<'a> = dyn FnMut(Scanned<'_>) -> Result<ControlFlow<()>, RealmError> + 'a;

/// Records for [`Store::load`]; an error ends the load, and nothing is kept.
pub type Records<'a> = dyn Iterator<Item = Result<(RecordKey, Vec<u8>), RealmError>> + 'a;

/// Where [`Store::load`] may put its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadInto {
    /// Only into a store without any record; its revisions go on after this one.
    EmptyStore(Revision),
    /// Beside what is there; a record that is there already is a conflict.
    NewRecords,
}

/// What happened to a record, as told to an [`Observer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was written.
    Put,
    /// It was deleted.
    Deleted,
}

/// Hears of changes after they can be read and before whoever made them is told of success.
pub trait Observer: Send + Sync {
    /// These records changed, or may have.
    fn changed(&self, changes: &[(RecordKey, Happened)]);
    /// Anything may have changed.
    fn everything_changed(&self);
}

/// Keeps a realm's records.
pub trait Store: fmt::Debug + Send + Sync {
    /// The record of that name.
    fn get(&self, key: &RecordKey) -> Result<Option<Versioned<Vec<u8>>>, RealmError>;

    /// Shows the visitor every record under the prefix in the order of names, as of one moment,
    /// while writing goes on; tells which moment.
    fn scan(&self, prefix: &RecordPrefix, visit: &mut Visitor<'_>) -> Result<Revision, RealmError>;

    /// Commits a batch durably. Fails with [`RealmError::Conflict`] when an expectation does not
    /// hold, and then nothing has changed.
    fn commit(&self, batch: Batch) -> Result<Revision, RealmError>;

    /// Writes many records in one commit and counts them.
    fn load(&self, records: &mut Records<'_>, into: LoadInto) -> Result<u64, RealmError>;

    /// Tells the observer of every later change, as long as it lives.
    fn subscribe(&self, observer: Weak<dyn Observer>);
}
