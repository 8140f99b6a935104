use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use crate::model::{
    AccessRule, ApplicationCredential, Assignment, CatalogService, Credential, Endpoint, Group,
    Implication, Kind, Limit, Membership, Model, Project, Record, Region, Revocation, Role, Trust,
    User,
};

use super::DirectoryError;
use super::change::Write;

/// Version of the form in which records are written.
const FORM: u64 = 1;
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
/// In [`ABOUT`]; its presence says whose file this is.
const FORM_KEY: &str = "kerbstone identity form";
/// In [`ABOUT`].
const GENERATION_KEY: &str = "generation";
/// Octets that redb keeps: everything is read once, and answered from the model afterwards.
const CACHE: usize = 8 << 20;
/// How redb's files begin.
const REDB_MAGIC: &[u8] = b"redb";

/// The file, or memory in its place.
#[derive(Debug)]
pub(super) struct Store {
    database: Database,
    path: PathBuf,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, DirectoryError> {
        let is_new = look_at(path)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create(path)
            .map_err(|error| opening_failed(path, error))?;
        let store = Self {
            database,
            path: path.to_owned(),
        };
        if is_new {
            store.begin()?;
        }
        store.check_form()?;
        Ok(store)
    }

    pub(super) fn in_memory() -> Result<Self, DirectoryError> {
        let path = PathBuf::from("memory");
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| opening_failed(&path, error))?;
        let store = Self { database, path };
        store.begin()?;
        Ok(store)
    }

    /// Everything in it.
    pub(super) fn load(&self) -> Result<Model, DirectoryError> {
        let mut model = Model::default();
        self.load_kind::<Project>(&mut model)?;
        self.load_kind::<User>(&mut model)?;
        self.load_kind::<Group>(&mut model)?;
        self.load_kind::<Membership>(&mut model)?;
        self.load_kind::<Role>(&mut model)?;
        self.load_kind::<Implication>(&mut model)?;
        self.load_kind::<Assignment>(&mut model)?;
        self.load_kind::<Region>(&mut model)?;
        self.load_kind::<CatalogService>(&mut model)?;
        self.load_kind::<Endpoint>(&mut model)?;
        self.load_kind::<Trust>(&mut model)?;
        self.load_kind::<ApplicationCredential>(&mut model)?;
        self.load_kind::<AccessRule>(&mut model)?;
        self.load_kind::<Credential>(&mut model)?;
        self.load_kind::<Limit>(&mut model)?;
        self.load_kind::<Revocation>(&mut model)?;
        model.generation = self.about(GENERATION_KEY)?.unwrap_or_default();
        Ok(model)
    }

    /// Writes all or nothing; on the disk when it returns.
    pub(super) fn write(&self, writes: &[Write], generation: u64) -> Result<(), DirectoryError> {
        self.try_write(writes, generation)
            .map_err(|error| self.failed(&error))
    }

    fn try_write(&self, writes: &[Write], generation: u64) -> Result<(), redb::Error> {
        let transaction = self.transaction()?;
        for run in writes.chunk_by(|one, next| one.kind == next.kind) {
            let Some(kind) = run.first().map(|write| write.kind) else {
                continue;
            };
            let mut table = transaction.open_table(records(kind))?;
            for write in run {
                let key = write.key.as_str();
                match &write.value {
                    Some(value) => drop(table.insert(key, value.as_slice())?),
                    None => drop(table.remove(key)?),
                }
            }
        }
        transaction
            .open_table(ABOUT)?
            .insert(GENERATION_KEY, generation)?;
        Ok(transaction.commit()?)
    }

    fn transaction(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // Two-phase, with the allocator's state in each commit: opening after a crash repairs nothing.
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    fn begin(&self) -> Result<(), DirectoryError> {
        let begun = || -> Result<(), redb::Error> {
            let transaction = self.transaction()?;
            transaction.open_table(ABOUT)?.insert(FORM_KEY, FORM)?;
            Ok(transaction.commit()?)
        };
        begun().map_err(|error| self.failed(&error))
    }

    fn check_form(&self) -> Result<(), DirectoryError> {
        match self.about(FORM_KEY)? {
            Some(form) if form <= FORM => Ok(()),
            Some(found) => Err(DirectoryError::TooNew {
                path: self.path.clone(),
                found,
                known: FORM,
            }),
            None => Err(DirectoryError::Foreign {
                path: self.path.clone(),
                what: "it is a redb file of another program".to_owned(),
            }),
        }
    }

    fn about(&self, key: &str) -> Result<Option<u64>, DirectoryError> {
        let read = || -> Result<Option<u64>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = match transaction.open_table(ABOUT) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(table.get(key)?.map(|value| value.value()))
        };
        read().map_err(|error| self.failed(&error))
    }

    fn load_kind<R: Record>(&self, model: &mut Model) -> Result<(), DirectoryError> {
        for (key, value) in self.rows(R::KIND)? {
            let record: R = serde_json::from_slice(&value)
                .map_err(|error| self.damaged(R::KIND, &key, &error.to_string()))?;
            if record.key() != key.as_str() {
                return Err(self.damaged(R::KIND, &key, "it is about something else"));
            }
            model.put(Arc::new(record));
        }
        Ok(())
    }

    fn rows(&self, kind: Kind) -> Result<Vec<(String, Vec<u8>)>, DirectoryError> {
        let read = || -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = match transaction.open_table(records(kind)) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut rows = Vec::new();
            for row in table.iter()? {
                let (key, value) = row?;
                rows.push((key.value().to_owned(), value.value().to_owned()));
            }
            Ok(rows)
        };
        read().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &redb::Error) -> DirectoryError {
        DirectoryError::Store {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }

    fn damaged(&self, kind: Kind, key: &str, why: &str) -> DirectoryError {
        DirectoryError::Damaged {
            path: self.path.clone(),
            table: kind.name(),
            key: key.to_owned(),
            why: why.to_owned(),
        }
    }
}

fn records(kind: Kind) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(kind.name())
}

/// Whether the file is new. It is made, for its owner alone, when there is none.
fn look_at(path: &Path) -> Result<bool, DirectoryError> {
    let failed = |source| DirectoryError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(true);
    }
    let mut begin = [0; REDB_MAGIC.len()];
    let is_redb = read_begin(&mut file, &mut begin) && begin == *REDB_MAGIC;
    if is_redb {
        Ok(false)
    } else {
        Err(DirectoryError::Foreign {
            path: path.to_owned(),
            what: "it does not begin as a redb file does".to_owned(),
        })
    }
}

fn read_begin(file: &mut File, begin: &mut [u8]) -> bool {
    file.read_exact(begin).is_ok()
}

fn opening_failed(path: &Path, error: DatabaseError) -> DirectoryError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => DirectoryError::InUse { path },
        DatabaseError::Storage(redb::StorageError::Io(source)) => {
            DirectoryError::Io { path, source }
        }
        other => DirectoryError::Store {
            path,
            why: other.to_string(),
        },
    }
}
