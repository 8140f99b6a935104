//! Lists of principals, and filling a realm with many at once.

use std::ops::ControlFlow;

use kerbstone_proto::name::{Principal, Realm};

use super::Registrar;
use crate::entry::{Entry, PrincipalRecord};
use crate::error::RealmError;
use crate::glob::Glob;
use crate::record_key::{RecordKey, RecordKind, RecordPrefix, principal_of, split};
use crate::store::{LoadInto, Versioned};

impl Registrar {
    /// The names of principals and aliases that match, in the order of names.
    pub fn list(&self, realm: &Realm, glob: &Glob) -> Result<Vec<Principal>, RealmError> {
        let mut names = Vec::new();
        let prefix = RecordPrefix::realm(RecordKind::Principal, realm);
        self.store().scan(&prefix, &mut |record| {
            if glob.names_realm() {
                let principal = principal_of(record.key)?;
                if glob.matches(&principal.unparse()) {
                    names.push(principal);
                }
            } else if glob.matches(split(record.key)?.1) {
                names.push(principal_of(record.key)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(names)
    }

    /// Shows every principal of a realm, as of one moment. Aliases appear with their principals.
    pub fn for_each(
        &self,
        realm: &Realm,
        mut visit: impl FnMut(Versioned<Entry>) -> Result<(), RealmError>,
    ) -> Result<(), RealmError> {
        let prefix = RecordPrefix::realm(RecordKind::Principal, realm);
        self.store().scan(&prefix, &mut |record| {
            let principal = principal_of(record.key)?;
            if let PrincipalRecord::Entry(entry) = PrincipalRecord::decode(principal, record.bytes)?
            {
                visit(Versioned {
                    version: record.version,
                    value: *entry,
                })?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }

    /// Writes many entries, sealed before with [`crate::Vault::seal`], and their aliases in one
    /// commit; for imports. Nothing is written when one of them fails or is there already.
    pub fn load(
        &self,
        entries: impl IntoIterator<Item = Result<Entry, RealmError>>,
    ) -> Result<u64, RealmError> {
        let mut records = entries.into_iter().flat_map(records_of);
        self.store().load(&mut records, LoadInto::NewRecords)
    }
}

fn records_of(entry: Result<Entry, RealmError>) -> Vec<Result<(RecordKey, Vec<u8>), RealmError>> {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => return vec![Err(error)],
    };
    let own = (RecordKey::principal(&entry.principal), entry.to_record());
    let aliases = entry.aliases.iter().map(|alias| {
        let record = PrincipalRecord::alias_record(&entry.principal);
        Ok((RecordKey::principal(alias), record))
    });
    std::iter::once(Ok(own)).chain(aliases).collect()
}
