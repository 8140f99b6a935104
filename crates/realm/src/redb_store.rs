//! The default engine: redb, one file, one process.
//!
//! Every commit is two-phase and durable before it returns. Reading goes through a snapshot that
//! is taken once per commit, so a read opens no transaction. An engine that met an I/O error
//! refuses all work, so it is opened again: for writing if the disk permits, else for reading.

mod overlay;
mod store_file;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageBackend, Table, TableDefinition, WriteTransaction,
};

use self::overlay::Overlay;
use self::store_file::{FileView, StoreFile};
use crate::error::{RealmError, is_out_of_room};
use crate::record_key::{RecordKey, RecordPrefix};
use crate::store::{
    Action, Batch, Change, Expect, Happened, LoadInto, Observer, Records, Revision, Scanned, Store,
    Versioned, Visitor,
};

type Bytes = &'static [u8];

const RECORDS: TableDefinition<'static, Bytes, Bytes> = TableDefinition::new("records");
const COUNTERS: TableDefinition<'static, &'static str, u64> = TableDefinition::new("counters");
const REVISION: &str = "revision";
const FORMAT_NAME: &str = "format";
const FORMAT: u64 = 1;
/// Enough for the upper levels of a tree of 100,000 principals and the pages asked for lately; the system's own cache
/// has the others.
const CACHE_BYTES: usize = 8 << 20;

/// A store in one file, or in memory.
///
/// The file grows by doubling, and the room for that is reserved before anything is written to
/// it. Without that room a change fails with [`RealmError::DiskFull`] and leaves no trace,
/// reading goes on, and the next change after room was made succeeds.
#[derive(Debug)]
pub struct RedbStore {
    /// `None` in memory.
    file: Option<Arc<StoreFile>>,
    /// Held by whoever writes or opens the engine again.
    engine: Mutex<Engine>,
    snapshot: RwLock<Arc<Snapshot>>,
    observers: RwLock<Vec<Weak<dyn Observer>>>,
}

#[derive(Debug)]
struct Engine {
    database: Database,
    /// Cleared while the engine stands on an [`Overlay`].
    writable: bool,
}

/// The records as of one commit.
struct Snapshot {
    records: ReadOnlyTable<Bytes, Bytes>,
    revision: Revision,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Snapshot").field(&self.revision).finish()
    }
}

impl std::fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl RedbStore {
    /// Opens a store's file, which must exist.
    pub fn open(path: &Path) -> Result<Self, RealmError> {
        Self::with_file(StoreFile::open(path, false)?)
    }

    /// Opens a store's file or makes a new one, readable by its owner only.
    pub fn create(path: &Path) -> Result<Self, RealmError> {
        Self::with_file(StoreFile::open(path, true)?)
    }

    /// A store that is gone when it is dropped, for tests and trials.
    pub fn in_memory() -> Result<Self, RealmError> {
        let database = builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| engine_error(error.into(), None))?;
        let engine = Engine {
            database,
            writable: true,
        };
        Self::with_engine(engine, None)
    }

    fn with_file(file: StoreFile) -> Result<Self, RealmError> {
        let file = Arc::new(file);
        let engine = open_file(&file)?;
        Self::with_engine(engine, Some(file))
    }

    fn with_engine(engine: Engine, file: Option<Arc<StoreFile>>) -> Result<Self, RealmError> {
        let path = file.as_ref().map(|file| file.path());
        let snapshot = prepare(&engine.database)
            .and_then(|()| Snapshot::take(&engine.database))
            .map_err(|error| error.explain(path))?;
        Ok(Self {
            file,
            engine: Mutex::new(engine),
            snapshot: RwLock::new(Arc::new(snapshot)),
            observers: RwLock::default(),
        })
    }

    /// Whether the last attempt to write found no room, so that the store can only be read for now.
    pub fn is_read_only(&self) -> bool {
        !self.lock_engine().writable
    }

    fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path())
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn lock_engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the current snapshot; when the engine under it failed, from a fresh one.
    fn read<T>(&self, read: impl Fn(&Snapshot) -> Result<T, Failure>) -> Result<T, RealmError> {
        let snapshot = self.snapshot();
        match read(&snapshot) {
            Err(Failure::Engine(error)) if engine_is_down(&error) => {
                self.replace_failed(&snapshot)?;
                read(&self.snapshot()).map_err(|error| error.explain(self.path()))
            }
            done => done.map_err(|error| error.explain(self.path())),
        }
    }

    fn replace_failed(&self, failed: &Arc<Snapshot>) -> Result<(), RealmError> {
        let mut engine = self.lock_engine();
        if Arc::ptr_eq(failed, &self.snapshot()) {
            self.open_again(&mut engine)?;
        }
        Ok(())
    }

    /// Runs a write transaction and shows its result to readers and observers. An error leaves
    /// the store as it was, readable, with the engine opened again where it must be.
    fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction, Revision) -> Result<(T, Touched), Failure>,
    ) -> Result<(T, Revision), RealmError> {
        let mut engine = self.lock_engine();
        if !engine.writable {
            self.open_again(&mut engine)?;
            if !engine.writable {
                return Err(self.no_room());
            }
        }
        let mut touched = Touched::default();
        let written = transact(
            &engine.database,
            self.snapshot().revision,
            work,
            &mut touched,
        );
        let refreshed = written.and_then(|value| {
            self.show(Snapshot::take(&engine.database)?);
            Ok(value)
        });
        let result = match refreshed {
            Ok(value) => Ok((value, self.snapshot().revision)),
            Err(failure) => {
                let usable = match &failure {
                    Failure::Engine(error) if engine_is_down(error) => self.open_again(&mut engine),
                    _ => Ok(()),
                };
                usable.and(Err(failure.explain(self.path())))
            }
        };
        drop(engine);
        // A commit that failed late may have happened nevertheless, so observers hear of it too.
        self.tell(&touched);
        result
    }

    fn no_room(&self) -> RealmError {
        RealmError::DiskFull {
            path: self.path().map_or_else(PathBuf::new, Path::to_owned),
        }
    }

    fn open_again(&self, engine: &mut Engine) -> Result<(), RealmError> {
        let Some(file) = &self.file else {
            return Err(RealmError::Engine("the store in memory failed".to_owned()));
        };
        let fresh = open_file(file)?;
        self.show(Snapshot::take(&fresh.database).map_err(|error| error.explain(self.path()))?);
        *engine = fresh;
        Ok(())
    }

    fn show(&self, snapshot: Snapshot) {
        *self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    fn tell(&self, touched: &Touched) {
        let observers: Vec<_> = {
            let mut observers = self
                .observers
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            observers.retain(|observer| observer.strong_count() > 0);
            observers.iter().filter_map(Weak::upgrade).collect()
        };
        for observer in observers {
            match touched {
                Touched::These(changes) if changes.is_empty() => {}
                Touched::These(changes) => observer.changed(changes),
                Touched::Everything => observer.everything_changed(),
            }
        }
    }
}

impl Store for RedbStore {
    fn get(&self, key: &RecordKey) -> Result<Option<Versioned<Vec<u8>>>, RealmError> {
        self.read(|snapshot| {
            let Some(found) = snapshot.records.get(key.as_bytes())? else {
                return Ok(None);
            };
            let (version, bytes) = split_version(found.value())?;
            Ok(Some(Versioned {
                version,
                value: bytes.to_vec(),
            }))
        })
    }

    fn scan(&self, prefix: &RecordPrefix, visit: &mut Visitor<'_>) -> Result<Revision, RealmError> {
        let snapshot = self.snapshot();
        let scanned = scan_snapshot(&snapshot, prefix.as_bytes(), visit);
        if let Err(Failure::Engine(error)) = &scanned
            && engine_is_down(error)
        {
            // The visitor has seen a part, so the scan cannot be repeated here; the next one works.
            self.replace_failed(&snapshot)?;
        }
        scanned.map_err(|error| error.explain(self.path()))?;
        Ok(snapshot.revision)
    }

    fn commit(&self, batch: Batch) -> Result<Revision, RealmError> {
        let ((), revision) = self.write(|transaction, revision| {
            let moved_on = batch.unchanged_since.is_some_and(|seen| seen != revision);
            if moved_on {
                return Err(RealmError::Conflict("the store".to_owned()).into());
            }
            let next = Revision(revision.0.saturating_add(1));
            let mut records = transaction.open_table(RECORDS)?;
            let mut touched = Vec::with_capacity(batch.changes.len());
            for change in batch.changes {
                if let Some(happened) = apply(&mut records, &change, next)? {
                    touched.push((change.key, happened));
                }
            }
            set_revision(transaction, next)?;
            Ok(((), Touched::These(touched)))
        })?;
        Ok(revision)
    }

    fn load(&self, source: &mut Records<'_>, into: LoadInto) -> Result<u64, RealmError> {
        let (count, _) = self.write(|transaction, revision| {
            let mut records = transaction.open_table(RECORDS)?;
            let base = match into {
                LoadInto::NewRecords => revision,
                LoadInto::EmptyStore(base) if records.is_empty()? => base.max(revision),
                LoadInto::EmptyStore(_) => return Err(RealmError::NotEmpty.into()),
            };
            let next = Revision(base.0.saturating_add(1));
            let mut count = 0_u64;
            for record in source {
                let (key, bytes) = record?;
                if records
                    .insert(key.as_bytes(), &*join_version(next, &bytes))?
                    .is_some()
                {
                    return Err(RealmError::Conflict(describe(&key)).into());
                }
                count = count.saturating_add(1);
            }
            set_revision(transaction, next)?;
            Ok((count, Touched::Everything))
        })?;
        Ok(count)
    }

    fn subscribe(&self, observer: Weak<dyn Observer>) {
        self.observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
    }
}

/// What a write changed, for observers.
#[derive(Debug)]
enum Touched {
    These(Vec<(RecordKey, Happened)>),
    Everything,
}

impl Default for Touched {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// Why work on the engine ended: the engine's own trouble, or a reason of ours.
enum Failure {
    Engine(redb::Error),
    Ours(RealmError),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

impl From<RealmError> for Failure {
    fn from(error: RealmError) -> Self {
        Self::Ours(error)
    }
}

impl Failure {
    fn explain(self, path: Option<&Path>) -> RealmError {
        match self {
            Self::Ours(error) => error,
            Self::Engine(error) => engine_error(error, path),
        }
    }
}

impl Snapshot {
    fn take(database: &Database) -> Result<Self, Failure> {
        let transaction = database.begin_read()?;
        let revision = transaction.open_table(COUNTERS)?.get(REVISION)?;
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            revision: Revision(revision.map_or(0, |found| found.value())),
        })
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Opens the engine on the file; when the disk has no room even for that, on an overlay.
fn open_file(file: &Arc<StoreFile>) -> Result<Engine, RealmError> {
    match open_on(FileView(Arc::clone(file)), file.path()) {
        Ok(database) => Ok(Engine {
            database,
            writable: true,
        }),
        Err(RealmError::DiskFull { .. }) if file.is_in_use() => open_overlay(file),
        Err(error) => Err(error),
    }
}

fn open_overlay(file: &Arc<StoreFile>) -> Result<Engine, RealmError> {
    let overlay =
        Overlay::new(Arc::clone(file)).map_err(|error| RealmError::io(file.path(), error))?;
    Ok(Engine {
        database: open_on(overlay, file.path())?,
        writable: false,
    })
}

fn open_on(backend: impl StorageBackend, path: &Path) -> Result<Database, RealmError> {
    builder()
        .create_with_backend(backend)
        .map_err(|error| engine_error(error.into(), Some(path)))
}

/// Makes the tables of a new store; refuses one of a newer format.
fn prepare(database: &Database) -> Result<(), Failure> {
    if let Some(found) = read_format(database)? {
        if found > FORMAT {
            return Err(RealmError::NewerFormat {
                what: "the store",
                found,
                known: FORMAT,
            }
            .into());
        }
        return Ok(());
    }
    let transaction = begin(database)?;
    transaction.open_table(RECORDS)?;
    transaction
        .open_table(COUNTERS)?
        .insert(FORMAT_NAME, FORMAT)?;
    set_revision(&transaction, Revision(0))?;
    transaction.commit()?;
    Ok(())
}

fn read_format(database: &Database) -> Result<Option<u64>, Failure> {
    let transaction = database.begin_read()?;
    match transaction.open_table(COUNTERS) {
        Ok(counters) => Ok(counters.get(FORMAT_NAME)?.map(|found| found.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn begin(database: &Database) -> Result<WriteTransaction, Failure> {
    let mut transaction = database.begin_write()?;
    // Two-phase, with the allocator's state in each commit: opening after a crash repairs nothing.
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn transact<T>(
    database: &Database,
    revision: Revision,
    work: impl FnOnce(&WriteTransaction, Revision) -> Result<(T, Touched), Failure>,
    touched: &mut Touched,
) -> Result<T, Failure> {
    let transaction = begin(database)?;
    let (value, changes) = work(&transaction, revision)?;
    *touched = changes;
    transaction.commit()?;
    Ok(value)
}

fn set_revision(transaction: &WriteTransaction, revision: Revision) -> Result<(), Failure> {
    transaction
        .open_table(COUNTERS)?
        .insert(REVISION, revision.0)?;
    Ok(())
}

fn apply(
    records: &mut Table<'_, Bytes, Bytes>,
    change: &Change,
    revision: Revision,
) -> Result<Option<Happened>, Failure> {
    let key = change.key.as_bytes();
    if change.expect != Expect::Any {
        let present = match records.get(key)? {
            Some(found) => Some(split_version(found.value())?.0),
            None => None,
        };
        let holds = match change.expect {
            Expect::Any => true,
            Expect::Absent => present.is_none(),
            Expect::Present => present.is_some(),
            Expect::Version(version) => present == Some(version),
        };
        if !holds {
            return Err(RealmError::Conflict(describe(&change.key)).into());
        }
    }
    match &change.action {
        Action::Keep => Ok(None),
        Action::Put(bytes) => {
            records.insert(key, &*join_version(revision, bytes))?;
            Ok(Some(Happened::Put))
        }
        Action::Delete => Ok(records.remove(key)?.map(|_| Happened::Deleted)),
    }
}

fn scan_snapshot(
    snapshot: &Snapshot,
    prefix: &[u8],
    visit: &mut Visitor<'_>,
) -> Result<(), Failure> {
    for item in snapshot.records.range::<&[u8]>(prefix..)? {
        let (key, value) = item?;
        if !key.value().starts_with(prefix) {
            break;
        }
        let (version, bytes) = split_version(value.value())?;
        let seen = visit(Scanned {
            key: key.value(),
            version,
            bytes,
        })?;
        if seen == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

fn join_version(revision: Revision, bytes: &[u8]) -> Vec<u8> {
    [&revision.0.to_le_bytes(), bytes].concat()
}

fn split_version(value: &[u8]) -> Result<(Revision, &[u8]), RealmError> {
    let (version, bytes) = value.split_first_chunk().ok_or(RealmError::Damaged {
        kind: "record",
        reason: "cut short",
    })?;
    Ok((Revision(u64::from_le_bytes(*version)), bytes))
}

/// A record's name for people.
fn describe(key: &RecordKey) -> String {
    match key.split() {
        Ok((realm, [])) => realm.to_string(),
        Ok((realm, name)) => format!("{}@{realm}", String::from_utf8_lossy(name)),
        Err(_) => "the store's master key record".to_owned(),
    }
}

/// Whether the engine refuses all further work until it is opened again.
const fn engine_is_down(error: &redb::Error) -> bool {
    matches!(
        error,
        redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed
    )
}

fn engine_error(error: redb::Error, path: Option<&Path>) -> RealmError {
    match (error, path) {
        (redb::Error::Io(source), Some(path)) if is_out_of_room(&source) => RealmError::DiskFull {
            path: path.to_owned(),
        },
        (redb::Error::Io(source), Some(path)) => RealmError::Io {
            path: path.to_owned(),
            source,
        },
        (error, _) => RealmError::Engine(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::Realm;

    use super::*;

    #[test]
    fn stays_readable_on_an_overlay_and_writes_again_when_the_file_permits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("realm.redb");
        let key = RecordKey::realm(&Realm::from("R"));
        let put = |bytes: &[u8]| Batch::default().put(key.clone(), Expect::Any, bytes.to_vec());
        let store = RedbStore::create(&path).unwrap();
        store.commit(put(b"old")).unwrap();
        drop(store);
        let before = std::fs::read(&path).unwrap();
        let file = Arc::new(StoreFile::open(&path, false).unwrap());
        let engine = open_overlay(&file).unwrap();
        let store = RedbStore::with_engine(engine, Some(file)).unwrap();
        assert!(store.is_read_only());
        assert_eq!(store.get(&key).unwrap().unwrap().value, b"old");
        assert!(std::fs::read(&path).unwrap() == before);
        store.commit(put(b"new")).unwrap();
        assert!(!store.is_read_only());
        drop(store);
        let store = RedbStore::open(&path).unwrap();
        assert_eq!(store.get(&key).unwrap().unwrap().value, b"new");
    }
}
