//! Dumps of the store: now and then while it is in use, and by hand while it is not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kerbstone_proto::absolute_time::{CivilTime, TimeZone, Utc};
use kerbstone_proto::time::KerberosTime;
use kerbstone_realm::{
    DumpSummary, MasterKey, RealmError, RedbStore, Store, Vault, dump_to_file, restore_from_file,
};
use tokio::task::spawn_blocking;

use super::door;
use super::settings::KdcSettings;

const PREFIX: &str = "kerbstone-";
const SUFFIX: &str = ".dump";
/// Pause after a dump that failed, so that a full disk is not asked again at once.
const PAUSE: Duration = Duration::from_secs(60);

/// Where hot dumps go, how often, and how many stay.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    directory: PathBuf,
    interval: Duration,
    keep: usize,
}

impl Schedule {
    /// What the settings say, if they want dumps at all.
    pub(crate) fn of(settings: &KdcSettings) -> Option<Self> {
        let directory = settings.dump_directory.clone()?;
        Some(Self {
            directory,
            interval: settings.dump_interval.max(Duration::from_secs(1)),
            keep: settings.dump_keep.max(1),
        })
    }

    /// Dumps the store again and again until the task is dropped. A restart does not begin anew: the
    /// age of the newest dump counts.
    pub(crate) async fn follow(self, store: Arc<dyn Store>) {
        loop {
            tokio::time::sleep(self.until_due()).await;
            let (schedule, store) = (self.clone(), Arc::clone(&store));
            let done = spawn_blocking(move || schedule.dump(&*store)).await;
            match done {
                Ok(Ok((path, DumpSummary { records, .. }))) => {
                    tracing::info!(path = %path.display(), records, "store dumped");
                }
                Ok(Err(error)) => {
                    tracing::error!(directory = %self.directory.display(), %error, "the store cannot be dumped");
                    metrics::counter!("kerbstone_dump_failures_total").increment(1);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => tracing::error!(%error, "a dump of the store broke off"),
            }
        }
    }

    fn until_due(&self) -> Duration {
        let newest = self.dumps().ok().and_then(|dumps| dumps.last().cloned());
        let written = newest.and_then(|path| fs::metadata(path).ok()?.modified().ok());
        let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
        age.map_or(Duration::ZERO, |age| self.interval.saturating_sub(age))
    }

    fn dump(&self, store: &dyn Store) -> Result<(PathBuf, DumpSummary), RealmError> {
        let failed = |source| RealmError::Io {
            path: self.directory.clone(),
            source,
        };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let path = self.directory.join(file_name(door::now().time));
        let summary = dump_to_file(store, &path)?;
        self.remove_old().map_err(failed)?;
        Ok((path, summary))
    }

    fn remove_old(&self) -> io::Result<()> {
        let dumps = self.dumps()?;
        let surplus = dumps.len().saturating_sub(self.keep);
        dumps.iter().take(surplus).try_for_each(fs::remove_file)
    }

    /// The dumps that a schedule has made, oldest first. Other files are nobody's business here.
    fn dumps(&self) -> io::Result<Vec<PathBuf>> {
        let mut dumps = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let stem = name
                .to_str()
                .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
            if stem.is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                dumps.push(entry.path());
            }
        }
        // The time in the name has one length, so that the order of names is that of times.
        dumps.sort();
        Ok(dumps)
    }
}

/// `kerbstone-20261122T101500Z.dump`
fn file_name(now: KerberosTime) -> String {
    let CivilTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Utc.civil(now);
    format!("{PREFIX}{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z{SUFFIX}")
}

/// Dumps a store that no KDC has open.
pub(crate) fn dump_offline(settings: &KdcSettings, file: &Path) -> Result<DumpSummary, RealmError> {
    let store = RedbStore::open(&settings.store)?;
    dump_to_file(&store, file)
}

/// Restores a dump into a store that is empty or not there yet, and tries whether the master key fits.
pub(crate) fn restore_offline(
    settings: &KdcSettings,
    file: &Path,
) -> Result<DumpSummary, RealmError> {
    let master = MasterKey::load(&settings.master_key)?;
    let is_new = !settings.store.exists();
    let restored = restore_into(&settings.store, file, master);
    if restored.is_err() && is_new {
        let _ = fs::remove_file(&settings.store);
    }
    restored
}

fn restore_into(store: &Path, file: &Path, master: MasterKey) -> Result<DumpSummary, RealmError> {
    let store = Arc::new(RedbStore::create(store)?);
    let summary = restore_from_file(&*store, file)?;
    Vault::open(store, master)?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use kerbstone_proto::name::{Principal, Realm};
    use kerbstone_realm::{RealmSettings, Registrar, Stamp};

    use super::*;

    fn settings(folder: &Path) -> KdcSettings {
        let text = "store = \"realm.redb\"\nmaster_key = \"master.key\"\ndump_directory = \"dumps\"\ndump_keep = 2";
        let mut settings: KdcSettings = toml::from_str(text).unwrap();
        settings.resolve(folder);
        settings
    }

    fn make_store(settings: &KdcSettings) {
        use std::os::unix::fs::OpenOptionsExt;
        let (master, bytes) = MasterKey::generate(&mut rand::rng());
        let key = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&settings.master_key);
        io::Write::write_all(&mut key.unwrap(), &*bytes).unwrap();
        let store = Arc::new(RedbStore::create(&settings.store).unwrap());
        let vault = Arc::new(Vault::create(store, master).unwrap());
        let realm = Realm::from("EXAMPLE.TEST");
        let stamp = Stamp {
            by: Principal::parse("test", Some(&realm)).unwrap(),
            at: door::now().time,
        };
        let realm = RealmSettings::new(realm);
        Registrar::new(vault)
            .create_realm(&realm, &stamp, &mut rand::rng())
            .unwrap();
    }

    #[test]
    fn a_dump_is_restored_into_a_new_store_and_never_over_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        make_store(&settings);
        let file = folder.path().join("dump");
        let dumped = dump_offline(&settings, &file).unwrap();
        assert!(matches!(
            restore_offline(&settings, &file),
            Err(RealmError::NotEmpty | RealmError::Conflict(_))
        ));
        fs::remove_file(&settings.store).unwrap();
        assert_eq!(restore_offline(&settings, &file).unwrap(), dumped);
        let again = dump_offline(&settings, &file).unwrap();
        assert_eq!(again.records, dumped.records);
        assert!(again.revision > dumped.revision, "no version comes back");
    }

    #[test]
    fn a_restore_that_fails_leaves_no_store() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        make_store(&settings);
        fs::remove_file(&settings.store).unwrap();
        let file = folder.path().join("dump");
        fs::write(&file, "no dump\n").unwrap();
        assert!(restore_offline(&settings, &file).is_err());
        assert!(!settings.store.exists());
    }

    #[test]
    fn the_newest_dumps_stay_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        make_store(&settings);
        let schedule = Schedule::of(&settings).unwrap();
        let directory = folder.path().join("dumps");
        fs::create_dir(&directory).unwrap();
        let names = [
            "kerbstone-20200101T000000Z.dump",
            "kerbstone-20210101T000000Z.dump",
            "kerbstone-before-the-migration.dump",
            "notes",
        ];
        for name in names {
            fs::write(directory.join(name), "").unwrap();
        }
        assert!(schedule.until_due() > Duration::ZERO);
        let store = RedbStore::open(&settings.store).unwrap();
        let (made, _) = schedule.dump(&store).unwrap();
        assert!(!directory.join(names[0]).exists());
        for name in &names[1..] {
            assert!(directory.join(name).exists(), "{name}");
        }
        assert!(made.exists());
    }
}
