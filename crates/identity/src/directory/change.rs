use std::ops::Deref;
use std::sync::Arc;

use crate::model::{Id, Kind, Model, Record};

/// A change being made: the model as it will be, and what is to be written for it. It reads as a [`Model`] does, with
/// what was put and removed so far.
#[derive(Debug)]
pub struct Change {
    model: Model,
    writes: Vec<Write>,
}

/// One line to be written or taken out.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) kind: Kind,
    pub(super) key: Id,
    /// `None`: it is taken out.
    pub(super) value: Option<Vec<u8>>,
}

impl Change {
    pub(super) fn of(model: &Model) -> Self {
        Self {
            model: model.clone(),
            writes: Vec::new(),
        }
    }

    /// Puts a record, new or in the place of the one with its key.
    pub fn put<R: Record>(&mut self, record: R) -> Arc<R> {
        let record = Arc::new(record);
        // Plain data of strings, numbers and JSON always has a JSON form.
        let value = serde_json::to_vec(&*record).unwrap_or_default();
        self.writes.push(Write {
            kind: R::KIND,
            key: record.key(),
            value: Some(value),
        });
        self.model.put(Arc::clone(&record));
        record
    }

    /// Takes a record out; gives it when it was there.
    pub fn remove<R: Record>(&mut self, key: &str) -> Option<Arc<R>> {
        let before = self.model.remove::<R>(key)?;
        self.writes.push(Write {
            kind: R::KIND,
            key: Id::from(key),
            value: None,
        });
        Some(before)
    }

    pub(super) fn into_parts(self) -> (Model, Vec<Write>) {
        (self.model, self.writes)
    }
}

impl Deref for Change {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}
