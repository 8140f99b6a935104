//! Until there is an engine.
use std::sync::Arc;

use kerbstone_proto::time::Timestamp;

use crate::desk::Patience;
use crate::settings::{Caller, Service};
use crate::wire::{Call, Reply};

/// Stands in for the engine.
#[derive(Debug)]
pub struct Engine;

impl Engine {
    /// Waits.
    pub fn answer(
        &self,
        _: &Caller,
        _: &Arc<Service>,
        _: &Call,
        _: Patience,
        _: Timestamp,
    ) -> Result<Reply, ()> {
        Err(())
    }
}
