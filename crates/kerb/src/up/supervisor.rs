//! Runs every role of a site as a process of its own, and looks after them until told to stop.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::board::Board;
use super::folder::unusable;
use super::keeper::{Event, Keeper, Order};
use super::readiness::Readiness;
use super::role::ROLES;
use super::site::Site;
use super::site_lock::SiteLock;
use super::status_door::StatusDoor;
use crate::failure::Failure;

/// A site that is about to run. While this lives, nobody else looks after the site.
#[derive(Debug)]
pub(crate) struct Supervisor {
    site: Arc<Site>,
    _lock: SiteLock,
}

impl Supervisor {
    /// A supervisor for the lock's site.
    pub(crate) const fn new(site: Arc<Site>, lock: SiteLock) -> Self {
        Self { site, _lock: lock }
    }

    /// Starts the roles and keeps them running until `stop` says so, or nobody is left who could; the second time it
    /// says so, roles that have not finished are killed. What happens is told to `tell`.
    ///
    /// The roles are bound to the calling thread: when that ends, whyever, they end. So this runs on a runtime of one
    /// thread.
    ///
    /// # Errors
    /// The sockets for readiness and status cannot be had; nothing has been started then.
    pub(crate) async fn run(
        self,
        mut stop: mpsc::UnboundedReceiver<()>,
        mut tell: impl FnMut(Event),
    ) -> Result<(), Failure> {
        let refused = |error: io::Error| unusable(self.site.folder(), &error);
        let readiness = Readiness::open().map_err(refused)?;
        let door = StatusDoor::open(&self.site.run_folder()).map_err(refused)?;
        let board = Arc::new(Board::new(ROLES));
        let (order, orders) = watch::channel(Order::Run);
        let (events, mut happened) = mpsc::unbounded_channel();
        let mut keepers: JoinSet<()> = ROLES
            .iter()
            .map(|role| Keeper {
                role,
                site: Arc::clone(&self.site),
                board: Arc::clone(&board),
                notify_socket: readiness.address().to_owned(),
                events: events.clone(),
                orders: orders.clone(),
            })
            .map(Keeper::keep)
            .collect();
        let serving = door.serve(&board);
        tokio::pin!(serving);
        let mut is_watched = true;
        loop {
            tokio::select! {
                again = stop.recv(), if is_watched => {
                    is_watched = again.is_some();
                    order.send_modify(|order| *order = harsher(*order));
                }
                pid = readiness.next() => if let Some(role) = board.ready(pid) {
                    tell(Event::Ready(role));
                },
                Some(event) = happened.recv() => tell(event),
                ended = keepers.join_next() => if ended.is_none() {
                    break;
                },
                () = &mut serving => {}
            }
        }
        while let Ok(event) = happened.try_recv() {
            tell(event);
        }
        Ok(())
    }
}

const fn harsher(order: Order) -> Order {
    match order {
        Order::Run => Order::Stop,
        Order::Stop | Order::Kill => Order::Kill,
    }
}
