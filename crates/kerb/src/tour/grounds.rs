//! The site that the tour walks: the one that runs, or one of its own.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::up::{Event, PASSWORDS_FILE, ROLES, Site, SiteLock, Supervisor, is_running};

/// What cannot be done when there are no grounds.
const WHAT: &str = "cannot make a tour";

/// A site, and its supervisor if it is the tour's own.
#[derive(Debug)]
pub(super) struct Grounds {
    site: Arc<Site>,
    own: Option<Own>,
    /// Two tours at once would change each other's passwords.
    _alone: Option<File>,
}

#[derive(Debug)]
struct Own {
    stop: UnboundedSender<()>,
    happened: UnboundedReceiver<Event>,
    supervisor: JoinHandle<Result<(), Failure>>,
}

impl Grounds {
    /// The site that runs in `folder`, or one that is started in `scratch`.
    ///
    /// # Errors
    /// Neither can be had, or another tour is under way.
    pub(super) fn open(folder: &Path, scratch: &Path) -> Result<Self, Failure> {
        match Site::open(folder)? {
            Some(site) if is_running(&site, WHAT)? => Ok(Self {
                _alone: alone(&site)?,
                site: Arc::new(site),
                own: None,
            }),
            _ => Self::start(&scratch.join("site")),
        }
    }

    fn start(folder: &Path) -> Result<Self, Failure> {
        let lock = SiteLock::take(folder)?;
        let mut site = Site::open_or_make(&lock, None)?;
        site.settle()?;
        let site = Arc::new(site);
        let (stop, stopped) = unbounded_channel();
        let (tell, happened) = unbounded_channel();
        let supervisor = Supervisor::new(Arc::clone(&site), lock);
        let running = supervisor.run(stopped, move |event| {
            let _nobody_listens = tell.send(event);
        });
        Ok(Self {
            site,
            own: Some(Own {
                stop,
                happened,
                supervisor: tokio::spawn(running),
            }),
            _alone: None,
        })
    }

    /// Waits until each role of an own site has been heard of. What is not ready then will be seen by those who go there.
    pub(super) async fn heard_of(&mut self) {
        let Some(own) = &mut self.own else {
            return;
        };
        let mut unheard: BTreeSet<&str> = ROLES.iter().map(|role| role.name).collect();
        while !unheard.is_empty() {
            match own.happened.recv().await {
                Some(Event::Ready(role) | Event::Slow(role) | Event::Ended { role, .. }) => {
                    unheard.remove(role.name);
                }
                Some(Event::Killed(_)) => {}
                None => return,
            }
        }
    }

    /// The site.
    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Whether it goes with the tour.
    pub(super) const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops an own site; at each further interruption less is waited for.
    ///
    /// # Errors
    /// It could not be started in the first place.
    pub(super) async fn close(
        self,
        interrupted: &mut UnboundedReceiver<()>,
    ) -> Result<(), Failure> {
        let Some(own) = self.own else {
            return Ok(());
        };
        let Own {
            stop,
            mut supervisor,
            happened: _happened,
        } = own;
        let _ended = stop.send(());
        loop {
            tokio::select! {
                ended = &mut supervisor => return ended.unwrap_or(Ok(())),
                Some(()) = interrupted.recv() => {
                    let _ended = stop.send(());
                }
            }
        }
    }
}

/// Locks the list of passwords, which leaves no trace.
fn alone(site: &Site) -> Result<Option<File>, Failure> {
    let list = match File::open(site.path(PASSWORDS_FILE)) {
        Ok(list) => list,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let why = format!("{}: {error}", site.path(PASSWORDS_FILE).display());
            let help = "make the tour as the user who runs the site, or as root";
            return Err(Failure::refused(WHAT, why, help));
        }
    };
    match list.try_lock() {
        Ok(()) => Ok(Some(list)),
        Err(_) => Err(Failure::refused(
            WHAT,
            format!("another tour of {} is under way", site.folder().display()),
            "wait until it is over",
        )),
    }
}
