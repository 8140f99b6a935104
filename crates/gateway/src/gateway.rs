//! The gateway as a whole: what it knows, shared by all connections.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::limits::Limits;
use crate::observer::Observer;
use crate::table::Table;
use crate::upstream::Upstream;

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
    pub(crate) upstream: Upstream,
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
            upstream: Upstream::new(&limits),
            limits,
            observer: setup.observer,
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
}
