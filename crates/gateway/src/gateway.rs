//! The gateway as a whole: what it knows, shared by all connections.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::limits::Limits;
use crate::listener::{Doors, Listener};
use crate::observer::{Lost, Observer};
use crate::status::Ledger;
use crate::table::Table;

/// What a gateway is made of.
pub struct Setup {
    /// What it goes by.
    pub table: Table,
    /// Who keeps the books.
    pub observer: Arc<dyn Observer>,
}

/// A gateway, which all connections share.
pub struct Gateway {
    table: ArcSwap<Table>,
    pub(crate) limits: Limits,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) ledger: Arc<Ledger>,
    listeners: OnceLock<Vec<Arc<Listener>>>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Puts it together; [`crate::server::serve`] opens it.
    pub fn new(setup: Setup) -> Self {
        let limits = setup.table.limits;
        Self {
            table: ArcSwap::from_pointee(setup.table),
            limits,
            observer: setup.observer,
            ledger: Arc::new(Ledger::new(SystemTime::now())),
            listeners: OnceLock::new(),
        }
    }

    /// What it goes by now.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Goes by another table from the next request on; those under way end by the one that they began by.
    pub fn replace_table(&self, table: Table) {
        self.table.store(Arc::new(table));
    }

    /// Where it is reached, once it serves.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        self.listeners.get().map_or(&[], Vec::as_slice)
    }

    /// Says where it is reached.
    pub(crate) fn serves_at(&self, doors: &[Doors]) {
        let mut listeners: Vec<Arc<Listener>> = Vec::new();
        for (listener, _) in doors.iter().flat_map(|doors| &doors.0) {
            if !listeners.iter().any(|known| Arc::ptr_eq(known, listener)) {
                listeners.push(Arc::clone(listener));
            }
        }
        let _first_said = self.listeners.set(listeners);
    }

    /// Counts a connection that came to nothing.
    pub(crate) fn lost(&self, lost: Lost) {
        self.ledger.lost(lost);
        self.observer.lost(lost);
    }
}
